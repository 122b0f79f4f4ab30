#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Three nodes are updated from 1.0.0 to 2.0.0; reports, running programs and disks agree.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a b c
release=$(publish noded-2 2.0.0)
[[ $release =~ ^[0-9a-f]{64}$ ]] || fail "publish printed $release"
ctl update a b c || fail 'the update was not confirmed by every node'

for id in a b c; do
    check_runs "$id" 2.0.0 noded-2
    check_node "$id" ".application.state == \"idle\" and .application.release == \"$release\" and .application.previous_version == \"1.0.0\" and (.application.last_error | not)"
    check_equal "$(ls -d "$fleet/$id"/.back "$fleet/$id"/.try.* 2>/dev/null || true)" '' 'leftovers of the trial'
    expect_status 0 "$build/noded" status --root "$fleet/$id"
    said '2\.0\.0'
    expect_status 0 ctl why "$id"
    said 'because it was updated to it on 20.* in t-[0-9a-f]+, as ordered on 20.* by operator'
done
expect_status 0 ctl nodes
said '2\.0\.0'
