#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Peers that try to use up resources, on all four ports of the broker and on a content peer, and a broker that does the same to a node:
# each is disconnected or limited, and no other peer is affected.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

hostile=$build/test/hostile-peer
most=$((160 << 10)) # KiB that a process may grow at its peak: the data that arrives over loopback between two looks of the guard
broker_options=(--insecure --heartbeat 500ms)
pids=()
hostile_end () { [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || :; }
at_end hostile_end

peak () { awk '/^VmHWM:/ { print $2 }' "/proc/$1/status"; }
resident () { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }
forget_peak () { echo 5 >"/proc/$1/clear_refs"; }

# grew PID BEFORE WHAT: fails if a process has grown too much. Skipped under a sanitizer, which keeps freed memory for a while.
grew ()
{
    [ -z "${NODED_STEP:-}" ] || return 0
    [ $(($(peak "$1") - $2)) -lt $most ] || fail "$3: the process grew from $2 to $(peak "$1") KiB"
}

# attack STATUS ATTACK PORT [NUMBER]: attacks the broker. Another client must get its answer during the attack.
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
    kill -0 "$broker_pid" 2>/dev/null || fail "the broker ended during: $*"
    [ "$ended_as" = "$expected" ] || fail "$*: exit status $ended_as instead of $expected: $(cat "$fleet/attack")"
    grew "$broker_pid" "$before" "$*"
}

broker_start
nodes_up a
manager=$(manager_pid a)
publish noded-2 2.0.0 >"$fleet/release"

# Silent clients are disconnected after ten seconds; the other attacks run in the meantime.
silent=()
for channel in 0 1 2 3; do
    for greets in 0 1; do
        "$hostile" silent $((port + channel)) "$greets" &
        silent+=($!)
    done
done
# A client with a large handshake is disconnected then too, even if it behaves well afterwards.
"$hostile" properties $((port + 1)) 60000 &
silent+=($!)
pids+=("${silent[@]}")
attack 0 properties $((port + 2)) 200000

# Messages without end: of empty, small and large frames.
for channel in 1 2; do
    for size in 0 1024 60000; do
        attack 0 endless $((port + channel)) "$size"
    done
done
# Subscribers: messages without end, long topics, many topics, changing topics.
for channel in 0 3; do
    attack 0 endless-topic $((port + channel)) 200
    attack 0 topics $((port + channel)) 60000
    attack 0 topics $((port + channel)) 200
    attack 0 cancels $((port + channel))
    attack 0 flips $((port + channel))
done
# Routing ids that a client chooses, and those that libzmq would assign next.
for channel in 1 2; do
    attack 0 claim $((port + channel))
    attack 0 guess $((port + channel))
done

# Empty puts reserve nothing.
attack 0 puts-empty $((port + 2)) 60
[ -z "$(find "$fleet/broker/blobs/partial" -type f)" ] || fail 'an empty put left a file'

# Invented nodes: at most one for each connection. A flapping node is not logged each time.
attack 0 hello-one $((port + 1)) 300
one_invented () { [ "$(ctl nodes --json | jq '[.[] | select(.id | startswith("invented"))] | length')" = 1 ]; }
until_true one_invented # one connection is at most one node
attack 0 hello-many $((port + 1)) 40
lines=$(wc -l <"$fleet/broker.log")
attack 0 flap $((port + 1)) 500
[ $(($(wc -l <"$fleet/broker.log") - lines)) -lt 60 ] || fail "a flapping node caused $(($(wc -l <"$fleet/broker.log") - lines)) log lines"
lines=$(wc -l <"$fleet/broker.log")
attack 0 reports $((port + 1)) 1000
[ $(($(wc -l <"$fleet/broker.log") - lines)) -lt 120 ] || fail "a node that reports failures caused $(($(wc -l <"$fleet/broker.log") - lines)) log lines"
# A client that requests lists and does not read them.
attack 0 slow $((port + 1))

one_online () { [ "$(ctl nodes --json | jq '[.[] | select(.online)] | length')" = 1 ]; }
until_true one_online
# a session without a state counts as offline for operators, and may last until its liveness ends
until_true ctl forget --select 'invented-* or flapping or failing'
check_equal "$(ctl nodes --json | jq -r '[.[].id] | join(" ")')" a 'the remaining nodes'

for pid in "${silent[@]}"; do
    wait "$pid" || fail 'a silent client was not disconnected'
done
pids=()
grep -q 'ended [0-9]* connections: sent a message without end' "$fleet/broker.log" || fail 'the log does not report the disconnected peers'
check_equal "$(manager_pid a)" "$manager" 'the manager of the node'
until_node a '.online and .application.epoch == 0' # on a busy machine it may be offline for a moment
ctl update a || fail 'the update was not confirmed'
check_runs a 2.0.0 noded-2

# A separate content peer.
ready_start "$fleet/content.log" "$build/noded-content" --root "$fleet/content" --port 0 --insecure || fail 'the content peer did not become ready'
content=$started
pids+=("$content")
content_port=${ready_line##*:}
before=$(resident "$content")
for size in 0 1024 60000; do
    "$hostile" endless "$content_port" "$size" >"$fleet/attack" || fail "the content peer did not disconnect it: $(cat "$fleet/attack")"
done
"$hostile" guess "$content_port"
kill -0 "$content" || fail 'the content peer has ended'
grew "$content" "$before" 'the content peer'
kill "$content"
wait "$content" || fail 'the content peer did not stop on SIGTERM'
pids=()

# A broker that sends its node messages without end: the node stays small, and treats it as a broker that does not answer.
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

# The broker runs out of descriptors: silent connections are ended first; the node stays connected, and the broker does not spin.
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
[ $(($(ticks) - used)) -lt 50 ] || fail "the broker used $(($(ticks) - used)) ticks of CPU time for one request"
exec {hold}>&-
wait "${pids[@]}" || :
pids=()
until_node a '.online'
