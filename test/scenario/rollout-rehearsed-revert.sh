#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The canaries of a rollout are updated, reverted and updated again before the other nodes, and each revert is timed. A revert that takes
# longer than the limit halts the rollout.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

broker_start
nodes_up a b c d
publish noded-2 2.0.0 >"$fleet/release"
rollout_start --waves '2, rest' --rehearse-revert --revert-limit "$((20 * factor))s"
until_rollout '.phase == "done"'
check_rollout '[.members[] | select (.wave == 1)] | length == 2 and all (.state == "updated" and .revert_ms > 0)' 'the canaries'
check_rollout '[.members[] | select (.wave == 2)] | length == 2 and all (.state == "updated" and .revert_ms == 0)' 'the others'
for id in $(rollout_json | jq -r '.members[] | select (.wave == 1) | .node'); do
    check_equal "$(orders_of "$id")" 2 "the number of updates of $id"
done
for id in $(rollout_json | jq -r '.members[] | select (.wave == 2) | .node'); do
    check_equal "$(orders_of "$id")" 1 "the number of updates of $id"
done
for id in a b c d; do
    check_runs "$id" 2.0.0 noded-2
    check_node "$id" '.application.held | not'
done

# No revert takes less than a millisecond.
publish noded 1.0.0 >"$fleet/release"
rollout_start --waves '1, rest' --rehearse-revert --revert-limit 1ms
until_rollout '.phase == "halted"'
check_rollout '(.reason | test ("rehearsed revert .* took")) and .waves[1].started == null' 'the halt'
expect_status 0 ctl rollout revert "$rollout" --no-wait
until_rollout '.phase == "reverted"'
for id in a b c d; do check_runs "$id" 2.0.0 noded-2; done
