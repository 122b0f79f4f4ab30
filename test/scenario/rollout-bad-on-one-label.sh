#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release that does not start in one zone: the rollout halts in its canary, reports where and why, reverts the updated nodes, and does not
# touch nodes of later waves. A rollout without that zone succeeds, and so does one of a release that is good in both zones.
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
for id in a b c d e f; do until_node "$id" '.online and .application.state == "idle"'; done
bad=$(publish bad-picky 6.6.6)
# Three nodes are in each zone, so a wave of four nodes has at least one of each zone.
rollout_start --release "$bad" --waves '4, rest' --on-halt revert
until_rollout '.phase == "reverted"'
check_rollout '.over and .wave == 1 and .gate == "wave-budget" and (.reason | test ("wave 1: [0-9] of 4 nodes failed"))'
check_rollout '.causes | length == 1 and (.[0] | .step == "probing/readiness" and (.reason | test ("Aborted")))' 'the causes'
check_rollout '[.members[] | select (.wave == 2)] | length == 2 and all (.state == "skipped" and .epoch == 0)' 'the second wave'
check_rollout '[.members[] | select (.charged) | .node] | length > 0 and all (. == "d" or . == "e" or . == "f")' 'the charged nodes'
for id in a b c d e f; do
    until_node "$id" '.online and .application.state == "idle"'
    check_runs "$id" 1.0.0 noded
    check_node "$id" '.application.held | not'
done

# In the other zone the release is good, and the rollout succeeds: reverted nodes are not held.
rollout_start --release "$bad" --select zone=north --waves rest
until_rollout '.phase == "done" and ([.members[] | select (.state == "updated") | .node] | sort == ["a", "b", "c"])'
check_runs a 6.6.6 bad-picky

# A release that is good in both zones updates all nodes.
publish noded-2 2.0.0 >"$fleet/release"
rollout_start --waves '2, rest'
until_rollout '.phase == "done" and .waves[0].updated == 2 and .waves[1].updated == 4'
for id in a d; do check_runs "$id" 2.0.0 noded-2; done
