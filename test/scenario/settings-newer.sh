#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A later version gets settings that only it knows, and is reverted: the version before it is online again and reports what it ignores. If it
# cannot read the broker's address in the newer form, it continues with the broker that it used last. A node without keys whose file gets a
# misspelt name below curve/ does not continue without keys: it waits until the file is corrected.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

node_program=$build/test/bad/noded-2
later=$build/test/bad/noded-4

broker_options=(--insecure)
broker_start
nodes_up a b
publish "$later" 4.0.0 >"$fleet/release"
ctl update a b || fail 'the nodes were not updated'
for id in a b; do check_runs "$id" 4.0.0 noded-4; done

say 'a value and settings that only the later version knows'
sed -i 's/^    id = .*/&\n    log = trace\n    colour = red/' "$fleet/a/node.zpl"
sed -i 's/^    broker = "*\([^"]*\)"*/    broker = "any of \1"\n    log = trace/' "$fleet/b/node.zpl"
for id in a b; do
    before=$(manager_pid "$id")
    kill -HUP "$before"
    until_true eval "manager_pid $id >/dev/null && [ \"\$(manager_pid $id)\" != $before ]"
    until_node "$id" '.online and .application.version == "4.0.0"'
    until_true cmp "$fleet/$id/node.zpl" "$fleet/$id/var/node.zpl"
done

say 'the nodes are reverted'
for id in a b; do ctl revert "$id" >"$fleet/reverting" || { cat "$fleet/reverting" >&2; fail "the revert of $id failed"; }; done
for id in a b; do until_node "$id" '.online and .application.version == "2.0.0"'; done
expect_status 0 "$build/test/bad/noded-2" status --root "$fleet/a"
said '^settings .*node/log = trace: error, warning, info or debug'
said '^settings .*node/colour is ignored: there is no such setting'
expect_status 0 "$build/test/bad/noded-2" status --root "$fleet/b"
said '^settings .*any of'
grep -q 'node/log = trace: .*ignoring it' "$fleet/a.log" || fail 'the log of a does not report the ignored setting'

say 'the nodes are updated again'
ctl unhold a b >/dev/null
ctl update a b >"$fleet/updating" || { cat "$fleet/updating" >&2; fail 'the nodes were not updated again'; }
for id in a b; do
    check_runs "$id" 4.0.0 noded-4
    node_stop "$id"
    sed -i -e '/log = trace/d' -e '/colour = red/d' -e 's/any of //' "$fleet/$id/node.zpl"
done

say 'a misspelt name below curve/'
node_start a
until_node a '.online'
printf 'curve\n    public-kye = "x"\n' >>"$fleet/a/node.zpl"
kill -KILL "$(manager_pid a)"
until_true grep -q 'curve/public-kye: there is no such setting; no update is possible until it is corrected' "$fleet/a.log"
until_node a '.online | not'
expect_status 0 "$build/noded" status --root "$fleet/a"
said '^settings .*curve/public-kye: there is no such setting'
expect_status 1 "$build/noded" verify --root "$fleet/a"
said 'curve/public-kye'
sed -i -e '/^curve/d' -e '/public-kye/d' "$fleet/a/node.zpl"
until_node a '.online and .application.state == "idle"'
