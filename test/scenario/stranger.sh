#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A stranger sends invalid traffic to all four channels of the broker. The broker does not grow, and the fleet continues.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

memory () { awk '/^VmRSS:/ { print $2 }' "/proc/$broker_pid/status"; }
descriptors () { find "/proc/$broker_pid/fd" -mindepth 1 | wc -l; }

broker_options=(--insecure)
broker_start
nodes_up a
publish noded-2 2.0.0 >"$fleet/release"
before=$(memory)
open=$(descriptors)
# The first round may allocate memory that is used again; the later rounds must not add to it.
for round in 1 2 3; do
    "$build/test/stranger" "$port" >"$fleet/said" || fail "the stranger could not speak to the broker: $(cat "$fleet/said")"
    answered=0
    ctl nodes >"$fleet/said" 2>&1 || answered=$?
    kill -0 "$broker_pid" 2>/dev/null || fail 'the broker has ended' # maybe because of the last messages
    check_equal "$answered" 0 "status of nodectl nodes ($(tail -n 1 "$fleet/said"))"
    [ "$round" != 1 ] || before=$(memory)
done
refused=$(ctl status --broker --json | jq '[.refused[].count] | add')
[ "$refused" -ge 3 ] || fail "nodectl status --broker shows $refused refused messages"
ctl status --broker >"$fleet/said"
grep -Eq '^refused messages +[1-9][0-9]*: violates the schema$' "$fleet/said" ||
    fail "nodectl status --broker does not show the messages that violate the schema: $(cat "$fleet/said")"
lines=$(grep -c ': refused a message on ' "$fleet/broker.log")
if [ "$lines" -lt 1 ] || [ "$lines" -gt 256 ]; then # 64 a minute at most
    fail "the broker has logged $lines refused messages"
fi
[ -n "${NODED_STEP:-}" ] || [ "$(memory)" -lt $((before + 8192)) ] || fail "the broker has grown from $before to $(memory) KiB"
until_true eval "[ \$(find /proc/$broker_pid/fd -mindepth 1 | wc -l) -le $((open + 4)) ]"
check_equal "$(ctl nodes --json | jq -r '.[].id')" a 'the nodes that the broker knows'
check_node a '.online and .application.epoch == 0'
ctl update a || fail 'the update was not confirmed'
check_runs a 2.0.0 noded-2
