#!/usr/bin/env bash
# Nobody is known by a number: a revert on the host tells the process that holds the root's lock, whatever stands in the
# file, and a launcher holds the lock without a gap while it starts another version.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
publish noded-2 2.0.0 >"$fleet/release"
ctl update a || fail 'the update was not confirmed'

# A number in the file that was the launcher's once, and is another process's now.
sleep 300 &
stranger=$!
printf '%-10d\n' "$stranger" >"$fleet/a/.lock"
expect_status 0 "$build/noded" revert --root "$fleet/a"
kill -0 "$stranger" 2>/dev/null || fail 'a process was signalled that has nothing to do with the root'
kill "$stranger"
until_node a '.online and .version == "1.0.0" and .held'
check_runs a 1.0.0 noded

# A second launcher that tries again and again never gets in between, however often the first hands over to itself.
( while [ ! -e "$fleet/enough" ]; do "$fleet/a/stable/start" 2>/dev/null || echo $? >>"$fleet/statuses"; sleep 0.002; done ) &
greedy=$!
launcher=$(ps -o ppid= -p "$(manager_pid a)" | tr -d ' ')
for ((i = 0; i < 4; i++)); do
    before=$(manager_pid a)
    kill -HUP "$before"
    until_node a ".online and (.place | test (\", pid $before\$\") | not)" # one that only begins would be ended by the next signal
done
touch "$fleet/enough"
wait "$greedy" || true
check_equal "$(sort -u "$fleet/statuses")" 75 'what the second launcher ended with'
check_equal "$(ps -o ppid= -p "$(manager_pid a)" | tr -d ' ')" "$launcher" 'the pid of the launcher'
