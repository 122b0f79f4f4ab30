#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A node that cannot reach its broker reports on its host since when and why, in noded status and in the log. It also reports when the broker
# is reached again.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

# points_to ADDRESS [CONTROL]: changes node.zpl as an operator does, and sends SIGHUP.
points_to ()
{
    sed -i "s|^    broker = .*|    broker = \"$1\"|; /^    control = /d; ${2:+s|^    broker = .*|&\n    control = \"$2\"|}" "$fleet/a/node.zpl"
    kill -HUP "$(manager_pid a)"
}
status_says () { "$build/noded" status --root "$fleet/a" | grep -E "$1"; }

broker_options+=(--heartbeat 500ms)
broker_start
node_settings=${node_settings/soak = 300ms/soak = 300ms$'\n'    answer = 500ms}
nodes_up a
expect_status 1 status_says '^broker '

say 'nothing listens there'
points_to 127.0.0.1:1
until_true status_says '^broker .*127\.0\.0\.1:2 has not been reachable since 20.*Z \(last: no connection .*Connection refused\)'
grep -q '127\.0\.0\.1:2 has not been reachable since .*Connection refused' "$fleet/a.log" || fail 'the log does not report it'

say 'a name that does not exist'
points_to no-such-host.invalid
until_true status_says '^broker .*last: the name no-such-host\.invalid cannot be resolved: '

say 'another program listens there'
points_to "127.0.0.1:$port" "tcp://127.0.0.1:$((port + 2))"
until_true status_says '^broker .*last: connected, but no answer to hello'

say 'the broker ends, and starts again'
points_to "127.0.0.1:$port"
until_node a '.online and .application.state == "idle"'
expect_status 1 status_says '^broker '
broker_kill
until_true status_says '^broker .*Connection refused'
broker_start
until_true grep -q 'is reachable, after' "$fleet/a.log"
until_node a '.online'
expect_status 1 status_says '^broker '
