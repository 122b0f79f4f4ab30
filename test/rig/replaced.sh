#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A node's container is removed and replaced under its id: with its disk, and with a new disk, which the broker notices. A clone is refused while
# the original runs, with both named, and accepted after the original is gone. Rollouts update the node in between.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/rig/extra.bash
. "$here/extra.bash"

id=replaced
clone=$id-clone
# until_is WHICH FILTER: waits until the broker knows the container WHICH under the id, and its state matches the jq filter.
until_is () { until_node "$id" ".online and .application.state == \"idle\" and (.host_pid | startswith (\"${container[$1]:0:12},\")) and ($2)"; }
rollout_over ()
{
    release=$(publish_other "$id")
    nodectl rollout start --release "$release" --select "$id or ${nodes[0]}" --waves '1,rest' --soak 1s --timeout 10m >/dev/null || fail "a rollout to $id did not succeed"
    check_disks "$release" "$1"
}

volume=$(extra_volume "$id")
extra_node "$id" --volume "$volume:/var/lib/noded"
until_is "$id" true
first=$(node_field "$id" .application.release)
release=$(publish_other "$id")
nodectl update --release "$release" "$id" >/dev/null || fail 'the update was not confirmed'

extra_away "$id"
begun=$EPOCHREALTIME
extra_node "$id" --volume "$volume:/var/lib/noded"
until_is "$id" ".application.release == \"$release\" and .journal_fault == null and .application.previous_release == \"$first\""
figure "another container with the same disk: recognised after $(since "$begun") s, in its version"
rollout_over "$id"

extra_away "$id"
docker volume rm "$volume" >/dev/null
volume=$(extra_volume "$id")
begun=$EPOCHREALTIME
extra_node "$id" --volume "$volume:/var/lib/noded"
until_is "$id" ".application.release == \"$release\" and (.journal_fault // \"\" | test (\"lost with its disk\"))"
figure "another container with a new disk: installed, rehearsed, and in the last ordered version after $(since "$begun") s"
docker logs "${container[broker]}" 2>&1 | grep "warning node $id: its journal differs from what it reported before" >/dev/null || fail 'the broker does not log that a journal was lost'
nodectl why "$id" | grep 'lost with its disk' >/dev/null || fail 'nodectl why does not report that the journal was lost'
check_disks "$release" "$id"
rollout_over "$id"

copy=$(extra_volume "$clone")
docker run --rm --network none --label "noded.rig=$project" --user root --volume "$volume:/from" --volume "$copy:/to" "$(image_of)" cp -a /from/. /to
place=$(node_field "$id" .host_pid)
extra_node "$clone" --volume "$copy:/var/lib/noded"
both="the id $id is in use by ${container[$id]:0:12}, .*; ${container[$clone]:0:12}, .* cannot use it too"
broker_names () { docker logs "${container[broker]}" 2>&1 | grep "$both"; }
clone_names () { exec_in "$clone" noded status --root root | grep "$both"; }
until_true 'the broker refuses the clone, and names both' broker_names
until_true 'noded status of the clone names both' clone_names
[ "$(node_field "$id" '"\(.online) \(.host_pid)"')" = "true $place" ] || fail 'the original has changed after it was cloned'
was=$release
rollout_over "$id"
check_disks "$was" "$clone"
figure "the clone is refused: $(broker_names | tail -n 1 | sed 's/ (session [0-9a-f]*)//g; s/.*refused: //')"

extra_away "$id"
begun=$EPOCHREALTIME
until_is "$clone" ".application.release == \"$release\""
figure "the original is gone: the clone is accepted, and in the last ordered version after $(since "$begun") s"
check_disks "$release" "$clone"
