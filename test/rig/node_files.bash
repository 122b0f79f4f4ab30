# SPDX-License-Identifier: MPL-2.0
# test/rig/node_files.bash - the files on a node's own disk: versions, journal, settings. Sourced by lib.bash.
#
# shellcheck disable=SC2154 # of lib.bash
# shellcheck shell=bash

# on_disk NODE: prints three lines: the release of stable's envelope, the digest of the program in the envelope, and the digest of the program
# behind stable. Fails if `noded verify` finds a fault in the root.
on_disk ()
{
    # shellcheck disable=SC2016 # for the shell inside
    disk_of "$1" sh -c '
        /usr/bin/noded verify --root . >/tmp/said || { cat /tmp/said >&2; exit 1; }
        sed -n "s/.*\"release\": \"\([0-9a-f]*\)\".*/\1/p" stable/envelope.json
        sed -n "0,/\"binary\"/s/.*\"binary\": \"\([0-9a-f]*\)\".*/\1/p" stable/envelope.json
        sha256sum <stable/noded | cut -d" " -f1'
}

# release_on NODE: prints the release behind stable on the node's own disk.
release_on ()
{
    local said
    said=$(on_disk "$1") || fail "noded verify found a fault on the disk of $1"
    echo "${said%%$'\n'*}"
}

# check_disks RELEASE NODE...: checks that stable of each node is this release, with the right program.
check_disks ()
{
    local release=$1 node found
    shift
    for node in "$@"; do
        found=$(on_disk "$node") || fail "noded verify found a fault on the disk of $node"
        mapfile -t found <<<"$found"
        [ "${found[0]}" = "$release" ] || fail "$node has release ${found[0]} behind stable, not $release"
        [ "${found[1]}" = "${found[2]}" ] || fail "the program behind stable of $node does not have the digest of its envelope"
    done
}

# journal_times NODE RELEASE STEP OUTCOME: prints how many such lines the node's journal has. until_journal waits for the first one, in the
# node's container, whose image has no program that waits for a change of a file.
journal_times ()
{
    # shellcheck disable=SC2016 # for the shell inside
    exec_in "$1" sh -c 'grep -c "\"step\":\"$1\",\"outcome\":\"$2\".*\"release\":\"$0\"" root/var/journal || [ $? = 1 ]' "$2" "$3" "$4" </dev/null
}
until_journal ()
{
    # shellcheck disable=SC2016 # for the shell inside
    exec_in "$1" timeout "$patience" sh -c 'until grep -q "\"step\":\"$1\",\"outcome\":\"$2\".*\"release\":\"$0\"" root/var/journal; do sleep 0.05; done' \
        "$2" "$3" "$4" </dev/null || fail "timed out: the journal of $1 has no line $3 $4 (release $2)"
}
# fetched NODE RELEASE: prints the journal's text about the last download of the release.
fetched () { exec_in "$1" sed -n "s/.*\"step\":\"staging\",\"outcome\":\"started\",\"reason\":\"\([^\"]*\)\".*\"release\":\"$2\".*/\1/p" root/var/journal </dev/null | tail -n 1; }
# until_partial NODE KIB: waits until more than this much of a blob has arrived.
until_partial ()
{
    # shellcheck disable=SC2016 # for the shell inside
    exec_in "$1" timeout "$patience" sh -c 'until find root/var/blobs/partial -type f -size "+$0k" 2>/dev/null | grep -q .; do sleep 0.05; done' "$2" </dev/null ||
        fail "timed out: $1 did not receive $2 KiB of a blob"
}

# settings_other NODE SED: changes node.zpl until settings_back NODE or the end of the story. After both the manager reads it again.
settings_other ()
{
    at_end settings_back "$1"
    # shellcheck disable=SC2016 # for the shell inside
    exec_in "$1" sh -c 'cp -p root/node.zpl node.zpl.story && sed -i "$0" root/node.zpl' "$2" </dev/null
    settings_taken "$1"
}
settings_back ()
{
    local moved
    moved=$(exec_in "$1" sh -c '[ ! -e node.zpl.story ] || mv -v node.zpl.story root/node.zpl' </dev/null)
    [ -z "$moved" ] || settings_taken "$1"
}
settings_taken ()
{
    local before
    before=$(manager_of "$1")
    docker kill -s HUP "${container[$1]}" >/dev/null
    until_true "another manager of $1" other_manager "$1" "$before"
    until_node "$1" '.online and .application.state == "idle"'
}
manager_of () { exec_in "$1" noded status --root root </dev/null | sed -n 's/^manager .*(pid \([0-9]*\)).*/\1/p'; }
other_manager ()
{
    local now
    now=$(manager_of "$1")
    [ -n "$now" ] && [ "$now" != "$2" ]
}
