#!/usr/bin/env bash
# Nodes lose their network before, during and after an update, and come back to it, some under another's address: each has the release
# then, but for the one whose trial passed in the dark: it has gone back by itself, says so, and takes the release at the second order.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/rig/links.bash
. "$here/links.bash"

moments=(before fetching rehearsal trial dark confirmed)
[ ${#nodes[@]} -ge ${#moments[@]} ] || fail "this story wants ${#moments[@]} nodes"
came=() ended=()
declare -A node_of=() address=() release_of=()
for i in "${!moments[@]}"; do node_of[${moments[i]}]=${nodes[i]}; done
network=$(network_of operator)

# In the dark there is little time to be confirmed. The others have much, so that a slow machine takes none of them back; the one that is
# cut off on trial is there long enough.
settings_other "${node_of[dark]}" 's/confirm = .*/confirm = 15s/'
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

# cut MOMENT [RELEASE STEP OUTCOME]: as soon as the node's journal tells that.
cut ()
{
    local node=${node_of[$1]}
    [ $# = 1 ] || until_journal "$node" "$2" "$3" "$4"
    leave "$node"
}
# order MOMENT...
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
cut dark "$release" probing started & waiting+=($!)
cut trial "$release" trial started & waiting+=($!)
cut confirmed "$release" trial confirmed & waiting+=($!)
for pid in "${waiting[@]}"; do wait "$pid" || fail 'a node was not cut off when it should have been'; done
figure "all were cut off $((SECONDS - begun)) s after the order"
count=$(journal_times "${node_of[trial]}" "$release" trial confirmed)
[ "$count" = 0 ] || fail "${node_of[trial]} was confirmed before it was cut off"

# In the dark: a rehearsal comes to its end, and a trial to its deadline.
until_journal "${node_of[rehearsal]}" "$release" trial started
until_journal "${node_of[dark]}" "$release" trial went-back
figure "went back by itself, $((SECONDS - begun)) s after the order: ${node_of[dark]}"
kept=$(release_on "${node_of[dark]}")
[ "$kept" != "$release" ] || fail "${node_of[dark]} has the release behind stable that was never confirmed"

# In another order, so that they get each other's addresses.
healed=$EPOCHREALTIME
changed=0
for moment in fetching before dark trial confirmed rehearsal; do join "${node_of[$moment]}"; done
for moment in "${moments[@]}"; do
    now=$(address_of "${node_of[$moment]}")
    [ "$now" = "${address[$moment]}" ] || changed=$((changed + 1))
done
[ "$changed" -gt 0 ] || fail 'every node got back its address: nothing shows that another one would do'
for moment in "${moments[@]}"; do
    until_node "${node_of[$moment]}" .online
    came+=("$moment $(since "$healed")")
done
figure "healed, $changed of ${#moments[@]} under another's address; seen again by the broker, in s: ${came[*]}"
for moment in before fetching rehearsal trial confirmed; do
    until_node "${node_of[$moment]}" ".online and .state == \"idle\" and .release == \"${release_of[$moment]}\" and .outcome == \"confirmed\" and .quarantine == []"
    ended+=("$moment $(since "$healed")")
done
figure "the updates had come to their ends, one looked at after the other, in s: ${ended[*]}"
figure "${node_of[fetching]}: $(fetched "${node_of[fetching]}" "$heavy")"
# It may have tried the release again, and be confirmed, before it is looked at: its journal above has shown the rollback.
until_node "${node_of[dark]}" ".state == \"idle\" and ((.last_error.step == \"trial\" and .last_error.release == \"$release\") or (.release == \"$release\" and .outcome == \"confirmed\"))"
figure "${node_of[dark]}: $(node_field "${node_of[dark]}" '.last_error.reason // "tried again and confirmed"')"
# Where the network was back so soon that the version before passed the same checks, the release is blamed. Else it is tried again by itself.
until_node "${node_of[dark]}" ".online and .state == \"idle\" and (.quarantine != [] or (.release == \"$release\" and .outcome == \"confirmed\"))"
if [ "$(node_field "${node_of[dark]}" '.quarantine | length')" != 0 ]; then
    nodectl quarantine clear "${node_of[dark]}" >/dev/null
    nodectl update "${node_of[dark]}" --release "$release" --timeout "${patience}s" >/dev/null
fi

for moment in "${moments[@]}"; do check_disks "${release_of[$moment]}" "${node_of[$moment]}"; done
