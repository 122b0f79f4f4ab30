#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A good release cannot confirm itself in time, because the soak time of the host is longer than the trial: it is rolled back automatically, and
# the node reports what was missing. The version before it cannot do it either, so no release is quarantined; the order stays until it is
# cancelled.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

node_settings=${node_settings/soak = 300ms/soak = 10m}
node_settings=${node_settings/confirm = 60s/confirm = 4s}
broker_start
nodes_up a
before=$(stable_of a)
publish noded-2 2.0.0 >/dev/null
ctl update a --no-wait >/dev/null
until_node a '.application.state == "idle" and .application.last_error.step == "trial"'
check_equal "$(stable_of a)" "$before" 'stable'
check_runs a 1.0.0 noded
field a .application.last_error.reason >"$fleet/said"
said 'soak time'
until_true grep -q 'the release is not quarantined.*soak time' "$fleet/a.log"
check_node a '.application.quarantined == 0 and .application.last_error.version == "2.0.0"'
expect_status 0 ctl cancel a
until_node a '.application.state == "idle"'
expect_status 1 ctl update a --release "$(publish bad-crash 6.6.6)"
check_node a '.application.quarantined == 1' 'the node after another order'
check_equal "$(quarantine_of a 'map (.version)')" '["6.6.6"]' 'the quarantine after another order'
