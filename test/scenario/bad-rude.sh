#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release that prints half a gigabyte, closes its standard descriptors, changes umask and directory, and ignores SIGTERM: the node
# manager stays small, answers, and reports that the launcher had to kill the candidate.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

peak () { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(manager_pid a)/status"; }

broker_start
step_is 40s # longer than the time after which its launcher kills it
nodes_up a
before=$(peak)
refused bad-rude stop 'did not stop when ordered: its launcher had to kill it'
after=$(peak)
most=16384
[ -z "${NODED_STEP:-}" ] || most=262144 # a sanitizer keeps freed memory
[ $((after - before)) -lt $most ] || fail "the node manager grew from $before to $after kB"
check_node a .online
takes_good
