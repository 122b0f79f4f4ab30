#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Guard and probe are killed -9 at each step of a rehearsal: no release is quarantined, there are no leftovers, and the update finishes.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/moments.bash
. "$here/moments.bash"

found () { mapfile -t pids < <("$@"); [ ${#pids[@]} -gt 0 ]; }

broker_start
halting_up a
for step in "${rehearsal_steps[@]}"; do
    for what in probe guard; do
        if [ "$what" = guard ] && [ "$step" != probing/hand-over ]; then continue; fi
        halt_at a "$step"
        until_true found "${what}s_of" a # the process may not have started yet
        for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done # a process may have ended with another one
        kill -CONT "$halted"
        arrived a "a kill of the $what in $step"
    done
done
