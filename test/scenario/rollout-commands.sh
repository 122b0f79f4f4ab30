#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The commands of an operator in each state of a rollout, and their results: approval, updating, soaking, halted, aborted, done and reverted. A
# command that is not possible is refused with the state of the rollout, and changes nothing.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

steer () { expect_status 0 ctl rollout "$1" "$rollout" "${@:2}"; }
# refused STATE COMMAND...: each command must be refused with the state, and change nothing.
refused ()
{
    local command before
    before=$(rollout_json | jq -c '[.phase, .paused, .wave, .revision]')
    for command in "${@:2}"; do
        case $command in
            revert) expect_status 1 ctl rollout revert "$rollout" --no-wait ;;
            retry) expect_status 1 ctl rollout retry "$rollout" "$(rollout_json | jq -r '.members[0].node')" ;;
            *) expect_status 1 ctl rollout "$command" "$rollout" ;;
        esac
        said "$1"
    done
    check_equal "$(rollout_json | jq -c '[.phase, .paused, .wave, .revision]')" "$before" "the rollout after refused commands in state $1"
}

broker_start
nodes_up a b c
good=$(publish noded-2 2.0.0)
bad=$(publish bad-crash 6.6.6)

# approval: each wave waits for approval; an approval does not end a pause.
rollout_start --release "$good" --waves '1 approval, 1 approval, rest'
until_rollout '.phase == "approval" and .wave == 1 and (.waiting_for | test ("approve"))'
refused approval resume retry
expect_status 1 ctl rollout approve "$rollout" --wave 2
said 'wave 1'
steer pause
refused paused pause
steer approve --wave 1
check_rollout '.phase == "updating" and .paused and .waves[0].under_way == 0 and (.waiting_for | test ("resume"))' 'approved while paused'
steer resume
until_rollout '.phase == "approval" and .wave == 2 and .waves[0].updated == 1'
steer abort
check_rollout '.over and .phase == "aborted" and ([.members[] | .state] | sort == ["skipped", "skipped", "updated"])' 'aborted'
refused aborted pause resume approve abort retry
# Updated nodes stay updated until an operator reverts the rollout.
steer revert --no-wait
until_rollout '.phase == "reverted" and .waves[0].reverted == 1'
refused reverted pause resume approve abort revert retry

# updating: an abort cancels the updates under way; no node is charged.
journal_mark a
rollout_start --release "$good" --select a --waves rest
at_step a probing
check_rollout '.phase == "updating" and .waves[0].under_way == 1'
refused updating approve resume
steer abort
thaw a
until_rollout '.over and .waves[0].under_way == 0'
check_rollout '.members[0] | .state == "skipped" and (.charged | not) and (.reason | test ("cancelled"))' 'the cancelled node'
check_runs a 1.0.0 noded

# soaking: for an hour, and longer while the rollout is paused.
rollout_start --release "$good" --select a --waves rest --soak 1h
until_rollout '.phase == "soaking" and (.waiting_for | test ("the end of the soak"))'
refused soaking approve resume
steer pause
check_rollout '.paused and (.waiting_for | test ("resume"))'
steer resume
refused soaking retry
steer abort
check_runs a 2.0.0 noded-2

# halted: an operator decides. No node of the wave was updated, so resume tries the wave again; approve continues without it.
rollout_start --release "$bad" --select 'b or c' --waves '1, rest'
until_rollout '.phase == "halted" and .waves[0].failed == 1 and (.waiting_for | test ("decision: .*retries wave 1, approve"))'
refused halted pause retry
steer resume
until_rollout '.phase == "halted" and .wave == 1 and .waves[0].failed == 1 and (.members[0].reason | test ("quarantined because.*nodectl quarantine clear"))'
expect_status 1 ctl rollout approve "$rollout" --wave 1
said 'wave 2 .* waits for approval'
steer approve
until_rollout '.phase == "halted" and .wave == 2 and .waves[0].failed == 0 and .waves[0].forgiven == 1 and .waves[1].failed == 1'
expect_status 0 ctl rollout status "$rollout" --nodes
said '\[x+\]  1 forgiven'
said 'failed \(forgiven\)'
said 'resume .* retries wave 2'
steer abort

# done: only a revert is possible.
rollout_start --release "$good" --select 'b or c' --waves rest
until_rollout '.phase == "done" and .waves[0].updated == 2'
refused 'done' pause resume approve abort retry
steer revert --no-wait
until_rollout '.phase == "reverted" and .waves[0].reverted == 2'
for id in b c; do check_runs "$id" 1.0.0 noded; done

# why lists the commands.
expect_status 0 ctl why "$rollout"
said 'revert'
