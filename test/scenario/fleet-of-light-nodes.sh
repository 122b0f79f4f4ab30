#!/usr/bin/env bash
# 300 light nodes go through rollouts, and a broker that is killed in between. Nobody is forgotten, nobody told twice; a release that
# fails on some of them is halted, and what was updated goes back; a node costs the broker two connections; and when the broker is
# back, the nodes do not come all at once.
# shellcheck source=test/scenario/lib.bash
. "${0%/*}/lib.bash"
# shellcheck source=test/lib/peers.bash
. "${0%/*}/../lib/peers.bash"

nodes=300
descriptors () { find "/proc/$broker_pid/fd" -mindepth 1 | wc -l; }

peers_most=150
broker_options=(--heartbeat "$((3 * factor))s")
broker_start
empty=$(descriptors)
good=$(publish noded-2 2.0.0)
bad=$(publish bad-silent bad-3.0.0)
light_start "$nodes" --fail 200
stat=$(until_peers ".open == $nodes and .answers >= $nodes")
check_equal "$(jq .hellos <<<"$stat")" "$nodes" 'hellos until all were connected'

say 'a good release reaches everybody, each told once'
ctl rollout start --release "$good" --waves '1, 10%, rest' --soak 0s --timeout "${patience}s" >"$fleet/said" || fail "the rollout failed: $(tail -n 5 "$fleet/said")"
stat=$(until_peers ".resting == $nodes and .open == $nodes")
jq -e ".versions == {\"2.0.0\": $nodes} and .taken == $nodes and .taken_most == 1 and .confirmed == $nodes and .failed == 0" <<<"$stat" >/dev/null ||
    fail "not everybody was updated once: $stat"
until_true test "$(descriptors)" -le $((empty + 2 * nodes + 10))

say 'the broker is killed: all come back, not all at once'
peers_tell mark
broker_kill
broker_start
stat=$(until_peers ".welcomed == $nodes and .open == $nodes")
say "most hellos within 100 ms: $(jq .burst <<<"$stat")"
jq -e ".hellos <= 2 * $nodes and .burst <= $nodes / 4" <<<"$stat" >/dev/null || fail "the nodes came back all at once, or too often: $stat"

say 'a release that fails on a fifth of them is halted, and what was updated goes back'
expect_status 1 ctl rollout start --release "$bad" --waves '30%, rest' --concurrency 20 --soak 0s --budget 2 --on-halt revert --timeout "${patience}s"
said 'revert'
stat=$(until_peers ".resting == $nodes and .open == $nodes and .versions == {\"2.0.0\": $nodes}")
jq -e ".failed >= 3 and .failed <= 25 and .taken <= 2 * $nodes and .taken_most <= 2" <<<"$stat" >/dev/null || fail "the halt came too late: $stat"

peers_stop
