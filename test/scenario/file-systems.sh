#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A root on ext4, tmpfs and overlayfs, and with var/ on a file system of its own: an update and a revert on each.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/mounts.bash
. "$(dirname "$0")/mounts.bash"
apart "$0"

broker_start
publish noded-2 2.0.0 >"$fleet/release"
mount_ext4 "$fleet/ext4"
mount_tmpfs 400m,mode=0755 "$fleet/tmpfs"
mount_overlay "$fleet/overlay"
mkdir "$fleet/elsewhere"
mount_tmpfs 400m,mode=0700 "$fleet/elsewhere/var"
mkdir "$fleet/small-var"
mount_tmpfs 256k,mode=0700 "$fleet/small-var/var"

for id in ext4 tmpfs overlay elsewhere small-var; do
    say "$id: $(df --output=fstype "$fleet/$id" "$fleet/$id"/var 2>/dev/null | tail -n +2 | tr '\n' ' ')"
    nodes_up "$id"
done
for id in ext4 tmpfs overlay elsewhere; do
    ctl update "$id" || fail "$id: the update was not confirmed"
    check_runs "$id" 2.0.0 noded-2
    expect_status 0 "$build/noded" revert --root "$fleet/$id"
    until_node "$id" '.online and .application.version == "1.0.0" and .application.held'
    check_runs "$id" 1.0.0 noded
done

# A download must fit into var/ too: the update is refused before the first request.
expect_status 1 ctl update small-var
field small-var .application.last_error.reason >"$fleet/said"
said 'needs [0-9]+ bytes in .*/small-var/var.*[0-9]+ are free'
check_runs small-var 1.0.0 noded
mount -o remount,size=64m "$fleet/small-var/var"
ctl update small-var || fail 'small-var: with room the update was not confirmed'
for id in ext4 tmpfs overlay elsewhere small-var; do node_stop "$id"; done
