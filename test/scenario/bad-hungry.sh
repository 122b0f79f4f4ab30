#!/usr/bin/env bash
# A release that takes memory until the kernel kills it: it is killed, not the node manager, which goes on and refuses it.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

cgroup_make memory
cgroup_set memory.limit_in_bytes memory.max 300M
broker_start
node_install a
node_start a "$(cgroup_enter)"
until_node a '.online and .state == "idle"'
before=$(manager_pid a)
refused bad-glutton readiness 'killed|137'
grep -q 'trying it once more' "$fleet/a.log" || fail 'what is killed gets no second chance'
check_equal "$(manager_pid a)" "$before" 'the node manager'
takes_good
