#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A host on which no scratch root can be made: the order is kept, nodectl and noded show when it is tried again, also after a restart of
# the manager, and it is carried out without help when the host is fit. A newer order is carried out at once.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/rollouts.bash
. "$here/rollouts.bash"

apart "$0"
broker_start
node_settings=${node_settings/unfit = */unfit = 1s}
nodes_up a b
node_stop a
sed -i 's/unfit = .*/unfit = 30m/' "$fleet/a/node.zpl"
node_start a
release=$(publish noded-2 2.0.0)
for id in a b; do mount -t tmpfs -o ro noded "$fleet/$id/probe" || skip "cannot mount a file system on $fleet/$id/probe"; done
expect_status 1 ctl update a --release "$release"
said 'tried again automatically at 20'
check_node a '.application.state == "unfit" and .application.retry != null and .application.quarantined == 0 and .application.epoch < .desired_epoch and .outcome == null'
retry=$(field a .application.retry)
expect_status 0 ctl status a
said '^next try +20'
expect_status 0 "$build/noded" status --root "$fleet/a"
said "unfit 1 times: the update is retried at $retry"

say 'a restart of the manager'
kill -KILL "$(manager_pid a)"
until_node a ".online and .application.state == \"unfit\" and .application.retry == \"$retry\""

say 'a newer order'
until_true umount "$fleet/a/probe" # the node may use it at this moment
ctl update a --release "$release" || fail 'the newer order was not carried out'
check_runs a 2.0.0 noded-2
check_node a '.application.retry == null'

say 'the retry, without help'
ctl update b --release "$release" --no-wait >"$fleet/said"
until_true grep -q 'unfit (2 times' "$fleet/b.log"
until_true umount "$fleet/b/probe"
until_node b ".application.state == \"idle\" and .application.release == \"$release\" and .outcome == \"confirmed\""

say 'in a rollout'
mount -t tmpfs -o ro noded "$fleet/b/probe"
release=$(publish noded 2.1.0 --env FIT=yes)
rollout_start --release "$release" --select b --waves rest
until_rollout '.waiting_for | test ("1 on unfit hosts \\(b: probing/.*; next try at 20")'
expect_status 0 ctl rollout status "$rollout" --nodes
said 'b +ordered .* unfit '
umount "$fleet/b/probe"
until_rollout '.phase == "done" and .waves[0].updated == 1 and .waves[0].failed == 0'
