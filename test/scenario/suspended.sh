#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A host sleeps for longer than every deadline, at rest, in a rehearsal and on trial: no release is charged for it.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

step=3
[ -z "${NODED_STEP:-}" ] || step=5
node_settings=$(sed "s/step = .*/step = ${step}s/; s/ready = .*/ready = ${step}s/" <<<"$node_settings")
broker_options=(--heartbeat 300ms)
broker_start
nodes_up a
publish noded-2 2.0.0 >"$fleet/release"

processes () { find /proc -maxdepth 2 -name exe -lname "*$fleet/a/*" 2>/dev/null | cut -d/ -f3; }
# sleeps SECONDS: stops every process of the node for this time, the manager first, because it measures the deadlines of the others. The time
# itself is what is tested.
sleeps ()
{
    local pid stopped=("$(manager_pid a)")
    kill -STOP "${stopped[0]}"
    for pid in $(processes) $(processes); do kill -STOP "$pid" 2>/dev/null && stopped+=("$pid"); done
    sleep "$1"
    for pid in "${stopped[@]}"; do kill -CONT "$pid" 2>/dev/null || true; done
}

say 'the host sleeps at rest'
sleeps 1.5
until_node a '.online and .application.state == "idle"'

say 'the host sleeps during a rehearsal'
journal_mark a
ctl update a >"$fleet/updating" 2>&1 &
updating=$!
at_step a probing
thaw a
until_true eval "[ -n \"\$(find '$fleet/a/probe' -name .lock)\" ]"
sleeps $((step * factor + 2))
until_true grep -q 'suspended: the deadline of the step [a-z-]* starts again' "$fleet/a.log"

say 'the host sleeps on trial'
at_step a trial
sleeps $((step * factor + 2))
wait "$updating" || { cat "$fleet/updating"; fail 'the update was not confirmed'; }
check_runs a 2.0.0 noded-2
check_node a '.application.quarantined == 0'
