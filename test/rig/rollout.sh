#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release is rolled out to the whole fleet in three waves.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"

release=$(publish_other)
begun=$EPOCHREALTIME
nodectl rollout start --release "$release" --waves '1,25%,rest' --soak 2s --timeout 10m >/dev/null || fail 'the rollout did not succeed'
figure "three waves over ${#nodes[@]} nodes: $(since "$begun") s, of which 6 s are soak"
check_disks "$release" "${nodes[@]}"
