# What the stories of bin/rig share. A story is sourced into nothing: it runs on its own, against the fleet that is up, and leaves a
# fleet behind in which every node is online, idle and sound: story_end looks at each node's own disk.
#
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=test/lib/engine.bash
. "$top/test/lib/engine.bash"
# shellcheck source=test/lib/containers.bash
. "$top/test/lib/containers.bash"

engine_known || fail 'there is no rig: bin/rig up makes one'
containers_read
story=$(basename "$0" .sh)

# figure WORD...: what is told beside passed or failed.
figure () { say "      $*"; }

# publish BINARY VERSION [OPTION...]: prints the release. It is one that no node has seen before, whatever the binary.
publish ()
{
    local binary=$1 version=$2
    shift 2
    case $binary in noded) binary=/usr/bin/noded ;; *) binary=/releases/$binary ;; esac
    nodectl publish noded --version "$version" --binary "$binary" --env "RIG=$story $(date +%s.%N)" "$@"
}

# publish_other: a good release with another binary than the fleet runs now; prints RELEASE.
publish_other ()
{
    if [ "$(node_field "${nodes[0]}" .version)" = 2.0.0 ]; then publish noded 1.0.0; else publish noded-2 2.0.0; fi
}

# on_disk NODE: what its own disk says runs after the next start: the release of stable's envelope, where its program has the
# envelope's digest and `noded verify` finds no fault with the root.
on_disk ()
{
    # shellcheck disable=SC2016 # for the shell inside
    disk_of "$1" sh -c '
        /usr/bin/noded verify --root . >/tmp/said || { cat /tmp/said >&2; exit 1; }
        sed -n "s/.*\"release\": \"\([0-9a-f]*\)\".*/\1/p" stable/envelope.json
        sed -n "0,/\"binary\"/s/.*\"binary\": \"\([0-9a-f]*\)\".*/\1/p" stable/envelope.json
        sha256sum <stable/noded | cut -d" " -f1'
}

# check_disks RELEASE NODE...: each of them has that release behind stable.
check_disks ()
{
    local release=$1 node said
    shift
    for node in "$@"; do
        said=$(on_disk "$node") || fail "noded verify finds fault with the disk of $node"
        mapfile -t said <<<"$said"
        [ "${said[0]}" = "$release" ] || fail "$node has release ${said[0]} behind stable, not $release"
        [ "${said[1]}" = "${said[2]}" ] || fail "the program behind stable of $node has not its envelope's digest"
    done
}
