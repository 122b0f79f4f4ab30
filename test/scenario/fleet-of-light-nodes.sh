#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# 300 light nodes and their rollouts; the broker is killed in between. No node is forgotten, none is ordered twice. A release that fails on
# some nodes is halted, and updated nodes are reverted. Each node costs the broker two connections. When the broker is back, the nodes do not
# all reconnect at once.
# shellcheck source=test/scenario/lib.bash
. "${0%/*}/lib.bash"
# shellcheck source=test/lib/peers.bash
. "${0%/*}/../lib/peers.bash"

nodes=300
descriptors () { find "/proc/$broker_pid/fd" -mindepth 1 | wc -l; }

peers_most=150
broker_options=(--insecure --heartbeat "$((3 * factor))s")
broker_start
empty=$(descriptors)
good=$(publish noded-2 2.0.0)
bad=$(publish bad-silent bad-3.0.0)
light_start "$nodes" --fail 200
stat=$(until_peers ".open == $nodes and .answers >= $nodes")
check_equal "$(jq .hellos <<<"$stat")" "$nodes" 'hellos until all were connected'

say 'a good release: every node is ordered and updated once'
ctl rollout start --release "$good" --waves '1, 10%, rest' --soak 0s --timeout "${patience}s" >"$fleet/said" || fail "the rollout failed: $(tail -n 5 "$fleet/said")"
stat=$(until_peers ".resting == $nodes and .open == $nodes")
jq -e ".versions == {\"2.0.0\": $nodes} and .taken == $nodes and .taken_most == 1 and .confirmed == $nodes and .failed == 0" <<<"$stat" >/dev/null ||
    fail "not every node was updated exactly once: $stat"
until_true test "$(descriptors)" -le $((empty + 2 * nodes + 10))

say 'the broker is killed: all nodes reconnect, but not at the same time'
peers_send mark
broker_kill
broker_start
stat=$(until_peers ".welcomed == $nodes and .open == $nodes")
say "most hellos within 100 ms: $(jq .burst <<<"$stat")"
jq -e ".hellos <= 2 * $nodes and .burst <= $nodes / 4" <<<"$stat" >/dev/null || fail "too many nodes reconnected at the same time, or a node more than twice: $stat"

say 'a release that fails on a fifth of the nodes: the rollout halts, and updated nodes are reverted'
expect_status 1 ctl rollout start --release "$bad" --waves '30%, rest' --concurrency 20 --soak 0s --budget 2 --on-halt revert --timeout "${patience}s"
said 'revert'
stat=$(until_peers ".resting == $nodes and .open == $nodes and .versions == {\"2.0.0\": $nodes}")
jq -e ".failed >= 3 and .failed <= 25 and .taken <= 2 * $nodes and .taken_most <= 2" <<<"$stat" >/dev/null || fail "the halt came too late: $stat"

peers_stop
