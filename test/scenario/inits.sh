#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# An update and a revert under s6, under runit, and as pid 1 of a name space. A new version is started by the launcher, which keeps its pid
# (restart = exec), or by init (restart = exit).
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

unshare --pid --fork true 2>/dev/null || { echo 'SKIPPED: cannot make a pid name space'; exit 77; }

# The run script is a link to the start file.
start_runit ()
{
    mkdir "$fleet/sv/$1"
    ln -s "$fleet/$1/stable/noded.sh" "$fleet/sv/$1/run"
    term_behind_cont "$fleet/sv/$1"
    runsv "$fleet/sv/$1" >>"$fleet/$1.log" 2>&1 &
    supervisor[$1]=$!
}
start_s6 ()
{
    mkdir "$fleet/sv/$1"
    printf '#!/bin/sh\nexec >>"%s" 2>&1\nexec "%s/stable/noded.sh"\n' "$fleet/$1.log" "$fleet/$1" >"$fleet/sv/$1/run"
    chmod +x "$fleet/sv/$1/run"
    s6-supervise "$fleet/sv/$1" >>"$fleet/$1.log" 2>&1 &
    supervisor[$1]=$!
}
# Acts like a container's restart policy: starts pid 1 again each time it ends, until SIGTERM.
start_pid1 ()
{
    (
        unset stopping
        trap 'stopping=1; kill -TERM $(cat "/proc/$child/task/$child/children")' TERM
        while [ -z "${stopping:-}" ]; do
            unshare --pid --fork --kill-child --mount-proc "$fleet/$1/stable/noded.sh" >>"$fleet/$1.log" 2>&1 &
            child=$!
            while kill -0 "$child" 2>/dev/null; do wait "$child" || true; done
        done
    ) &
    supervisor[$1]=$!
}
launcher_pid () { awk '/^PPid:/ { print $2 }' "/proc/$(manager_pid "$1")/status"; }

broker_start
nodes=()
for restart in exec exit; do
    for init in runit s6 pid1; do
        id=$init-$restart
        node_install "$id"
        sed -i "s/^node\$/node\n    restart = $restart/" "$fleet/$id/node.zpl"
        grep -q "restart = $restart" "$fleet/$id/node.zpl" || fail "the settings have no section node"
        "start_$init" "$id"
        nodes+=("$id")
    done
done
for id in "${nodes[@]}"; do until_node "$id" '.online and .application.state == "idle"'; done
declare -A before
for id in "${nodes[@]}"; do before[$id]=$(launcher_pid "$id"); done
check_other "$(readlink "/proc/${before[pid1-exec]}/ns/pid")" "$(readlink /proc/self/ns/pid)" 'the launcher has no pid name space of its own'

publish noded-2 2.0.0 >/dev/null
for ((i = 0; i < ${#nodes[@]}; i += 2)); do
    ctl update "${nodes[@]:i:2}" || fail "not every update of ${nodes[*]:i:2} was confirmed"
done
for id in "${nodes[@]}"; do
    check_runs "$id" 2.0.0 noded-2
    case $id in
        *-exec) check_equal "$(launcher_pid "$id")" "${before[$id]}" "the pid of the launcher of $id" ;;
        *) check_other "$(launcher_pid "$id")" "${before[$id]}" "init did not restart $id" ;;
    esac
done
ctl revert "${nodes[@]}" || fail 'not every revert succeeded'
for id in "${nodes[@]}"; do check_runs "$id" 1.0.0 noded; done
