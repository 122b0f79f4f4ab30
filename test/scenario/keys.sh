#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# With CURVE keys an update and a revert work as without. A client whose key the broker does not know is refused, and one without a key gets
# no answer. A node whose key is revoked is disconnected at once, and is back with a new key. Nothing starts without the keys that its settings
# ask for. The broker's own key may be in its settings instead of its root.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

for who in broker stranger; do "$build/noded" keys >"$fleet/$who.keys"; done
public () { sed -n 's/.*public-key = //p' "$fleet/$1.keys"; }
{ cat "$fleet/stranger.keys"; printf '    server-key = %s\n' "$(public broker)"; } >"$fleet/stranger.zpl"
broker_options=(--config "$fleet/broker.keys" --heartbeat 1s)

broker_start
[ ! -e "$fleet/broker/broker.key" ] || fail 'the broker made another key'
ctl_options=(--config "$fleet/keys/operator.zpl")
nodes_up a
publish noded-2 2.0.0 >"$fleet/release"
ctl update a || fail 'the update was not confirmed'
check_runs a 2.0.0 noded-2
ctl revert a || fail 'the revert was not confirmed'
check_runs a 1.0.0 noded

say 'strangers'
ctl_options=(--config "$fleet/stranger.zpl")
expect_status 1 ctl nodes
said 'refuses the key of these settings'
ctl_options=(--timeout 1s)
unset NODED_CONFIG
expect_status 4 ctl nodes
said 'no answer'
ctl_options=(--config "$fleet/keys/operator.zpl")
check_node a '.online and .application.state == "idle"'

say 'the key of the node is revoked, and replaced'
ctl keys revoke a >/dev/null
until_true grep -q 'ended [0-9]* connections: its key is not admitted' "$fleet/broker.log"
until_node a '.online | not'
rm "$fleet/keys/a.zpl"
key_add a node
sed '/^curve$/,$d' "$fleet/a/node.zpl" >"$fleet/node.zpl"
cat "$fleet/keys/a.zpl" >>"$fleet/node.zpl"
mv "$fleet/node.zpl" "$fleet/a/node.zpl"
kill -HUP "$(manager_pid a)"
until_node a '.online'
ctl unhold a >/dev/null
ctl update a || fail 'the update was not confirmed'
check_runs a 2.0.0 noded-2

say 'settings with keys that cannot be used'
lost () { printf 'curve\n    secret-key-file = "%s/lost"\n    server-key = %s\n' "$fleet" "$(public broker)"; }
misspelt () { sed 's/secret-key/secret-kye/' "$fleet/stranger.keys"; }
empty () { printf 'curve\n'; }
for what in lost misspelt empty; do
    $what >"$fleet/$what.zpl"
    expect_status 2 "$build/noded-broker" --root "$fleet/other" --port 0 --config "$fleet/$what.zpl"
    said 'curve'
    expect_status 2 "$build/noded-content" --root "$fleet/other" --port 0 --config "$fleet/$what.zpl"
    said 'curve'
    expect_status 2 "$build/nodectl" --broker "127.0.0.1:$port" --config "$fleet/$what.zpl" nodes
    said 'curve'
done
