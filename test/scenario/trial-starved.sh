#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The content peer is away for the whole of a trial, so that the release cannot confirm itself, and a while longer: the node rolls back, and
# the restored version cannot download a chunk either. So no release is quarantined, and the same order is carried out when the peer is back.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/peer.bash
. "$here/peer.bash"

broker_options=(--no-content)
node_settings=${node_settings/confirm = 60s/confirm = 4s}
node_settings=${node_settings/update/update
    answer = 2s}
broker_start
peer_start 0
node_install a --content "$peer"
node_start a
until_node a '.online and .application.state == "idle"'
before=$(stable_of a)
release=$(NODED_CONTENT=$peer ctl publish noded --version 2.0.0 --binary "$(binary noded-2)")

journal_mark a
ctl update a --release "$release" >"$fleet/updating" 2>&1 &
updating=$!
at_step a probing
peer_kill
thaw a
until_true grep -q 'the release is not quarantined' "$fleet/a.log"
until_node a '.application.last_error.step == "trial"' # the report reaches the broker a little after the log line
check_node a '.application.quarantined == 0'
field a .application.last_error.reason >"$fleet/said"
said 'no chunk was fetched'
check_equal "$(stable_of a)" "$before" 'stable'
peer_start "${peer##*:}"
wait "$updating" || { cat "$fleet/updating"; fail 'the order was not carried out although the content peer was back'; }
check_runs a 2.0.0 noded-2
