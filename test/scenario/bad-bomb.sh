#!/usr/bin/env bash
# A release that forks without end: everything that it forked is ended, and the node manager goes on. So does the version before one that
# leaves so much behind on trial that nothing more can be started, without anything in its environment that tells whose it was.
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

say 'it forks on trial'
release=$(publish bad-misdeed 6.6.7 --env 'MISDEED=while env -i setsid sleep 900 & do :; done; exit 1')
before=$(stable_of a)
expect_status 1 ctl update a --release "$release"
until_node a ".online and .state == \"idle\" and (.quarantine | map (.release) | index (\"$release\") != null)"
check_equal "$(stable_of a)" "$before" stable
grep -q 'Cannot fork' "$fleet/a.log" || fail 'it was not out of processes'
few () { [ "$(cat "$cgroup/pids.current")" -lt 50 ]; }
until_true few
release=$(publish noded 3.0.0)
ctl update a --release "$release" || fail 'the next good release was not taken'
