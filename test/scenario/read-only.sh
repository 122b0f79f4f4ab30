#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The root's file system becomes read-only before an update, in its rehearsal, and on trial: the running version continues, and when
# the disk is writable again, the node continues without help.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/mounts.bash
. "$(dirname "$0")/mounts.bash"
apart "$0"

broker_start
mount_tmpfs 400m,mode=0755 "$fleet/a"
one=$(publish noded 1.0.0 --env ONE=1)
two=$(publish noded-2 2.0.0)
nodes_up a
read_only () { mount -o remount,ro "$fleet/a"; }
writable () { mount -o remount,rw "$fleet/a"; }

# read_only_now: the manager is stopped. If it has a file open for writing, the remount fails; then the manager runs for a moment.
read_only_now ()
{
    local last=$((SECONDS + patience))
    until read_only 2>/dev/null; do
        [ $SECONDS -lt $last ] || fail 'the disk could not be made read-only'
        thaw a
        sleep 0.02 # the manager runs for this long, to close its file
        kill -STOP "${frozen[a]}"
    done
    thaw a
}

say 'read-only before the update, and at a start'
read_only
expect_status 1 ctl update a --release "$two" --timeout "$((30 * factor))s"
field a .application.last_error.reason >"$fleet/said"
said 'read-only'
node_stop a
node_start a
until_node a '.online and .application.state == "idle" and .application.version == "1.0.0"'
expect_status 75 "$fleet/a/stable/noded.sh"
writable
ctl update a --release "$two" || fail 'the update was not confirmed although the disk was writable again'

say 'read-only in the rehearsal'
journal_mark a
ctl update a --release "$one" >"$fleet/updating" 2>&1 &
updating=$!
at_step a probing
read_only_now
wait "$updating" || true
writable
until_node a '.online and (.application.state == "idle" or .application.state == "unfit")'
check_node a '.application.quarantined == 0'
[ "$(field a .application.release)" = "$one" ] || ctl update a --release "$one" ||
    fail 'the update was not confirmed after a rehearsal on a read-only disk'
check_equal "$(ls "$fleet/a/probe")" '' 'leftovers of the rehearsal'

say 'read-only on trial'
sed -i "s/soak = .*/soak = $((2 * factor))s/" "$fleet/a/node.zpl"
journal_mark a
ctl update a --release "$two" >"$fleet/updating" 2>&1 &
updating=$!
at_step a trial
read_only_now
until_true grep -q 'could not confirm itself' "$fleet/a.log"
check_node a ".online and .application.version == \"2.0.0\""
writable
wait "$updating" || { cat "$fleet/updating"; fail 'the trial was not confirmed'; }
check_runs a 2.0.0 noded-2
node_stop a
