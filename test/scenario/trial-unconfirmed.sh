#!/usr/bin/env bash
# A good release that does not get through its trial in time goes back by itself, and says what was missing.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

node_settings=${node_settings/soak = 300ms/soak = 10m}
node_settings=${node_settings/confirm = 60s/confirm = 8s}
broker_start
nodes_up a
before=$(stable_of a)
release=$(publish noded-2 2.0.0)
expect_status 1 ctl update a
said 'went.back|trial'
check_equal "$(stable_of a)" "$before" 'stable'
check_runs a 1.0.0 noded
until_node a '.state == "idle" and .last_error.step == "trial"'
field a .last_error.reason >"$fleet/said"
said 'soak time'
# The broker is reached again: it was the release.
until_node a ".quarantine | map (.release) | index (\"$release\") != null"
