# SPDX-License-Identifier: MPL-2.0
# test/rig/lib.bash - shared by the stories of bin/rig. A story is a program of its own. It runs against the present fleet, and must leave every
# node online, idle and not held, and no release in quarantine. It passes only by the files that check_disks finds on each node's own disk.
#
# shellcheck disable=SC2034 # for the stories
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=test/lib/engine.bash
. "$top/test/lib/engine.bash"
# shellcheck source=test/lib/containers.bash
. "$top/test/lib/containers.bash"
# shellcheck source=test/rig/node_files.bash
. "$here/node_files.bash"

engine_known || fail 'there is no rig: start one with bin/rig up'
containers_read
story=$(basename "$0" .sh)
# NODED_ONLY: the story runs with only this node, which is not part of the composition.
if [ -n "${NODED_ONLY:-}" ]; then
    nodes=("$NODED_ONLY")
    container[$NODED_ONLY]=$(docker ps -aq --filter "name=^$project-$NODED_ONLY\$")
fi

# at_end COMMAND...: runs COMMAND at the end of the story, whether it passed or failed; the last command first. A command that fails does not
# stop the others, and fails the story. (Not in a subshell, where it would be lost.)
endings=()
at_end () { endings=("$(printf '%q ' "$@")" "${endings[@]}"); }
story_end ()
{
    story_status=$? # first of all: local has a status, too
    local ending got
    set +e
    for ending in "${endings[@]}"; do
        (set -e; eval "$ending")
        got=$?
        [ "$got" = 0 ] || { story_status=1; say "FAILED: a command at the end of the story: $ending" >&2; }
    done
    exit "$story_status"
}
trap story_end EXIT

# every: prints a selector for all nodes of the story.
every ()
{
    local IFS=, all
    all=${nodes[*]}
    echo "${all//,/ or }"
}

# again_with NAME=VALUE...: records the variables that are needed to repeat this run of the story.
again_with () { printf '%s ' "$@" >"$rig/again"; }

# figure WORD...: prints a line of results beside passed or failed.
figure () { say "      $*"; }

# publish BINARY VERSION [OPTION...]: publishes a new release of a binary, and prints its digest. No node has seen this release before.
publish ()
{
    local binary=$1 version=$2
    shift 2
    case $binary in noded) binary=/usr/bin/noded ;; *) binary=/releases/$binary ;; esac
    nodectl publish noded --version "$version" --binary "$binary" --env "RIG=$story $(date +%s.%N)" "$@"
}

# publish_other [NODE]: publishes a good release with another binary than the one that the fleet, or NODE, runs now. publish_heavy BYTES: the
# same, with a file of random bytes. Both print the release's digest.
publish_other ()
{
    local other
    read -ra other < <(other_program "$@")
    publish "${other[@]}"
}
publish_heavy ()
{
    local other
    read -ra other < <(other_program)
    head -c "$1" /dev/urandom | exec_in operator sh -c 'cat >/tmp/ballast'
    publish "${other[@]}" --file /tmp/ballast
    exec_in operator rm /tmp/ballast
}
other_program ()
{
    local version now
    version=$(version_of noded-2)
    now=$(node_field "${1:-${nodes[0]}}" .application.version)
    if [ "$now" = "$version" ]; then echo noded 1.0.0; else echo "noded-2 $version"; fi
}
# version_of PROGRAM: prints the version that a program in /releases reports.
version_of () { exec_in operator "/releases/$1" --version </dev/null | cut -d' ' -f2; }

# release_to_all RELEASE [OPTION...]: updates all nodes at once, or those that OPTION selects.
release_to_all ()
{
    local release=$1
    shift
    nodectl rollout start --release "$release" --waves rest --soak 0s --timeout 5m "$@" >/dev/null || fail "not every node was updated to the release $release"
}
# rollouts_in: prints the ids of rollouts in its input, each once.
rollouts_in () { grep -oE 'r-[0-9a-f]{12}' | awk '!seen[$0]++'; }
# rollout_halted WHAT OPTION...: starts a rollout that must fail, and waits for its end. Its id is in $rollout.
rollout_halted ()
{
    local what=$1 said status=0
    shift
    said=$(nodectl rollout start "$@" --timeout 10m 2>&1) || status=$?
    [ "$status" = 1 ] || { printf '%s\n' "$said" >&2; fail "$what: the rollout ended with status $status instead of 1"; }
    rollout=$(rollouts_in <<<"$said" | head -n 1)
}

# since TIME: prints the seconds since TIME, with one decimal. TIME as in $EPOCHREALTIME.
since () { awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $1 }"; }
