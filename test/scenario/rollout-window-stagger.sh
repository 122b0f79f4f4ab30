#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A rollout starts no node before its window opens, by the broker's clock, and then starts the nodes at different moments. It reports what it
# waits for.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

echo 0 >"$fleet/clock"
cat >"$fleet/broker-program" <<PROGRAM
#!/bin/sh
FAKE_CLOCK='$fleet/clock' LD_PRELOAD='$build/test/fake-clock.so' ASAN_OPTIONS=verify_asan_link_order=0
export FAKE_CLOCK LD_PRELOAD ASAN_OPTIONS
exec '$build/noded-broker' "\$@"
PROGRAM
chmod +x "$fleet/broker-program"
broker_program=$fleet/broker-program
broker_start
nodes_up a b c
publish noded-2 2.0.0 >"$fleet/release"

# The window opens in two hours, for an hour. A node that goes offline and comes back does not change that.
rollout_start --waves rest --stagger 6s --window "$(date -u -d '+2 hours' +%H:%M)-$(date -u -d '+3 hours' +%H:%M)"
until_rollout '.phase == "updating" and (.waiting_for | test ("window, which opens at"))'
node_stop a
until_node a '.online | not'
node_start a
until_node a '.online'
check_equal "$(members waiting | wc -w)" 3 'the number of nodes that wait for the window'

# The window opens: one node starts at once, the others 2 s apart. The broker notices a clock change within 10 s.
echo 7260 >"$fleet/clock"
until_rollout '.waves[0].under_way + .waves[0].updated > 0'
until_rollout '.phase == "done"'
for id in a b c; do
    jq -s '[.[] | select (.step == "matching" and .outcome == "started")][0].time' "$fleet/$id/var/journal"
done | sort >"$fleet/times"
seconds () { date -u -d "$(sed -n "$1p" "$fleet/times" | tr -d '"')" +%s%3N; }
# The last node starts 4 s after the planned moment of the first one, which may itself be late.
[ $(($(seconds 3) - $(seconds 1))) -ge 2000 ] || fail "the updates were not staggered: $(cat "$fleet/times")"
