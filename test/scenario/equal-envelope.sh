#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# An order for the envelope that already runs: nothing is done.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
publish noded-2 2.0.0 >"$fleet/release"
ctl update a || fail 'the update was not confirmed'
before=$(stable_of a)
pid=$(manager_pid a)
expect_status 0 ctl update a
check_equal "$(publish noded-2 2.0.0)" "$(cat "$fleet/release")" 'the digest of the same release'
expect_status 0 ctl update a
check_equal "$(stable_of a)" "$before" 'stable'
check_equal "$(manager_pid a)" "$pid" 'the pid of the node manager'
check_runs a 2.0.0 noded-2
