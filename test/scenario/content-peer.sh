#!/usr/bin/env bash
# Contents are uploaded to and fetched from a content peer of their own; the broker has none. The peer is away when an update
# begins, and comes back: the update goes on.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

peer_pid=
# peer_start PORT: on the port of the last start; 0 picks one.
peer_start ()
{
    "$build/noded-content" --root "$fleet/content" --port "$1" >"$fleet/content.out" 2>>"$fleet/content.log" &
    peer_pid=$!
    until grep -q '^ready' "$fleet/content.out"; do
        kill -0 "$peer_pid" || fail "the content peer ended: $(cat "$fleet/content.log")"
        read -r -t 0.05 <><(:) || true
    done
    peer=$(sed -n 's/^ready content=tcp:\/\///p' "$fleet/content.out")
}
peer_kill ()
{
    kill -KILL "$peer_pid"
    wait "$peer_pid" 2>/dev/null || true
}
trap 'peer_kill; story_end' EXIT

broker_options=(--no-content)
broker_start
peer_start 0
node_install a --content "$peer"
node_start a
until_node a '.online and .state == "idle"'
printf 'client\n    content = "%s"\n' "$peer" >"$fleet/client.zpl"

ctl --config "$fleet/client.zpl" publish noded --version 2.0.0 --binary "$(binary noded-2)" >"$fleet/release"
[ -z "$(find "$fleet/broker" -regextype egrep -regex '.*/[0-9a-f]{64}')" ] || fail 'the broker has contents'
peer_kill
ctl update a --no-wait
until_node a '.state == "fetching"'
peer_start "${peer##*:}"
ctl update a || fail 'the update was not confirmed once the content peer was back'
check_runs a 2.0.0 noded-2
