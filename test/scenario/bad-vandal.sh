#!/usr/bin/env bash
# A release that writes to its parent's root, over start files, programs and links: where the host lets the guard mount, it cannot;
# elsewhere it is found out, and everything is put back.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

# What a start needs, with its contents.
picture () { (cd "$fleet/a" && readlink stable previous && find stable/ previous/ node.zpl -type f -print0 | sort -z | xargs -0 sha256sum); }

broker_start
nodes_up a
publish noded 1.0.0 --env 'SECOND=1' >"$fleet/release"
ctl update a || fail 'the first update was not confirmed'
check_runs a 1.0.0 noded
picture >"$fleet/before"
if unshare --mount true 2>/dev/null; then
    refused bad-vandal readiness 'Read-only file system'
    picture | cmp - "$fleet/before" || fail 'something was changed through a closed view'
fi

# The same without the right to mount.
node_stop a
node_start a setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin
until_node a '.online and .state == "idle"'
refused bad-vandal root 'was (changed|removed).*put back' --env 'OPEN=1'
picture | cmp - "$fleet/before" || fail 'something was not put back'
grep -q 'that a start needs are saved' "$fleet/a.log" || fail 'the open view was not told'
takes_good
