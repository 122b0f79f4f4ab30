#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A node manager gets SIGTERM while a job of its update hangs, as on a disk that does not answer: it says goodbye and ends before its launcher
# would kill it, and the next start carries the order out.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/moments.bash
. "$here/moments.bash"

said_goodbye () { [ "$(grep -c 'info node a disconnected: closed' "$fleet/broker.log")" -gt "$before" ]; }

broker_start
halting_up a
before=$(grep -c 'info node a disconnected: closed' "$fleet/broker.log" || true)
order_halting a job
until_true [ -s "$fleet/a.halted" ]
manager=$(cat "$fleet/a.halted")
until_node a '.application.state == "staging"'
kill -TERM "$(awk '/^PPid:/ { print $2 }' "/proc/$manager/status")"
until_true [ ! -e "/proc/$manager" ]
until_true said_goodbye
check_equal "$(launcher_kills a)" 0 'how often the launcher had to kill the manager'
arrived a 'a stop while a job hung'
