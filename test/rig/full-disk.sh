#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A node with its root on a small disk, which is full before an update, and fills up during a download. The running version continues, no
# release is quarantined, the size needed and the size free are reported, and with free space the same update succeeds.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/rig/extra.bash
. "$here/extra.bash"

id=full-disk
size=192
volume=$(extra_volume "$id" --driver local --opt type=tmpfs --opt device=tmpfs --opt "o=size=${size}m,uid=7670,gid=7670,mode=0755")
extra_node "$id" --volume "$volume:/var/lib/noded"
until_node "$id" '.online and .application.state == "idle"'
first=$(node_field "$id" .application.release)

# fill KIB: fills the disk until KIB are free.
fill ()
{
    local left
    left=$(exec_in "$id" df -Pk . | awk 'END { print $4 }')
    exec_in "$id" sh -c "head -c $((left - $1))k /dev/zero >/var/lib/noded/ballast"
}
content_on () { [ "$(docker inspect -f '{{.State.Paused}}' "${container[content]}")" = false ] || docker unpause "${container[content]}" >/dev/null; }
room () { exec_in "$id" rm /var/lib/noded/ballast; }
# unharmed RELEASE: checks that the release still runs, and that no release is quarantined.
unharmed ()
{
    until_node "$id" '.online and (.application.state == "idle" or .application.state == "unfit") and .application.quarantined == 0 and .application.release == "'"$1"'"'
    check_disks "$1" "$id"
}

release=$(publish noded-2 "$(version_of noded-2)")
pid=$(node_field "$id" .host_pid)
fill 100
! nodectl update --release "$release" "$id" >/dev/null 2>&1 || fail 'an update succeeded without free space'
unharmed "$first"
[ "$(node_field "$id" .host_pid)" = "$pid" ] || fail 'the manager was restarted because there was no free space'
reason=$(node_field "$id" .application.last_error.reason)
[[ $reason =~ needs\ ([0-9]+)\ bytes\ in\ .*\ and\ ([0-9]+)\ are\ free ]] || fail "the reason does not contain both sizes: $reason"
{ [ "${BASH_REMATCH[1]}" -gt "${BASH_REMATCH[2]}" ] && [ "${BASH_REMATCH[2]}" -le $((100 * 1024)) ]; } || fail "the sizes in the reason are wrong: $reason"
figure "full before: $reason"
room
nodectl update --release "$release" "$id" >/dev/null || fail 'the same update failed with free space'
check_disks "$release" "$id"
first=$release
pid=$(node_field "$id" .host_pid)

# The release has a new file: without it there would be no download.
exec_in operator sh -c 'head -c 4M /dev/urandom >/tmp/full-disk'
release=$(publish noded 1.0.0 --file /tmp/full-disk:noise)
at_end content_on
docker pause "${container[content]}" >/dev/null
nodectl update --release "$release" "$id" >/dev/null 2>&1 &
update=$!
until_node "$id" '.application.state == "fetching"'
fill 0
content_on
! wait "$update" || fail 'an update succeeded on a full disk'
unharmed "$first"
[ "$(node_field "$id" .host_pid)" = "$pid" ] || fail 'the manager was restarted because the disk filled up'
reason=$(node_field "$id" '.application.last_error | "\(.step): \(.reason)"')
[[ $reason == *'No space left on device'* ]] || fail "the reason does not state the cause: $reason"
figure "filled up during the download: $reason"
room
nodectl update --release "$release" "$id" >/dev/null || fail 'the same update failed with free space'
check_disks "$release" "$id"
figure "$(exec_in "$id" du -sk /var/lib/noded/root | cut -f1) KiB of $size MiB are used by the root"
