#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A follower sees a rollout to its end: over a restart of the broker, on a terminal and in JSON. Its exit status shows how the rollout ended.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_options=(--heartbeat "$((2 * factor))s")
broker_start
nodes_up a b
publish noded-2 2.0.0 >/dev/null
expect_status 2 ctl rollout start --waves 'some'
said 'waves is "some": give up to 32 waves'
expect_status 2 ctl rollout start --select 'role='
said 'role='
expect_status 1 ctl rollout status
said 'no rollout exists'

# The timeout ends the command, not the rollout.
expect_status 3 ctl rollout start --waves '1, rest approval' --soak 100ms --timeout "${factor}s" # enough for the answer to start
said "has not ended within $factor\.0s and continues"
id=$(ctl rollout list --json | jq -r '.[0].id')

# Three followers: lines of text, JSON, and a terminal.
ctl rollout status "$id" --follow >"$fleet/lines" 2>"$fleet/lines.err" &
lines=$!
ctl rollout status "$id" --follow --json >"$fleet/json" 2>/dev/null &
json=$!
script -qefc "'$build/nodectl' --broker 127.0.0.1:$port rollout status $id --follow" "$fleet/picture" >/dev/null </dev/null &
picture=$!
waits () { [ "$(ctl rollout status "$id" --json | jq -r .phase)" = approval ]; }
until_true waits
until_true grep -q 'waits for approval' "$fleet/lines"
until_true grep -q 'action required' "$fleet/picture"

broker_kill
broker_start
expect_status 1 ctl rollout approve "$id" --wave 1
said 'wave 2 of rollout'
expect_status 0 ctl rollout approve "$id"
for follower in "$lines" "$json" "$picture"; do
    wait "$follower" || fail "a follower ended with $?: $(cat "$fleet/lines.err")"
done
grep -q 'done: 2 of 2 updated, 0 failed' "$fleet/lines" || fail "the lines do not contain the end: $(cat "$fleet/lines")"
check_equal "$(jq -r '[.id, .phase] | @tsv' "$fleet/json")" "$id"$'\t'done 'the JSON'
grep -q '\[##*\]  1 updated; done at' "$fleet/picture" || fail "the terminal does not show the end: $(cat -v "$fleet/picture")"
expect_status 0 ctl why "$id"
said "\(approve by operator"

# A revert of the rollout, followed to its end. The rollout is over, so it must be named.
expect_status 1 ctl rollout revert
said "the newest, $id, has ended"
expect_status 0 ctl rollout revert "$id" --timeout "${patience}s"
check_node a '.application.version == "1.0.0"'
check_node b '.application.version == "1.0.0"'
