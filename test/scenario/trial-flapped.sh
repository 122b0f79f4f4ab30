#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A flapping broker: it is away for the whole of three trials, answers the restored versions, and is away again before they have run for as
# long as the trial did. No release is quarantined, no node is charged, and the same orders are carried out without help when the broker stays.
# A release that never confirms itself although the version before it does is quarantined.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

node_settings=${node_settings/confirm = 60s/confirm = 4s}
node_settings=${node_settings/update/update
    answer = 2s}
nodes=(a b c)
broker_start
nodes_up "${nodes[@]}"
two=$(publish noded-2 2.0.0)
stuck=$(publish bad-trial-stuck 6.6.6)

# logged ID PATTERN: whether a line of the node's log after the mark matches.
declare -A marks=()
mark () { for id in "${nodes[@]}"; do marks[$id]=$(wc -l <"$fleet/$id.log"); done; }
logged () { tail -n "+$((marks[$1] + 1))" "$fleet/$1.log" | grep -q "$2"; }
until_all () { for id in "${nodes[@]}"; do until_true logged "$id" "$1"; done; }

mark
rollout_start --release "$two" --waves rest
for id in "${nodes[@]}"; do at_step "$id" probing; done
broker_kill
for id in "${nodes[@]}"; do thaw "$id"; done
until_all 'is on trial'
mark
until_all 'runs as node'
# The broker runs until one more node has connected, and is away again.
connected_one ()
{
    local id
    for id in "${nodes[@]}"; do
        if [ -z "${connected[$id]:-}" ] && logged "$id" 'connected to'; then connected[$id]=1; return 0; fi
    done
    return 1
}
declare -A connected=()
while [ ${#connected[@]} -lt ${#nodes[@]} ]; do
    broker_start
    until_true connected_one
    broker_kill
done
until_all 'the release is not quarantined'
broker_start
until_rollout '.phase == "done" and .waves[0].updated == 3 and .waves[0].failed == 0'
for id in "${nodes[@]}"; do
    check_runs "$id" 2.0.0 noded-2
    check_node "$id" '.application.quarantined == 0'
done

before=$(stable_of a)
expect_status 1 ctl update a --release "$stuck"
check_equal "$(stable_of a)" "$before" 'stable'
until_quarantined a "$stuck"
check_node a '.application.quarantined == 1'
