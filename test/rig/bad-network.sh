#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A rollout succeeds while four nodes have links with delay, loss, reordering and a low rate.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/rig/links.bash
. "$here/links.bash"

bad=("${nodes[@]:1:4}")

# roll: runs a rollout. Sets $release, and $took to its seconds.
roll ()
{
    local begun
    release=$(publish_heavy 1000000)
    begun=$EPOCHREALTIME
    nodectl rollout start --release "$release" --waves '1, 25%, rest' --soak 2s --timeout 10m >/dev/null || { nodectl rollout status >&2 || true; fail 'the rollout did not succeed'; }
    took=$(since "$begun")
}
# lasted NODE: prints the seconds of the node's update, by its own journal.
lasted ()
{
    exec_in "$1" grep "\"release\":\"$release\"" root/var/journal </dev/null |
        jq -rs '[.[].time | (.[:19] + "Z" | fromdate) + ("0." + .[20:29] | tonumber)] | (last - first) * 10 | round / 10'
}

figure "${bad[0]}, clean: $(link_measure "${bad[0]}")"
roll
figure "the rollout took $took s; the update of ${bad[0]} $(lasted "${bad[0]}") s"
for node in "${bad[@]}"; do link_bad "$node"; done
figure "made bad by $link_by: ${bad[*]}: $link_delay ms, plus or minus $link_jitter, $link_loss % lost, $link_reorder % reordered, $link_rate kbit/s"
measured=$(link_measure "${bad[0]}")
figure "${bad[0]}, bad: $measured"
[[ $measured =~ round\ trips\ of\ ([0-9]+) ]] || fail "ping printed no round trips: $measured"
[ "${BASH_REMATCH[1]}" -ge $((link_delay / 2)) ] || fail "the link is not bad: $measured"
roll
figure "the rollout took $took s"
for node in "${bad[@]}"; do
    figure "$node: its update took $(lasted "$node") s; $(link_clean "$node")"
done
check_disks "$release" "${nodes[@]}"
