#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# On a busy host a good release is late in its rehearsal: the rehearsal is repeated once before the release is quarantined. Here the processes
# of the probes are stopped until the first rehearsal has missed its deadline.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
short_step

late () { grep -q 'was late in its rehearsal .*trying it once more' "$fleet/a.log"; }
signal_probes ()
{
    find /proc -maxdepth 2 -name exe -lname "*$fleet/a/probe/*/noded" -printf '%h\n' 2>/dev/null | sed 's,/proc/,,' | xargs -r kill "-$1"
}
stop_probes () { signal_probes STOP; late; }

broker_start
nodes_up a
release=$(publish noded-2 2.0.0)
ctl update a --no-wait >"$fleet/said"
until_true stop_probes
signal_probes CONT || true # the second rehearsal may have started by then
until_node a ".application.state == \"idle\" and .application.release == \"$release\""
check_node a '.outcome == "confirmed" and .application.quarantined == 0 and .application.last_error == null'
