#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A good release is rolled out to five nodes in three waves; the plan, the records, the history and the nodes agree.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a b c d e
release=$(publish noded-2 2.0.0)
options=(--waves '1, 2, rest' --soak 200ms)
plan=$(ctl rollout plan "${options[@]}" --json)
check_equal "$(jq -c '[.updated, .skipped, .spec.release, [.waves[].count]]' <<<"$plan")" "[5,0,\"$release\",[1,2,2]]" 'the plan'
ctl rollout start "${options[@]}" --plan "$(jq -r .hash <<<"$plan")" --timeout "${patience}s" >"$fleet/said" 2>&1 ||
    { cat "$fleet/said" >&2; fail 'the rollout did not succeed'; }

rollout=$(ctl rollout status --json | jq -r .id)
for id in a b c d e; do
    check_runs "$id" 2.0.0 noded-2
    expect_status 0 ctl why "$id"
    said 'because it was updated to it on 20.*, as ordered on 20.* by rollout r-[0-9a-f]+, wave [123]$'
    check_equal "$(grep -c 'confirmed itself' "$fleet/said")" 1 "how often $id was updated"
    said "$rollout"
done
state=$(ctl rollout status --json)
check_equal "$(jq -c '[.phase, .over, [.waves[].updated], [.waves[].failed], .causes]' <<<"$state")" '["done",true,[1,2,2],[0,0,0],[]]' 'the result of the rollout'
check_equal "$(jq -r .plan <<<"$state")" "$(jq -r .hash <<<"$plan")" 'the plan that was started'
# A wave starts after the wave before it has ended.
check_equal "$(jq '[.waves[] | .started, .ended] | . == sort' <<<"$state")" true 'the order of the waves'

# All nodes run the release: there is nothing to do.
expect_status 0 ctl rollout start "${options[@]}"
said "every node that is selected runs the release already"
