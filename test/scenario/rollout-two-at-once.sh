#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Two rollouts of one application at once. On different nodes they run side by side. A second rollout of a node in the first one is refused with
# the first one's id, and so is an update by hand of a node under way. With --queue the second rollout waits, also while the broker is killed,
# and starts without help; with --supersede it takes over the nodes of a halted rollout.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

broker_start
nodes_up a b c
one=$(publish noded-2 2.0.0)
two=$(publish noded 1.5.0 --env X=1)
three=$(publish noded 1.6.0 --env X=2)
bad=$(publish bad-crash 6.6.6)

journal_mark a
rollout_start --release "$one" --select 'a or b' --waves rest --soak 1h
first=$rollout
at_step a probing
expect_status 1 ctl update a --release "$two" --no-wait
said "$first"
thaw a
until_rollout '.phase == "soaking" and .waves[0].updated == 2'
expect_status 1 ctl rollout start --release "$two" --select 'b or c' --no-wait
said "node b .*$first"
expect_status 0 ctl rollout plan --release "$two" --select 'b or c' --nodes
said "$first has this node"
expect_status 0 ctl rollout plan --release "$two" --select 'b or c' --json
check_equal "$(jq -c '[.updated, .skipped]' "$fleet/said")" '[1,1]' 'a plan beside another rollout'

# Two rollouts side by side.
rollout_start --release "$two" --select c --waves rest
until_rollout '.phase == "done"'
check_equal "$(ctl rollout status "$first" --json | jq -r .phase)" soaking 'the first rollout during the second'

# A revert by hand counts: the rollout did not order it, so it halts.
ctl revert b >/dev/null
rollout=$first
until_rollout '.phase == "halted" and (.causes[0].nodes == ["b"])'
check_node b '.application.held and .application.version == "1.0.0"' 'a revert by hand holds'

# After the end of the rollout its nodes are free for the next one.
ctl rollout abort "$first" >/dev/null
rollout_start --release "$two" --select 'a or b' --waves rest
until_rollout '.phase == "done" and .waves[0].updated == 1 and .skipped == 1'

# A withdrawn release halts its rollout, which cannot be resumed.
rollout_start --release "$one" --waves '1, rest' --soak 1h
until_rollout '.phase == "soaking"'
ctl withdraw "$one" >/dev/null
until_rollout '.phase == "halted" and (.reason | test ("withdrawn"))'
expect_status 1 ctl rollout resume "$rollout"
said 'withdrawn'
expect_status 0 ctl rollout revert "$rollout" --no-wait
until_rollout '.phase == "reverted" and .waves[0].reverted == 1'
ctl unhold b >/dev/null

# A second rollout waits for the first, and a third for the second; each starts without help. A queued rollout has ordered no node.
rollout_start --release "$three" --select a --waves rest --soak 1h
first=$rollout
until_rollout '.phase == "soaking"'
rollout_start --release "$two" --select 'a or b' --waves rest --queue
second=$rollout
until_rollout ".phase == \"queued\" and (.waiting_for | test (\"$first \\\\(soaking\\\\), which has node a\"))"
rollout_start --release "$three" --select 'b or c' --waves rest --queue
third=$rollout
until_rollout ".phase == \"queued\" and (.waiting_for | test (\"$second \\\\(queued\\\\), which has node b\"))"
rollout_start --release "$two" --select c --waves rest --queue
ctl rollout abort "$rollout" >/dev/null
until_rollout '.phase == "aborted"'
expect_status 1 ctl rollout start --release "$bad" --select b --no-wait
said "$third has this node.*--queue"
broker_kill
broker_start
for id in a b c; do until_node "$id" '.online'; done
rollout=$second
check_rollout '.phase == "queued"' 'the queued rollout after a restart of the broker'
ctl rollout abort "$first" >/dev/null
until_rollout '.phase == "done" and .waves[0].updated == 2'
rollout=$third
until_rollout '.phase == "done" and .waves[0].updated == 2'

# Another rollout takes over the nodes of a halted one, which ends when it has no nodes left.
rollout_start --release "$bad" --select 'a or b' --waves '1, rest'
halted=$rollout
until_rollout '.phase == "halted"'
expect_status 1 ctl rollout start --release "$three" --no-wait
said "$halted.*--supersede"
rollout_start --release "$three" --select 'a or b or c' --waves rest --supersede
until_rollout '.phase == "done" and .waves[0].failed == 0'
rollout=$halted
until_rollout '.phase == "superseded" and .over and ([.members[].state] | all (. == "taken"))'
ctl why "$halted" >"$fleet/said"
said 'takes over 2 of its nodes'
