#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The launcher is killed -9 at each step of an update: the manager ends with it, init starts both again, and the order is carried
# out. If it is killed at each start of a trial, the version is rolled back, and no release is quarantined.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/moments.bash
. "$here/moments.bash"

broker_start
halting_up a
for step in "${steps[@]}" probing/hand-over; do
    halt_at a "$step"
    kill -KILL "$(awk '/^PPid:/ { print $2 }' "/proc/$halted/status")"
    until_true [ ! -e "/proc/$halted" ]
    arrived a "a kill of the launcher in $step"
done

before=$(stable_of a)
order_halting a trial
for ((i = 0; i < 3; i++)); do
    until_halted a
    rm "$fleet/a.halted"
    echo 'trial 1' >"$fleet/a.halt"
    kill -KILL "$(awk '/^PPid:/ { print $2 }' "/proc/$halted/status")"
    until_true [ ! -e "/proc/$halted" ]
done
until_node a '.online and .application.state == "idle" and .application.last_error.step == "trial" and (.application.last_error.reason | test ("interrupted"))'
check_equal "$(stable_of a)" "$before" 'stable after a trial that was interrupted each time'
check_node a '.application.quarantined == 0'
rm "$fleet/a.halt"
ctl update a --release "${releases[$next]}" || fail 'the release was not confirmed although the launcher was not killed'
