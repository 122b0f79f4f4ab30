#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A node manages a second application beside noded. Both are updated at once: each matches, downloads and reports on its own, and both downloads
# are under way together over one connection. A version of the second application whose probe fails is quarantined, and noded does not notice;
# a revert of the one does not touch the other.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/peer.bash
. "$here/peer.bash"

second () { ctl status a --app second --json | jq -r "$1"; }
# until_second FILTER: waits until the second application fits a filter.
until_second () { until_true eval "ctl status a --app second --json | jq -e '$1'"; }
# publish_second VERSION: publishes a version of the second application and prints its digest.
publish_second () { ctl publish second --version "$1.0.0" --binary "$(binary "second-$1")"; }

broker_options=(--no-content)
broker_start
peer_start 0
node_program=$(binary noded-second-1)
node_install a --content "$peer"
node_start a
until_node a '.online and .application.state == "idle"'

# The first version has nothing to return to.
first=$(publish_second 1)
ctl update a --app second --release "$first" >/dev/null
check_equal "$(second .application.release)" "$first" 'the release of the second application'
check_equal "$(readlink "$fleet/a/apps/second/previous")" '' 'the previous version of the second application'
own=$(stable_of a)

# The content peer is away until both downloads wait for it.
noded=$(ctl publish noded --version 2.0.0 --binary "$(binary noded-second-2)")
next=$(publish_second 2)
peer_kill
ctl update a --release "$noded" --no-wait >/dev/null
ctl update a --app second --release "$next" --no-wait >/dev/null
until_node a '.application.state == "fetching"'
until_second '.application.state == "fetching"'
peer_start "${peer##*:}"
until_second ".application.state == \"idle\" and .application.release == \"$next\""
until_node a ".application.state == \"idle\" and .application.release == \"$noded\""
check_other "$(stable_of a)" "$own" 'the workspace of noded after its update'
check_equal "$(jq -r 'select (.application == "second" and .outcome == "confirmed").version' "$fleet/a/var/journal" | tail -n 1)" 2.0.0 \
    'the last version of the second application that was confirmed'

# A bad version of the one is no matter of the other.
bad=$(publish_second 3)
own=$(stable_of a)
expect_status 1 ctl update a --app second --release "$bad"
said 'the probe ended with status 1'
until_true eval "[ \"\$(ctl quarantine list a --app second --json | jq -r '.[].release')\" = $bad ]"
check_node a '.application.quarantined == 0'
expect_status 1 ctl update a --app second --release "$bad"
said 'quarantined because it failed in probing'

ctl revert a --app second >/dev/null
check_equal "$(second .application.release)" "$first" 'the release of the second application after its revert'
check_equal "$(stable_of a)" "$own" 'the workspace of noded after a revert of the second application'
check_runs a 2.0.0 noded-second-2
