#!/usr/bin/env bash
# A release that confirms itself and never starts again: on the host, with neither broker nor manager, a revert heals it.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
publish bad-second-start 6.6.6 >"$fleet/release"
ctl update a || fail 'it was not confirmed'
broken=$(stable_of a)
kill -KILL "$(manager_pid a)"

# It was confirmed: init starts it, and it ends, again and again.
crashes () { [ "$(grep -c "$broken was killed by signal 6" "$fleet/a.log")" -ge 2 ]; }
until_true crashes
check_equal "$(stable_of a)" "$broken" 'stable'
broker_stop
"$fleet/a/previous/noded" revert --root "$fleet/a" >"$fleet/said" 2>&1 || { cat "$fleet/said" >&2; fail 'it could not be reverted'; }
broker_start
until_node a '.online and .version == "1.0.0" and .state == "idle"'
check_runs a 1.0.0 noded
check_node a '.held'
ctl unhold a
takes_good
