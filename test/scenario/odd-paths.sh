#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Roots whose paths contain characters or lengths that break shells, lists and limits: refused with a message, or an update and a revert on
# each.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

install_at () { "$build/noded" install --root "$1" --id a --broker 127.0.0.1 --no-rehearsal; }

expect_status 2 install_at "$fleet"/$'new\nline'
said 'control character'
expect_status 2 install_at ''
said 'path is empty'
long=$fleet/
while [ ${#long} -lt 3000 ]; do long+=$(printf 'x%.0s' {1..200})/; done
expect_status 2 install_at "$long$long"
said 'at most [0-9]+ leave room'
check_equal "$(find "$fleet" -mindepth 1 -name 'new*')" '' 'leftovers of refused installations'

expect_status 0 "$build/noded" install --root "$fleet/"'50%b "c\d' --id a --broker 127.0.0.1 --no-rehearsal --systemd
grep -qxF "ExecStart=\"$fleet/"'50%%b \"c\\d/stable/noded.sh"' "$fleet/said" || { cat "$fleet/said"; fail 'the unit does not quote the path'; }

broker_start
publish noded-2 2.0.0 >"$fleet/release"
number=0
# shellcheck disable=SC2016 # literal
for path in 'with spaces' $'quo\'tes"and`more`' '$HOME:%s\n;&*' $'latin-1 \xe9' "${long#"$fleet/"}end"; do
    id=n$((++number))
    printf 'root path: %q\n' "${path:0:60}"
    mkdir -p "$fleet/$path"
    "$build/noded" install --root "$fleet/$path" --id "$id" --broker "127.0.0.1:$port" >>"$fleet/$id.log" 2>&1 ||
        fail "noded install failed: $(tail -n 3 "$fleet/$id.log")"
    key_add "$id" node
    { settings_scaled; cat "$fleet/keys/$id.zpl"; } >>"$fleet/$path/node.zpl"
    "$fleet/$path/stable/noded.sh" >>"$fleet/$id.log" 2>&1 &
    supervisor[$id]=$!
    until_node "$id" '.online and .application.state == "idle"'
    ctl update "$id" || fail 'the update was not confirmed'
    check_node "$id" '.application.version == "2.0.0"'
    expect_status 0 "$build/noded" revert --root "$fleet/$path"
    until_node "$id" '.online and .application.version == "1.0.0" and .application.held'
    node_stop "$id"
    expect_status 0 "$build/noded" verify --root "$fleet/$path"
done
