#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A node with a pinned trust root refuses releases that no signed metadata lists, and runs on: it restarts, and is reverted on the host, without
# any metadata. The root is pinned while the manager runs, and while none does.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

root=$here/trust-root.json # root 1 of the keys of test/unit/trust/repository_fixture.h
key=49fb38e0e1152d5b35c68ae6bf5436f0094e2752cd11645d5f006678ca614756

broker_start
nodes_up a
publish noded-2 2.0.0 >"$fleet/release"
expect_status 0 "$build/noded" status --root "$fleet/a"
said 'trust *none: releases are not verified; noded trust pin'
expect_status 0 "$build/noded" trust show --root "$fleet/a"
said 'none'
ctl update a || fail 'without a pinned root the update was not confirmed'
check_runs a 2.0.0 noded-2

# pinned while the manager runs
expect_status 1 "$build/noded" trust pin --root "$fleet/a" "$fleet/release"
said 'cannot be pinned'
expect_status 0 "$build/noded" trust pin --root "$fleet/a" "$root"
said 'the running manager reads it at its next update'
before=$(manager_pid a)
unsigned=$(publish noded 3.0.0)
expect_status 1 ctl update a
said 'the origin has no signed metadata'
check_runs a 2.0.0 noded-2
check_equal "$(manager_pid a)" "$before" 'the manager after a refused update'
check_node a '.application.state == "idle" and .application.last_error.step == "matching" and .application.last_error.version == null'
check_node a '.application.quarantined == 0'
check_equal "$(find "$fleet/a/var/blobs" -type f)" '' 'what was fetched of an unsigned release'

# what the host says of it
expect_status 0 "$build/noded" trust show --root "$fleet/a"
said "$key  ed25519"
said 'refused .*the origin has no signed metadata'
expect_status 0 "$build/noded" status --root "$fleet/a"
said 'trust *root version 1, expires 20'
said "$key"
said 'unverified .*the origin has no signed metadata'

# it restarts, refuses again, and is reverted, without metadata
node_stop a
node_start a
until_node a '.online and .application.state == "idle"'
check_runs a 2.0.0 noded-2
expect_status 1 ctl update a --release "$unsigned"
said 'the origin has no signed metadata'
expect_status 0 "$build/noded" revert --root "$fleet/a"
until_node a '.online and .application.state == "idle" and .application.held and .application.version == "1.0.0"'
check_runs a 1.0.0 noded

# pinned before the manager starts
node_install b --trust "$root"
expect_status 0 "$build/noded" trust pin --root "$fleet/b" "$root"
said 'has this root pinned already'
node_start b
until_node b '.online and .application.state == "idle"'
expect_status 1 ctl update b --release "$unsigned"
said 'the origin has no signed metadata'
check_runs b 1.0.0 noded
node_stop b
rm "$fleet/b/trust/pinned.json" # lost: it refuses all the more
node_start b
until_node b '.online and .application.state == "idle"'
expect_status 1 ctl update b --release "$(<"$fleet/release")"
said 'pin it again with noded trust pin'
expect_status 1 "$build/noded" verify --root "$fleet/b"
said 'trust/pinned.json cannot be read'
node_stop b
expect_status 0 "$build/noded" trust pin --root "$fleet/b" "$root"
said 'no manager runs'
