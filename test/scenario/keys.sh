#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# With CURVE keys an update and a revert work as without. A client whose key is not allowed, or without a key, gets no answer.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

for who in broker node operator stranger; do "$build/noded" keys >"$fleet/$who.keys"; done
public () { sed -n 's/.*public-key = //p' "$fleet/$1.keys"; }
client () { cat "$fleet/$1.keys"; printf '    server-key = %s\n' "$(public broker)"; }
{ cat "$fleet/broker.keys"; printf '    allow = %s\n' "$(public node)" "$(public operator)"; } >"$fleet/broker.zpl"
client operator >"$fleet/operator.zpl"
client stranger >"$fleet/stranger.zpl"
broker_options=(--config "$fleet/broker.zpl")
ctl_options=(--config "$fleet/operator.zpl")
node_settings+=$(client node)

broker_start
nodes_up a
publish noded-2 2.0.0 >"$fleet/release"
ctl update a || fail 'the update was not confirmed'
check_runs a 2.0.0 noded-2
ctl revert a || fail 'the revert was not confirmed'
check_runs a 1.0.0 noded

ctl_options=(--config "$fleet/stranger.zpl" --timeout 1s)
expect_status 4 ctl nodes
said 'no answer'
ctl_options=(--timeout 1s)
expect_status 4 ctl nodes
said 'no answer'
ctl_options=(--config "$fleet/operator.zpl")
check_node a '.online and .application.state == "idle"'
