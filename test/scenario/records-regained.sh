#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A broker that lost its records gets the applications of a node back, their states, and a quarantine of more entries than a message has. No
# person and no restart of the node is needed. What the broker decides by the quarantine, it decides as before.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

second () { ctl status a --app second --json | jq -r "$1"; }
# until_listed COUNT: waits until nodectl lists so many quarantined releases, newest first.
is_listed () { [ "$(quarantine_of a 'length, (map (.time) | . == (sort | reverse))' | paste -sd' ')" = "$1 true" ]; }
until_listed () { until_true is_listed "$1"; }
# fail_in_quarantine NUMBER RELEASE: records on the node that a release has failed there.
fail_in_quarantine ()
{
    printf '{"transaction": "t-%s", "release": "%s", "version": "0.0.%s", "step": "trial", "reason": "on trial it hung", "time": "2026-01-01T00:%02d:00.000000000Z"}\n' \
        "$1" "$2" "$1" "$1" >"$fleet/a/var/quarantine/$2"
}

broker_options=(--insecure --heartbeat 300ms --liveness "$((10 * factor))s")
broker_start
node_program=$(binary noded-second-1)
node_install a
node_start a
until_node a '.online and .application.state == "idle"'
first=$(ctl publish second --version 1.0.0 --binary "$(binary second-1)")
ctl update a --app second --release "$first" >/dev/null
bad=$(publish noded-2 6.6.6)
node_stop a
mkdir -p "$fleet/a/var/quarantine"
fail_in_quarantine 0 "$bad"
for ((i = 1; i < 40; i++)); do fail_in_quarantine "$i" "$(printf 'release %s' "$i" | sha256sum | cut -d' ' -f1)"; done
node_start a
until_node a '.online and .application.quarantined == 40'
until_listed 40
expect_status 0 ctl status a
said '^quarantine +40 releases'
expect_status 1 ctl update a --release "$bad"
said 'quarantined because it failed in trial \(on trial it hung\)'

say 'the broker loses its records while the node runs'
manager=$(manager_pid a)
broker_kill
rm "$fleet"/broker/broker.db*
expect_status 0 "$build/noded-broker" recover --root "$fleet/broker"
broker_start
until_node a '.online and .application.state == "idle" and .application.version == "1.0.0" and .application.quarantined == 40'
until_listed 40
check_equal "$(second .application.release)" "$first" 'the release of the second application'
check_equal "$(second .application.quarantined)" 0 'the quarantine of the second application'
expect_status 1 ctl update a --release "$bad"
said 'quarantined because it failed in trial'
check_equal "$(manager_pid a)" "$manager" 'the node manager'

say 'the quarantine is cleared, first for one release'
ctl quarantine clear a "$bad" >/dev/null
until_node a '.application.quarantined == 39'
until_listed 39
ctl quarantine clear a >/dev/null
until_node a '.application.quarantined == 0'
expect_status 0 ctl quarantine list a
said 'nothing is quarantined'
