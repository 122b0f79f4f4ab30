#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release passes the whole rehearsal and hangs on trial: the launcher rolls back automatically.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

node_settings=${node_settings/ready = 10s/ready = 3s}
broker_start
nodes_up a
before=$(stable_of a)
release=$(publish bad-trial 6.6.6)
expect_status 1 ctl update a
said 'rolled.back|trial'
check_equal "$(stable_of a)" "$before" 'stable'
check_runs a 1.0.0 noded
check_node a '.application.state == "idle" and .application.last_error.step == "trial" and .application.last_error.reason != ""'
check_equal "$(ls -d "$fleet/a"/.back "$fleet/a"/.try.* 2>/dev/null || true)" '' 'leftovers of the trial'
expect_status 0 "$build/noded" quarantine list --root "$fleet/a"
said "${release:0:12}"

expect_status 1 ctl update a --release "$release"
said 'quarantine'
ctl quarantine clear a || fail 'the quarantine could not be cleared'
expect_status 0 ctl quarantine list a
said 'nothing is quarantined'
publish noded-2 2.0.0 >"$fleet/release"
ctl update a || fail 'the good update was not confirmed'
check_runs a 2.0.0 noded-2
