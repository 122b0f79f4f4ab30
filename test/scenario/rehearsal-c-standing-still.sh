#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Step c of a rehearsal: a candidate that reports a switch that it did not make, and is started again itself.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

refuses bad-standing-still update 'restarted during the update'
