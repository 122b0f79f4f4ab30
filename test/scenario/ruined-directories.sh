#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Directories that a root needs beside its versions are removed or damaged while the manager runs, or a file system is full: verify names the
# fault, and the next good release succeeds without help. One node; a good release after each fault.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/mounts.bash
. "$(dirname "$0")/mounts.bash"
apart "$0"

# The node runs as a user other than root, so that modes have an effect.
user=nobody
id -u "$user" >/dev/null || skip "there is no user $user"
as_user () { setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups -- "$@"; }
chmod 0755 "$fleet"
chmod 1777 "$fleet/tmp"
broker_start
install -d -o "$user" "$fleet/a"
install -m 0755 "$build/noded" "$fleet/program" # the user may have no access to the build
root=$fleet/a
as_user "$fleet/program" install --root "$root" --id a --broker "127.0.0.1:$port" --no-rehearsal >>"$fleet/a.log" 2>&1 ||
    fail "noded install failed: $(tail -n 5 "$fleet/a.log")"
settings_scaled >>"$root/node.zpl"
node_start a setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups --
until_node a '.online and .application.state == "idle"'
wanted=$(publish noded-2 2.0.0) other=$(publish noded 3.0.0 --env OTHER=1)

# ruin WORDS COMMAND: runs COMMAND in the root. verify must report WORDS, the next release must be confirmed, and then verify must find no fault.
ruin ()
{
    local swap=$wanted
    say "$2"
    (cd "$root" && eval "$2")
    expect_status 1 as_user "$fleet/program" verify --root "$root"
    said "$1"
    ctl update a --release "$wanted" >"$fleet/updating" 2>&1 || { cat "$fleet/updating"; fail "the next good release was not confirmed after: $2"; }
    check_node a ".application.release == \"$wanted\" and .application.quarantined == 0"
    expect_status 0 as_user "$fleet/program" verify --root "$root"
    wanted=$other other=$swap
}

ruin 'var.* is missing' 'rm -rf var'
ruin 'var/blobs .*is missing' 'rm -rf var/blobs'
ruin 'var is not a directory' 'rm -rf var; echo >var'
ruin 'probe is not a directory' 'rm -rf probe; echo >probe'
ruin 'probe .*is missing' 'rmdir probe'
ruin 'probe .*mode' 'chmod 0 probe'
ruin 'var .*mode' 'chmod 0 var'
ruin 'var/blobs .*mode' 'chmod 0500 var/blobs'
ruin 'mode' 'chmod 0500 .'
ruin 'mode|cannot|looking' 'chmod 0 .'
rm -f "$root/var.damaged" "$root/probe.damaged"

# /tmp has no free inode: the sockets are made elsewhere. The fleet's directory is mounted into the small /tmp.
umount_tmp () { umount -l "$fleet" "$below" && umount -l /tmp && rmdir "$below"; }
below=$(mktemp -d /var/tmp/noded-story.XXXXXX)
mount --bind "$fleet" "$below"
mount -t tmpfs -o size=1m,nr_inodes=3,mode=1777 noded /tmp
mkdir "$fleet"
mount --bind "$below" "$fleet"
at_end umount_at_end
umount_at_end () { node_stop a; broker_stop; umount_tmp; }
touch /tmp/remains
! touch /tmp/more 2>/dev/null || fail '/tmp is not full'
ctl update a --release "$wanted" >"$fleet/updating" 2>&1 || { cat "$fleet/updating"; fail 'the next good release was not confirmed with a full /tmp'; }
check_node a ".application.release == \"$wanted\" and .application.quarantined == 0"
check_equal "$(find /run /dev/shm /var/tmp -maxdepth 1 -name 'noded-??????' -newer "$fleet/begun")" '' 'leftover directories of sockets'
