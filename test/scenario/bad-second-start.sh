#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release that confirms itself and never starts again: a revert on the host repairs it, without broker and manager.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
publish bad-second-start 6.6.6 >"$fleet/release"
ctl update a || fail 'the release was not confirmed'
broken=$(stable_of a)
kill -KILL "$(manager_pid a)"

# The version is confirmed: init starts it again and again, and it crashes each time.
crashes () { [ "$(grep -c "$broken was killed by signal 6" "$fleet/a.log")" -ge 2 ]; }
until_true crashes
check_equal "$(stable_of a)" "$broken" 'stable'
broker_stop
"$fleet/a/previous/noded" revert --root "$fleet/a" >"$fleet/said" 2>&1 || { cat "$fleet/said" >&2; fail 'the revert on the host failed'; }
broker_start
until_node a '.online and .application.version == "1.0.0" and .application.state == "idle"'
check_runs a 1.0.0 noded
check_node a '.application.held'
ctl unhold a
takes_good
