#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release confirms itself on the canary, and never starts again. The canary is restarted during the soak: it loses contact, the rollout halts,
# and one command on that host, without broker or manager, reverts it.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"

good=$(publish_other)
release_to_all "$good"
release=$(publish bad-second-start 6.6.6)
rollout=$(nodectl rollout start --release "$release" --waves '1,rest' --soak 10m --no-wait 2>&1 | rollouts_in)
at () { nodectl rollout status "$rollout" --nodes --json | jq -e "$1"; }
until_true 'the canary soaks' at '.phase == "soaking"'
canary=$(nodectl rollout status "$rollout" --nodes --json | jq -r '.members[] | select (.state == "updated") | .node')
docker restart -t 5 "${container[$canary]}" >/dev/null
until_true 'the rollout is halted' at '.phase == "halted"'
figure "$canary lost contact: $(nodectl rollout status "$rollout" --json | jq -r '.causes[0].reason')"
begun=$EPOCHREALTIME
# The container of the canary ends again and again, so the command runs in another container with its volume.
disk_of "$canary" noded revert --root . >/dev/null || fail 'the revert on the host failed'
until_node "$canary" '.online and .application.state == "idle" and .application.version != "6.6.6"'
figure "online $(since "$begun") s after the command on its host"
nodectl rollout abort "$rollout" >/dev/null
nodectl unhold "$canary" >/dev/null
check_disks "$good" "${nodes[@]}"
