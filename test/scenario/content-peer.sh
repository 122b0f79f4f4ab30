#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Blobs are uploaded to and downloaded from a separate content peer; the broker has none, and charges no node for damage at the peer. The peer
# is away when an update starts, and is killed -9 during a download: each time the update continues when the peer is back, and only requests
# under way are downloaded twice. If the peer stays away for longer than the deadline of the state, the reason names it. The peer has a key and
# admits the keys of the broker: nobody without one; a key that is revoked not any more, at once; and it goes on without the broker.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/moments.bash
. "$here/moments.bash"
# shellcheck source=test/scenario/peer.bash
. "$here/peer.bash"

why_names_the_peer () { ctl why a | grep -qF "no connection to the content peer tcp://$peer"; }

# Prints the bytes downloaded and the bytes resumed of the last download, by the journal.
fetched ()
{
    jq -r 'select (.step == "staging" and .reason).reason | capture ("(?<a>[0-9]+) bytes downloaded, (?<b>[0-9]+) resumed") | "\(.a) \(.b)"' \
        "$fleet/a/var/journal" | tail -n 1
}

broker_options=(--no-content)
chunk=4096
# The bytes that may be under way, and those that may be requested twice if a slow machine takes an answer for lost: the window halves each
# time.
most=$((2 * 64 * chunk))
node_settings=${node_settings/update/update
    chunk = $chunk
    answer = $((2 * factor))s}
broker_start
peer_start 0
check_equal "$(stat -c %a "$fleet/content/keys")" 600 'the mode of the stored keys'
key_add a node
ctl_options=(--config "$fleet/keys/uploader.zpl")
node_program=$(binary noded-halting-1)
node_install a --content "$peer"
node_start a
until_node a '.online and .application.state == "idle"'
expect_status 2 env NODED_CONTENT=nowhere:here "$build/nodectl" publish noded --version 1.0.0 --binary "$(binary noded-2)"
said 'NODED_CONTENT'
for version in 1 2; do
    releases[version]=$(ctl publish noded --version $version.0.0 --binary "$(binary noded-halting-$version)")
done
next=2
[ -z "$(find "$fleet/broker" -regextype egrep -regex '.*/[0-9a-f]{64}')" ] || fail 'the broker has blobs'

say 'a client without a key, one with a key that the broker does not know, and a role that may not upload'
upload=(env -u NODED_CONFIG "$build/nodectl" --broker "127.0.0.1:$port" --timeout 1s publish noded --version 1.0.1 --binary "$(binary noded-halting-1)")
export NODED_CONTENT=$peer
expect_status 4 "${upload[@]}"
said "no answer from tcp://$peer"
"$build/noded" keys | sed '/^ *# /d' >"$fleet/stranger.zpl"
grep -E '(server|content)-key' "$fleet/keys/uploader.zpl" >>"$fleet/stranger.zpl"
expect_status 1 "${upload[@]}" --config "$fleet/stranger.zpl"
said "tcp://$peer refuses the key"
key_add watcher observer
grep content-key "$fleet/keys/uploader.zpl" >>"$fleet/keys/watcher.zpl"
expect_status 1 "${upload[@]}" --config "$fleet/keys/watcher.zpl"
sed -n '/^curve$/,$p' "$fleet/keys/a.zpl" >"$fleet/node.zpl"
expect_status 1 "${upload[@]}" --config "$fleet/node.zpl"
said 'key [0-9a-f]* of a has the role node; an upload needs publisher or admin'
unset NODED_CONTENT
expect_status 2 "$build/noded-content" --root "$fleet/other" --port 0
said '127.0.0.1 can be reached by other users'

# The peer is away when the update starts. During the download it is killed, and so is the manager.
peer_kill
size=$(stat -c %s "$(binary noded-halting-2)")
order_halting a half
until_node a '.application.state == "fetching"'
seen=$(date -u +%FT%T.%NZ)
until_true why_names_the_peer
begun=$(ctl why a --json | jq -r '[.. | objects | select (.step? == "fetching") | .time] | last')
[[ $begun < $seen ]] || fail "the download was under way at $seen, but the report says that it started at $begun"
peer_start "${peer##*:}"
until_halted a
peer_kill
kill -KILL "$halted"
peer_start "${peer##*:}"
arrived a 'a kill of peer and manager'
read -r downloaded resumed <<<"$(fetched)"
[ "$resumed" -gt $((size / 4)) ] || fail "only $resumed bytes of $size were resumed"
[ "$downloaded" -le $((size - resumed + most)) ] || fail "$downloaded bytes of $size were downloaded, after $resumed"

# publish_more BINARY VERSION: publishes a release with a file that no workspace has yet.
publish_more ()
{
    head -c 1000000 /dev/urandom >"$fleet/more"
    ctl publish noded --version "$2" --binary "$(binary "$1")" --file "$fleet/more"
}

say 'the key of the node is revoked during a download, and replaced'
releases[1]=$(publish_more noded-halting-1 1.1.0)
halt_at a half
ctl keys revoke a >/dev/null
until_true grep -q 'ended 1 connections: its key is not admitted' "$fleet/content.log"
waiting () { [ "$(grep -c 'warning no connection to the content peer' "$fleet/a.log")" -gt "$waits" ]; }
waits=$(grep -c 'warning no connection to the content peer' "$fleet/a.log")
kill -CONT "$halted"
until_true waiting
rm "$fleet/keys/a.zpl"
key_add a node
sed '/^curve$/,$d' "$fleet/a/node.zpl" >"$fleet/node.zpl"
cat "$fleet/keys/a.zpl" >>"$fleet/node.zpl"
mv "$fleet/node.zpl" "$fleet/a/node.zpl"
kill -KILL "$halted" # the new settings are read at a start
arrived a 'a new key'

say 'the broker is killed during a download, and the peer is started again without it'
releases[2]=$(publish_more noded-halting-2 2.1.0)
halt_at a half
broker_kill
peer_kill
peer_start "${peer##*:}"
grep -q 'goes on with its last list of' "$fleet/content.log" || fail 'the log does not say that the broker does not answer'
journal_mark a
kill -CONT "$halted"
downloaded () { tail -n "+$((lines + 1))" "$fleet/a/var/journal" | grep -q '"step":"staging"'; }
until_true downloaded
broker_start
until_true grep -q 'answers again' "$fleet/content.log"
arrived a 'an update without the broker'

# A bit of a blob flips at the peer during a download. No workspace has this binary yet. The broker cannot check the blob: it relies on the
# node's report, charges no node, and pauses the rollout.
publish_other () { NODED_CONTENT=$peer ctl publish noded --version 2.0.1 --binary "$(binary noded-2)"; }
releases[1]=$(publish_other)
size=$(stat -c %s "$(binary noded-2)")
digest=$(sha256sum <"$(binary noded-2)" | cut -d' ' -f1)
rm -f "$fleet/a.halted"
echo half 1 >"$fleet/a.halt"
ctl rollout start --release "${releases[1]}" --waves rest --soak 300ms --no-wait >/dev/null
until_halted a
blob=$(find "$fleet/content" -name "$digest")
at=$((size - 1000)) # after the bytes that are under way already
byte=$(dd if="$blob" bs=1 skip=$at count=1 status=none | od -An -tu1)
printf '%b' "\\x$(printf %02x $((byte ^ 4)))" | dd of="$blob" bs=1 seek=$at conv=notrunc status=none
rm -f "$fleet/a.halt"
kill -CONT "$halted"
until_true eval 'ctl rollout status --json | jq -e ".paused or .phase != \"updating\""'
expect_status 0 ctl rollout status
said "the blob $digest of its release is missing or damaged at the content peer: publish it again"
said 'failed nodes: 0,'
check_node a ".application.quarantined == 0 and .application.last_error.blob == \"$digest\""
ctl rollout abort >/dev/null
check_equal "$(publish_other)" "${releases[1]}" 'the release that is published again'

# The peer is killed during a download; the manager continues.
halt_at a half
peer_kill
kill -CONT "$halted"
peer_start "${peer##*:}"
arrived a 'a kill of the peer'
read -r downloaded resumed <<<"$(fetched)"
check_equal "$resumed" 0 'the bytes that this process resumed'
[ "$downloaded" -le $((size + most)) ] || fail "$downloaded bytes were downloaded for a blob of $size bytes"

# The peer stays away for longer than the deadline.
node_settings=${node_settings/answer = $((2 * factor))s/answer = 2s}
node_settings=${node_settings/update/update
    fetching = 10s}
key_add b node
node_install b --content "$peer"
node_start b
until_node b '.online and .application.state == "idle"'
peer_kill
expect_status 1 ctl update b --release "${releases[1]}"
said "fetching took longer than 10000 ms: [0-9]+ of [0-9]+ bytes are stored, no connection to the content peer tcp://$peer"
