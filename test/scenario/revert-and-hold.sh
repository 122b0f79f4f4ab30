#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A revert returns to the previous version and holds until an operator ends the hold; on the host it needs neither broker nor manager.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
publish noded-2 2.0.0 >"$fleet/release"
ctl update a || fail 'the update was not confirmed'

ctl revert a || fail 'the revert did not succeed'
check_runs a 1.0.0 noded
check_node a '.application.held and .application.previous_version == "2.0.0"'
expect_status 1 ctl update a
said 'held'
check_runs a 1.0.0 noded
ctl unhold a || fail 'the hold could not be ended'
ctl update a || fail 'the update after the hold was not confirmed'
check_runs a 2.0.0 noded-2

# A revert to a damaged version is refused with the reason. The node is not held, so it can be updated.
for workspace in "$fleet/a"/2*Z; do
    [ "${workspace##*/}" = "$(stable_of a)" ] || echo >>"$workspace/envelope.json"
done
expect_status 1 ctl revert a
said 'failed +reverting +cannot revert: .*envelope.json.*not held'
check_node a '(.application.held | not) and .outcome == "failed" and .application.version == "2.0.0"'
ctl update a --release "$(publish noded 1.0.0)" || fail 'the update after a failed revert was not confirmed'
ctl update a --release "$(cat "$fleet/release")" || fail 'the second update after a failed revert was not confirmed'

# A revert on the host, without broker and manager.
node_stop a
broker_stop
expect_status 0 "$build/noded" revert --root "$fleet/a"
check_equal "$(sha256sum <"$fleet/a/stable/noded")" "$(sha256sum <"$build/noded")" 'the program behind stable'
expect_status 0 "$build/noded" verify --root "$fleet/a"
broker_start
node_start a
until_node a '.online and .application.version == "1.0.0" and .application.held'
expect_status 1 ctl update a
said 'held'

# A manager that was started by hand, without a launcher, exits with 0 after a revert on the host.
node_stop a
"$fleet/a/stable/noded" run --root "$fleet/a" 2>>"$fleet/a.log" &
by_hand=$!
until_node a ".online and (.host_pid | endswith (\", pid $by_hand\"))"
expect_status 0 "$build/noded" revert --root "$fleet/a"
ended=0
wait "$by_hand" || ended=$?
check_equal "$ended" 0 'the exit status of a manager without a launcher after a revert on the host'
