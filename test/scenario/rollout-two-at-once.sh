#!/usr/bin/env bash
# Two rollouts of one application at once: on other nodes they go side by side; on one that the first has, the second is refused with
# the first one's name, and so is an update by hand of a node that is under way.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

broker_start
nodes_up a b c
one=$(publish noded-2 2.0.0)
two=$(publish noded 1.5.0 --env X=1)

rollout_start --release "$one" --select 'a or b' --waves rest --soak 1h
first=$rollout
journal_mark a
at_step a probing
expect_status 1 ctl update a --release "$two" --no-wait
said "$first"
go_on a
until_rollout '.phase == "soaking" and .waves[0].updated == 2'
expect_status 1 ctl rollout start --release "$two" --select 'b or c' --no-wait
said "node b .*$first"
expect_status 0 ctl rollout plan --release "$two" --select 'b or c' --nodes
said "$first has it"
expect_status 0 ctl rollout plan --release "$two" --select 'b or c' --json
check_equal "$(jq -c '[.updated, .left_out]' "$fleet/said")" '[1,1]' 'a plan beside another rollout'

# Side by side.
rollout_start --release "$two" --select c --waves rest
until_rollout '.phase == "done"'
check_equal "$(ctl rollout status "$first" --json | jq -r .phase)" soaking 'the first one meanwhile'

# What a person does to a member counts: it went back, and the rollout did not order that.
ctl revert b >/dev/null
rollout=$first
until_rollout '.phase == "halted" and (.causes[0].nodes == ["b"])'
check_node b '.held and .version == "1.0.0"' 'a revert by hand holds'

# Its end lets the next one have them.
ctl rollout abort "$first" >/dev/null
rollout_start --release "$two" --select 'a or b' --waves rest
until_rollout '.phase == "done" and .waves[0].updated == 1 and .left_out == 1'

# A release that is withdrawn halts what brings it, and nobody goes on with it.
rollout_start --release "$one" --waves '1, rest' --soak 1h
until_rollout '.phase == "soaking"'
ctl withdraw "$one" >/dev/null
until_rollout '.phase == "halted" and (.reason | test ("withdrawn"))'
expect_status 1 ctl rollout resume "$rollout"
said 'withdrawn'
expect_status 0 ctl rollout revert "$rollout" --no-wait
until_rollout '.phase == "reverted" and .waves[0].reverted == 1'
