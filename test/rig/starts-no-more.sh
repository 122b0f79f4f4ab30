#!/usr/bin/env bash
# A release confirms itself on the canary, and never starts again. The canary is restarted while its wave is watched: its silence
# halts the rollout, and one command on that host, without broker or manager, brings it back.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"

good=$(publish_other)
release_to_all "$good"
release=$(publish bad-second-start 6.6.6)
rollout=$(nodectl rollout start --release "$release" --waves '1,rest' --soak 10m --no-wait 2>&1 | rollouts_in)
at () { nodectl rollout status "$rollout" --nodes --json | jq -e "$1"; }
until_true 'the canary is watched' at '.phase == "soaking"'
canary=$(nodectl rollout status "$rollout" --nodes --json | jq -r '.members[] | select (.state == "updated") | .node')
docker restart -t 5 "${container[$canary]}" >/dev/null
until_true 'the rollout is halted' at '.phase == "halted"'
figure "$canary is silent: $(nodectl rollout status "$rollout" --json | jq -r '.causes[0].reason')"
begun=$EPOCHREALTIME
# Its container ends again and again: from another one, on its volume.
disk_of "$canary" noded revert --root . >/dev/null || fail 'it could not be reverted on the host'
until_node "$canary" '.online and .state == "idle" and .version != "6.6.6"'
figure "back $(since "$begun") s after the command on its host"
nodectl rollout abort "$rollout" >/dev/null
nodectl unhold "$canary" >/dev/null
check_disks "$good" "${nodes[@]}"
