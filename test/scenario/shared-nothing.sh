#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# No version can damage another: a release on trial empties its own libraries in place and crashes; stable, previous and the next version have
# intact copies. Roots in which an older noded let versions share files are reported and repaired.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
root=$fleet/a
verifies () { "$build/noded" verify --root "$root"; }
takes_good
publish bad-truncates 6.6.6 >"$fleet/release"
expect_status 1 ctl update a
check_node a '.application.state == "idle" and .application.last_error.step == "trial" and .application.last_error.version == "6.6.6"'
check_runs a 2.0.0 noded-2
check_node a '.application.previous_version == "1.0.0"'
expect_status 1 verifies
said 'files/lib/.* does not match'
failed=$(find "$root" -maxdepth 1 -name "2*Z" | sort | tail -n 1)
grep -q "${failed##*/}" "$fleet/said" || fail 'verify does not name the failed version'
[ "$(wc -l <"$fleet/said")" -le 2 ] || { cat "$fleet/said"; fail 'verify names more than the failed version'; }
publish noded 3.0.0 --env WHICH=3 >"$fleet/release"
ctl update a || fail 'the next good release was not confirmed'
check_runs a 3.0.0 noded
ctl revert a || fail 'the revert failed'
check_runs a 2.0.0 noded-2
ctl unhold a
rm -rf "$failed"
expect_status 0 verifies
# A root of an older noded: two versions share a library, and an old download is a third name of it.
node_stop a
library=$(cd "$root/stable" && echo files/lib/libzmq.so*)
ln -f "$root/stable/$library" "$root/previous/$library"
digest=$(sha256sum <"$root/stable/$library" | cut -d' ' -f1)
mkdir -p "$root/var/blobs/${digest:0:2}"
ln "$root/stable/$library" "$root/var/blobs/${digest:0:2}/$digest"
expect_status 1 verifies
said "$(readlink "$root/stable")/$library.* $(readlink "$root/previous")/$library.*the same file|$(readlink "$root/previous")/$library.* $(readlink "$root/stable")/$library.*the same file"
node_start a
until_node a '.online and .application.state == "idle"'
until_true verifies
check_equal "$(stat -c %h "$root/stable/$library")" 1 'the number of links to a library of stable'
check_equal "$(stat -c %h "$root/previous/$library")" 1 'the number of links to a library of previous'
