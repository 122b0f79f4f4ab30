#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The disk is full, or has no free inode, from each step of an update on: the running version continues, no release is quarantined, reverts
# work, and with free space the update succeeds.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/mounts.bash
. "$(dirname "$0")/mounts.bash"
apart "$0"

broker_start
mount_ext4 "$fleet/bytes"
mount_tmpfs 400m,nr_inodes=1500,mode=0755 "$fleet/inodes"
one=$(publish noded 1.0.0 --env ONE=1)
two=$(publish noded-2 2.0.0)
declare -A fill_with=([bytes]=fill [inodes]=fill_inodes)
nodes_up bytes inodes

# settled ID: whatever the result of the order, a proven version must run, and no release may be quarantined.
settled ()
{
    until_node "$1" '.online and (.application.state == "idle" or .application.state == "unfit")'
    check_node "$1" '.application.quarantined == 0'
    expect_status 0 "$build/noded" verify --root "$fleet/$1"
}

for id in bytes inodes; do
    wanted=$two other=$one
    for step in matching fetching staging probing switching trial; do
        say "$id: none free from $step on"
        journal_mark "$id"
        [ "$step" != matching ] || "${fill_with[$id]}" "$fleet/$id"
        ctl update "$id" --release "$wanted" >"$fleet/updating" 2>&1 &
        updating=$!
        [ "$step" = matching ] || { at_step "$id" "$step"; "${fill_with[$id]}" "$fleet/$id"; thaw "$id"; }
        status=0
        wait "$updating" || status=$?
        settled "$id"
        if [ "$step" = matching ]; then
            field "$id" .application.last_error.reason >"$fleet/said"
            said 'needs [0-9]+ (bytes|inodes) in .*[0-9]+ are free'
        fi
        [ "$step" != trial ] || check_equal "$status" 0 'the status of an update on trial, because a confirmation needs no space'
        room "$fleet/$id"
        [ "$status" = 0 ] || ctl update "$id" --release "$wanted" >"$fleet/updating" 2>&1 ||
            { cat "$fleet/updating"; fail "$id: with free space the update was not confirmed"; }
        check_node "$id" ".application.release == \"$wanted\""
        swap=$wanted wanted=$other other=$swap
    done

    say "$id: revert on a full disk, by order and on the host"
    before=$(field "$id" .application.version)
    "${fill_with[$id]}" "$fleet/$id"
    ctl revert "$id" >"$fleet/updating" 2>&1 || { cat "$fleet/updating"; fail "$id: the revert did not succeed"; }
    check_node "$id" ".application.version != \"$before\" and .application.held"
    expect_status 0 "$build/noded" revert --root "$fleet/$id"
    until_node "$id" ".online and .application.version == \"$before\" and .application.held"
    node_stop "$id"
    node_start "$id"
    until_node "$id" '.online and .application.held'
    node_stop "$id"
    expect_status 0 "$build/noded" verify --root "$fleet/$id"
done
