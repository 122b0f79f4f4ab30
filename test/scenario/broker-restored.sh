#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The broker's database is replaced by an older copy. The broker does not undo what the copy does not contain. New orders are carried out,
# whether they are given before or after the node reconnects.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

# Restores the database and its mark, as if the whole root were restored: the broker itself does not notice.
restore () { rm -f "$fleet"/broker/broker.db* "$fleet/broker/records.mark"; cp "$fleet/copy.db" "$fleet/broker/broker.db"; }

broker_start
nodes_up a
first=$(publish noded 1.0.1 --env COPY=before)
second=$(publish noded-2 2.0.0)
ctl update a --release "$first" || fail 'the first update was not confirmed'
sqlite3 "$fleet/broker/broker.db" ".backup '$fleet/copy.db'"
ctl update a --release "$second" || fail 'the second update was not confirmed'
for order in hold unhold hold unhold; do ctl "$order" a || fail "the order $order failed"; done
until_node a '.application.epoch == .desired_epoch and (.application.held | not)'
epoch=$(field a .application.epoch)
broker_stop
restore

# An order to a node that this broker has not heard of since the restoration.
node_stop a
broker_start
ctl hold a || fail 'an offline node could not be held'
node_start a
until_node a ".online and .application.version == \"2.0.0\" and .application.held and .application.epoch > $epoch"
expect_status 0 ctl why a
ctl unhold a || fail 'the hold could not be ended'
until_node a '.application.held | not'
ctl update a --release "$first" || fail 'the update after the restoration was not confirmed'
check_node a ".application.release == \"$first\""

# A restoration in the middle of an update, with the node online.
ctl update a --release "$second" --no-wait
until_node a '.application.state == "probing" or .application.version == "2.0.0"'
broker_kill
restore
broker_start
until_node a ".online and .application.state == \"idle\" and .application.release == \"$second\""
ctl update a --release "$first" || fail 'the update after the second restoration was not confirmed'
check_node a ".application.release == \"$first\" and .application.quarantined == 0"
