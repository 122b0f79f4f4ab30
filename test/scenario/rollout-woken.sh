#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A node loses contact after its switch; the rollout halts for it, and is reverted. The broker cannot know whether that node was updated: the
# order to revert waits for it, and when it wakes up the node carries the order out.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

broker_options=(--heartbeat 300ms --liveness "$((5 * factor))s") # a node that answers slowly on a busy machine is not offline
broker_start
nodes_up a b c
publish noded-2 2.0.0 >"$fleet/release"

# The launcher is stopped: a manager that has switched cannot hand over.
launcher=$(ps -o ppid= -p "$(manager_pid a)" | tr -d ' ')
kill -STOP "$launcher"
rollout_start --select a --waves rest --on-halt revert
until_rollout '.phase == "reverting" and (.members[] | select (.node == "a") | .state == "reverting")'
check_node a '.online | not'

check_other "$(stable_of a)" "$(readlink "$fleet/a/.back")" 'the node has not switched'
kill -CONT "$launcher"
until_rollout '.phase == "reverted" and (.members[] | select (.node == "a") | .state == "reverted")'
until_node a '.online and .application.state == "idle"'
check_runs a 1.0.0 noded
check_node a '.application.held | not'
check_equal "$(orders_of a)" 1 'the number of updates of a'

# The node takes part in the next rollout.
rollout_start --waves rest
until_rollout '.phase == "done"'
for id in a b c; do check_runs "$id" 2.0.0 noded-2; done
