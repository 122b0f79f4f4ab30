#!/usr/bin/env bash
# A release that takes memory until the kernel kills it: it is killed, not the node manager, which goes on and refuses it.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

limit=300M
[ -z "${NODED_STEP:-}" ] || limit=1500M # every process of a build with sanitizers takes several times as much
cgroup_make memory
cgroup_set memory.limit_in_bytes memory.max "$limit"
broker_start
node_install a
node_start a "$(cgroup_enter)"
until_node a '.online and .state == "idle"'
before=$(manager_pid a)
refused bad-glutton readiness 'killed|137'
grep -q 'trying it once more' "$fleet/a.log" || fail 'what is killed gets no second chance'
check_equal "$(manager_pid a)" "$before" 'the node manager'
takes_good
