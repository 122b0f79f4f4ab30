#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A second manager in a root is refused, and so is a second node with the same id.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
pid=$(manager_pid a)
expect_status 75 "$fleet/a/stable/noded.sh"
check_equal "$(manager_pid a)" "$pid" 'the pid of the node manager'
expect_status 75 "$build/noded-broker" --root "$fleet/broker" --port 0

node_install twin
sed -i 's/^\( *id *= *\).*/\1a/' "$fleet/twin/node.zpl"
sed -i 's/"twin"/"a"/' "$fleet/twin/node.zpl"
node_start twin
until_true grep -q 'the origin refuses this node' "$fleet/twin.log"
check_node a '.online and .application.state == "idle"'
