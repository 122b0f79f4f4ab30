#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A rollout that is started with the hash of a plan follows that plan, or does not start: a node that goes offline, comes online, is held, is
# labelled or is updated, and a newer release each change the plan; the start is refused, and no node is ordered.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

options=(--select 'zone=north' --waves '1, rest' --soak 200ms)
plan () { ctl rollout plan "${options[@]}" --json | jq -r .hash; }

# changed WHAT: the last plan must be refused, and a new plan must have another hash.
changed ()
{
    expect_status 1 ctl rollout start "${options[@]}" --plan "$hash" --no-wait
    said 'changed'
    check_other "$(plan)" "$hash" "the plan is the same after $1"
    check_equal "$(ctl rollout list --json | jq length)" 0 "the number of rollouts after $1"
    hash=$(plan)
}

broker_options=(--heartbeat 300ms --liveness "$((10 * factor))s") # a node that answers slowly on a busy machine is not offline
broker_start
for id in a b c; do
    node_install "$id"
    labelled "$id" zone=north
    node_start "$id"
done
for id in a b c; do until_node "$id" '.online and .application.state == "idle"'; done
publish noded-2 2.0.0 >"$fleet/release"
hash=$(plan)
check_equal "$(plan)" "$hash" 'the hash of the same plan, made again'

node_stop c
until_node c '.online | not'
changed 'a node went offline'
node_start c
until_node c '.online'
changed 'a node came online'
ctl hold b >/dev/null
until_node b '.application.held'
changed 'a node is held'
ctl label a zone=south >/dev/null
changed 'a node was labelled'
publish noded 1.5.0 --env X=1 >"$fleet/release"
changed 'a newer release was published'
ctl update c --release "$(cat "$fleet/release")" >/dev/null
expect_status 1 ctl rollout start "${options[@]}" --plan "$hash" --no-wait
ctl label a zone- >/dev/null
hash=$(plan)

# With the present hash the rollout starts: the held node is named, and skipped.
expect_status 0 ctl rollout start "${options[@]}" --plan "$hash"
rollout=$(ctl rollout list --json | jq -r '.[0].id')
check_rollout '.phase == "done" and .skipped == 2' 'the rollout of the plan'
check_rollout '[.members[] | select (.state == "excluded") | [.node, .reason]] | length == 2 and
    any (.[0] == "b" and (.[1] | test ("held"))) and any (.[0] == "c" and (.[1] | test ("runs")))' 'the skipped nodes'
check_equal "$(orders_of b)" 0 'the number of updates of the held node'
