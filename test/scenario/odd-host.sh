#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# An update and a revert on hosts with unusual users, environments and limits.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

[ "$(id -u)" = 0 ] || skip 'needs root, to run as other users'
chmod 0711 "$fleet"
chmod 01777 "$fleet/tmp"
cp "$build/noded" "$fleet/program" # other users may have no access to the build
broker_start
publish noded-2 2.0.0 >"$fleet/release"

# on_host ID COMMAND...: installs and runs a node through a command that prepares its environment.
on_host ()
{
    local id=$1
    shift
    say "$id: $*"
    mkdir -m 0700 "$fleet/$id"
    chown "$owner" "$fleet/$id"
    "$@" "$fleet/program" install --root "$fleet/$id" --id "$id" --broker "127.0.0.1:$port" --step 20s >>"$fleet/$id.log" 2>&1 ||
        fail "$id: noded install failed: $(tail -n 5 "$fleet/$id.log")"
    settings_scaled >>"$fleet/$id/node.zpl"
    node_start "$id" "$@"
    until_node "$id" '.online and .application.state == "idle"'
    ctl update "$id" || fail "$id: the update was not confirmed"
    check_runs "$id" 2.0.0 noded-2
    ctl revert "$id" || fail "$id: the revert did not succeed"
    check_runs "$id" 1.0.0 noded
    node_stop "$id"
}

owner=root
on_host nothing-in-the-environment env -i
on_host empty-path-no-home env -u HOME PATH= LANG=C LC_ALL=C
on_host few-descriptors prlimit --nofile=64:64
owner=61234
user=(setpriv --reuid 61234 --regid 61234 --clear-groups --no-new-privs)
on_host another-user "${user[@]}"
on_host umask-takes-all "${user[@]}" sh -c 'umask 0777; exec "$@"' sh
on_host all-together env -i "${user[@]}" prlimit --nofile=64:64 sh -c 'umask 0777; cd /; exec "$@"' sh
