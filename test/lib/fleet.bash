# SPDX-License-Identifier: MPL-2.0
# test/lib/fleet.bash - a small fleet on one machine: a broker, nodes under runit's runsv, and functions to query, wait and check. Sourced
# by the stories of test/scenario, by bin/quickstart and by bin/bench.
#
# All files are below $fleet, a new directory with a short path. fleet_end stops all started programs by pid, and returns 1 if a process or
# a scratch root is left. Every wait has a deadline of $patience seconds.
#
# Every deadline is multiplied by $factor: how many times slower this machine is than an idle one (NODED_LOAD, as bin/test measures it; 1 if a
# story is started by hand), twice that in a build with sanitizers (NODED_STEP=20s).
#
# shellcheck shell=bash

# shellcheck source=test/lib/say.bash
. "$(dirname "${BASH_SOURCE[0]}")/say.bash"

fleet=
port=
broker_pid=
broker_options=()
ctl_options=()
sanitizers=${NODED_STEP:-10s} # the deadline of a rehearsal step; 10 s without sanitizers
factor=$((${NODED_LOAD:-1} * ((${sanitizers%s} + 9) / 10)))
patience=$((${NODED_PATIENCE:-120} * factor))
build=${NODED_BUILD:?}
declare -A supervisor=()

fleet_begin ()
{
    fleet=$(mktemp -d /tmp/nf.XXXXXX)
    mkdir "$fleet/tmp" "$fleet/sv"
    touch "$fleet/begun"
    export TMPDIR=$fleet/tmp
    unset NODED_BROKER NODED_CONFIG
}

# --- the broker ------------------------------------------------------------------------------------------------------------

# ready_start LOG PROGRAM [OPTION...]: starts a program in the background and waits for the line in which it says that it is ready. Its pid is in
# $started, that line in $ready_line. Returns 1 if it ends before, or is not ready in time.
ready_start ()
{
    local log=$1 ready
    shift
    mkfifo "$fleet/ready"
    "$@" >"$fleet/ready" 2>>"$log" &
    started=$!
    exec {ready}<"$fleet/ready"
    rm "$fleet/ready"
    ready_line=
    while [[ $ready_line != ready* ]]; do
        read -r -t "$patience" -u "$ready" ready_line || break
    done
    exec {ready}<&-
    [[ $ready_line == ready* ]] && return
    kill -KILL "$started" 2>/dev/null || true # one that is not ready in time
    wait "$started" 2>/dev/null || true
    return 1
}

# broker_try PORT: starts the broker. Returns 1 if it ends before it is ready.
broker_try ()
{
    local tried=0
    ready_start "$fleet/broker.log" "${broker_program:-$build/noded-broker}" --root "$fleet/broker" --port "$1" "${broker_options[@]}" || tried=$?
    broker_pid=$started
    [ "$tried" = 0 ] || { broker_pid=; return 1; }
    port=$(sed -n 's/^ready announce=[^ ]*:\([0-9]*\) .*/\1/p' <<<"$ready_line")
    is_closed || return 0
    [ -e "$fleet/keys/operator.zpl" ] || key_add operator admin
    export NODED_CONFIG=$fleet/keys/operator.zpl
}

# is_closed: the broker has keys, as it has unless it is started with --insecure.
is_closed () { [[ " ${broker_options[*]} " != *' --insecure '* ]]; }

# Starts the broker on the ports of its last start; the first time on any four consecutive free ports.
broker_start () { broker_try "${port:-0}" || fail "the broker did not become ready: $(tail -n 5 "$fleet/broker.log")"; }

broker_kill ()
{
    kill -KILL "$broker_pid"
    wait "$broker_pid" 2>/dev/null || true
    broker_pid=
}

broker_stop ()
{
    [ -n "$broker_pid" ] || return 0
    kill -TERM "$broker_pid" 2>/dev/null || true
    ended "$broker_pid" || { kill -KILL "$broker_pid"; say "the broker did not stop on SIGTERM" >&2; broker_pid=; return 1; }
    broker_pid=
}

# Runs nodectl, as an administrator. update and revert wait with the common deadline; the arguments may set another one.
ctl ()
{
    local deadline=()
    case ${1:-} in update | revert) deadline=(--timeout "${patience}s") ;; esac
    "$build/nodectl" --broker "127.0.0.1:$port" "${ctl_options[@]}" "${deadline[@]}" "$@"
}

# binary NAME: prints the path of a program of the build. A name with a slash is a path already.
binary ()
{
    local at
    if [[ $1 == */* ]]; then echo "$1"; return; fi
    for at in "$build" "$build/test/bad" "$build/test"; do
        if [ -x "$at/$1" ] && [ ! -d "$at/$1" ]; then echo "$at/$1"; return; fi
    done
    fail "there is no program $1 in $build"
}

# key_add NAME ROLE [OPTION...]: adds a key, as root of the broker's host. Its settings are in $fleet/keys/NAME.zpl.
key_add ()
{
    local name=$1 role=$2
    shift 2
    mkdir -p "$fleet/keys"
    "$build/nodectl" --root "$fleet/broker" keys add "$name" --role "$role" --out "$fleet/keys/$name.zpl" "$@" >"$fleet/said" 2>&1 ||
        fail "the key of $name was not added: $(cat "$fleet/said")"
}
# ctl_as NAME ARGUMENT...: runs nodectl with a key.
ctl_as ()
{
    local name=$1
    shift
    "$build/nodectl" --config "$fleet/keys/$name.zpl" "$@"
}

# publish BINARY VERSION [OPTION...]: publishes a release and prints its digest.
publish ()
{
    local what=$1 version=$2
    shift 2
    ctl publish noded --version "$version" --binary "$(binary "$what")" "$@"
}

# --- nodes -----------------------------------------------------------------------------------------------------------------

# Short enough that a story does not take minutes, long enough for an idle machine. settings_scaled multiplies the deadlines step, ready and
# confirm.
node_settings='
update
    soak = 300ms
    unfit = 60s
rehearsal
    step = 10s
trial
    ready = 10s
    confirm = 60s
    pause = 100ms
'
# settings_scaled: prints node_settings with multiplied deadlines.
settings_scaled ()
{
    awk -v factor="$factor" '
        $1 ~ /^(step|ready|confirm)$/ && $2 == "=" && match ($3, /^[0-9]+/) {
            sub (/= [0-9]+/, "= " substr ($3, 1, RLENGTH) * factor)
        }
        { print }' <<<"${node_settings%$'\n'}"
}

# node_install ID [OPTION...]: installs a node, without a rehearsal.
node_install ()
{
    local id=$1
    shift
    "${node_program:-$build/noded}" install --root "$fleet/$id" --id "$id" --broker "127.0.0.1:$port" --no-rehearsal "$@" \
        >>"$fleet/$id.log" 2>&1 || fail "noded install failed: $(tail -n 5 "$fleet/$id.log")"
    settings_scaled >>"$fleet/$id/node.zpl"
    node_key "$id"
}

# node_key ID: gives a node its key. Its first call while the broker runs makes it.
node_key ()
{
    if [ ! -e "$fleet/keys/$1.zpl" ] && [ -n "$broker_pid" ] && is_closed; then key_add "$1" node; fi
    if [ -e "$fleet/keys/$1.zpl" ] && ! grep -q '^curve' "$fleet/$1/node.zpl"; then
        sed -n '/^curve/,$p' "$fleet/keys/$1.zpl" >>"$fleet/$1/node.zpl"
    fi
}

# term_behind_cont DIRECTORY: makes runsv send SIGTERM after SIGCONT, in a build with sanitizers. By default runsv sends SIGTERM, writes its
# records, and then sends SIGCONT; the records may take longer than the end of a node. LeakSanitizer stops its process at the end, and hangs
# if a SIGCONT continues it.
term_behind_cont ()
{
    [ -n "${NODED_STEP:-}" ] || return 0
    mkdir -p "$1/control"
    printf '#!/bin/sh\nexit 0\n' >"$1/control/t"
    # shellcheck disable=SC2016 # for the shell that runs it
    printf '#!/bin/sh\nread -r pid <supervise/pid && kill -TERM "$pid"\n' >"$1/control/x"
    chmod +x "$1/control/t" "$1/control/x"
}

# node_start ID [COMMAND...]: starts a node under runsv, through a command that prepares its environment, such as env -i.
node_start ()
{
    local id=$1
    shift
    [ -e "$fleet/keys/$id.zpl" ] || node_key "$id" # later its settings are the story's
    mkdir -p "$fleet/sv/$id"
    cat >"$fleet/sv/$id/run" <<RUN
#!/bin/sh
exec >>'$fleet/$id.log' 2>&1
exec $(printf '%q ' "$@" "$fleet/$id/stable/noded.sh")
RUN
    chmod +x "$fleet/sv/$id/run"
    term_behind_cont "$fleet/sv/$id"
    runsv "$fleet/sv/$id" >>"$fleet/$id.log" 2>&1 &
    supervisor[$id]=$!
}

# launcher_kills ID: prints how often the launcher had to kill a version that did not end on SIGTERM.
launcher_kills () { grep -c '^start: .* did not end within' "$fleet/$1.log" || [ $? = 1 ]; }

# node_stop ID: stops a node and waits for its end. Returns 1 if it does not end, or if its launcher has to kill it.
node_stop () { node_term "$1" && node_await "$1"; }

declare -A launcher_kills_before=()
node_term ()
{
    [ -n "$fleet" ] || fail 'there is no fleet: call fleet_begin first'
    [ -n "${supervisor[$1]:-}" ] || return 0
    launcher_kills_before[$1]=$(launcher_kills "$1")
    kill -TERM "${supervisor[$1]}" 2>/dev/null || true
}
node_await ()
{
    local pid=${supervisor[$1]:-}
    [ -n "$pid" ] || return 0
    unset "supervisor[$1]"
    if ended "$pid"; then
        [ "$(launcher_kills "$1")" = "${launcher_kills_before[$1]}" ] && return
        say "node $1 did not stop on SIGTERM: its launcher had to kill it" >&2
        return 1
    fi
    say "node $1 did not stop on SIGTERM; the processes of the fleet:" >&2
    # shellcheck disable=SC2046 # one pid a word
    ps -o pid=,ppid=,stat=,wchan:20=,args= $(fleet_processes) >&2 || true
    kill -KILL "$pid"
    return 1
}

# nodes_up ID...: installs and starts nodes, and waits until they are online.
nodes_up ()
{
    local id
    for id in "$@"; do
        node_install "$id"
        node_start "$id"
    done
    for id in "$@"; do
        until_node "$id" '.online and .application.state == "idle"'
    done
}

# Prints the pid of the node manager of a node: the process whose program is noded in the node's root.
# (In a chroot, the paths of a process with its own mount name space start at the real root.)
manager_pid ()
{
    local pid
    pid=$(find /proc -maxdepth 2 -name exe -lname "*$fleet/$1/20*/noded" -printf '%h\n' 2>/dev/null | head -n 1 || true)
    [ -n "$pid" ] && echo "${pid#/proc/}"
}

node_json () { ctl status "$1" --json; }
field () { node_json "$1" | jq -r "$2"; }
stable_of () { readlink "$fleet/$1/stable"; }

# --- waiting and checking --------------------------------------------------------------------------------------------------

# What changes in a node, a log or /proc sends a shell no event: the functions below check again after a pause. A program that prints a line
# when it is ready is waited for without a pause: ready_start.

# ended PID: waits for the end of a child. Returns 1 after 30 s, multiplied. (wait has no deadline.)
ended ()
{
    local last=$((SECONDS + 30 * factor))
    while kill -0 "$1" 2>/dev/null; do
        [ $SECONDS -lt $last ] || return 1
        sleep 0.05
    done
    wait "$1" 2>/dev/null || true
}

# nap: the pause between two checks; longer after ten of them, because a check may cost more than the work that it waits for. The caller sets
# $tries to 0.
nap ()
{
    tries=$((tries + 1))
    if [ "$tries" -lt 10 ]; then sleep 0.05; else sleep 0.2; fi
}

# until_node ID FILTER: waits until the node's JSON matches the jq filter.
until_node ()
{
    local last=$((SECONDS + patience)) tries=0
    until node_json "$1" 2>/dev/null | jq -e "$2" >/dev/null 2>&1; do
        [ $SECONDS -lt $last ] || { node_json "$1" >&2 || true; fail "timed out: node $1 did not reach: $2"; }
        nap
    done
}

# until_true COMMAND...
until_true ()
{
    local last=$((SECONDS + patience)) tries=0
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $last ] || fail "timed out waiting for: $*"
        nap
    done
}

# check_node ID FILTER [WHEN]
check_node ()
{
    node_json "$1" | jq -e "$2" >/dev/null || { node_json "$1" >&2; fail "node $1 does not match: $2${3:+ (after $3)}"; }
}
# quarantine_of NODE [FILTER]: the quarantine of a node as the broker has it, as compact JSON.
quarantine_of () { ctl quarantine list "$1" --json | jq -c "${2:-.}"; }
# until_quarantined NODE RELEASE: waits until the broker knows that the release is quarantined on the node, which sends its list after its state.
is_quarantined () { [ "$(quarantine_of "$1" "any (.release == \"$2\")")" = true ]; }
until_quarantined () { until_true is_quarantined "$@"; }
check_equal () { [ "$1" = "$2" ] || fail "$3: '$1' is not '$2'"; }
# check_other ONE ANOTHER WHAT: fails if both are equal, or one is empty: an empty value is the output of a command that failed.
check_other () { { [ -n "$1" ] && [ -n "$2" ] && [ "$1" != "$2" ]; } || fail "$3: '$1' and '$2'"; }

# expect_status STATUS COMMAND...: checks the exit status of a command. Its output is in $fleet/said.
expect_status ()
{
    local wanted=$1 got=0
    shift
    "$@" >"$fleet/said" 2>&1 || got=$?
    [ "$got" = "$wanted" ] || { cat "$fleet/said" >&2; fail "exit status $got instead of $wanted: $*"; }
}
said () { grep -qiE -- "$1" "$fleet/said" || { cat "$fleet/said" >&2; fail "no output matches: $1"; }; }

# check_runs ID VERSION BINARY: checks that the node reports this program, runs it, and has it on its disk.
check_runs ()
{
    local id=$1 version=$2 digest pid
    digest=$(sha256sum <"$(binary "$3")" | cut -d' ' -f1)
    check_node "$id" ".application.version == \"$version\" and .application.binary == \"$digest\""
    check_equal "$(sha256sum <"$fleet/$id/stable/noded" | cut -d' ' -f1)" "$digest" "the program behind stable of $id"
    pid=$(manager_pid "$id") || fail "no node manager runs for $id"
    check_equal "$(sha256sum <"/proc/$pid/exe" | cut -d' ' -f1)" "$digest" "the program that runs for $id"
}

# --- the end ---------------------------------------------------------------------------------------------------------------

# Prints the pids of the processes of this fleet, except this shell. Without a fleet all processes would match.
fleet_processes ()
{
    local file pid
    for file in /proc/[0-9]*/cmdline; do
        pid=${file#/proc/}
        pid=${pid%/cmdline}
        if [ "$pid" = $$ ] || [ "$pid" = "$BASHPID" ]; then continue; fi
        if [[ $(readlink "/proc/$pid/exe" 2>/dev/null) == *"$fleet"/* ]] || grep -qzaF "$fleet" "$file" 2>/dev/null ||
            grep -qzaF "=$fleet/" "/proc/$pid/environ" 2>/dev/null; then
            echo "$pid"
        fi
    done
}

# stale_sockets DIRECTORY...: prints the directories whose sockets have no listener. A probe's sockets are outside the root. Another fleet
# makes and removes such directories too, and links to them. So only a directory that stays, and has no link from another fleet, is a leftover.
stale_sockets ()
{
    local directory
    for directory in "$@"; do
        if [ -d "$directory" ] && [ "$directory" -nt "$fleet/begun" ] && ! grep -qF "$directory/" /proc/net/unix &&
            [ -z "$(find /tmp/nf.* -path "$fleet" -prune -o -name .sockets -lname "$directory" -print -quit 2>/dev/null)" ]; then
            echo "$directory"
        fi
    done
}

fleet_end ()
{
    local id status=0 last pid left sockets
    [ -n "$fleet" ] || fail 'there is no fleet: call fleet_begin first'
    for id in "${!supervisor[@]}"; do node_term "$id"; done
    for id in "${!supervisor[@]}"; do node_await "$id" || status=1; done
    broker_stop || status=1
    last=$((SECONDS + 10 * factor)) # these processes are no children of this shell: it cannot wait for them
    mapfile -t sockets < <(stale_sockets /tmp/noded-??????)
    until [ -z "$(fleet_processes; stale_sockets "${sockets[@]}")" ]; do
        [ $SECONDS -lt $last ] || break
        sleep 0.05
    done
    for pid in $(fleet_processes); do
        [ -r "/proc/$pid/cmdline" ] || continue
        say "a process is left: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" >&2
        kill -KILL "$pid" 2>/dev/null || true
        status=1
    done
    left=$(find "$fleet"/*/probe -mindepth 1 -maxdepth 1 2>/dev/null; find "$fleet/tmp" -mindepth 1 -maxdepth 1; stale_sockets "${sockets[@]}")
    [ -z "$left" ] || { say "a scratch root is left: $left" >&2; status=1; }
    return "$status"
}

# Prints the end of every log, to find the cause of a failure.
fleet_logs ()
{
    local log
    for log in "$fleet"/*.log; do
        [ -s "$log" ] || continue
        printf -- '--- %s\n' "${log##*/}" >&2
        tail -n 60 "$log" >&2
    done
}

# Removes the files of the fleet. What a story has mounted is unmounted first, the innermost mounts before the others.
fleet_remove ()
{
    local mount
    [ -n "$fleet" ] || return 0
    while read -r mount; do
        umount -l "$mount"
    done < <(awk -v begin="$fleet/" 'index ($2, begin) == 1 { print $2 }' /proc/mounts | sort -r)
    rm -rf "$fleet"
}
