#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A second update is refused while one is under way; the first one is not affected.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
first=$(publish noded-2 2.0.0)
second=$(publish noded 1.0.1 --env 'SECOND=1')
ctl update a --release "$first" --no-wait
expect_status 1 ctl update a --release "$second"
said 'in progress'
until_node a ".application.state == \"idle\" and .application.release == \"$first\""
check_runs a 2.0.0 noded-2
ctl update a --release "$second" || fail 'the second update was not confirmed after the first had ended'
check_node a ".application.release == \"$second\" and .application.previous_release == \"$first\""
