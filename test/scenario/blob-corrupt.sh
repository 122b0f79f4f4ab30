#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# One bit of a blob flips during a download: the node refuses the blob by its digest, names the origin, and quarantines no release. The broker
# checks the blob, finds the damage, and pauses the rollout with the blob named: no node is charged. When the release is published again, the
# rollout finishes.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/moments.bash
. "$here/moments.bash"

stands () { ctl rollout status --json | jq -c '[.phase, .paused]'; }
has_stopped () { [ "$(stands)" != '["updating",false]' ]; }

node_settings=${node_settings/update/update
    chunk = 4096}
broker_start
halting_up a
before=$(stable_of a)
digest=$(sha256sum <"$(binary noded-halting-2)" | cut -d' ' -f1)
blob=$fleet/broker/blobs/${digest:0:2}/$digest
at=$(($(stat -c %s "$blob") - 1000)) # after the bytes that are under way already

echo half 1 >"$fleet/a.halt"
ctl rollout start --release "${releases[2]}" --waves rest --soak 300ms --no-wait >/dev/null
until_halted a
byte=$(dd if="$blob" bs=1 skip=$at count=1 status=none | od -An -tu1)
printf '%b' "\\x$(printf %02x $((byte ^ 4)))" | dd of="$blob" bs=1 seek=$at conv=notrunc status=none
rm -f "$fleet/a.halt"
kill -CONT "$halted"

until_true has_stopped
check_equal "$(stands)" '["updating",true]' 'the rollout'
expect_status 0 ctl rollout status
said "$digest of its release is missing or damaged at the broker"
said 'failed nodes: 0,'
check_equal "$(stable_of a)" "$before" stable
check_node a ".application.quarantined == 0 and .application.last_error.step == \"fetching\" and (.application.last_error.reason | contains (\"$digest\"))"
check_node a '.application.last_error.reason | test ("the origin sent a damaged blob")'
check_equal "$(find "$fleet/a/var" -name "$digest*")" '' 'leftovers of the damaged blob'
expect_status 1 ctl rollout resume
said "${releases[2]} cannot be served"

check_equal "$(publish noded-halting-2 2.0.0)" "${releases[2]}" 'the release that is published again'
ctl rollout resume >/dev/null
until_true eval 'ctl rollout status --json | jq -e ".phase == \"done\""'
check_runs a 2.0.0 noded-halting-2
