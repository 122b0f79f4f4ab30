#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A broker with keys serves each key as its role permits: a node cannot order or publish, nor speak as another node; an observer cannot order,
# a deployer cannot publish, a publisher publishes only its applications. Root on the broker's host adds and revokes keys while everything runs.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

mkdir "$fleet/keys"
# refused NAME TEXT ARGUMENT...: nodectl with this key is refused, and says so.
refused ()
{
    local name=$1 text=$2
    shift 2
    expect_status 1 ctl_as "$name" "$@"
    said "key [0-9a-f]{16} of ${name%-as-client} has the role .*; $text"
}

say 'roles: a broker with keys serves nobody without'
broker_start
check_equal "$(stat -c %a "$fleet/broker/broker.key" "$fleet/broker/ipc" "$fleet/broker/ipc/control" | xargs)" '600 700 600' 'the modes of key and socket directory'
! grep -qF -- "$(sed -n 's/.*secret-key = "\(.*\)"/\1/p' "$fleet/broker/broker.key")" "$fleet/broker.log" || fail 'the log has the secret key'
expect_status 4 env -u NODED_CONFIG "$build/nodectl" --broker "127.0.0.1:$port" --timeout 1s nodes
key_add alice admin
key_add carol deployer
key_add bob observer
key_add ci publisher --applications noded
key_add a node
key_add b node
check_equal "$(stat -c %a "$fleet/keys/alice.zpl")" 600 'the mode of a new key'
cp "$fleet/keys/alice.zpl" "$fleet/keys/before"
expect_status 1 "$build/nodectl" --root "$fleet/broker" keys add alice --role admin --out "$fleet/keys/alice.zpl"
cmp -s "$fleet/keys/alice.zpl" "$fleet/keys/before" || fail 'an existing key was replaced'
ctl_options=(--config "$fleet/keys/alice.zpl")
install -D -m 600 "$fleet/keys/b.zpl" "$fleet/b/node.zpl" # as in README; noded install keeps it
nodes_up a b

say 'roles: a publisher publishes its applications, and orders nothing'
ctl_as ci publish noded --version 2.0.0 --binary "$(binary noded-2)" >"$fleet/release"
refused ci 'it may publish noded, not hello' publish hello --version 1 --binary "$(binary noded-2)"
refused ci 'order_hold needs deployer or admin' hold a
refused ci 'withdraw_release needs admin' withdraw "$(cat "$fleet/release")"
refused ci 'list_nodes needs observer, deployer or admin' nodes

say 'roles: a deployer orders, and publishes nothing'
ctl_as carol update a --timeout "${patience}s" || fail 'the update was not confirmed'
check_runs a 2.0.0 noded-2
ctl_as carol label a zone=eu-1 >"$fleet/said"
check_node a 'any (.labels[]; .name == "zone" and .value == "eu-1")'
expect_status 1 ctl_as carol publish noded --version 3.0.0 --binary "$(binary noded-2)"
said 'refuses the key of these settings.* its role is not served there'
refused carol 'withdraw_release needs admin' withdraw "$(cat "$fleet/release")"
refused carol 'backup_records needs admin' backup "$fleet/copy"
refused carol 'forget_nodes needs admin' forget a
refused carol 'list_keys needs admin' keys list
ctl_as carol why a --json | jq -e '[.[] | select (.user != null) | .user] | unique == ["carol"]' >/dev/null || fail 'the reports do not name the key'

say 'roles: an observer reads'
ctl_as bob nodes --json | jq -e 'length == 2' >/dev/null || fail 'the observer does not see the nodes'
refused bob 'order_hold needs deployer or admin' hold a
refused bob 'start_rollout needs deployer or admin' rollout start --select id=b
refused bob 'add_key needs admin' keys add mallory --role admin --out "$fleet/keys/mallory.zpl"
[ ! -e "$fleet/keys/mallory.zpl" ] || fail 'a refused key left a file'

say 'roles: a node orders and publishes nothing, and speaks for itself alone'
sed 's/^node$/client/; /^    id = /d' "$fleet/keys/a.zpl" >"$fleet/keys/a-as-client.zpl"
refused a-as-client 'order_hold needs deployer or admin' hold b
refused a-as-client 'list_nodes needs observer, deployer or admin' nodes
refused a-as-client 'an upload needs publisher or admin' publish noded --version 3.0.0 --binary "$(binary noded-2)"
sed 's/id = "a"/id = "b"/' "$fleet/keys/a.zpl" >"$fleet/keys/false-b.zpl"
node_install false-b
sed -i 's/false-b/b/' "$fleet/false-b/node.zpl"
node_start false-b
until_true grep -q 'refused hello: key [0-9a-f]* of a has the role node; it may not speak for b' "$fleet/broker.log"
node_stop false-b
check_node b '.online and .application.version == "1.0.0"'

say 'roles: root adds and revokes while the broker runs'
key_add dave deployer
ctl_as dave hold b >/dev/null
ctl_as dave nodes --json >/dev/null
"$build/nodectl" --root "$fleet/broker" keys revoke dave >"$fleet/said"
said 'revoked key [0-9a-f]{64} of dave'
expect_status 1 ctl_as dave nodes
said 'refuses the key of these settings: it was revoked'
expect_status 1 "$build/nodectl" --root "$fleet/broker" keys revoke dave
said 'no such key is active'
ctl unhold b >/dev/null
ctl keys revoke a >/dev/null
until_node a '.online | not'
grep -q 'node a disconnected: its key was revoked' "$fleet/broker.log" || fail 'the log does not say why the node is offline'
[ -n "$(manager_pid a)" ] || fail 'the node does not run any more'
ctl update b || fail 'the other node was not updated'
expect_status 1 ctl keys revoke alice
said 'this is the key that asks'

say 'roles: keys and revocations outlive the broker'
broker_kill
broker_options=(--insecure)
! broker_try "$port" || fail 'a broker with keys was started without them'
tail -n 1 "$fleet/broker.log" >"$fleet/said"
said 'has keys, and --insecure would let in everybody'
broker_options=()
broker_start
until_node b '.online'
check_node a '.online | not'
expect_status 1 ctl_as dave nodes
refused bob 'order_hold needs deployer or admin' hold b
ctl keys list --json | jq -e '([.[] | select (.state == "revoked") | .name] | sort) == ["a", "dave"]' >/dev/null || fail 'the list of keys is not as it was'
ctl status --broker --json | jq -e '(.open | not) and .keys == 6 and .denied > 0' >/dev/null || fail 'the broker does not show its keys'
