#!/usr/bin/env bash
# The launcher is killed -9 at each step of an update: the manager ends with it, init starts both again, and the order is carried
# out.
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
