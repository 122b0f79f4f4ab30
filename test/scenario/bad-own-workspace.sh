#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Releases that delete the workspace that they run from, or write into it: a probe runs from a copy of the workspace.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
refused bad-self-destruct update 'neither in a workspace|does not have the blob'
refused bad-scribbler hand-over 'changed the workspace that it runs from: envelope.json'
takes_good
