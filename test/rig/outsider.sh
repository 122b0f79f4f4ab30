#!/usr/bin/env bash
# A container with nothing of ours, only Python's stock binding of ZeroMQ, follows an update of the whole fleet on the events channel.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"

ours=$(exec_in outsider sh -c 'ls -d /usr/bin/node* /usr/lib/*/libnoded* /usr/include/noded 2>/dev/null || true')
[ -z "$ours" ] || fail 'the outsider has something of ours'
events=$(mktemp)
# Ends by itself: an exec outlives the command that asked for it.
docker exec -i "${container[outsider]}" timeout 300 python3 -u -c '
import json, zmq
s = zmq.Context().socket(zmq.SUB)
s.setsockopt(zmq.SUBSCRIBE, b"")
s.connect("tcp://broker:7673")
last = {}
while True:
    topic, line = s.recv_multipart()
    told = json.loads(line)
    if topic in last and told["sequence"] != last[topic] + 1:
        print("gap", topic, last[topic], told["sequence"])
    last[topic] = told["sequence"]
    print(topic.decode(), told.get("state"), told.get("version"))
' >"$events" 2>&1 </dev/null &
follower=$!
at_end rm -f "$events"
unfollow () { kill "$follower" 2>/dev/null || true; }
at_end unfollow
# An event comes only to who has subscribed already.
heard () { [ -s "$events" ] || { nodectl rollout start --release "$release" --select node-1 --waves '1' --soak 0s --timeout 1m; false; }; }
release=$(publish_other)
until_true 'the outsider hears an event' heard
figure "the first event heard: $(head -n 1 "$events")"
release=$(publish_other)
release_to_all "$release"
for node in "${nodes[@]}"; do
    until_true "the outsider hears that $node is updated" grep -q "^event/$node/updated " "$events"
done
check_disks "$release" "${nodes[@]}"
! grep '^gap' "$events" || fail 'events were lost'
figure "$(wc -l <"$events") events heard; the last: $(tail -n 1 "$events")"
