#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The target of a revert is known after any number of restarts of broker and node since the update.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
publish noded-2 2.0.0 >"$fleet/release"
ctl update a || fail 'the update was not confirmed'
broker_kill
broker_start
until_node a '.online and .application.previous_version == "1.0.0"'
node_stop a
node_start a
until_node a '.online and .application.previous_version == "1.0.0"'
ctl revert a || fail 'the revert did not succeed'
check_runs a 1.0.0 noded
ctl unhold a || fail 'the hold could not be ended'
ctl update a || fail 'the update after the hold was not confirmed'
check_runs a 2.0.0 noded-2
