#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A container without any file of noded, with only Python's stock binding of ZeroMQ, follows three updates of the whole fleet on the events
# channel, and misses none of their events.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"

ours=$(exec_in outsider sh -c 'ls -d /usr/bin/node* /usr/lib/*/libnoded* /usr/include/noded 2>/dev/null || true')
[ -z "$ours" ] || fail "the outsider has files of noded: $ours"
events=$(mktemp)
# timeout ends it: a program in docker exec outlives the docker command.
docker exec -i "${container[outsider]}" timeout 300 python3 -u -c '
import json, zmq
s = zmq.Context().socket(zmq.SUB)
s.setsockopt(zmq.SUBSCRIBE, b"")
s.connect("tcp://broker:7673")
while True:
    topic, line = s.recv_multipart()
    event = json.loads(line)
    print(topic.decode(), event["instance"], event["sequence"], event.get("release"), event.get("state"), event.get("version"))
' >"$events" 2>&1 </dev/null &
follower=$!
at_end rm -f "$events"
unfollow () { kill "$follower" 2>/dev/null || true; }
at_end unfollow
# A SUB socket gets events only after it has subscribed, so rollouts are started until it gets one.
heard () { [ -s "$events" ] || { nodectl rollout start --release "$release" --select node-1 --waves '1' --soak 0s --timeout 1m; false; }; }
release=$(publish_other)
until_true 'the outsider receives an event' heard
figure "the first event received: $(head -n 1 "$events" | cut -d' ' -f1,3,5-)"
# Three times, so that each topic of a node has events between other events.
for round in 1 2 3; do
    release=$(publish_other)
    release_to_all "$release"
    for node in "${nodes[@]}"; do
        until_true "the outsider receives the event of update $round of $node" grep -q "^event/$node/updated .* $release " "$events"
    done
done
check_disks "$release" "${nodes[@]}"
# Each topic has its own sequence, in each instance of the broker.
gaps=$(awk '{ of = $1 " " $2; if (of in last && $3 != last[of] + 1) print "after " last[of] " comes " $3 ": " $0; last[of] = $3 }' "$events")
[ -z "$gaps" ] || fail "events were lost: $gaps"
behind=$(awk '$1 ~ /^event\// && seen[$1 " " $2]++ { n++ } END { print n + 0 }' "$events")
[ "$behind" -ge $((2 * ${#nodes[@]})) ] || fail "only $behind events follow another one of their topic: too few to show that none was lost"
figure "$(wc -l <"$events") events received, $behind of nodes after another one of the same topic, and none is missing; the last: $(tail -n 1 "$events" | cut -d' ' -f1,3,5-)"
