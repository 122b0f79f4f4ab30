#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A node starts and is updated, whatever the damage to the files in var/. Damaged files are set aside, not lost.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
root=$fleet/a
bad=$(publish bad-crash 6.6.6)
number=0
echo untouched >"$fleet/victim"

# next: publishes a release with a new file.
next ()
{
    head -c 300000 /dev/urandom >"$fleet/blob"
    digest=$(sha256sum <"$fleet/blob" | cut -d' ' -f1)
    wanted=$(publish noded-2 "2.0.$((++number))" --file "$fleet/blob:blob")
}

# records: makes the records of a failed update, of a trial, and of an interrupted download.
records ()
{
    expect_status 1 ctl update a --release "$bad"
    node_stop a
    mkdir -p "$root/var/blobs/${digest:0:2}"
    head -c 100000 "$fleet/blob" >"$root/var/blobs/${digest:0:2}/$digest.partial"
    rm -rf "$root/var/outcome" "$root/var/trial"
    printf 'workspace %s\ncause crashed\n' "$(stable_of a)" >"$root/var/outcome"
    printf '{"transaction":"t","epoch":1,"attempt":1}' >"$root/var/trial"
}
damage ()
{
    local file=$1 kind=$2
    case $kind in
        zeros) head -c 500 /dev/zero >"$file" ;;
        truncated) truncate -s "$(($(stat -c %s "$file") / 2))" "$file" ;;
        random) head -c 4096 /dev/urandom >"$file" ;;
        missing) rm -f "$file" ;;
        directory) rm -f "$file"; mkdir "$file"; touch "$file/inside" ;;
        link) rm -f "$file"; ln -s "$fleet/victim" "$file" ;;
        fifo) rm -f "$file"; mkfifo "$file" ;;
    esac
}

for kind in zeros truncated random missing directory link fifo; do
    say "every file of var/: $kind"
    next
    records
    mapfile -t files < <(find "$root/var" -type f ! -name '*.damaged*')
    [ ${#files[@]} -ge 6 ] || fail "too few records: ${files[*]}"
    for file in "${files[@]}"; do damage "$file" "$kind"; done
    node_start a
    until_node a '.online and .application.state == "idle"'
    # an order that the node has forgotten may be carried out and refused once more
    until_true ctl update a --release "$wanted"
    check_node a ".application.release == \"$wanted\""
done
check_equal "$(<"$fleet/victim")" untouched 'what links in var/ pointed to'

say 'directories of var/ are files'
node_stop a
for directory in quarantine blobs; do
    rm -rf "${root:?}/var/$directory"
    echo no >"$root/var/$directory"
done
node_start a
next
# until hello the broker shows the old quarantine
until_node a '.online and .application.state == "idle"'
expect_status 1 ctl update a --release "$bad"
said readiness
until_quarantined a "$bad"
until_true ctl update a --release "$wanted"
node_stop a
find "$root/var" -name '*damaged*' -exec rm -rf {} +
