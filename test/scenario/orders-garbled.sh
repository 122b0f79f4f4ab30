#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A broker sends everything twice, late and out of order, also states with lower epochs: the node carries out the last order, and each order
# once.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_program=$(binary broker-garbled)
broker_start
nodes_up a
first=$(publish noded 1.0.1 --env FIRST=1)
second=$(publish noded-2 2.0.0)
ctl update a --release "$first" || fail 'the first update was not confirmed'
ctl update a --release "$second" || fail 'the second update was not confirmed'
check_runs a 2.0.0 noded-2
for order in hold unhold hold; do
    ctl "$order" a || fail "the order $order was refused"
    until_node a ".application.epoch == .desired_epoch and .application.held == ($([ $order = hold ] && echo true || echo false))"
done
ctl unhold a || fail 'the hold could not be ended'
ctl update a --release "$first" || fail 'the third update was not confirmed'
ctl revert a || fail 'the revert did not succeed'
check_runs a 2.0.0 noded-2
until_node a '.application.epoch == .desired_epoch and .application.held and .application.quarantined == 0'
grep -q 'ignoring the desired state of epoch' "$fleet/a.log" || fail 'the broker never sent an older state'
check_equal "$(jq -r 'select (.outcome == "confirmed").transaction' "$fleet/a/var/journal" | sort | uniq -d)" '' 'transactions that were carried out twice'
check_equal "$(jq -r 'select (.outcome == "confirmed").transaction' "$fleet/a/var/journal" | wc -l)" 3 'the number of confirmed updates'
