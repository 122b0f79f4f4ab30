#!/usr/bin/env bash
# A release that forks without end: everything that it forked is ended, and the node manager goes on.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

cgroup_make pids
cgroup_set pids.max pids.max 400
short_step
broker_start
node_install a
node_start a "$(cgroup_enter)"
until_node a '.online and .state == "idle"'
before=$(manager_pid a)
refused bad-bomb '[a-z-]*' '.'
check_equal "$(manager_pid a)" "$before" 'the node manager'
takes_good
