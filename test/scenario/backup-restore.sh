#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The broker's records are copied while a rollout runs, the broker's host is lost, and a broker starts from the copy: nodes reconnect, no
# epoch is issued twice, the rollout waits until an operator resumes it, and continues from the real state of its nodes.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_options=(--heartbeat 300ms --liveness "$((10 * factor))s") # a node that restarts slowly on a busy machine is not lost
broker_start
nodes_up a b c d
release=$(publish noded-2 2.0.0)
ctl label a role=web
updated () { ctl nodes --json | jq -e "map (select (.application.version == \"2.0.0\" and .application.state == \"idle\")) | length == $1"; }

say 'a copy in the middle of a rollout'
ctl rollout start --release "$release" --waves '1, 1, rest' --soak 1500ms --no-wait >"$fleet/start"
until_true updated 1
expect_status 0 ctl backup "$fleet/copy"
said '^[1-9][0-9]* journal heads; fleet hash [0-9a-f]{64}$'
expect_status 1 ctl backup "$fleet/copy" # the file exists already
until_true updated 2
epoch=$(ctl nodes --json | jq 'map (.desired_epoch) | max')

say 'the host is lost'
broker_kill
mv "$fleet/broker" "$fleet/lost"
expect_status 1 "$build/noded-broker" --root "$fleet/lost" --restore "$fleet/copy"
said 'broker.db exists'
head -c 5000 /dev/urandom >"$fleet/noise"
expect_status 1 "$build/noded-broker" --root "$fleet/broker" --restore "$fleet/noise"
said 'not a database'
expect_status 0 "$build/noded-broker" --root "$fleet/broker" --restore "$fleet/copy"
said '4 nodes, 1 releases, 1 rollouts paused; the copy is from 20'
cp -a "$fleet/lost/blobs" "$fleet/lost/broker.key" "$fleet/broker/"
broker_start

say 'all nodes are online, and the rollout is paused'
for id in a b c d; do until_node "$id" .online; done
check_node a '.labels == [{"name": "role", "value": "web", "own": false}]'
check_equal "$(ctl rollout status --json | jq -c '[.paused, .over]')" '[true,false]' 'the rollout'
expect_status 0 ctl why "$(ctl rollout status --json | jq -r .id)"
said 'restored from a copy of 20'
for id in a b c d; do check_node "$id" '.journal_fault == null'; done

say 'the rollout continues after resume'
ctl rollout resume
until_true eval 'ctl rollout status --json | jq -e ".phase == \"done\""'
for id in a b c d; do check_node "$id" ".application.release == \"$release\" and .application.state == \"idle\""; done
check_equal "$(ctl nodes --json | jq "(map (.desired_epoch) | max) > $epoch")" true 'whether epochs have increased'
for id in a b c d; do
    check_equal "$(grep -c '"step":"trial".*"outcome":"confirmed".*"version":"2.0.0"' "$fleet/$id/var/journal")" 1 "how often $id was updated"
done
