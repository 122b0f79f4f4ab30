# SPDX-License-Identifier: MPL-2.0
# test/scenario/moments.bash - for stories that act on a node exactly when a step of its update has started. The node runs noded-halting
# (test/bad/halting.c), which stops itself at that moment.
#
# shellcheck disable=SC2034,SC2154 # this file and the stories use each other's variables
# shellcheck shell=bash

# The moments of a complete update, in order. trial and confirmed are moments of the new version.
steps=(matching fetching staging probing switching restarting trial confirmed)
rehearsal_steps=(probing/readiness probing/update probing/hand-over probing/revert probing/stop)
# Under sanitizers, which look for other faults, fewer moments are enough.
if [ -n "${NODED_STEP:-}" ]; then
    steps=(fetching switching trial)
    rehearsal_steps=(probing/hand-over)
fi
node_settings=${node_settings/soak = 300ms/soak = 50ms}
# These releases are good: a busy machine must not make them fail their rehearsal.
node_settings=${node_settings/step = 10s/step = 30s}

# halting_up ID: starts a node that runs noded-halting. Its two releases are in ${releases[1]} and ${releases[2]}.
halting_up ()
{
    node_program=$(binary noded-halting-1)
    nodes_up "$1"
    releases[1]=$(publish noded-halting-1 1.0.0)
    releases[2]=$(publish noded-halting-2 2.0.0)
    next=2
}

# order_halting ID MOMENT [COUNT]: orders the update to the release that does not run. The manager stops itself at the moment.
order_halting ()
{
    rm -f "$fleet/$1.halted"
    echo "$2 ${3:-1}" >"$fleet/$1.halt"
    ctl update "$1" --release "${releases[$next]}" --no-wait >/dev/null
}
# until_halted ID: waits until the manager has stopped itself. Its pid is in $halted.
until_halted ()
{
    until_true [ -s "$fleet/$1.halted" ]
    halted=$(cat "$fleet/$1.halted")
    until_true grep -qs '^State:.[Tt]' "/proc/$halted/status"
}
halt_at () { order_halting "$@" && until_halted "$1"; }

# arrived ID WHAT: waits until the last ordered update has succeeded. Nothing may be quarantined, and no leftovers may remain.
arrived ()
{
    rm -f "$fleet/$1.halt"
    until_node "$1" ".online and .application.state == \"idle\" and .application.release == \"${releases[$next]}\" and .application.transaction == .desired_transaction"
    check_node "$1" '.application.quarantined == 0 and .application.last_error == null' "$2"
    check_equal "$(find "$fleet/$1/probe" -mindepth 1)" '' "leftovers of the rehearsal after $2"
    check_equal "$(find "$fleet/$1" -maxdepth 1 -name '.back' -o -maxdepth 1 -name '.try.*')" '' "leftovers of the trial after $2"
    next=$((3 - next))
}

# The pids of the guards and of the probes of a node. A launcher is the same program as a guard, without arguments.
programs_of () { find /proc -maxdepth 2 -name exe -lname "$1" -printf '%h\n' 2>/dev/null | sed 's,/proc/,,'; }
guards_of ()
{
    local pid
    for pid in $(programs_of "*$fleet/$1/20*/start"); do
        if tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q ' guard '; then echo "$pid"; fi
    done
}
probes_of () { programs_of "*$fleet/$1/probe/*/noded"; }
