#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The content peer is killed while every node downloads from it, and started again; two nodes are restarted in between. The downloads resume.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/rig/links.bash
. "$here/links.bash"

mega=1000000
ballast=$((32 * mega))
most=$((12 * mega)) # bytes that may be sent twice: requests under way at the kill are repeated, once before and once after the peer is back
content_start () { docker start "${container[content]}" >/dev/null; }

release=$(publish_heavy "$ballast")
link_slow content 160mbit
at_end content_start
begun=$EPOCHREALTIME
nodectl update "${nodes[@]}" --release "$release" --no-wait >/dev/null
until_sent content $((${#nodes[@]} * ballast / 4))
docker kill -s KILL "${container[content]}" >/dev/null
mapfile -t under_way < <(nodectl nodes --json | jq -r '.[] | select (.application.state == "fetching") | .id')
figure "killed $(since "$begun") s after the order, with ${#under_way[@]} of ${#nodes[@]} nodes in their downloads"
[ ${#under_way[@]} -gt $((${#nodes[@]} / 2)) ] || fail 'too few nodes were downloading at that moment'
docker restart -t 10 "${container[${under_way[0]}]}" "${container[${under_way[1]}]}" >/dev/null
content_start
killed=$EPOCHREALTIME
for node in "${nodes[@]}"; do
    until_node "$node" ".online and .application.state == \"idle\" and .application.release == \"$release\" and .outcome == \"confirmed\" and .application.quarantined == 0"
done
took=$(since "$killed")
downloaded=0
resumed=0
for node in "${nodes[@]}"; do
    tale=$(fetched "$node" "$release")
    [[ $tale =~ ([0-9]+)' bytes downloaded, '([0-9]+)' resumed' ]] || fail "the journal of $node does not report its download: $tale"
    [ "${BASH_REMATCH[1]}" -le $((ballast + most)) ] || fail "$node started its download again: $tale, for blobs of $ballast bytes and a program"
    downloaded=$((downloaded + BASH_REMATCH[1]))
    resumed=$((resumed + BASH_REMATCH[2]))
    [[ $node != "${under_way[0]}" && $node != "${under_way[1]}" ]] || [ "${BASH_REMATCH[2]}" -gt 0 ] || fail "$node was restarted and did not resume its download: $tale"
done
figure "all confirmed $took s after the peer was back; of ${#nodes[@]} times $ballast bytes and a program $downloaded bytes were downloaded, and $resumed resumed after a restart"
check_disks "$release" "${nodes[@]}"
