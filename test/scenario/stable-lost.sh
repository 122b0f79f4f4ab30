#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# `stable` is removed or points nowhere: at rest, before the switch, on trial, while nothing runs. It points to the proven version again before
# it is needed, and never to another one. The commands on the host report the state. The same for `previous`, at rest and while nothing runs.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/scenario/moments.bash
. "$here/moments.bash"

root=$fleet/a
noded () { "$build/noded" "$1" --root "$root"; }
lose ()
{
    local link=$root/${2:-stable}
    rm -rf "$link"
    case $1 in
        dangling) ln -s 2001-01-01T00:00:00.000000000Z "$link" ;;
        directory) mkdir "$link" ;;
        stable) ln -s "$(stable_of a)" "$link" ;;
    esac
}

broker_options=(--heartbeat 1s)
broker_start
halting_up a
ctl update a --release "${releases[2]}" || fail 'the first update was not confirmed'
next=1

for what in gone dangling directory; do
    say "stable: $what, at rest"
    before=$(stable_of a) pid=$(manager_pid a)
    kill -STOP "$pid" # else the manager restores the link at once
    lose "$what"
    expect_status 1 noded status
    said 'manager .*(runs 2\.0\.0|from)'
    said 'ln -sfnT WORKSPACE'
    kill -CONT "$pid"
    until_true eval "[ \"\$(readlink '$root/stable')\" = $before ]"
    check_equal "$(manager_pid a)" "$pid" 'the manager'
done
until_true eval "[ \"\$('$build/noded' why --root '$root' | grep -c 'stable .* passed')\" = 3 ]"

for what in gone stable; do
    say "previous: $what, at rest"
    before=$(readlink "$root/previous")
    lose "$what" previous
    until_true eval "[ \"\$(readlink '$root/previous')\" = $before ]"
done
until_true eval "[ \"\$('$build/noded' why --root '$root' | grep -c 'previous .* passed')\" = 2 ]"

say 'stable: gone, before the switch'
halt_at a switching
lose gone
kill -CONT "$halted"
arrived a 'a switch without stable'

say 'stable: gone, on trial'
before=$(stable_of a)
halt_at a trial
lose gone
until_node a '.online and .application.state == "idle" and .application.last_error.step == "trial" and .application.quarantined == 0'
check_equal "$(stable_of a)" "$before" 'stable after a trial in which it was lost'
expect_status 0 noded why
said 'trial +rolled-back.*lost stable'
ctl update a --release "${releases[$next]}" || fail 'the release was not confirmed with stable in place'

say 'stable and previous: gone, while nothing runs'
previous=$(readlink "$root/previous")
node_stop a
lose gone previous
expect_status 1 noded verify
said "no link previous, which pointed to $previous"
expect_status 0 noded status
said 'previous .*noded revert restores it'
node_start a
until_true eval "[ \"\$(readlink '$root/previous')\" = $previous ]"
node_stop a
lose gone previous
lose gone
expect_status 1 noded status
said 'previous .*noded revert restores it'
said 'init cannot start a manager'
expect_status 0 noded revert
said 'stable is missing'
check_equal "$(stable_of a)" "$previous" 'stable after a revert with stable missing'
lose gone
rm "$root/var/order-state"
expect_status 0 noded revert
check_equal "$(cd "$root" && ls -d ".ok.$(stable_of a)")" ".ok.$(stable_of a)" 'stable after a revert without links, which must be a confirmed version'
lose gone
rm "$root"/.ok.*
expect_status 1 noded revert
said 'ln -sfnT WORKSPACE'
ln -sfnT "$previous" "$root/stable"
ln -sfnT 2001-01-01T00:00:00.000000000Z "$root/previous"
expect_status 0 noded status
said 'previous +2001.*a revert to it is not possible'
ln -sfnT "$previous" "$root/previous"
expect_status 0 noded status
said 'previous .*a revert is not possible'
expect_status 1 noded verify
said 'both point to'
rm "$root/previous"

say 'stable points to another version than the one that runs'
node_start a
until_node a '.online and .application.held'
other=$(find "$root" -maxdepth 1 -name '2*Z' ! -name "$previous" -printf '%f\n' | head -n 1)
ln -sfnT "$other" "$root/stable"
expect_status 0 noded status
said "runs 1\.0\.0 from $previous \(pid $(manager_pid a)\), which is not stable"
