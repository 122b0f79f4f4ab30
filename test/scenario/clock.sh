#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The clock of a host stands at 1970 and jumps by hours in both directions: updates and reverts work, and the name of each workspace is later
# than the name before it.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
one=$(publish noded 1.0.0 --env ONE=1)
two=$(publish noded-2 2.0.0)

clock=(env "LD_PRELOAD=$build/test/fake-clock.so" "FAKE_CLOCK=$fleet/clock" ASAN_OPTIONS=verify_asan_link_order=0)
hour=3600
day=$((24 * hour))
to_1970=$((-$(date +%s)))
echo "$to_1970" >"$fleet/clock"
"${clock[@]}" "$build/noded" install --root "$fleet/a" --id a --broker "127.0.0.1:$port" --no-rehearsal >>"$fleet/a.log" 2>&1
[[ $(stable_of a) == 1970-* ]] || fail "the program did not use the fake clock: $(stable_of a)"
settings_scaled >>"$fleet/a/node.zpl"
node_start a "${clock[@]}"
until_node a '.online and .application.state == "idle"'

last=$(stable_of a)
wanted=$two other=$one
for by in "$to_1970" 0 $((9 * hour)) $((-9 * hour)) $((-8000 * day)) $((70 * hour)); do
    say "clock: off by $by s"
    echo "$by" >"$fleet/clock"
    ctl update a --release "$wanted" || fail 'the update was not confirmed'
    check_node a ".application.release == \"$wanted\""
    [[ $(stable_of a) > $last ]] || fail "the name of the workspace $(stable_of a) is earlier than $last"
    last=$(stable_of a)
    swap=$wanted wanted=$other other=$swap
done

say 'clock: jumps during a rehearsal and on trial'
journal_mark a
ctl update a --release "$wanted" >"$fleet/updating" 2>&1 &
updating=$!
at_step a probing
echo $((-400 * day)) >"$fleet/clock"
thaw a
at_step a trial
echo $((400 * day)) >"$fleet/clock"
thaw a
wait "$updating" || { cat "$fleet/updating"; fail 'the update was not confirmed'; }
expect_status 0 "$build/noded" revert --root "$fleet/a"
until_node a '.online and .application.held'
node_stop a
check_equal "$(find "$fleet/a" -maxdepth 1 -name '*Z' -type d | wc -l)" 3 'the number of workspaces'
