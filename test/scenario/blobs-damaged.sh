#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Blobs of the broker are damaged or lost. The damage is found before a blob is served, by the scrubber, or when the release is published again,
# which also repairs it. `releases`, `status`, `rollout plan` and `update` report it. Blobs that no release needs are moved to the trash first.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

# rot FILE: inverts one bit of a file, in place.
rot ()
{
    local byte
    byte=$(dd if="$1" bs=1 skip=100000 count=1 status=none | od -An -tu1)
    printf '%b' "\\x$(printf %02x $((byte ^ 4)))" | dd of="$1" bs=1 seek=100000 conv=notrunc status=none
}
blob_of () { sha256sum <"$(binary "$1")" | cut -d' ' -f1; }
place_of () { echo "$fleet/broker/blobs/${1:0:2}/$1"; }
logged () { grep -qE -- "$1" "$fleet/broker.log"; }
not_here () { [ ! -e "$1" ]; }
unserved () { ctl releases --json | jq -c 'map (select (.missing > 0) | .version)'; }
is_unserved () { [ "$(unserved)" = '["2.0.0"]' ]; }

broker_options=(--heartbeat 300ms --liveness "$((10 * factor))s" --scrub 0s)
broker_start
nodes_up a
release=$(publish noded-2 2.0.0)
before=$(stable_of a)
digest=$(blob_of noded-2)
blob=$(place_of "$digest")

say 'damaged while the broker is down: not served, and no release is quarantined'
broker_stop
rot "$blob"
broker_start
expect_status 1 ctl update a --release "$release"
check_equal "$(stable_of a)" "$before" stable
check_node a '.application.quarantined == 0 and .application.last_error.step == "fetching"'
until_true logged "blob $digest is damaged"
[ -e "$fleet/broker/blobs/damaged/$digest" ] || fail 'the damaged blob is gone'

say 'the commands report it'
check_equal "$(unserved)" '["2.0.0"]' 'the releases that cannot be served'
expect_status 0 ctl releases
said "^${release:0:12} cannot be served: 1 of its blobs"
expect_status 0 ctl status a
said 'warning: 1 releases cannot be served'
expect_status 1 ctl rollout plan --release "$release"
said "$release cannot be served.*$digest"
expect_status 1 ctl update a --release "$release"
said "$release cannot be served.*$digest.*publish it again"

say 'repaired by publishing again'
check_equal "$(publish noded-2 2.0.0)" "$release" 'the release that is published again'
check_equal "$(unserved)" '[]' 'the releases that cannot be served'
not_here "$fleet/broker/blobs/damaged/$digest" || fail 'the damaged blob is still there'

say 'publishing again finds damage in a blob that no node has requested yet'
broker_stop
rot "$blob"
broker_start
publish noded-2 2.0.0 >/dev/null
check_equal "$(sha256sum <"$blob" | cut -d' ' -f1)" "$digest" 'the blob'

say 'the scrubber finds and reports damage'
broker_stop
rot "$blob"
broker_options[5]=1s
broker_start
until_true not_here "$blob"
until_true is_unserved # the broker learns it from the scrubber's thread, so a little later
publish noded-2 2.0.0 >/dev/null
check_equal "$(sha256sum <"$blob" | cut -d' ' -f1)" "$digest" 'the blob'

say 'the directory is removed while the broker runs'
rm -rf "$fleet/broker/blobs"
until_true is_unserved
until_true logged 'removed or replaced while it was in use'
publish noded-2 2.0.0 >/dev/null
check_equal "$(unserved)" '[]' 'the releases that cannot be served'
check_equal "$(sha256sum <"$blob" | cut -d' ' -f1)" "$digest" 'the blob'

say 'an unused blob is moved to the trash, comes back when it is published again, and is deleted last'
other=$(publish noded 9.0.0)
unneeded=$(blob_of noded)
ctl withdraw "$other"
until_true not_here "$(place_of "$unneeded")"
[ -e "$fleet/broker/blobs/trash/$unneeded" ] || fail 'the unused blob is not in the trash'
publish noded 9.0.1 >/dev/null
until_true test -e "$(place_of "$unneeded")"
ctl withdraw "$(ctl releases --json | jq -r 'map (select (.version == "9.0.1"))[0].release')"
full=$((1 << 50)) # bytes: more than any disk has free
broker_stop
broker_options+=(--trash-free "$full" --trash-keep 0s)
broker_start
ctl releases >/dev/null
[ -e "$fleet/broker/blobs/trash/$unneeded" ] || fail 'the unused blob was deleted in the first hour of the broker'
broker_stop
broker_options+=(--trash-first 0s --trash-keep 1h)
broker_start
ctl releases >/dev/null
[ -e "$fleet/broker/blobs/trash/$unneeded" ] || fail 'the unused blob was deleted before --trash-keep had passed'
broker_stop
broker_options+=(--trash-keep 10ms)
broker_start
until_true not_here "$fleet/broker/blobs/trash/$unneeded"
until_true logged "low disk space: deleted the blob $unneeded"
[ -e "$blob" ] || fail 'a blob that is needed is gone'
