#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The broker's disk fills up at a step of an update: the broker keeps running, reports that it cannot store reports, and accepts no
# order. When there is room, nodes send their reports again, and the update finishes.
set -euo pipefail
if [ -z "${OWN_MOUNTS:-}" ]; then
    OWN_MOUNTS=1 unshare -m true 2>/dev/null || { echo 'SKIPPED: cannot make a mount name space'; exit 77; }
    exec env OWN_MOUNTS=1 unshare -m "$0" "$@"
fi
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/moments.bash
. "$here/moments.bash"

resize () { mount -o "remount,size=$1" "$fleet/broker"; }
# fill: leaves no free byte. The log of SQLite is truncated first: a reserved part of it could still take a write.
fill ()
{
    sqlite3 "$fleet/broker/broker.db" 'pragma wal_checkpoint (truncate)' >/dev/null
    resize "$(($(df --output=used "$fleet/broker" | tail -n 1)))k"
}
complaints () { grep -c 'database or disk is full' "$fleet/broker.log" || true; }
complains_again () { [ "$(complaints)" -gt "$1" ]; }

mkdir "$fleet/broker"
mount -t tmpfs -o size=256m tmpfs "$fleet/broker"
node_settings=${node_settings/update/update
    resend = 200ms}
broker_start
halting_up a
for step in "${steps[@]}" probing/hand-over; do
    halt_at a "$step"
    before=$(complaints)
    fill
    kill -CONT "$halted"
    until_true complains_again "$before"
    expect_status 1 ctl hold a
    said 'full'
    expect_status 0 ctl releases
    kill -0 "$broker_pid" || fail "the broker ended in the step $step"
    resize 256m
    arrived a "a full disk of the broker in $step"
    check_node a '.outcome == "confirmed" and (.application.held | not)'
done

# A broker that starts on a full disk reports that; a release that does not fit is refused with the size needed and the bytes free.
broker_stop
fill
expect_status 1 "$build/noded-broker" --root "$fleet/broker" --port "$port"
said 'full|no space'
resize 256m
broker_start
resize "$(($(df --output=used "$fleet/broker" | tail -n 1) + 1024))k"
expect_status 1 publish noded-2 2.0.2
said 'bytes free'
resize 256m
publish noded-2 2.0.2 >/dev/null || fail 'a release cannot be published although there is room'
