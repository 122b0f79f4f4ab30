#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Damaged or missing files of a root do not keep a node from starting and from being updated.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
root=$fleet/a
publish noded-2 2.0.0 >"$fleet/release"

# var is missing, and a file has its name: downloads and records are only caches.
node_stop a
rm -r "${root:?}/var"
touch "$root/var"
node_start a
until_node a '.online and .application.state == "idle"'

# A second manager, started by hand, is refused while the first one runs.
expect_status 75 "$root/stable/noded" run --root "$root"
said 'another manager serves'

# A library is damaged: the next update copies it from another version, or downloads it again.
library=$(find "$root/stable/files/lib" -name 'libjansson*' | head -n 1)
[ -n "$library" ] || fail 'the workspace has no libraries of its own'
printf 'x' | dd of="$library" bs=1 seek=20000 conv=notrunc status=none
expect_status 1 "$build/noded" verify --root "$root"
ctl update a || fail 'the update was not confirmed'
check_runs a 2.0.0 noded-2
(cd "$root/stable" && sha256sum --quiet -c manifest) || fail 'the new version has the damaged file'
# the damaged version is not a target for a revert: the next update replaces it
ctl publish noded --version 3.0.0 --binary "$(binary noded)" --env WHICH=3 >"$fleet/release"
ctl update a || fail 'the second update was not confirmed'
find "$root" -maxdepth 1 -name '2*Z' | while read -r workspace; do
    (cd "$workspace" && sha256sum --quiet -c manifest >/dev/null 2>&1) || rm -r "$workspace"
done

# verify reports a node.zpl that cannot be used.
cp "$root/node.zpl" "$fleet/kept.zpl"
sed -i 's/soak = .*/soak = soon/' "$root/node.zpl"
expect_status 1 "$build/noded" verify --root "$root"
said 'update/soak'
cp "$fleet/kept.zpl" "$root/node.zpl"
