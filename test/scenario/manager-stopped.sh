#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The node manager gets SIGTERM at each step of an update: it exits with 0, its supervisor starts it again, and the order is carried
# out. Then the launcher gets SIGTERM, as from an init.
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
    kill -TERM "$launcher" # it also continues the stopped manager
    kill -CONT "$halted" 2>/dev/null || true
    until_true [ ! -e "/proc/$halted" ]
    arrived a "SIGTERM to the launcher in $step"
done
# The manager exited with 0 each time, and was never killed.
check_equal "$(launcher_kills a)" 0 'how often the launcher had to kill the manager'
grep -q '^start: 20.* exited with status 0' "$fleet/a.log" || fail 'no launcher logged that its manager exited with 0'
! grep -E '^start: 20.* (exited with status [1-9]|was killed)' "$fleet/a.log" || fail 'a manager did not exit with 0 on SIGTERM'
