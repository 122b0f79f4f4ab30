#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Nodes lose their network before, during and after an update, and get it back, some with the address of another node. Then each has the
# release, except the node whose whole trial passed without network: it was rolled back automatically, reports that, and gets the release later.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/rig/links.bash
. "$here/links.bash"

moments=(before fetching rehearsal trial lost confirmed)
[ ${#nodes[@]} -ge ${#moments[@]} ] || fail "this story needs ${#moments[@]} nodes"
came=() ended=()
declare -A node_of=() address=() release_of=()
for i in "${!moments[@]}"; do node_of[${moments[i]}]=${nodes[i]}; done
network=$(network_of operator)

# The node `lost` has little time to be confirmed. The others have much, so that none is rolled back on a slow machine; a long soak keeps
# the node `trial` on trial until it is cut off.
settings_other "${node_of[lost]}" 's/confirm = .*/confirm = 15s/'
settings_other "${node_of[rehearsal]}" 's/confirm = .*/confirm = 10m/'
settings_other "${node_of[trial]}" 's/confirm = .*/confirm = 10m/; s/soak = .*/soak = 15s/'
for moment in "${moments[@]}"; do at_end join "${node_of[$moment]}"; done

release=$(publish_other)
heavy=$(publish_heavy 30000000)
for moment in "${moments[@]}"; do
    release_of[$moment]=$release
    address[$moment]=$(address_of "${node_of[$moment]}")
done
release_of[fetching]=$heavy
link_slow content 40mbit

# cut MOMENT [RELEASE STEP OUTCOME]: disconnects the node of this moment, as soon as its journal has such a line.
cut ()
{
    local node=${node_of[$1]}
    [ $# = 1 ] || until_journal "$node" "$2" "$3" "$4"
    leave "$node"
}
# order MOMENT...: orders the updates of these nodes.
order ()
{
    local moment
    for moment in "$@"; do nodectl update "${node_of[$moment]}" --release "${release_of[$moment]}" --no-wait >/dev/null; done
}

begun=$SECONDS
cut before
order "${moments[@]}"
waiting=()
until_partial "${node_of[fetching]}" 1000 && cut fetching & waiting+=($!)
cut rehearsal "$release" probing started & waiting+=($!)
cut lost "$release" probing started & waiting+=($!)
cut trial "$release" trial started & waiting+=($!)
cut confirmed "$release" trial confirmed & waiting+=($!)
for pid in "${waiting[@]}"; do wait "$pid" || fail 'a node was not cut off at its moment'; done
figure "all were cut off $((SECONDS - begun)) s after the order"
count=$(journal_times "${node_of[trial]}" "$release" trial confirmed)
[ "$count" = 0 ] || fail "${node_of[trial]} was confirmed before it was cut off"

# Without network a rehearsal ends, and a trial reaches its deadline.
until_journal "${node_of[rehearsal]}" "$release" trial started
until_journal "${node_of[lost]}" "$release" trial rolled-back
figure "rolled back automatically, $((SECONDS - begun)) s after the order: ${node_of[lost]}"
kept=$(release_on "${node_of[lost]}")
[ "$kept" != "$release" ] || fail "stable of ${node_of[lost]} is the release that was never confirmed"

# The nodes join in another order, so that they get each other's addresses.
healed=$EPOCHREALTIME
changed=0
for moment in fetching before lost trial confirmed rehearsal; do join "${node_of[$moment]}"; done
for moment in "${moments[@]}"; do
    now=$(address_of "${node_of[$moment]}")
    [ "$now" = "${address[$moment]}" ] || changed=$((changed + 1))
done
[ "$changed" -gt 0 ] || fail 'every node got its old address: the story does not show a change of addresses'
for moment in "${moments[@]}"; do
    until_node "${node_of[$moment]}" .online
    came+=("$moment $(since "$healed")")
done
figure "network restored, $changed of ${#moments[@]} nodes with another address; online after, in s: ${came[*]}"
for moment in before fetching rehearsal trial confirmed; do
    until_node "${node_of[$moment]}" ".online and .application.state == \"idle\" and .application.release == \"${release_of[$moment]}\" and .outcome == \"confirmed\" and .application.quarantined == 0"
    ended+=("$moment $(since "$healed")")
done
figure "the updates were confirmed, checked one after the other, after, in s: ${ended[*]}"
figure "${node_of[fetching]}: $(fetched "${node_of[fetching]}" "$heavy")"
# The node may have tried the release again, and be confirmed, before this check: its journal above has shown the rollback.
until_node "${node_of[lost]}" ".application.state == \"idle\" and ((.application.last_error.step == \"trial\" and .application.last_error.release == \"$release\") or (.application.release == \"$release\" and .outcome == \"confirmed\"))"
figure "${node_of[lost]}: $(node_field "${node_of[lost]}" '.application.last_error.reason // "tried again and confirmed"')"
# If the network was back so soon that the version before passed the same checks, the release is quarantined. Otherwise it is tried again without
# help.
until_node "${node_of[lost]}" ".online and .application.state == \"idle\" and (.application.quarantined != 0 or (.application.release == \"$release\" and .outcome == \"confirmed\"))"
if [ "$(node_field "${node_of[lost]}" '.application.quarantined')" != 0 ]; then
    nodectl quarantine clear "${node_of[lost]}" >/dev/null
    nodectl update "${node_of[lost]}" --release "$release" --timeout "${patience}s" >/dev/null
fi

for moment in "${moments[@]}"; do check_disks "${release_of[$moment]}" "${node_of[$moment]}"; done
