#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The broker is killed -9 at each step of an update, and stays away until the node has continued as far as it can without a broker. After its
# restart the broker has its records, and the update finishes.
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
        fetching) until_true waits "$before" ;; # or the node finds all blobs in a version that it has
        *) until_true on_trial ;;
    esac
    broker_start
    arrived a "a kill of the broker in $step"
    check_node a '.outcome == "confirmed"'
done

# The records are intact: releases, nodes, and an order that was acknowledged just before the kill.
ctl update a --release "${releases[$next]}" --no-wait
broker_kill
broker_start
expect_status 0 ctl releases
said "${releases[1]:0:12}"
arrived a 'a kill of the broker after the order'
