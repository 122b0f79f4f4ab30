#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Nodes go offline and come back: before a rollout is planned, before their wave, after their update; together with the network, and replaced
# by another host. Only silence that the release may have caused is charged, and every wait for a node ends.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

# A node is silent while it restarts, and must not be considered lost; on a slow machine or with sanitizers it is silent for longer.
liveness=$((5 * factor / 2))
broker_options=(--heartbeat 300ms --liveness "${liveness}s")
broker_start
nodes_up a b c d e
publish noded-2 2.0.0 >"$fleet/release"

# A node that is offline during planning is skipped, and named. A node that is offline when its wave starts is waited for until it counts as
# lost, and then skipped.
node_stop e
until_node e '.online | not'
rollout_start --waves '1 approval, rest' --select 'a or b or e' --budget 1
until_rollout '.phase == "approval" and .skipped == 1'
check_rollout '.members[] | select (.node == "e") | .state == "excluded" and (.reason | test ("offline"))' 'the node that was offline'
first=$(rollout_json | jq -r '.members[] | select (.wave == 1) | .node')
second=$(rollout_json | jq -r '.members[] | select (.wave == 2) | .node')
node_stop "$second"
until_node "$second" '.online | not'
expect_status 0 ctl rollout approve "$rollout"
until_rollout '.phase == "done"'
check_rollout '.waves[1].updated == 0 and .waves[1].failed == 0' 'the wave whose only node was offline'
check_equal "$(members skipped) $(members updated)" "$second $first" 'the skipped node, and the updated one'
node_start "$second"
until_node "$second" '.online'

# An updated node that goes offline during the soak is charged, unless it comes back.
rollout_start --select c --waves rest --soak 1h
until_rollout '.phase == "soaking"'
node_stop c
until_rollout '.phase == "halted" and (.causes[0] | .nodes == ["c"] and (.reason | test ("lost contact")))'
node_start c
until_rollout '.waves[0].failed == 0 and .waves[0].updated == 1'
expect_status 0 ctl rollout abort "$rollout"

# Another host takes over the id of an updated node: the present order updates it.
rollout_start --select d --waves rest --soak 1h
until_rollout '.phase == "soaking"'
node_stop d
rm -rf "$fleet/d"
node_install d
node_start d
until_node d '.online and .application.state == "idle" and .application.version == "2.0.0"'
check_rollout '.phase == "soaking" and .waves[0].failed == 0 and .waves[0].updated == 1' 'the rollout after the host was replaced'
check_equal "$(orders_of d)" 1 'the number of updates of the new host'

# The network is lost for the updated node and for the others alike: the release is not charged, and the rollout continues.
for id in a b c d; do
    frozen[$id]=$(manager_pid "$id")
    kill -STOP "${frozen[$id]}"
done
for id in a b c d; do until_node "$id" '.online | not'; done
# For longer than the time after which a silence is judged, while another node connects and disconnects.
judged=$((SECONDS + 3 * liveness + 1))
while [ $SECONDS -lt $judged ]; do
    node_start e
    until_node e '.online'
    node_stop e
    until_node e '.online | not'
done
check_rollout '.phase == "soaking" and .waves[0].failed == 0' 'the rollout while the network is lost'
for id in a b c d; do thaw "$id"; done
until_node d '.online'
check_rollout '.phase == "soaking" and .waves[0].updated == 1' 'the rollout after the network is back'
