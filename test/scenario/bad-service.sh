#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Releases that pass the rehearsal, and in service attack their launcher, restart their own service, or leave processes behind: every
# trial ends, one manager runs in the root, and no process of a version outlives it, except keepers of applications.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

# on_service: reads the script that the release runs in service, as a child of its manager. $manager and $launcher are their pids.
command=$fleet/command
on_service ()
{
    # shellcheck disable=SC2016 # for the shell that runs it
    { echo 'manager=$PPID; launcher=$(awk "/^PPid:/ { print \$2 }" /proc/$manager/status)'; cat; } >"$command"
}
# publish_bad NUMBER: publishes the same program as another release.
publish_bad () { publish bad-command "6.6.$1" --env "BAD_COMMAND=$command"; }
# rolled_back REASON QUARANTINED: checks the node after an update that failed on trial.
rolled_back ()
{
    until_node a '.online and .application.state == "idle" and .application.last_error.step == "trial"'
    check_equal "$(stable_of a)" "$before" 'stable'
    until_true eval "[ \"\$(quarantine_of a 'any (.release == \"$release\")')\" = $2 ]"
    field a .application.last_error.reason >"$fleet/said"
    said "$1"
    check_equal "$(ls -d "$fleet/a"/.back "$fleet/a"/.try.* "$fleet/a"/.trial 2>/dev/null || true)" '' 'leftovers of the trial'
}
# tried NUMBER REASON QUARANTINED: orders such a release; it must be rolled back.
tried ()
{
    before=$(stable_of a)
    release=$(publish_bad "$1")
    expect_status 1 ctl update a
    rolled_back "$2" "$3"
}
alive () { [ -e "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status"; }
all_alive () { local pid; tr ' ' '\n' <"$1" | while read -r pid; do alive "$pid" || fail "process $pid of $1 was ended"; done; }
none_alive () { local pid; tr ' ' '\n' <"$1" | while read -r pid; do ! alive "$pid" || fail "process $pid of $1 is still alive"; done; }

# runs_again: waits until a new manager has started its own process in $fleet/left. The broker may not know yet that the first manager has
# ended.
runs_again ()
{
    until_true manager_pid a
    until_true eval "[ -s '$fleet/left' ] && ! cmp -s '$fleet/left' '$fleet/left.before'"
    until_node a '.online and .application.state == "idle"'
}

broker_start
nodes_up a

say 'the version sends its launcher SIGTERM'
# shellcheck disable=SC2016 # for the shell that runs it
on_service <<<'kill -TERM $launcher; sleep 600'
tried 1 'sent its launcher a signal to stop' true

say 'the version restarts its own service again and again'
# under sanitizers runsv does not send SIGTERM and SIGCONT itself (term_behind_cont)
if [ -n "${NODED_STEP:-}" ]; then
    cp "$fleet/sv/a/control/x" "$fleet/sv/a/control/t"
    printf '#!/bin/sh\nexit 0\n' >"$fleet/sv/a/control/c"
    chmod +x "$fleet/sv/a/control/c"
fi
on_service <<<"[ -e '$fleet/a/.trial' ] && sv restart '$fleet/sv/a'; exit 0"
tried 2 'stopped repeatedly' false
term_behind_cont "$fleet/sv/a"

say 'the keeper of an application, and other processes that are left behind'
mkdir -p "$fleet/a/keepers" "$fleet/a/apps/shop/run"
digest=$(sha256sum <"$(binary stand-in)" | cut -d' ' -f1)
install -m 755 "$(binary stand-in)" "$fleet/a/keepers/$digest"
keepers_end ()
{
    # shellcheck disable=SC2046 # one pid a word
    kill -KILL $(cat "$fleet/kept" 2>/dev/null) 2>/dev/null || true
    rm -rf "$fleet/a/apps/shop" # not a real application: noded verify would report it
}
at_end keepers_end
on_service <<COMMAND
cd '$fleet'
[ -e kept ] || { '$fleet/a/keepers/$digest' keep '$fleet/a/apps/shop/run/lock' '$fleet/kept' & }
until [ -e kept ]; do sleep 0.05; done # a shell cannot wait for a file
rm -f left
(setsid sh -c 'exec >/dev/null 2>&1; echo \$\$ >left.new; mv left.new left; exec sleep 600' &)
until [ -e left ]; do sleep 0.05; done
[ ! -e crash ] || kill -KILL \$manager
COMMAND
touch "$fleet/crash"
tried 3 'crashed' true
none_alive "$fleet/left"
all_alive "$fleet/kept"
rm "$fleet/crash"

say 'the manager is killed'
release=$(publish_bad 4)
ctl update a --release "$release" || fail 'a harmless release was not confirmed'
one=$(manager_pid a)
cp "$fleet/left" "$fleet/left.before"
alive "$(cat "$fleet/left")" || fail 'a process of the running version was ended'
kill -KILL "$one"
until_true eval "! alive $one"
runs_again
none_alive "$fleet/left.before"
all_alive "$fleet/kept"

say 'the launcher is killed; the next launcher ends the processes of the version'
one=$(manager_pid a)
cp "$fleet/left" "$fleet/left.before"
kill -KILL "$(awk '/^PPid:/ { print $2 }' "/proc/$one/status")"
until_true eval "! alive $one"
runs_again
check_equal "$(find /proc -maxdepth 2 -name exe -lname "*$fleet/a/20*/noded" 2>/dev/null | wc -l)" 1 'the number of running managers'
none_alive "$fleet/left.before"
all_alive "$fleet/kept"

say 'the version is reverted'
ctl revert a
none_alive "$fleet/left"
all_alive "$fleet/kept"
check_runs a 1.0.0 noded
