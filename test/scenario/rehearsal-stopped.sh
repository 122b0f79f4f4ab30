#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A candidate that stops its process group, or the guard above it, or runs in its own pid name space: each is refused with a reason
# that names the cause, the node manager never waits for a process that does not answer, and there are no leftovers.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
short_step # two of the candidates are late twice
nodes_up a
pid=$(manager_pid a)
refused bad-stopper readiness 'did not announce its readiness' --env HOW=group
refused bad-stopper stop 'its guard was stopped' --env HOW=guards
if unshare --pid true 2>/dev/null; then
    refused bad-pid-space readiness 'PID namespace of its own'
fi
check_equal "$(manager_pid a)" "$pid" 'the node manager'
takes_good
