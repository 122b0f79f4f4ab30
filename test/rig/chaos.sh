#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# For five minutes containers of nodes, broker and content peer are killed at random and started again, while one release after the other is
# ordered. Then everything converges, and no release is quarantined. NODED_CHAOS is the time in seconds, NODED_SEED the random seed.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"

for_s=${NODED_CHAOS:-300}
seed=${NODED_SEED:-$((SRANDOM % 32768))}
RANDOM=$seed
victims=("${nodes[@]}" broker content)
figure "NODED_SEED=$seed NODED_CHAOS=$for_s"
again_with "NODED_SEED=$seed" "NODED_CHAOS=$for_s"

# order: starts a rollout whenever none is under way; the broker may be down. Prints one line for each.
binaries=(noded noded-2)
versions=(1.0.0 "$(version_of noded-2)")
order ()
{
    local n=0 open release
    while [ -e "$work/go" ]; do
        sleep 0.5 # asks a broker that may be down
        open=$(nodectl rollout list --json 2>/dev/null | jq 'first (.[] | select (.over | not)) | .id') || continue
        [ -z "$open" ] || continue
        release=$(publish "${binaries[n % 2]}" "${versions[n % 2]}" 2>/dev/null) || continue
        nodectl rollout start --release "$release" --waves '2,rest' --soak 0s --budget "${#nodes[@]}" --no-wait 2>/dev/null || continue
        n=$((n + 1))
    done >"$work/orders"
}
work=$(mktemp -d)
at_end rm -rf "$work"
touch "$work/go"
order &
orders=$!

kills=0 caught=0 until=$((SECONDS + for_s))
while [ $SECONDS -lt $until ]; do
    victim=${victims[RANDOM % ${#victims[@]}]}
    # shellcheck disable=SC2016 # for the shell inside
    case $victim in
        broker | content) ;;
        *) ! exec_in "$victim" sh -c 'cd /var/lib/noded/root && [ -n "$(ls -d .try.* probe/* 2>/dev/null)" ]' || caught=$((caught + 1)) ;;
    esac
    docker kill "${container[$victim]}" >/dev/null
    kills=$((kills + 1))
    sleep "0.$((RANDOM % 10))" # a random time down
    docker start "${container[$victim]}" >/dev/null
done
rm "$work/go"
wait "$orders" || true

begun=$EPOCHREALTIME
until_nodes 'all nodes online and idle' "length == ${#nodes[@]} and all (.online and .application.state == \"idle\")"
figure "$kills kills in $for_s s, $caught of them of a node in its rehearsal or on trial, and $(rollouts_in <"$work/orders" | wc -l) rollouts meanwhile; all idle $(since "$begun") s after the last kill"
ended () { nodectl rollout list --json | jq -e 'all (.over)'; }
until_true 'the last rollout ends' ended
quarantined=$(nodectl nodes --json | jq '[.[].application.quarantined] | add')
[ "$quarantined" = 0 ] || { nodectl nodes --json | jq -c '.[] | {id, quarantined: .application.quarantined}' >&2; fail 'a release was quarantined although only hosts were killed'; }
for node in "${nodes[@]}"; do disk_of "$node" cat var/journal; done >"$work/journals"
figure "outcomes in all journals: $(jq -sr '[.[] | select (.outcome != "started" and .outcome != null) | .outcome] | group_by (.) | map ("\(length) \(.[0])") | join (", ")' "$work/journals")"
release=$(publish_other)
begun=$EPOCHREALTIME
release_to_all "$release"
figure "then a release for all: $(since "$begun") s"
check_disks "$release" "${nodes[@]}"
