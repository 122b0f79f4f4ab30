#!/usr/bin/env bash
# The node manager is killed in the middle of an update: its supervisor starts it again, and the order is carried out.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
release=$(publish noded-2 2.0.0)
ctl update a --release "$release" --no-wait
until_node a '.state == "probing" or .version == "2.0.0"'
kill -KILL "$(manager_pid a)"
until_node a ".online and .state == \"idle\" and .release == \"$release\""
check_runs a 2.0.0 noded-2
check_equal "$(find "$fleet/a/probe" -mindepth 1)" '' 'what the first rehearsal left'

# Killed as it is: it comes back by itself, says all that it said before, and nothing changes.
place=$(field a .place)
kill -KILL "$(manager_pid a)"
until_node a ".online and .state == \"idle\" and .place != \"$place\""
check_node a '.previous.version == "1.0.0"'
check_runs a 2.0.0 noded-2
