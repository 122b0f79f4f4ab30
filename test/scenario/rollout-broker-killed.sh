#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The broker is killed -9 at a write or sync of its records, in every run a bit later, while a rollout is approved, carried out and reverted:
# the rollout continues, no node is ordered twice or forgotten, and no epoch decreases.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

strace -qq -e trace=none true 2>/dev/null || skip 'cannot trace a process'
at=
cat >"$fleet/broker-program" <<PROGRAM
#!/bin/sh
exec strace -f -qq -e trace=fdatasync,pwrite64 -e inject="\$(cat '$fleet/at')" -o /dev/null '$build/noded-broker' "\$@"
PROGRAM
chmod +x "$fleet/broker-program"
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 # leak detection does not work under a tracer
export ASAN_OPTIONS

# ask COMMAND...: repeats the command until it is answered. If an answer was lost, the second attempt may be refused as already done.
ask ()
{
    local got=4
    while [ "$got" = 4 ]; do
        got=0
        ctl "$@" --timeout "${patience}s" || got=$?
    done
}

# lives FILTER COMMAND...: starts the broker again and again, each time until it is killed, while the command runs, until the rollout matches
# the filter.
deaths=0
lives ()
{
    local filter=$1 asking number=0 last=$((SECONDS + 2 * patience))
    shift
    broker_stop
    ask "$@" >"$fleet/asked" 2>&1 &
    asking=$!
    broker_program=$fleet/broker-program
    for (( ; ; )); do
        number=$((number % 36 + 1))
        case $((number % 2)) in
            0) at="fdatasync:signal=KILL:when=$number" ;;
            1) at="pwrite64:signal=KILL:when=$((4 * number))" ;;
        esac
        echo "$at" >"$fleet/at"
        if ! broker_try "$port" 2>/dev/null; then
            deaths=$((deaths + 1))
            continue
        fi
        while kill -0 "$broker_pid" 2>/dev/null; do
            [ $SECONDS -lt $last ] || { rollout_json >&2; fail "timed out: after $deaths kills the rollout did not reach: $filter"; }
            if ctl rollout list --json --timeout 1s 2>/dev/null | jq -e ".[0] // empty | $filter" >/dev/null; then break 2; fi
            sleep 0.05 # the broker is killed from inside (strace) at any time, also while it is asked
        done
        wait "$broker_pid" 2>/dev/null || true
        deaths=$((deaths + 1))
    done
    wait "$asking"
    # the broker itself: it would continue without its tracer
    kill -KILL "$(cat "/proc/$broker_pid/task/$broker_pid/children" || true)" 2>/dev/null || true
    wait "$broker_pid" 2>/dev/null || true
    broker_program=$build/noded-broker
    broker_start
}

# Nodes reconnect soon after each kill, and none is considered lost in the meantime.
broker_options=(--heartbeat 500ms --liveness "$((20 * factor))s")
broker_start
nodes_up a b c d
publish noded-2 2.0.0 >"$fleet/release"
rollout_start --waves '1 approval, 1, rest'
lives '.phase == "done"' rollout approve "$rollout"
forward=$deaths
check_equal "$(members updated | wc -w)" 4 'the number of updated nodes'
lives '.phase == "reverted"' rollout revert "$rollout" --no-wait
check_equal "$(members reverted | wc -w)" 4 'the number of reverted nodes'
for id in a b c d; do
    check_runs "$id" 1.0.0 noded
    check_equal "$(orders_of "$id")" 1 "the number of updates of $id"
    check_equal "$(jq -s '[.[] | select (.step == "revert" and .outcome == "reverted")] | length' "$fleet/$id/var/journal")" 1 "the number of reverts of $id"
    jq -se '[.[] | .epoch | select (. > 0)] | . == sort' "$fleet/$id/var/journal" >/dev/null || fail "an epoch decreased on $id"
done
expect_status 0 ctl rollout list
say "the broker was killed $forward times during the rollout, and $((deaths - forward)) times during the revert"
[ "$deaths" -ge 12 ] || fail "the broker was killed only $deaths times"
