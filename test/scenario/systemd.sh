#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The messages on systemd's notify socket: ready, watchdog and stopping, from the node manager only and never from a probe. The main process
# stays the launcher across an update. The unit that `noded install --systemd` prints is valid.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

listener=
heard () { [ "$(grep -cE -- "$1" "$fleet/heard")" -ge "${2:-1}" ]; }

"$(binary notify-listener)" "$fleet/notify" >"$fleet/heard" &
listener=$!
listener_end () { kill "$listener"; }
at_end listener_end
until_true [ -S "$fleet/notify" ]

broker_start
node_install a
export NOTIFY_SOCKET=$fleet/notify WATCHDOG_USEC=400000
node_start a
unset NOTIFY_SOCKET WATCHDOG_USEC
until_node a '.online and .application.state == "idle"'
first=$(manager_pid a)
launcher=$(awk '/^PPid:/ { print $2 }' "/proc/$first/status")
until_true heard "^$first READY=1"
until_true heard "^$first STATUS="
until_true heard "^$first WATCHDOG=1" 3

publish noded-2 2.0.0 >/dev/null
ctl update a || fail 'the update was not confirmed'
second=$(manager_pid a)
until_true heard "^$second READY=1"
until_true heard "^$second WATCHDOG=1" 3
check_equal "$(awk '/^PPid:/ { print $2 }' "/proc/$second/status")" "$launcher" 'the main process'
expect_status 0 "$build/noded" revert --root "$fleet/a"
until_node a '.online and .application.version == "1.0.0" and .application.held'
third=$(manager_pid a)
until_true heard "^$third READY=1"
check_equal "$(awk '/^PPid:/ { print $2 }' "/proc/$third/status")" "$launcher" 'the main process'
! heard 'STOPPING=1' || fail 'STOPPING=1 was sent although the service only changed its version'
node_stop a
until_true heard "^$third STOPPING=1"
check_equal "$(cut -d' ' -f1 "$fleet/heard" | sort -u | tr '\n' ' ')" "$(printf '%s\n' "$first" "$second" "$third" | sort | tr '\n' ' ')" 'the processes that sent messages to systemd'
! heard 'MAINPID' || fail 'systemd was sent another main process'

"$build/noded" install --root "$fleet/b" --id b --broker "127.0.0.1:$port" --no-rehearsal --systemd >"$fleet/noded.service" 2>"$fleet/b.log"
systemd-analyze verify --man=no "$fleet/noded.service" >"$fleet/said" 2>&1 || { cat "$fleet/said" >&2; fail 'systemd-analyze rejects the unit'; }
! grep -q noded "$fleet/said" || { cat "$fleet/said" >&2; fail 'systemd-analyze prints a warning about the unit'; }
