#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# No process is identified by a number in a file: a revert on the host signals the process that holds the root's lock, whatever number the file
# contains. A launcher holds the lock without a gap while it starts another version.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
publish noded-2 2.0.0 >"$fleet/release"
ctl update a || fail 'the update was not confirmed'

# The file contains the pid of an unrelated process, as if the launcher's pid had been reused.
sleep 300 &
stranger=$!
printf '%-10d\n' "$stranger" >"$fleet/a/.lock"
expect_status 0 "$build/noded" revert --root "$fleet/a"
kill -0 "$stranger" 2>/dev/null || fail 'the revert signalled a process that does not belong to the root'
kill "$stranger"
until_node a '.online and .application.version == "1.0.0" and .application.held'
check_runs a 1.0.0 noded

# A second launcher that tries every 2 ms never gets the lock, however often the first one hands over to itself.
( while [ ! -e "$fleet/enough" ]; do "$fleet/a/stable/start" 2>/dev/null || echo $? >>"$fleet/statuses"; sleep 0.002; done ) &
greedy=$!
launcher=$(ps -o ppid= -p "$(manager_pid a)" | tr -d ' ')
for ((i = 0; i < 4; i++)); do
    before=$(manager_pid a)
    kill -HUP "$before"
    until_node a ".online and (.host_pid | test (\", pid $before\$\") | not)" # the next signal would end a manager that has only started
done
touch "$fleet/enough"
wait "$greedy" || true
check_equal "$(sort -u "$fleet/statuses")" 75 'the exit status of the second launcher'
check_equal "$(ps -o ppid= -p "$(manager_pid a)" | tr -d ' ')" "$launcher" 'the pid of the launcher'
