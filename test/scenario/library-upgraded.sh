#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The host breaks a library that noded needs: the node still starts, and is updated, because every version has its own copy.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

apart "$0"
broker_start
nodes_up a
publish noded-2 2.0.0 >"$fleet/release"
node_stop a

# This story's own commands keep the library that they were built with.
library=$(ldd "$build/noded" | sed -n 's/.*libczmq\.so[^ ]* => \([^ ]*\) .*/\1/p')
library=$(readlink -f "$library")
mkdir "$fleet/kept"
cp "$library" "$fleet/kept/$(basename "$(ldd "$build/noded" | sed -n 's/^\s*\(libczmq\.so[^ ]*\) .*/\1/p')")"
ctl () { LD_LIBRARY_PATH=$fleet/kept "$build/nodectl" --broker "127.0.0.1:$port" "$@"; }
printf 'upgraded to nothing\n' >"$fleet/upgraded"
mount --bind "$fleet/upgraded" "$library" || skip 'cannot replace a library of the host'
mounts+=("$library")
expect_status 127 "$build/noded" --version
said 'error while loading shared libraries'

node_start a
until_node a '.online and .application.state == "idle" and .application.version == "1.0.0"'
ctl update a || fail 'the update was not confirmed'
check_runs a 2.0.0 noded-2
"$fleet/a/stable/noded" verify --root "$fleet/a" || fail 'the program of the workspace does not start by hand'
umount "$library"
mounts=()
