#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A user reverts on the host at each step of an update, while the manager is at work: the previous version runs, the node stays held,
# and the broker is informed.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/moments.bash
. "$here/moments.bash"

broker_start
halting_up a
ctl update a --release "${releases[2]}" || fail 'the first update was not confirmed'
next=1
for step in "${steps[@]}"; do
    halt_at a "$step"
    runs=$(field a .application.version)
    before=$(readlink "/proc/$halted/exe")
    expect_status 0 "$build/noded" revert --root "$fleet/a"
    kill -CONT "$halted" 2>/dev/null || true # the launcher may have ended it already
    until_true [ ! -e "/proc/$halted" ]
    rm -f "$fleet/a.halt"
    until_node a '.online and .application.held and .application.state == "idle" and .application.epoch == .desired_epoch'
    [ "$step" = restarting ] ||
        check_other "$(readlink "/proc/$(manager_pid a)/exe")" "$before" "the version that ran before the revert in $step ($runs) still runs"
    check_equal "$(readlink "/proc/$(manager_pid a)/exe")" "$(realpath "$fleet/a/stable/noded")" "the program that runs after a revert in $step"
    check_equal "$(find "$fleet/a" -maxdepth 1 -name '.back' -o -maxdepth 1 -name '.try.*')" '' "leftovers of the trial after a revert in $step"
    check_node a '.application.quarantined == 0' "a revert in $step"
    [ "$step" = confirmed ] || # the last outcome is confirmed then
        check_node a '.outcome == "reverted" and .outcome_step == "revert" and (.outcome_reason | test ("by noded revert on this host"))' "a revert in $step"
    expect_status 1 ctl update a --release "${releases[$next]}"
    said held
    ctl unhold a || fail 'the hold could not be ended'
    until_node a '(.application.held | not) and .application.epoch == .desired_epoch'
    if [ "$(field a .application.version)" = 1.0.0 ]; then next=2; else next=1; fi
done
expect_status 0 ctl why a
said 'because it was reverted on 20.*: by noded revert on this host'
said 'by noded revert on this host'
