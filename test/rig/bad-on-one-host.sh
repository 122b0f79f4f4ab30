#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release is bad on one host only: it passes the canary, the rollout halts in the wave of this host, and all updated nodes are reverted.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/rig/extra.bash
. "$here/extra.bash"

good=$(publish_other)
extra_node odd -e PICKY=1
until_node odd '.online and .application.state == "idle"'
nodes+=(odd)
release_to_all "$good"

# The canary is chosen by the release: publish releases until the canary is not the bad host.
fleet=(--select 'node-1 or node-2 or node-3 or odd' --waves '1,rest')
for ((tries = 0; tries < 50; tries++)); do
    release=$(publish bad-picky 6.6.6)
    canary=$(nodectl rollout plan --release "$release" "${fleet[@]}" --json | jq -r '.members[] | select (.wave == 1) | .node')
    [ "$canary" = odd ] || break
done
[ "$canary" != odd ] || fail "the canary of each of $tries releases was the bad host"
begun=$EPOCHREALTIME
rollout_halted 'a release that is bad on one host' --release "$release" "${fleet[@]}" --soak 1s --on-halt revert
said=$(nodectl rollout status "$rollout" --json --nodes)
figure "$(jq -r '"\(.phase); \(.reason); \(.causes[0].nodes[0]): \(.causes[0].step): \(.causes[0].reason)"' <<<"$said" | cut -c1-200)"
figure "halted, and all reverted after $(since "$begun") s: $(jq -c '[.members[] | "\(.node) wave \(.wave) \(.state)"]' <<<"$said")"
[ "$(jq -r '.phase' <<<"$said")" = reverted ] || fail 'the rollout is not reverted'
[ "$(jq -r '[.causes[].nodes[]] | join (" ")' <<<"$said")" = odd ] || fail 'other nodes than the bad host are charged'
jq -e --arg canary "$canary" '.members[] | select (.node == $canary) | .wave == 1 and .state == "reverted"' <<<"$said" >/dev/null || fail "$canary was not updated in wave 1 and then reverted"
check_disks "$good" "${nodes[@]}"
