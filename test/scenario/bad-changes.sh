#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Releases that change the release that they update to: one loses an environment variable, one truncates an argument.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
refused bad-drops-variable update 'NODED_ODD_EMPTY did not arrive'
refused bad-changes-argument update 'arguments did not arrive'
takes_good
