#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Every container is restarted at once, and then the broker alone is away for a while: all nodes come back in their versions, and do not storm the
# broker with connection attempts.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"

# asked NODE: prints how often the node has tried to open a connection or to resolve a name, since its network came up.
asked () { exec_in "$1" cat /proc/net/snmp | awk '/^Tcp: [0-9]/ { n += $6 } /^Udp: [0-9]/ { n += $5 } END { print n }'; }
# rate SINCE: prints the number of hellos in the broker's log, and the highest number in one second.
rate ()
{
    docker logs -t --since "$1" "${container[broker]}" 2>&1 | awk '/ info node .* connected: / { n++; second[substr ($1, 1, 19)]++ }
        END { for (s in second) if (second[s] > most) most = second[s]; print n + 0, most + 0 }'
}
all_there () { until_nodes "all nodes online and idle" "length == ${#nodes[@]} and all (.online and .application.state == \"idle\")"; }

release=$(publish_other)
release_to_all "$release"

since=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
for id in "${container[@]}"; do
    docker restart -t 10 "$id" >/dev/null &
    restarts+=($!)
done
for pid in "${restarts[@]}"; do wait "$pid" || fail 'a container could not be restarted'; done
begun=$EPOCHREALTIME
all_there
took=$(since "$begun")
sum=0 most=0
for node in "${nodes[@]}"; do
    times=$(asked "$node")
    sum=$((sum + times))
    [ "$times" -le "$most" ] || most=$times
done
rates=$(rate "$since")
read -r came burst <<<"$rates"
figure "all ${#restarts[@]} containers restarted: every node is online $took s after the last restart; hellos: $came, at most $burst in a second"
figure "connection attempts and name lookups: $sum by all nodes, at most $most by one"
[ "$came" -ge ${#nodes[@]} ] || fail "the broker's log has $came hellos of ${#nodes[@]} nodes: this count is wrong"
[ "$came" -le $((2 * ${#nodes[@]})) ] || fail "too many hellos: $came of ${#nodes[@]} nodes"
check_disks "$release" "${nodes[@]}"

away=10
declare -A before=()
docker stop -t 5 "${container[broker]}" >/dev/null
for node in "${nodes[@]}"; do before[$node]=$(asked "$node"); done
sleep "$away" # a fixed time, in which attempts are counted
most=0
for node in "${nodes[@]}"; do
    times=$(asked "$node")
    times=$((times - before[$node]))
    [ "$times" -le "$most" ] || most=$times
done
since=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
begun=$EPOCHREALTIME
docker start "${container[broker]}" >/dev/null
all_there
rates=$(rate "$since")
read -r came burst <<<"$rates"
figure "the broker was away for $away s: at most $most attempts by one node in this time; all online after $(since "$begun") s, hellos: $came, at most $burst in a second"
[ "$most" -le $((10 * away)) ] || fail "a node made $most attempts in $away s"
check_disks "$release" "${nodes[@]}"
