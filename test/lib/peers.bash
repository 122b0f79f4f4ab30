# SPDX-License-Identifier: MPL-2.0
# test/lib/peers.bash - light nodes (test/bench/light_node.h), or bare sockets in their place, in processes of $peers_most each. Sourced
# after fleet.bash by bin/bench and by stories. test/bench/peers.h describes their commands and answers.
#
# shellcheck shell=bash
# shellcheck source=test/lib/fleet.bash
: "${fleet:=}" "${port:=}" "${patience:?}"

peers_most=2000
peer_pids=()
peer_in=()
peer_out=()

# peers_start COUNT COMMAND...: starts COUNT peers. In COMMAND, %FIRST becomes the number of the first peer of a process, %COUNT the number of
# its peers.
peers_start ()
{
    local total=$1 first count i=0 in out command
    shift
    for ((first = 1; first <= total; first += peers_most, i++)); do
        count=$((total - first + 1 < peers_most ? total - first + 1 : peers_most))
        command=("${@//%FIRST/$first}")
        command=("${command[@]//%COUNT/$count}")
        mkfifo "$fleet/peers.in" "$fleet/peers.out"
        "${command[@]}" <"$fleet/peers.in" >"$fleet/peers.out" 2>>"$fleet/peers.log" &
        peer_pids[i]=$!
        exec {in}>"$fleet/peers.in" {out}<"$fleet/peers.out"
        rm "$fleet/peers.in" "$fleet/peers.out"
        peer_in[i]=$in
        peer_out[i]=$out
    done
}

# light_start COUNT [OPTION...]: starts light nodes that connect to the broker.
light_start ()
{
    local count=$1
    shift
    peers_start "$count" "$(binary light-nodes)" --port "$port" --first %FIRST --count %COUNT "$@"
}

peers_send ()
{
    local in
    for in in "${peer_in[@]}"; do printf '%s\n' "$1" >&"$in"; done
}

# Prints the combined statistics of all peers: counts are added up, of times the first or the last is taken.
peers_stat ()
{
    local out line lines=''
    peers_send stat
    for out in "${peer_out[@]}"; do
        read -r -t "$patience" -u "$out" line || fail "a process of light nodes does not answer: $(tail -n 3 "$fleet/peers.log")"
        lines+=$line$'\n'
    done
    jq -cs '
        def total ($k): map (.[$k] // 0) | add;
        def first ($k): map (.[$k] | select (. > 0)) | min // 0;
        def last ($k): map (.[$k] // 0) | max;
        (reduce ("hellos", "welcomes", "welcomed", "hints", "hinted", "answers", "answered", "reports", "cpu_ms", "burst", "open",
                 "resting", "held", "taken", "confirmed", "failed", "reverted", "refused") as $k ({}; .[$k] = null)
         | keys) as $sums
        | . as $all
        | reduce $sums[] as $k ({}; .[$k] = ($all | total ($k)))
        | .first_hello = ($all | first ("first_hello")) | .first_hint = ($all | first ("first_hint"))
        | .last_hello = ($all | last ("last_hello")) | .last_hint = ($all | last ("last_hint"))
        | .last_welcome = ($all | last ("last_welcome")) | .last_answer = ($all | last ("last_answer"))
        | .taken_most = ($all | last ("taken_most")) | .now = ($all | last ("now"))
        | .versions = (reduce ($all[] | .versions // {} | to_entries[]) as $v ({}; .[$v.key] += $v.value))' <<<"$lines"
}

# until_peers FILTER: waits until the statistics match the jq filter, and prints them. The peers print them when asked only.
until_peers ()
{
    local last=$((SECONDS + patience)) stat
    until stat=$(peers_stat) && jq -e "$1" >/dev/null <<<"$stat"; do
        [ $SECONDS -lt $last ] || fail "timed out: the peers did not reach $1: $stat"
        sleep 0.1
    done
    printf '%s\n' "$stat"
}

# Ends all peers; they say goodbye.
peers_stop ()
{
    local i
    # Closing their input would not end them: processes started since hold its other end too.
    peers_send quit
    for i in "${!peer_pids[@]}"; do
        wait "${peer_pids[i]}" || fail "a process of light nodes failed: $(tail -n 3 "$fleet/peers.log")"
        eval "exec ${peer_in[i]}>&- ${peer_out[i]}<&-"
    done
    peer_pids=()
    peer_in=()
    peer_out=()
}
