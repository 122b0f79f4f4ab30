# For stories in which something happens to a node exactly when a step of its update has begun: the node runs noded-halting
# (test/bad/halting.c), which stops itself there.
#
# shellcheck disable=SC2034,SC2154 # what is set here is used by the stories, and the other way round
# shellcheck shell=bash

# Of a whole update, in its order. trial and confirmed are moments of the new version.
steps=(matching fetching staging probing switching restarting trial confirmed)
rehearsal_steps=(probing/readiness probing/update probing/hand-over probing/revert probing/stop)
# Under sanitizers, which look for other faults, a part of them will do.
if [ -n "${NODED_STEP:-}" ]; then
    steps=(fetching switching trial)
    rehearsal_steps=(probing/hand-over)
fi
node_settings=${node_settings/soak = 300ms/soak = 50ms}
# A rehearsal that a busy machine makes slow would be held against the release, and these are good.
node_settings=${node_settings/step = 10s/step = 30s}

# halting_up ID: runs noded-halting; leaves its two releases in ${releases[1]} and ${releases[2]}.
halting_up ()
{
    node_program=$(binary noded-halting-1)
    nodes_up "$1"
    releases[1]=$(publish noded-halting-1 1.0.0)
    releases[2]=$(publish noded-halting-2 2.0.0)
    next=2
}

# order_halting ID MOMENT [COUNT]: orders the update to the version that does not run. The manager will stop itself at the moment.
order_halting ()
{
    rm -f "$fleet/$1.halted"
    echo "$2 ${3:-1}" >"$fleet/$1.halt"
    ctl update "$1" --release "${releases[$next]}" --no-wait >/dev/null
}
# until_halted ID: leaves the pid of the manager in $halted.
until_halted ()
{
    until_true [ -s "$fleet/$1.halted" ]
    halted=$(cat "$fleet/$1.halted")
    until_true grep -qs '^State:.[Tt]' "/proc/$halted/status"
}
halt_at () { order_halting "$@" && until_halted "$1"; }

# arrived ID WHAT: the update that was ordered last comes to its good end; nothing is held against anybody, nothing is left.
arrived ()
{
    rm -f "$fleet/$1.halt"
    until_node "$1" ".online and .state == \"idle\" and .release == \"${releases[$next]}\" and .transaction == .desired_transaction"
    check_node "$1" '.quarantine == [] and .last_error == null' "$2"
    check_equal "$(find "$fleet/$1/probe" -mindepth 1)" '' "what is left of a rehearsal after $2"
    check_equal "$(find "$fleet/$1" -maxdepth 1 -name '.back' -o -maxdepth 1 -name '.try.*')" '' "what is left of the trial after $2"
    next=$((3 - next))
}

# The pids of the guards and of the probes of a node.
guards_of () { find /proc -maxdepth 2 -name exe -lname "*$fleet/$1/20*/start" -printf '%h\n' 2>/dev/null | sed 's,/proc/,,'; }
probes_of () { find /proc -maxdepth 2 -name exe -lname "*$fleet/$1/probe/*/noded" -printf '%h\n' 2>/dev/null | sed 's,/proc/,,'; }
