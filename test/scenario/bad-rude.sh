#!/usr/bin/env bash
# A release that prints half a gigabyte, closes its standard descriptors, changes umask and directory, and ignores SIGTERM: the node
# manager stays small and answers, and tells that the launcher ended it.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

peak () { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(manager_pid a)/status"; }

broker_start
step_is 40s # longer than its launcher gives it
nodes_up a
before=$(peak)
refused bad-rude stop 'did not stop when ordered: its launcher had to kill it'
after=$(peak)
most=16384
[ -z "${NODED_STEP:-}" ] || most=262144 # a sanitizer keeps what was freed
[ $((after - before)) -lt $most ] || fail "the node manager grew from $before to $after kB"
check_node a .online
takes_good
