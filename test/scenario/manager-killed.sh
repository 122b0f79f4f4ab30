#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The node manager is killed -9 at each step of an update, and of its rehearsal: its supervisor starts it again, and the order is
# carried out.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/moments.bash
. "$here/moments.bash"

broker_start
halting_up a
for step in "${steps[@]}" "${rehearsal_steps[@]}"; do
    halt_at a "$step"
    kill -KILL "$halted"
    arrived a "a kill in $step"
done

# Killed at rest: it is restarted, reports the same state as before, and nothing changes.
place=$(field a .host_pid)
previous=$(field a .application.previous_release)
kill -KILL "$(manager_pid a)"
until_node a ".online and .application.state == \"idle\" and .host_pid != \"$place\""
check_node a ".application.previous_release == \"$previous\""
