#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Releases that pass the rehearsal and fail in service: they crash at each start on trial, or hang after they are ready. The launcher rolls
# back automatically.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

# rolls_back BINARY REASON: updates node a to such a release, and checks the rollback.
rolls_back ()
{
    local binary=$1 reason=$2 before release
    before=$(stable_of a)
    release=$(publish "$binary" 6.6.6)
    expect_status 1 ctl update a
    until_node a ".online and .application.state == \"idle\" and .application.last_error.step == \"trial\""
    until_quarantined a "$release"
    check_equal "$(stable_of a)" "$before" "stable after $binary"
    check_runs a 1.0.0 noded
    field a .application.last_error.reason >"$fleet/said"
    said "$reason"
    check_equal "$(ls -d "$fleet/a"/.back "$fleet/a"/.try.* 2>/dev/null || true)" '' 'leftovers of the trial'
}

node_settings=${node_settings/confirm = 60s/confirm = 6s}
broker_start
nodes_up a
rolls_back bad-trial-crash 'crashed'
rolls_back bad-trial-stuck 'never confirmed'
takes_good
