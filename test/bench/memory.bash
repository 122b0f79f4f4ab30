# SPDX-License-Identifier: MPL-2.0
# test/bench/memory.bash: bin/bench memory. Sourced by bin/bench.
#
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2164 # variables of bin/bench, which runs with set -e

resident () { awk '/^VmRSS:/ { printf "%.2f\n", $2 / 1000 }' "/proc/$1/status"; }
switches () { cat "/proc/$1/task"/*/status | awk '/^voluntary_ctxt_switches:/ { n += $2 } END { print n }'; }

bench_memory ()
{
    local run pid parent reference before
    for ((run = 0; run < runs; run++)); do
        node_stop a
        node_start a
        until_node a '.online and .application.state == "idle"'
        pid=$(manager_pid a)
        parent=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")
        mkfifo "$fleet/hold" "$fleet/answers"
        "$bare" "$port" <"$fleet/hold" >"$fleet/answers" &
        reference=$!
        exec {hold}>"$fleet/hold" {answers}<"$fleet/answers"
        read -r -t "$patience" -u "$answers" _
        resident "$pid" >>"$fleet/memory.manager"
        resident "$parent" >>"$fleet/memory.launcher"
        resident "$reference" >>"$fleet/memory.bare"
        exec {hold}>&- {answers}<&-
        wait "$reference"
        rm "$fleet/hold" "$fleet/answers"
    done
    figure 'memory: idle manager' "$(median <"$fleet/memory.manager")" MB "$(median <"$fleet/memory.bare")" '<= 10'
    figure 'memory: launcher' "$(median <"$fleet/memory.launcher")" MB '' '<= 1'
    # A fixed time, in which wake-ups are counted.
    before=$(switches "$pid")
    sleep 30
    figure 'memory: wake-ups of the idle manager a minute' "$((($(switches "$pid") - before) * 2))" 1 '' ''
}
