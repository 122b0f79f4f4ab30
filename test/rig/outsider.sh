#!/usr/bin/env bash
# A container with nothing of ours, only Python's stock binding of ZeroMQ, follows three updates of the whole fleet on the events channel,
# and misses none of their events.
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
while True:
    topic, line = s.recv_multipart()
    told = json.loads(line)
    print(topic.decode(), told["instance"], told["sequence"], told.get("release"), told.get("state"), told.get("version"))
' >"$events" 2>&1 </dev/null &
follower=$!
at_end rm -f "$events"
unfollow () { kill "$follower" 2>/dev/null || true; }
at_end unfollow
# An event comes only to who has subscribed already.
heard () { [ -s "$events" ] || { nodectl rollout start --release "$release" --select node-1 --waves '1' --soak 0s --timeout 1m; false; }; }
release=$(publish_other)
until_true 'the outsider hears an event' heard
figure "the first event heard: $(head -n 1 "$events" | cut -d' ' -f1,3,5-)"
# Three times, so that there are events between others on each topic of a node.
for round in 1 2 3; do
    release=$(publish_other)
    release_to_all "$release"
    for node in "${nodes[@]}"; do
        until_true "the outsider hears that $node is updated, for the ${round}. time" grep -q "^event/$node/updated .* $release " "$events"
    done
done
check_disks "$release" "${nodes[@]}"
# Each topic has a sequence of its own, in each instance of the broker.
gaps=$(awk '{ of = $1 " " $2; if (of in last && $3 != last[of] + 1) print "after " last[of] " comes " $3 ": " $0; last[of] = $3 }' "$events")
[ -z "$gaps" ] || fail "events were lost: $gaps"
behind=$(awk '$1 ~ /^event\// && seen[$1 " " $2]++ { n++ } END { print n + 0 }' "$events")
[ "$behind" -ge $((2 * ${#nodes[@]})) ] || fail "only $behind events came behind another one of their topic: nothing shows that none was lost"
figure "$(wc -l <"$events") events heard, $behind of nodes behind another one of the same topic, and none is missing; the last: $(tail -n 1 "$events" | cut -d' ' -f1,3,5-)"
