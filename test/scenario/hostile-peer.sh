#!/usr/bin/env bash
# Peers that want to cost more than they say, on all four ports of the broker, on a content peer, and a broker that does it to a node:
# each is ended, or bounded, and nobody else notices.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

hostile=$build/test/hostile-peer
most=$((160 << 10)) # KiB that a process may have grown at its peak: what comes over loopback within two looks of the guard
broker_options=(--heartbeat 500ms)
pids=()
hostile_end () { [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || :; }
at_end hostile_end

peak () { awk '/^VmHWM:/ { print $2 }' "/proc/$1/status"; }
resident () { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }
forget_peak () { echo 5 >"/proc/$1/clear_refs"; }

# grew PID BEFORE WHAT: with a sanitizer, what was freed is kept for a while.
grew ()
{
    [ -z "${NODED_STEP:-}" ] || return 0
    [ $(($(peak "$1") - $2)) -lt $most ] || fail "$3: the process grew from $2 to $(peak "$1") KiB"
}

# attack STATUS ATTACK PORT [NUMBER]: of the broker; another client is answered meanwhile.
attack ()
{
    local before pid expected=$1
    shift
    before=$(resident "$broker_pid")
    forget_peak "$broker_pid"
    "$hostile" "$@" >"$fleet/attack" 2>&1 &
    pid=$!
    expect_status 0 ctl --timeout "${patience}s" nodes
    ended_as=0
    wait "$pid" || ended_as=$?
    kill -0 "$broker_pid" 2>/dev/null || fail "the broker has ended under: $*"
    [ "$ended_as" = "$expected" ] || fail "$*: status $ended_as: $(cat "$fleet/attack")"
    grew "$broker_pid" "$before" "$*"
}

broker_start
nodes_up a
manager=$(manager_pid a)
publish noded-2 2.0.0 >"$fleet/release"

# Who says nothing is ended after ten seconds; meanwhile the others have their turn.
silent=()
for channel in 0 1 2 3; do
    for greets in 0 1; do
        "$hostile" silent $((port + channel)) "$greets" &
        silent+=($!)
    done
done
# Who tells much of itself in its hand-shake, and then behaves, is ended then as well.
"$hostile" properties $((port + 1)) 60000 &
silent+=($!)
pids+=("${silent[@]}")
attack 0 properties $((port + 2)) 200000

# Messages without end: of small frames, of empty ones, of large ones.
for channel in 1 2; do
    for size in 0 1024 60000; do
        attack 0 endless $((port + channel)) "$size"
    done
done
# What listens: the same, topics that are long, many topics.
for channel in 0 3; do
    attack 0 endless-topic $((port + channel)) 200
    attack 0 topics $((port + channel)) 60000
    attack 0 topics $((port + channel)) 200
    attack 0 cancels $((port + channel))
    attack 0 flips $((port + channel))
done
# Routing ids that a client chooses, and those that libzmq would give next.
for channel in 1 2; do
    attack 0 claim $((port + channel))
    attack 0 guess $((port + channel))
done

# Empty puts reserve nothing.
attack 0 puts-empty $((port + 2)) 60
[ -z "$(find "$fleet/broker/contents/partial" -type f)" ] || fail 'an empty put left a file'

# Invented nodes: one a connection. One that flaps is neither logged nor told for each time.
attack 0 hello-one $((port + 1)) 300
one_invented () { [ "$(ctl nodes --json | jq '[.[] | select(.id | startswith("invented"))] | length')" = 1 ]; }
until_true one_invented # one connection is one node, at most
attack 0 hello-many $((port + 1)) 40
lines=$(wc -l <"$fleet/broker.log")
attack 0 flap $((port + 1)) 500
[ $(($(wc -l <"$fleet/broker.log") - lines)) -lt 60 ] || fail "one node that flaps is logged in $(($(wc -l <"$fleet/broker.log") - lines)) lines"
lines=$(wc -l <"$fleet/broker.log")
attack 0 reports $((port + 1)) 1000
[ $(($(wc -l <"$fleet/broker.log") - lines)) -lt 120 ] || fail "one node that reports failures is logged in $(($(wc -l <"$fleet/broker.log") - lines)) lines"
# Who asks for lists and reads none of them.
attack 0 slow $((port + 1))

one_online () { [ "$(ctl nodes --json | jq '[.[] | select(.online)] | length')" = 1 ]; }
until_true one_online
expect_status 0 ctl forget --select 'invented-* or flapping or failing'
check_equal "$(ctl nodes --json | jq -r '[.[].id] | join(" ")')" a 'the nodes that are left'

for pid in "${silent[@]}"; do
    wait "$pid" || fail 'a client that says nothing was not ended'
done
pids=()
grep -q 'ended [0-9]* connections: sent a message without end' "$fleet/broker.log" || fail 'the log does not say what was ended'
check_equal "$(manager_pid a)" "$manager" 'the manager of the node'
until_node a '.online and .epoch == 0' # on a busy machine it may be silent for the three heartbeats
ctl update a || fail 'the update was not confirmed'
check_runs a 2.0.0 noded-2

# A content peer on its own.
mkfifo "$fleet/content-ready"
"$build/noded-content" --root "$fleet/content" --port 0 >"$fleet/content-ready" 2>>"$fleet/content.log" &
content=$!
pids+=("$content")
read -r line <"$fleet/content-ready"
content_port=${line##*:}
before=$(resident "$content")
for size in 0 1024 60000; do
    "$hostile" endless "$content_port" "$size" >"$fleet/attack" || fail "the content peer did not end it: $(cat "$fleet/attack")"
done
"$hostile" guess "$content_port"
kill -0 "$content" || fail 'the content peer has ended'
grew "$content" "$before" 'the content peer'
kill "$content"
wait "$content" || fail 'the content peer did not stop when told to'
pids=()

# A broker that sends its node messages without end: the node stays small, and says what it always says of a broker that is none.
node_stop a
broker_stop
"$hostile" serve-endless "$port" 1024 >"$fleet/serving" &
pids+=($!)
until_true grep -q serving "$fleet/serving"
node_start a
served () { [ "$(grep -c 'ended after' "$fleet/serving")" -ge 3 ]; }
until_true served
manager=$(manager_pid a)
grew "$manager" 10000 'the node manager'
expect_status 0 "$build/noded" status --root "$fleet/a"
kill "${pids[@]}"
wait "${pids[@]}" 2>/dev/null || :
pids=()
broker_start
until_node a '.online'

# Where descriptors run out, those that say nothing go first; the node stays, and the broker does not spin.
broker_stop
printf '#!/bin/sh\nulimit -n 300\nexec "%s" "$@"\n' "$build/noded-broker" >"$fleet/few"
chmod +x "$fleet/few"
broker_program=$fleet/few
broker_start
until_node a '.online'
mkfifo "$fleet/hold"
"$hostile" crowd $((port + 1)) 600 <"$fleet/hold" >"$fleet/crowd" &
pids+=($!)
exec {hold}>"$fleet/hold"
until_true grep -q connected "$fleet/crowd"
ticks () { awk '{ print $14 + $15 }' "/proc/$broker_pid/stat"; }
few_are_left () { [ "$(find "/proc/$broker_pid/fd" -mindepth 1 | wc -l)" -lt 200 ]; }
until_true few_are_left
expect_status 0 ctl nodes
until_node a '.online'
used=$(ticks)
ctl status a >/dev/null
[ $(($(ticks) - used)) -lt 50 ] || fail "the broker used $(($(ticks) - used)) ticks for one question"
exec {hold}>&-
wait "${pids[@]}" || :
pids=()
until_node a '.online'
