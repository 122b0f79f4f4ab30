#!/usr/bin/env bash
# The node manager is sent SIGTERM at each step of an update: it ends with 0, its supervisor starts it again, and the order is
# carried out. And so does the launcher, which is what an init sends it to.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/moments.bash
. "$here/moments.bash"

broker_start
halting_up a
for step in "${steps[@]}"; do
    halt_at a "$step"
    kill -TERM "$halted"
    kill -CONT "$halted"
    arrived a "SIGTERM in $step"
    halt_at a "$step"
    launcher=$(awk '/^PPid:/ { print $2 }' "/proc/$halted/status")
    kill -TERM "$launcher" # which continues what it ends
    kill -CONT "$halted" 2>/dev/null || true
    until_true [ ! -e "/proc/$halted" ]
    arrived a "SIGTERM to the launcher in $step"
done
# Each time it ended as asked: with 0 where it was told itself, killed by nobody.
check_equal "$(unwilling a)" 0 'how often the launcher had to end it'
grep -q '^start: 20.* exited with status 0' "$fleet/a.log" || fail 'no launcher saw its manager end with 0'
! grep -E '^start: 20.* (exited with status [1-9]|was killed)' "$fleet/a.log" || fail 'a manager that was told to stop ended otherwise'
