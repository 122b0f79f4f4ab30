#!/usr/bin/env bash
# Whoever follows a rollout sees it through: over a restart of the broker, on a terminal and in JSON, with the exit status that tells
# how it ended.
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

# Without an end in sight: the following ends, the rollout does not.
expect_status 3 ctl rollout start --waves '1, rest approval' --soak 100ms --timeout "${factor}s" # in which it is answered
said "has not ended within $factor\.0s and continues"
id=$(ctl rollout list --json | jq -r '.[0].id')

# Three who follow: for a person, for a program, and on a terminal.
ctl rollout status "$id" --follow >"$fleet/lines" 2>"$fleet/lines.told" &
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
said 'it is wave 2'
expect_status 0 ctl rollout approve "$id"
for follower in "$lines" "$json" "$picture"; do
    wait "$follower" || fail "who followed ended with $?: $(cat "$fleet/lines.told")"
done
grep -q 'done: 2 of 2 updated, 0 failed' "$fleet/lines" || fail "the lines do not end well: $(cat "$fleet/lines")"
check_equal "$(jq -r '[.id, .phase] | @tsv' "$fleet/json")" "$id"$'\t'done 'the JSON'
grep -q '\[##*\]  1 updated; done at' "$fleet/picture" || fail "the picture: $(cat -v "$fleet/picture")"
expect_status 0 ctl why "$id"
said "\(approve by $(id -un)@"

# Back again, with the one command that has its own end; the rollout is over, and so has to be named.
expect_status 1 ctl rollout revert
said "the newest, $id, is over"
expect_status 0 ctl rollout revert "$id" --timeout "${patience}s"
check_node a '.version == "1.0.0"'
check_node b '.version == "1.0.0"'
