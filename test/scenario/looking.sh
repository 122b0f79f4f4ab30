#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Looking never writes: status, why, verify and quarantine list change nothing in a root, whatever they find there, and agree on what is damaged.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
root=$fleet/a
publish noded-2 2.0.0 >"$fleet/release"
ctl update a || fail 'the update failed'
node_stop a

# Everything that a write would change, times included.
listing () { find "$root" -printf '%p %y %m %s %T@ %C@ %l\n' | sort; }
look_all ()
{
    local command
    listing >"$fleet/before"
    for command in status 'status --json' why 'why --json' verify quarantine 'quarantine list --json'; do
        # shellcheck disable=SC2086 # two words
        "$build/noded" $command --root "$root" >"$fleet/out" 2>&1 || true
        listing >"$fleet/after"
        diff "$fleet/before" "$fleet/after" >&2 || fail "noded $command changed the root ($1)"
    done
}

look_all 'undamaged'

say 'a record that is larger than noded reads'
cp "$root/var/order-state" "$fleet/order-state"
{ cat "$fleet/order-state"; head -c 100000 /dev/zero | tr '\0' ' '; } >"$root/var/order-state"
look_all 'a large record'
expect_status 1 "$build/noded" verify --root "$root"
said 'var/order-state'

say 'files that are not records'
printf '{' >"$root/var/order-state"
for path in var/outcome var/trial; do printf 'x' >"$root/$path"; done
mkdir -p "$root/var/quarantine"
printf 'x' >"$root/var/quarantine/noded-0000"
previous=$(readlink "$root/previous")
rm -f "$root/previous" "$root/var/verified"
look_all 'damaged records'

say 'a directory in place of a record'
rm "$root/var/order-state"
mkdir "$root/var/order-state"
look_all 'a directory'

# The root is whole again, for the check at the end of each story.
rmdir "$root/var/order-state"
cp "$fleet/order-state" "$root/var/order-state"
rm "$root/var/outcome" "$root/var/trial" "$root/var/quarantine/noded-0000"
ln -s "$previous" "$root/previous"
