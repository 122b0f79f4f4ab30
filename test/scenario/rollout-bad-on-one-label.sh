#!/usr/bin/env bash
# A release that does not start in one zone: the rollout halts in its canary, says where and why, brings back whom it has updated,
# and touches nobody behind the canary. Without that zone, and then with a release that is good there, the fleet moves on.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

broker_start
for id in a b c; do
    node_install "$id"
    labelled "$id" zone=north
    node_start "$id"
done
for id in d e f; do
    node_install "$id"
    labelled "$id" zone=south
    node_start "$id" env PICKY=1
done
for id in a b c d e f; do until_node "$id" '.online and .state == "idle"'; done
bad=$(publish bad-picky 6.6.6)
# One node at a time, and three bad ones at most: four in a row have at least one of each kind.
rollout_start --release "$bad" --waves '4, rest' --on-halt revert
until_rollout '.phase == "reverted"'
check_rollout '.over and .wave == 1 and .gate == "wave-budget" and (.reason | test ("wave 1: [0-9] of 4 nodes failed"))'
check_rollout '.causes | length == 1 and (.[0] | .step == "probing/readiness" and (.reason | test ("Aborted")))' 'the causes'
check_rollout '[.members[] | select (.wave == 2)] | length == 2 and all (.state == "left-out" and .epoch == 0)' 'the second wave'
check_rollout '[.members[] | select (.charged) | .node] | length > 0 and all (. == "d" or . == "e" or . == "f")' 'who is charged'
for id in a b c d e f; do
    until_node "$id" '.online and .state == "idle"'
    check_runs "$id" 1.0.0 noded
    check_node "$id" '.held | not'
done

# In the other zone it is good, and goes; nobody is held for having been brought back.
rollout_start --release "$bad" --select zone=north --waves rest
until_rollout '.phase == "done" and ([.members[] | select (.state == "updated") | .node] | sort == ["a", "b", "c"])'
check_runs a 6.6.6 bad-picky

# A release that is good everywhere moves them all on.
publish noded-2 2.0.0 >"$fleet/release"
rollout_start --waves '2, rest'
until_rollout '.phase == "done" and .waves[0].updated == 2 and .waves[1].updated == 4'
for id in a d; do check_runs "$id" 2.0.0 noded-2; done
