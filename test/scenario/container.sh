#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The launcher is pid 1 of a container: it reaps orphans, updates work without a new container, SIGTERM ends it, and a revert on the host
# signals the launcher only.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

unshare --pid --fork --mount-proc true 2>/dev/null || skip 'cannot make a pid name space (needs root, CAP_SYS_ADMIN)'
broker_start
node_install a
unshare --pid --fork --mount-proc "$fleet/a/stable/noded.sh" >>"$fleet/a.log" 2>&1 &
outer=$!
until_node a '.online and .application.state == "idle"'
launcher=$(pgrep -P "$outer")
inside () { nsenter --target "$launcher" --pid --mount --root "$@"; }
check_equal "$(inside readlink /proc/1/exe)" "$fleet/a/$(stable_of a)/start" 'the program that is pid 1'

publish noded-2 2.0.0 >"$fleet/release"
ctl update a || fail 'the update was not confirmed'
check_runs a 2.0.0 noded-2
check_equal "$(inside readlink /proc/1/exe)" "$fleet/a/$(stable_of a)/start" 'the program that is pid 1 after an update'
check_equal "$(pgrep -P "$outer")" "$launcher" 'the pid of the launcher, seen from the host'

# Orphans that end, of any parent, are reaped: each ends a moment after its parent was killed.
# shellcheck disable=SC2016 # for the shell inside
inside sh -c 'for i in 1 2 3; do (sh -c "kill -9 \$PPID" & sleep 0.05) & done; wait' || true
no_zombies () { local states; states=$(inside ps -eo stat=) && ! grep -q '^Z' <<<"$states"; }
until_true no_zombies

expect_status 0 "$build/noded" revert --root "$fleet/a"
until_node a '.online and .application.version == "1.0.0" and .application.held'
check_equal "$(pgrep -P "$outer")" "$launcher" 'the pid of the launcher after a revert on the host'

kill -TERM "$launcher"
ended "$outer" || fail 'SIGTERM does not end pid 1'
until_node a '.online | not'
