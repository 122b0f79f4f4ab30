#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release that writes to its parent's root, over start files, programs and links. If the host lets the guard mount, the writes fail.
# Otherwise they are detected and undone.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

# Prints the links and the digests of the files that a start needs.
picture () { (cd "$fleet/a" && readlink stable previous && find stable/ previous/ node.zpl -type f -print0 | sort -z | xargs -0 sha256sum); }

broker_start
nodes_up a
publish noded 1.0.0 --env 'SECOND=1' >"$fleet/release"
ctl update a || fail 'the first update was not confirmed'
check_runs a 1.0.0 noded
picture >"$fleet/before"
if unshare --mount true 2>/dev/null; then
    refused bad-vandal readiness 'Read-only file system'
    picture | cmp - "$fleet/before" || fail 'the candidate changed the root although the guard had mounted it read-only'
fi

# The same without the right to mount.
node_stop a
node_start a setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin
until_node a '.online and .application.state == "idle"'
refused bad-vandal root 'was (changed|removed).*undone' --env 'OPEN=1'
picture | cmp - "$fleet/before" || fail 'a change was not undone'
grep -q 'saving the files that a start needs' "$fleet/a.log" || fail 'the log does not report that the root is writable for the candidate'
takes_good
