#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A rollout of a release that crashes in service, to the whole fleet: the only node that tried it rolls back automatically, and the rollout halts.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"

declare -A before=()
for node in "${nodes[@]}"; do before[$node]=$(release_on "$node"); done
release=$(publish bad-trial-crash 6.6.6)
begun=$EPOCHREALTIME
rollout_halted 'a release that crashes in service' --release "$release" --select "$(every)" --waves '1,25%,rest' --soak 1s
took=$(since "$begun")
said=$(nodectl rollout status "$rollout" --json)
figure "halted after $took s: $(jq -r '"\(.reason); \(.causes[0].step): \(.causes[0].reason)"' <<<"$said")"
[ "$(jq '[.waves[] | .updated] | add' <<<"$said")" = 0 ] || fail 'a node was updated'
nodectl rollout abort "$rollout" >/dev/null
for node in "${nodes[@]}"; do check_disks "${before[$node]}" "$node"; done
jq -e '.causes | length == 1 and .[0].step == "trial" and .[0].count == 1' <<<"$said" >/dev/null || fail 'not exactly one node failed, on trial'
nodectl quarantine clear "$(jq -r '.causes[0].nodes[0]' <<<"$said")" >/dev/null
