#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Nodes whose clocks are nine hours ahead and behind, and one whose clock jumps during updates: updates, a rollout and a revert succeed,
# workspace names only increase, and kept versions and reports follow the order of events, not the clock.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/rig/extra.bash
. "$here/extra.bash"

ids=(clock-ahead clock-behind clock-jumps)
extra_image=$(image_of operator)
hour=3600

clock_set () { exec_in "$1" sh -c "echo $2 >clock.new && mv clock.new clock" </dev/null; }
link_in () { exec_in "$1" readlink "root/$2" </dev/null; }
# clock_off NODE: prints by how many hours the node's clock is off.
clock_off () { awk "BEGIN { printf \"%+.0f\", ($(exec_in "$1" date +%s </dev/null) - $(date +%s)) / $hour }"; }

declare -A by=([clock-ahead]=$((9 * hour)) [clock-behind]=$((-9 * hour)) [clock-jumps]=0)
for id in "${ids[@]}"; do
    volume=$(extra_volume "$id")
    docker run --rm --network none --label "noded.rig=$project" --volume "$volume:/var/lib/noded" "$extra_image" sh -c "echo ${by[$id]} >clock"
    extra_node "$id" --volume "$volume:/var/lib/noded" --env LD_PRELOAD=/releases/fake-clock.so --env FAKE_CLOCK=/var/lib/noded/clock
done
declare -A last=() first=()
for id in "${ids[@]}"; do
    until_node "$id" '.online and .application.state == "idle"'
    last[$id]=$(link_in "$id" stable)
    first[$id]=${last[$id]}
    figure "$id: off by $(clock_off "$id") h, first workspace ${last[$id]}"
done
[ "$(clock_off clock-ahead) $(clock_off clock-behind)" = '+9 -9' ] || fail 'the clocks are not +9 h and -9 h off'
[[ ${last[clock-ahead]} > ${last[clock-jumps]} && ${last[clock-jumps]} > ${last[clock-behind]} ]] || fail 'noded does not use these clocks'

# check_names RELEASE: checks that the release runs in a workspace with a later name than the last, and that previous points to the last one.
check_names ()
{
    local id now
    for id in "${ids[@]}"; do
        [ "$(node_field "$id" .application.release)" = "$1" ] || fail "$id does not run $1"
        now=$(link_in "$id" stable)
        [[ $now > ${last[$id]} ]] || fail "the name of the workspace $now of $id is earlier than ${last[$id]}"
        [ "$(link_in "$id" previous)" = "${last[$id]}" ] || fail "previous of $id does not point to ${last[$id]}, which ran before"
        last[$id]=$now
    done
}

release=$(publish noded-2 "$(version_of noded-2)")
nodectl rollout start --release "$release" --select 'clock-*' --waves '1,rest' --soak 1s --timeout 10m >/dev/null || fail 'the rollout did not succeed'
check_names "$release"
figure 'a rollout in two waves: done'

# One clock jumps back during the rehearsal and forward by days on trial; the other two exchange their offsets.
old=$release
release=$(publish noded 1.0.0)
nodectl update "${ids[@]}" --release "$release" >/dev/null &
update=$!
until_journal clock-jumps "$release" probing started
clock_set clock-jumps $((-30 * hour))
clock_set clock-ahead $((-9 * hour))
clock_set clock-behind $((9 * hour))
until_journal clock-jumps "$release" trial started
clock_set clock-jumps $((70 * hour))
wait "$update" || fail 'an update failed because a clock jumped'
check_names "$release"
figure 'clocks that jump by -30 h in the rehearsal, +100 h on trial, +18 h and -18 h: updated'

# Clocks far behind all workspaces: names still increase, and the oldest workspaces are removed.
for id in "${ids[@]}"; do clock_set "$id" $((-1000 * hour)); done
for binary in 2 1; do
    old=$release
    case $binary in 1) release=$(publish noded 1.0.0) ;; 2) release=$(publish noded-2 "$(version_of noded-2)") ;; esac
    nodectl update "${ids[@]}" --release "$release" >/dev/null || fail 'an update with clocks six weeks in the past failed'
    check_names "$release"
done
check_disks "$release" "${ids[@]}"
for id in "${ids[@]}"; do
    mapfile -t kept < <(exec_in "$id" sh -c 'ls -d root/*Z' </dev/null)
    [ ${#kept[@]} = 3 ] || fail "$id keeps ${#kept[@]} workspaces, not 3: ${kept[*]}"
    [[ " ${kept[*]} " != *"/${first[$id]} "* ]] || fail "$id keeps its first workspace, and has removed a newer one"
done
figure '1000 h behind: two updates; each keeps its last three versions'

nodectl revert "${ids[@]}" >/dev/null || fail 'not every revert succeeded'
check_disks "$old" "${ids[@]}"
for id in "${ids[@]}"; do
    [ "$(node_field "$id" .journal_fault)" = null ] || fail "the broker reports a fault in the journal of $id"
    why=$(nodectl why "$id")
    # The orders, in the order in which they were given.
    mapfile -t orders < <(sed -nE 's/^[0-9-]{10} [0-9:]{8}Z  .*, order ([0-9]+),.*/\1/p' <<<"$why")
    { [ ${#orders[@]} = 5 ] && printf '%s\n' "${orders[@]}" | sort -nc && [ "$(grep -c 'the new version confirmed itself' <<<"$why")" = 4 ] &&
        grep -q 'reverted as ordered' <<<"$why" && grep -q "^Now: $id runs noded .*idle, held" <<<"$why"; } ||
        fail "nodectl why does not list the orders in their order: $why"
done
figure 'reverted; each journal is intact, and nodectl why lists four updates and the revert in their order'
