# SPDX-License-Identifier: MPL-2.0
# test/bench/fleet.bash: bin/bench fleet. Sourced by bin/bench.
#
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2164 # variables of bin/bench, which runs with set -e

boot_ms () { awk '{ printf "%.0f\n", $1 * 1000 }' /proc/uptime; }
cpu_ms () { awk -v hertz="$(getconf CLK_TCK)" '{ sub (/^.*\) /, ""); print ($12 + $13) * 1000 / hertz }' "/proc/$1/stat"; }
resident_kib () { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }
share () { awk -v a="$1" -v b="$2" -v format="${3:-%.2f}" 'BEGIN { printf format "\n", a / b }'; }

# fleet_announce COUNT COMMAND...: prints the time from the first peer that receives the announcement to the last one whose request is answered.
fleet_announce ()
{
    local count=$1
    shift
    peers_send mark
    peers_stat >/dev/null
    "$@"
    until_peers ".answered >= $count" | jq '.last_answer - .first_hint'
}

# fleet_measure NAME COUNT SERVER-PID ANNOUNCE...: takes the figures by which bare sockets and noded are compared. The peers have just been
# started.
fleet_measure ()
{
    local what=$1 count=$2 server=$3 run before asked
    shift 3
    until_peers ".welcomed >= $count" | jq ".last_welcome - $begun" >"$fleet/$what.connect"
    until_peers ".welcomed >= $count" | jq .hellos >"$fleet/$what.hellos"
    for ((run = 0; run < runs; run++)); do
        fleet_announce "$count" "$@" >>"$fleet/$what.announce"
    done
    share "$(($(resident_kib "$server") - empty))" "$count" >"$fleet/$what.memory"
    # A fixed time, in which answers are counted. A hundred peers send requests at the same time.
    peers_send mark
    before=$(boot_ms)
    peers_send "flood $((100 / ${#peer_pids[@]}))"
    sleep 3
    asked=$(peers_stat)
    peers_send 'flood 0'
    jq "(.answers * 1000 / (.now - $before)) | floor" <<<"$asked" >"$fleet/$what.requests"
}

bare_serve ()
{
    mkfifo "$fleet/bare.in" "$fleet/bare.out"
    "$(binary bench-fleet)" serve "$((port + 8))" <"$fleet/bare.in" >"$fleet/bare.out" &
    bare_pid=$!
    exec {hold}>"$fleet/bare.in" {answers}<"$fleet/bare.out"
    rm "$fleet/bare.in" "$fleet/bare.out"
    read -r -t "$patience" -u "$answers" _
}
bare_announce () { printf 'announce\n' >&"$hold"; }

fleet_bare ()
{
    local count=$1 hold answers
    bare_serve
    empty=$(resident_kib "$bare_pid")
    begun=$(boot_ms)
    peers_start "$count" "$(binary bench-fleet)" peers "$((port + 8))" %COUNT
    fleet_measure "bare$count" "$count" "$bare_pid" bare_announce
    peers_stop
    exec {hold}>&- {answers}<&-
    wait "$bare_pid" || true
    bare_pid=
}

# Starts a new broker, with an empty root.
fleet_broker ()
{
    broker_stop
    rm -rf "${fleet:?}/broker"
    broker_start
    empty=$(resident_kib "$broker_pid")
}

# Measures the CPU time of heartbeats, and the reconnection of the fleet after its broker was killed and started again.
fleet_restart ()
{
    local count=$1 before cpu peers killed stat
    peers_send mark
    cpu=$(cpu_ms "$broker_pid")
    peers=$(peers_stat)
    before=$(boot_ms)
    sleep 20
    share "$(($(cpu_ms "$broker_pid") - cpu))" "$((($(boot_ms) - before) * count))" %.9f | awk '{ printf "%.1f\n", $1 * 1e6 }' >"$fleet/idle.broker"
    share "$(($(peers_stat | jq .cpu_ms) - $(jq .cpu_ms <<<"$peers")))" "$((($(boot_ms) - before) * count))" %.9f |
        awk '{ printf "%.1f\n", $1 * 1e6 }' >"$fleet/idle.nodes"
    peers_send mark
    killed=$(boot_ms)
    broker_kill
    broker_start
    stat=$(until_peers ".welcomed >= $count and .open >= $count")
    jq ".last_welcome - $killed" <<<"$stat" >"$fleet/restart.back"
    jq ".hellos / $count * 100 | round / 100" <<<"$stat" >"$fleet/restart.hellos"
    jq '.burst' <<<"$stat" >"$fleet/restart.burst"
}

# fleet_rollout STATUS RELEASE OPTION...: runs a rollout, which must end with that status, and waits until all nodes are at rest. Prints the
# time.
fleet_rollout ()
{
    local wanted=$1 release=$2 from status=0
    shift 2
    from=$(boot_ms)
    ctl rollout start --release "$release" --concurrency 1000 --soak 0s --timeout "${patience}s" "$@" >"$fleet/rollout.log" 2>&1 || status=$?
    [ "$status" = "$wanted" ] || fail "the rollout ended with $status: $(tail -n 5 "$fleet/rollout.log")"
    until_peers ".resting == $nodes and .open == $nodes" >"$fleet/rollout.stat"
    echo $(($(boot_ms) - from))
}

# A good release in waves to all nodes; then a release that fails its rehearsal on every tenth node: its rollout halts and is reverted.
fleet_rollouts ()
{
    local two=$1 bad cpu
    peers_send mark
    cpu=$(cpu_ms "$broker_pid")
    fleet_rollout 0 "$two" --waves '1, 10%, rest' >"$fleet/rollout.good"
    share "$(($(cpu_ms "$broker_pid") - cpu))" "$nodes" >"$fleet/rollout.cpu"
    jq -e ".versions == {\"2.0.0\": $nodes} and .taken == $nodes and .taken_most == 1" "$fleet/rollout.stat" >/dev/null ||
        fail "not every node was updated exactly once: $(cat "$fleet/rollout.stat")"
    jq ".hints / $nodes * 100 | round / 100" "$fleet/rollout.stat" >"$fleet/rollout.hints"
    bad=$(publish noded bad-3.0.0)
    fleet_rollout 1 "$bad" --waves '10%, rest' --on-halt revert >"$fleet/rollout.halt"
    jq -e ".versions == {\"2.0.0\": $nodes}" "$fleet/rollout.stat" >/dev/null || fail "not every node was reverted: $(cat "$fleet/rollout.stat")"
}

fleet_noded ()
{
    local count=$1 two
    fleet_broker
    two=$(publish noded-2 2.0.0)
    begun=$(boot_ms)
    light_start "$count" --fail 100
    fleet_measure "noded$count" "$count" "$broker_pid" "$(binary bench-announce)" "$port" "$(printf 'light-%05d' $((count - 1)))"
    if [ "$count" = "$nodes" ]; then
        fleet_restart "$count"
        fleet_rollouts "$two"
    fi
    peers_stop
}

# figure_fleet WHAT FILE UNIT GOAL
figure_fleet ()
{
    figure "fleet: $count nodes, $1" "$(median <"$fleet/noded$count.$2")" "$3" "$(median <"$fleet/bare$count.$2")" "$4"
}

bench_fleet ()
{
    local count begun empty
    [ -n "$port" ] || broker_start
    for count in $((nodes / 9)) $((nodes / 3)) "$nodes"; do
        fleet_bare "$count"
        fleet_noded "$count"
        figure_fleet 'until all are connected' connect ms ''
        figure_fleet 'memory of the broker, a node' memory KiB '<= 1.5 x'
        figure_fleet 'announced to all, until all are answered' announce ms '<= 2.0 x'
        figure_fleet 'control requests a second' requests 1/s ''
    done
    figure "fleet: $nodes nodes, hellos a node until all are connected" "$(share "$(cat "$fleet/noded$nodes.hellos")" "$nodes")" 1 '' '<= 2'
    figure "fleet: $nodes nodes, CPU of the broker at rest, a node and second" "$(cat "$fleet/idle.broker")" us '' ''
    figure "fleet: $nodes nodes, CPU of a light node at rest, a second" "$(cat "$fleet/idle.nodes")" us '' ''
    figure "fleet: $nodes nodes, broker killed, until all are back" "$(cat "$fleet/restart.back")" ms '' '<= 30000'
    figure "fleet: $nodes nodes, hellos a node until all are back" "$(cat "$fleet/restart.hellos")" 1 '' '<= 2'
    figure "fleet: $nodes nodes, most hellos in 100 ms until all are back" "$(cat "$fleet/restart.burst")" 1 '' ''
    figure "fleet: $nodes nodes, a rollout in three waves, 1000 at a time" "$(cat "$fleet/rollout.good")" ms '' ''
    figure "fleet: $nodes nodes, CPU of the broker for it, a node" "$(cat "$fleet/rollout.cpu")" ms '' ''
    figure "fleet: $nodes nodes, hints that a node hears in it" "$(cat "$fleet/rollout.hints")" 1 '' ''
    figure "fleet: $nodes nodes, a bad release halted in the first wave, updated nodes back" "$(cat "$fleet/rollout.halt")" ms '' ''
}
