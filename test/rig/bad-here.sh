#!/usr/bin/env bash
# A release is good everywhere but on one host: it passes the canary, halts in the wave that this host is in, and all who were updated
# are brought back.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/rig/extra.bash
. "$here/extra.bash"

good=$(publish_other)
extra_node odd -e PICKY=1
until_node odd '.online and .state == "idle"'
nodes+=(odd)
release_to_all "$good"

# A release that has another host for its canary: who that is, is drawn with each release.
fleet=(--select 'node-1 or node-2 or node-3 or odd' --waves '1,rest')
for ((tries = 0; tries < 50; tries++)); do
    release=$(publish bad-picky 6.6.6)
    canary=$(nodectl rollout plan --release "$release" "${fleet[@]}" --json | jq -r '.members[] | select (.wave == 1) | .node')
    [ "$canary" = odd ] || break
done
[ "$canary" != odd ] || fail "the canary of $tries releases was the odd host"
begun=$EPOCHREALTIME
rollout_halted 'a release that is bad on one host' --release "$release" "${fleet[@]}" --soak 1s --on-halt revert
said=$(nodectl rollout status "$rollout" --json --nodes)
figure "$(jq -r '"\(.phase); \(.reason); \(.causes[0].nodes[0]): \(.causes[0].step): \(.causes[0].reason)"' <<<"$said" | cut -c1-200)"
figure "halted and all back after $(since "$begun") s: $(jq -c '[.members[] | "\(.node) wave \(.wave) \(.state)"]' <<<"$said")"
[ "$(jq -r '.phase' <<<"$said")" = reverted ] || fail 'the rollout is not reverted'
[ "$(jq -r '[.causes[].nodes[]] | join (" ")' <<<"$said")" = odd ] || fail 'others than the odd one are blamed'
jq -e --arg canary "$canary" '.members[] | select (.node == $canary) | .wave == 1 and .state == "reverted"' <<<"$said" >/dev/null || fail "$canary was not updated first, and brought back"
check_disks "$good" "${nodes[@]}"
