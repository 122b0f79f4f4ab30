# What the stories of bin/rig share. A story is sourced into nothing: it runs on its own, against the fleet that is up, and leaves a
# fleet behind in which every node is online, idle and not held, and no release in quarantine. What passes is what check_disks
# finds on each node's own disk.
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

engine_known || fail 'there is no rig: bin/rig up makes one'
containers_read
story=$(basename "$0" .sh)
# A story is told about one node alone, beside the composition.
if [ -n "${NODED_ONLY:-}" ]; then
    nodes=("$NODED_ONLY")
    container[$NODED_ONLY]=$(docker ps -aq --filter "name=^$project-$NODED_ONLY\$")
fi

# at_end COMMAND...: what the story undoes whatever becomes of it, the last first. One that fails keeps no other one from its turn, and
# fails the story. (Not in a subshell, where it would be lost.)
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
        [ "$got" = 0 ] || { story_status=1; say "FAILED: at the end: $ending" >&2; }
    done
    exit "$story_status"
}
trap story_end EXIT

# every: selects all nodes that the story is about.
every ()
{
    local IFS=, all
    all=${nodes[*]}
    echo "${all//,/ or }"
}

# again_with NAME=VALUE...: what the same story needs to be told again, beside its name.
again_with () { printf '%s ' "$@" >"$rig/again"; }

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

# publish_other [NODE]: a good release with another binary than the fleet, or that node, runs now; prints RELEASE. publish_heavy BYTES:
# the same with a file of random bytes beside it.
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
    now=$(node_field "${1:-${nodes[0]}}" .version)
    if [ "$now" = "$version" ]; then echo noded 1.0.0; else echo "noded-2 $version"; fi
}
# version_of RELEASE: of /releases, as it says itself.
version_of () { exec_in operator "/releases/$1" --version </dev/null | cut -d' ' -f2; }

# release_to_all RELEASE [OPTION...]: at once, to whom OPTION selects.
release_to_all ()
{
    local release=$1
    shift
    nodectl rollout start --release "$release" --waves rest --soak 0s --timeout 5m "$@" >/dev/null || fail "the release $release did not come through everywhere"
}
# rollouts_in: the ids of rollouts in what is read, each once.
rollouts_in () { grep -oE 'r-[0-9a-f]{12}' | awk '!seen[$0]++'; }
# rollout_halted WHAT OPTION...: starts one that does not come through, and waits for its end; sets $rollout to its id.
rollout_halted ()
{
    local what=$1 said status=0
    shift
    said=$(nodectl rollout start "$@" --timeout 10m 2>&1) || status=$?
    [ "$status" = 1 ] || { printf '%s\n' "$said" >&2; fail "$what: the rollout ended with status $status instead of 1"; }
    rollout=$(rollouts_in <<<"$said" | head -n 1)
}

# since TIME: seconds since then, with a tenth; TIME as in $EPOCHREALTIME.
since () { awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $1 }"; }
