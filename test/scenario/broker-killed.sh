#!/usr/bin/env bash
# The broker is killed -9 at each step of an update, and stays away until the node has come as far as it can without: started again,
# it knows what it knew, and the update comes to its end.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/moments.bash
. "$here/moments.bash"

missed () { grep -c 'lost contact to' "$fleet/a.log" || true; }
misses_again () { [ "$(missed)" -gt "$1" ]; }
waits () { misses_again "$1" || on_trial; }
on_trial () { jq -se 'last | .step == "trial"' "$fleet/a/var/journal"; }

broker_options=(--heartbeat 300ms)
broker_start
halting_up a
for step in "${steps[@]}"; do
    halt_at a "$step"
    broker_kill
    before=$(missed)
    kill -CONT "$halted"
    case $step in
        matching | confirmed) until_true misses_again "$before" ;;
        fetching) until_true waits "$before" ;; # or it finds all that it needs in a version that is here
        *) until_true on_trial ;;
    esac
    broker_start
    arrived a "a kill of the broker in $step"
    check_node a '.outcome == "confirmed"'
done

# What it knew is known: releases, nodes, and an order that was given just before.
ctl update a --release "${releases[$next]}" --no-wait
broker_kill
broker_start
expect_status 0 ctl releases
said "${releases[1]:0:12}"
arrived a 'a kill of the broker after the order'
