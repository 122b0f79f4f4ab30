#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# One bit changes in a file of a workspace: of the running version, of its manifest, of the version that a revert needs, of the candidate
# between its staging and its rehearsal. The damage is found before the file is needed. A damaged version is not started if an intact one
# exists, journal and status report it, no release is quarantined for a disk fault, and the next update repairs it.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

# flip FILE OFFSET: inverts the lowest bit of that byte, in place.
flip ()
{
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf '%b' "\\x$(printf %x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

broker_start
"$build/nodectl" --broker "127.0.0.1:$port" events >"$fleet/events" 2>&1 &
events=$!
at_end events_end
events_end () { kill "$events" 2>/dev/null || true; }
root=$fleet/a
one=$(publish noded 1.0.0 --env ONE=1)
two=$(publish noded-2 2.0.0)
wanted=$two other=$one
nodes_up a

# update: updates to the release that does not run.
update ()
{
    ctl update a --release "$wanted" >"$fleet/updating" 2>&1 || { cat "$fleet/updating"; fail 'the update was not confirmed'; }
    check_node a ".application.release == \"$wanted\""
    local swap=$wanted
    wanted=$other other=$swap
}

for file in noded envelope.json command manifest; do
    say "one bit of $file of the running version"
    update
    previous=$(readlink "$root/previous")
    node_stop a
    flip "$root/stable/$file" 10
    expect_status 1 "$build/noded" verify --root "$root"
    node_start a
    until_node a '.online and .application.state == "idle"'
    check_equal "$(stable_of a)" "$previous" 'stable after the damage'
    grep -q 'WARNING: .* is DAMAGED' "$fleet/a.log" || fail 'the launcher does not log the damage'
    check_node a '.application.last_error.step == "stable" and (.application.last_error.reason | test ("was stable and is damaged")) and .application.previous_version == null'
    expect_status 0 "$build/noded" why --root "$root"
    said 'stable +rolled-back.*is damaged'
    expect_status 0 "$build/noded" status --root "$root"
    said 'previous +none'
    said 'last error .*is damaged'
    wanted=$other other=$([ "$other" = "$one" ] && echo "$two" || echo "$one")
done

say 'one bit of the version that a revert needs'
update
flip "$root/previous/noded" 100
before=$(stable_of a)
expect_status 1 "$build/noded" revert --root "$root"
said 'a revert to .* is not possible'
check_equal "$(stable_of a)" "$before" 'stable after a refused revert'
update
update
expect_status 0 "$build/noded" revert --root "$root"
until_node a '.online and .application.held'
ctl unhold a
until_node a '.online and .application.state == "idle" and (.application.held | not)'

say 'one bit of previous, and of the running version, at rest: the scrubber finds and reports it'
node_stop a
sed -i 's/^node$/&\n    scrub = 1s/' "$root/node.zpl"
node_start a
until_node a '.online and .application.damage == null'
for link in previous stable; do
    flip "$root/$link/command" 10
    until_node a "(.application.damage // \"\") | test (\"^$link is damaged .*: command does not match the manifest\")"
    expect_status 0 "$build/noded" status --root "$root"
    said "damage +$link is damaged .*noded verify --root $root"
    expect_status 0 ctl status a
    said "damage +$link is damaged"
    until_true grep -E "a  damaged .*$link is damaged" "$fleet/events"
    expect_status 0 "$build/noded" why --root "$root"
    said "scrub +failed.*$link is damaged"
    [ -e "$root/$link/command" ] || fail 'the damaged file was removed'
    flip "$root/$link/command" 10
    until_node a '.application.damage == null'
done
flip "$root/previous/noded" 100
until_node a '.application.damage != null'
node_stop a
node_start a
until_node a '.online and .application.damage != null'
swap=$wanted wanted=$other other=$swap
update
check_node a '.application.damage == null'
expect_status 0 "$build/noded" status --root "$root"
! grep -q damage "$fleet/said" || fail 'status reports damage after an update that replaced the damaged version'

say 'one bit of the candidate before its rehearsal'
journal_mark a
before=$(stable_of a)
publish noded-2 3.0.0 --env THREE=3 >"$fleet/release"
ctl update a >"$fleet/updating" 2>&1 &
updating=$!
at_step a probing
candidates=("$root"/2*Z)
flip "${candidates[-1]}/envelope.json" 100
thaw a
wait "$updating" && fail 'the update to a damaged candidate succeeded'
check_equal "$(stable_of a)" "$before" 'stable'
check_node a '.application.quarantined == 0'
until_node a '.online and (.application.state == "idle" or .application.state == "unfit")'
ctl update a || fail 'the intact release was not confirmed'

node_stop a
find "$root" -maxdepth 1 -name '2*Z' | while read -r workspace; do
    (cd "$workspace" && sha256sum --quiet -c manifest >/dev/null 2>&1) || rm -r "$workspace"
done
