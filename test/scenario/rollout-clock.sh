#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The broker's wall clock is set by hours and by 400 days while rollouts are under way: no node is charged for that, no soak or deadline is
# affected, and a broker that starts again with another clock continues. Only windows follow the wall clock.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

hour=3600
day=$((24 * hour))
clock_is () { echo "$1" >"$fleet/clock.new" && mv "$fleet/clock.new" "$fleet/clock"; }

# watched: prints the clock of rollouts from the records of a killed broker.
watched () { sqlite3 "$fleet/broker/broker.db" "SELECT value FROM meta WHERE key = 'watched'"; }
has_watched () { [ "$(watched)" -gt "$1" ]; }

clock_is 0
broker_program=$fleet/broker-with-a-clock
cat >"$broker_program" <<RUN
#!/bin/sh
exec env 'LD_PRELOAD=$build/test/fake-clock.so' 'FAKE_CLOCK=$fleet/clock' "ASAN_OPTIONS=\${ASAN_OPTIONS:-}:verify_asan_link_order=0" '$build/noded-broker' "\$@"
RUN
chmod +x "$broker_program"
broker_start
nodes_up a b
two=$(publish noded-2 2.0.0)
one=$(publish noded 1.5.0 --env X=1)

say 'rollout-clock: 400 days forward while a node is under way'
journal_mark a
rollout_start --release "$two" --waves rest
at_step a probing
clock_is $((400 * day))
until_rollout '[.members[] | select (.node == "b")][0].state == "updated"'
thaw a
until_rollout '.phase == "done" and .waves[0].updated == 2 and .waves[0].failed == 0'

say 'rollout-clock: two hours back during a soak'
rollout_start --release "$one" --waves '1, rest' --soak "$((3 * factor))s"
until_rollout '.phase == "soaking" and .wave == 1'
clock_is $((400 * day - 2 * hour))
until_rollout '.phase == "done" and .waves[1].updated == 1'

say 'rollout-clock: a window opens by the wall clock'
opens=$(date -u -d '+400 days +1 hours' +%H:%M) closes=$(date -u -d '+400 days +4 hours' +%H:%M)
rollout_start --release "$two" --select b --waves rest --window "$opens-$closes"
until_rollout '.waiting_for | test ("its window")'
clock_is $((400 * day + 2 * hour))
until_rollout '.phase == "done" and .waves[0].updated == 1'

say 'rollout-clock: a soak and a deadline end although the broker is killed again and again, with its clock set back'
journal_mark a
rollout_start --release "$two" --select a --waves rest --node-deadline "$((3 * factor))s"
overdue=$rollout
at_step a probing
rollout_start --release "$one" --select b --waves rest --soak "$((2 * factor))s" # longer than one run of the broker
until_rollout '.phase == "soaking"'
clock_is $((400 * day - 6 * hour))
is_done () { rollout_json | jq -e '.phase == "done"'; }
has_moved () { has_watched "$watched" || is_done; }
for ((kills = 0; kills < 40; kills++)); do
    broker_kill
    broker_start
    watched=$(watched)
    until_true has_moved
    ! is_done >/dev/null || break
done
[ "$kills" -gt 1 ] || fail "the broker was killed $kills times in a soak of $((2 * factor)) s"
check_rollout '.phase == "done"' 'a soak in which the broker was killed again and again'
rollout=$overdue
until_rollout '.members[0].state == "overdue" and .phase == "halted"'
thaw a
