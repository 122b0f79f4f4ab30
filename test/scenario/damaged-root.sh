#!/usr/bin/env bash
# What rots in a root, or is taken out of it, keeps no node from starting and from being updated.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
root=$fleet/a
publish noded-2 2.0.0 >"$fleet/release"

# Downloads and records are caches.
node_stop a
rm -r "${root:?}/var"
touch "$root/var"
node_start a
until_node a '.online and .state == "idle"'

# A second manager, by hand, is refused as long as the first one runs.
expect_status 75 "$root/stable/noded" run --root "$root"
said 'another manager serves'

# A library rots: the next update takes it from elsewhere, or fetches it anew.
library=$(find "$root/stable/files/lib" -name 'libjansson*' | head -n 1)
[ -n "$library" ] || fail 'the workspace has no libraries of its own'
printf 'x' | dd of="$library" bs=1 seek=20000 conv=notrunc status=none
expect_status 1 "$build/noded" verify --root "$root"
ctl update a || fail 'the update did not come through'
check_runs a 2.0.0 noded-2
(cd "$root/stable" && sha256sum --quiet -c manifest) || fail 'the new version has the rotten file'
# the rotten version is no way back: the next update takes its place
ctl publish noded --version 3.0.0 --binary "$(binary noded)" --env WHICH=3 >"$fleet/release"
ctl update a || fail 'the second update did not come through'
find "$root" -maxdepth 1 -name '2*Z' | while read -r workspace; do
    (cd "$workspace" && sha256sum --quiet -c manifest >/dev/null 2>&1) || rm -r "$workspace"
done

# node.zpl that cannot be used is told by verify.
cp "$root/node.zpl" "$fleet/kept.zpl"
sed -i 's/soak = .*/soak = soon/' "$root/node.zpl"
expect_status 1 "$build/noded" verify --root "$root"
said 'update/soak'
cp "$fleet/kept.zpl" "$root/node.zpl"
