#!/usr/bin/env bash
# The broker is killed in the middle of an update and started again: the update comes to its end.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a b
release=$(publish noded-2 2.0.0)
for moment in matching probing trial; do
    ctl update a --release "$release" --no-wait
    until_node a ".state == \"$moment\" or .release == \"$release\" or .state == \"confirmed\""
    broker_kill
    broker_start
    until_node a ".online and .state == \"idle\" and .release == \"$release\""
    check_runs a 2.0.0 noded-2
    ctl revert a || fail 'the revert did not come to its end'
    ctl unhold a || fail 'the hold could not be ended'
done

# What it knew is known: releases, nodes, and an order that was given just before.
ctl update b --release "$release" --no-wait
broker_kill
broker_start
expect_status 0 ctl releases
said "${release:0:12}"
until_node b ".online and .state == \"idle\" and .release == \"$release\""
