#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Valid settings that lead to no broker do not disconnect a node: it returns to those with which it last reached a broker, reports that, and
# tries new settings when the file changes.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
node_settings=${node_settings/confirm = 60s/confirm = 2s}
nodes_up a
root=$fleet/a
until_true cmp "$root/node.zpl" "$root/var/node.zpl"
status_says () { "$build/noded" status --root "$root" | grep -E "$1"; }

say 'a wrong address, and SIGHUP'
before=$(manager_pid a)
sed -i "s|^    broker = .*|    broker = 127.0.0.1:1|" "$root/node.zpl"
kill -HUP "$before"
until_true status_says '^settings .*reached no broker: using the last settings that did'
until_node a "(.host_pid | endswith (\", pid $before\") | not) and .online and .application.state == \"idle\""
grep -q '"step":"settings".*"outcome":"failed".*reached no broker' "$root/var/journal" || fail 'the journal does not report it'

say 'the settings are repaired'
sed "s|^    broker = .*|&\n    tag = mended|" "$root/var/node.zpl" >"$root/node.zpl"
until_true cmp "$root/node.zpl" "$root/var/node.zpl"
until_node a '.online and .application.state == "idle"'
expect_status 1 status_says '^settings '

say 'no settings reach a broker: both are tried'
failures () { grep -c '"step":"settings".*"outcome":"failed".*reached no broker' "$root/var/journal"; }
failed_twice_more () { [ "$(failures)" -ge $((before + 2)) ]; }
before=$(failures)
broker_kill
sed -i "s|^    broker = .*|    broker = 127.0.0.1:1|" "$root/node.zpl"
kill -HUP "$(manager_pid a)"
until_true failed_twice_more
broker_start
until_node a '.online and .application.state == "idle"'
