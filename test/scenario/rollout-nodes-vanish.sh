#!/usr/bin/env bash
# Nodes vanish and come back: before a rollout is planned, before their wave, once they were updated; together with the network,
# and replaced by another host. Only silence that the release may have caused is charged, and nobody is waited for without end.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

# A node is silent while it restarts, and must not be taken for lost; longer where the machine or sanitizers slow it down.
liveness=$((5 * factor / 2))
broker_options=(--heartbeat 300ms --liveness "${liveness}s")
broker_start
nodes_up a b c d e
publish noded-2 2.0.0 >"$fleet/release"

# Away when it is planned: left out, and named. Away when its wave begins: waited for as long as it may be on its way, and left behind.
node_stop e
until_node e '.online | not'
rollout_start --waves '1 approval, rest' --select 'a or b or e' --budget 1
until_rollout '.phase == "approval" and .left_out == 1'
check_rollout '.members[] | select (.node == "e") | .state == "excluded" and (.reason | test ("offline"))' 'who was away'
first=$(rollout_json | jq -r '.members[] | select (.wave == 1) | .node')
second=$(rollout_json | jq -r '.members[] | select (.wave == 2) | .node')
node_stop "$second"
until_node "$second" '.online | not'
expect_status 0 ctl rollout approve "$rollout"
until_rollout '.phase == "done"'
check_rollout '.waves[1].updated == 0 and .waves[1].bad == 0' 'the wave that nobody was there for'
check_equal "$(members left-out) $(members updated)" "$second $first" 'who was left behind'
node_start "$second"
until_node "$second" '.online'

# Updated, and gone while it is watched: charged, unless it comes back.
rollout_start --select c --waves rest --soak 1h
until_rollout '.phase == "soaking"'
node_stop c
until_rollout '.phase == "halted" and (.causes[0] | .nodes == ["c"] and (.reason | test ("lost contact")))'
node_start c
until_rollout '.waves[0].bad == 0 and .waves[0].updated == 1'
expect_status 0 ctl rollout abort "$rollout"

# Another host takes over the id of one that was updated: it is brought to what is wanted, by the order that stands.
rollout_start --select d --waves rest --soak 1h
until_rollout '.phase == "soaking"'
node_stop d
rm -rf "$fleet/d"
node_install d
node_start d
until_node d '.online and .state == "idle" and .version == "2.0.0"'
check_rollout '.phase == "soaking" and .waves[0].bad == 0 and .waves[0].updated == 1' 'the host was replaced'
check_equal "$(orders_of d)" 1 'updates of the new host'

# The network goes, for the updated one and for the others alike: nothing is held against the release, and it goes on.
for id in a b c d; do
    frozen[$id]=$(manager_pid "$id")
    kill -STOP "${frozen[$id]}"
done
for id in a b c d; do until_node "$id" '.online | not'; done
# For longer than a silence takes until it is judged, while another node comes and goes.
judged=$((SECONDS + 3 * liveness + 1))
while [ $SECONDS -lt $judged ]; do
    node_start e
    until_node e '.online'
    node_stop e
    until_node e '.online | not'
done
check_rollout '.phase == "soaking" and .waves[0].bad == 0' 'the network was away'
for id in a b c d; do go_on "$id"; done
until_node d '.online'
check_rollout '.phase == "soaking" and .waves[0].updated == 1' 'the network is back'
