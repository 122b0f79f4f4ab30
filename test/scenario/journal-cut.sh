#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# After a power cut the end of the journal may be NULs or truncated: the node logs that once and continues, verify finds no fault, and the
# broker raises no alarm. If a reported line was lost with it, the broker raises an alarm.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
"$build/nodectl" --broker "127.0.0.1:$port" events >"$fleet/events" 2>&1 &
watcher=$!
nodes_up a b
for id in a b; do
    ctl hold "$id" >/dev/null
    until_node "$id" '.application.held and .journal_serial > 0'
done
for id in a b; do node_stop "$id"; done
journal=$fleet/a/var/journal

say 'NULs, and a truncated line before them'
tail -n 1 "$journal" | head -c 100 >"$fleet/cut"
{ cat "$fleet/cut"; head -c 500 /dev/zero; } >>"$journal"
expect_status 0 "$build/noded" verify --root "$fleet/a"
node_start a
until_node a '.online'
expect_status 0 "$build/noded" verify --root "$fleet/a"
expect_status 0 "$build/noded" why --root "$fleet/a"
said '600 bytes at the end had not reached the disk'
before=$(field a .journal_serial)
ctl unhold a >/dev/null
until_node a ".journal_serial > $before and .journal_fault == null"

say 'again, with the node running later, and with only a command on the host'
node_stop a
head -c 5000 /dev/zero >>"$journal"
publish noded-2 2.0.0 >"$fleet/release"
node_start a
ctl update a >"$fleet/updating" || { cat "$fleet/updating" >&2; fail 'a was not updated'; }
node_stop a
head -c 70 /dev/zero >>"$journal"
expect_status 0 "$build/noded" revert --root "$fleet/a"
expect_status 0 "$build/noded" verify --root "$fleet/a"
node_start a
until_node a '.online and .application.version == "1.0.0" and .journal_fault == null'
check_equal "$(grep -c 'had not reached the disk' "$journal")" 3 'the lines that report it'

say 'a reported line is lost with it'
sed -i '$d' "$fleet/b/var/journal"
head -c 500 /dev/zero >>"$fleet/b/var/journal"
node_start b
until_node b '.journal_fault != null'
until_true grep -E 'b  journal' "$fleet/events"
kill "$watcher" 2>/dev/null || true
wait "$watcher" || true
! grep -E 'a  journal' "$fleet/events" || fail 'false alarm of the broker for node a'
node_stop b
rm -f "$fleet/b/var/journal"*
