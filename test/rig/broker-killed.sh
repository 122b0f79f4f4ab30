#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The broker is killed in each of the three waves of a rollout, and started again later: the rollout continues without help and ends, and no node
# is updated twice.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"

# in_wave N: waits until a node of the wave is under way, and prints the nodes of the wave. It asks the broker again and again: an event that
# came before the subscription would be missed.
in_wave ()
{
    # shellcheck disable=SC2016 # for the shell inside
    exec_in operator timeout "$patience" sh -c '
        until said=$(nodectl rollout status --json --nodes 2>/dev/null) &&
            printf "%s" "$said" | jq -re --argjson wave "$0" ".members | map (select (.wave == \$wave)) | select (any (.state == \"updating\" or .state == \"updated\")) | .[].node"; do sleep 0.1; done' "$1" </dev/null ||
        fail "timed out: wave $1 did not start"
}
broker_kill () { docker kill -s KILL "${container[broker]}" >/dev/null; }
broker_start () { docker start "${container[broker]}" >/dev/null; }
at_end broker_start
is_done () { [ "$(nodectl rollout status --json | jq -r .phase)" = "done" ]; }

back=()
release=$(publish_other)
begun=$EPOCHREALTIME
nodectl rollout start --release "$release" --waves '1, 25%, rest' --soak 2s --no-wait >/dev/null
# In the first wave the broker stays away until a node is on trial, which needs no broker; no node is confirmed before the broker is back. In
# the second wave it is started again at once. In the last wave it is killed when one node is confirmed and the others are at any step.
for wave in 1 2 3; do
    mapfile -t members < <(in_wave "$wave")
    [ ${#members[@]} -gt 0 ] || fail "wave $wave has no nodes"
    [ "$wave" != 3 ] || until_journal "${members[0]}" "$release" trial confirmed
    broker_kill
    [ "$wave" != 1 ] || until_journal "${members[0]}" "$release" trial started
    broker_start
    killed=$EPOCHREALTIME
    until_true 'the broker answers' nodectl releases
    back+=("$(since "$killed")")
done
until_true 'the rollout is done' is_done
figure "three waves over ${#nodes[@]} nodes, the broker killed in each: $(since "$begun") s, of which 6 s are soak; it answered ${back[*]} s after its starts"
check_disks "$release" "${nodes[@]}"
for node in "${nodes[@]}"; do
    until_node "$node" ".online and .application.state == \"idle\" and .application.release == \"$release\""
    for step in restarting:started trial:confirmed; do
        count=$(journal_times "$node" "$release" "${step%:*}" "${step#*:}")
        [ "$count" = 1 ] || fail "the journal of $node has $count lines of $step, not 1"
    done
done
