#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release that takes memory until the kernel kills it: the kernel kills the candidate; the node manager continues and refuses the release.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

limit=300M
[ -z "${NODED_STEP:-}" ] || limit=1500M # with sanitizers every process needs several times as much memory
cgroup_make memory
cgroup_set memory.limit_in_bytes memory.max "$limit"
broker_start
node_install a
node_start a "$(cgroup_enter)"
until_node a '.online and .application.state == "idle"'
before=$(manager_pid a)
refused bad-glutton readiness 'killed|137'
grep -q 'trying it once more' "$fleet/a.log" || fail 'a killed candidate got no second try'
check_equal "$(manager_pid a)" "$before" 'the node manager'
takes_good
