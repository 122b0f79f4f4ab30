#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release that forks without end: all its descendants are ended, and the node manager continues. The same on trial, where the release
# leaves so many processes behind that no more can be started, and no environment variable shows where they came from.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

cgroup_make pids
cgroup_set pids.max pids.max 400
short_step
broker_start
node_install a
node_start a "$(cgroup_enter)"
until_node a '.online and .application.state == "idle"'
before=$(manager_pid a)
refused bad-bomb '[a-z-]*' '.'
check_equal "$(manager_pid a)" "$before" 'the node manager'
takes_good

say 'a release that forks without end on trial'
release=$(publish bad-misdeed 6.6.7 --env 'MISDEED=while env -i setsid sleep 900 & do :; done; exit 1')
before=$(stable_of a)
expect_status 1 ctl update a --release "$release"
until_quarantined a "$release"
until_node a '.online and .application.state == "idle"'
check_equal "$(stable_of a)" "$before" stable
grep -q 'Cannot fork' "$fleet/a.log" || fail 'the release did not reach the limit of processes'
few () { [ "$(cat "$cgroup/pids.current")" -lt 50 ]; }
until_true few
release=$(publish noded 3.0.0)
ctl update a --release "$release" || fail 'the next good release was not confirmed'
