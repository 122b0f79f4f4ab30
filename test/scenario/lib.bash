# SPDX-License-Identifier: MPL-2.0
# test/scenario/lib.bash - the start and the end of every story: makes a fleet, takes it down in every case, and verifies its roots.
#
# A story also runs alone: NODED_BUILD=build test/scenario/good-update.sh. With KEEP=1 its directory stays.
#
# shellcheck shell=bash
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
NODED_BUILD=$(cd "${NODED_BUILD:-$here/../../build}" && pwd)
# shellcheck source=test/lib/fleet.bash
. "$here/../lib/fleet.bash"

# skip WHY: ends a story that cannot run on this machine.
skip ()
{
    say "SKIPPED: $*" >&2
    exit 77
}

# apart STORY [ARGUMENT...]: starts the story again in a mount name space of its own; its mounts end with it.
apart ()
{
    [ -z "${NODED_APART:-}" ] || return 0
    unshare --mount --propagation unchanged true 2>/dev/null || skip 'cannot make a mount name space'
    fleet_remove
    # In a chroot / is not a mount and cannot be made private: mounts below it are visible outside until the end.
    # shellcheck disable=SC2016 # for the shell inside
    NODED_APART=1 exec unshare --mount --propagation unchanged \
        sh -c 'mount --make-rprivate / 2>/dev/null || :; exec "$0" "$@"' "$@"
}

# mount_tmpfs SIZE DIRECTORY: mounts a tmpfs. Only after apart.
mounts=()
mount_tmpfs ()
{
    mkdir -p "$2"
    mount -t tmpfs -o "size=$1" noded "$2" || skip "cannot mount a file system on $2"
    mounts+=("$2")
}

# at_step ID STEP: waits until a journal line after the mark shows that the node has started the step, and stops its manager there.
declare -A frozen=()
lines=0
journal_mark () { lines=$({ cat "$fleet/$1/var/journal" 2>/dev/null || true; } | wc -l); }
at_step ()
{
    local journal follower found=0
    exec {journal}< <(exec tail -s 0.02 -n "+$((lines + 1))" -F "$fleet/$1/var/journal" 2>/dev/null)
    follower=$!
    timeout "$patience" grep -q -m 1 -F "\"step\":\"$2\"" <&"$journal" || found=1
    exec {journal}<&-
    kill "$follower" 2>/dev/null || true
    [ "$found" = 0 ] || fail "timed out: node $1 did not start $2"
    frozen[$1]=$(manager_pid "$1") || return 0
    kill -STOP "${frozen[$1]}" 2>/dev/null || true
}
thaw () { kill -CONT "${frozen[$1]}" 2>/dev/null || true; }

# cgroup_make CONTROLLER: makes a control group below the story's own, of version 1 or 2. Its path is in $cgroup.
cgroup=
cgroups=()
cgroup_make ()
{
    local place top
    place=$(sed -nE "s/^[0-9]+:([^:]*,)?$1(,[^:]*)?:(.*)/\3/p" /proc/self/cgroup)
    top=$(awk -v want="$1" '$3 == "cgroup" && ("," $4 ",") ~ ("," want ",") { print $2; exit }' /proc/self/mounts)
    if [ -z "$place" ] || [ -z "$top" ]; then
        place=$(sed -n 's/^0:://p' /proc/self/cgroup)
        top=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
        [ -n "$top" ] && { echo "+$1" >"$top$place/cgroup.subtree_control"; } 2>/dev/null || top=
    fi
    cgroup=$top$place/noded-story-$$-$1
    { [ -n "$top" ] && mkdir "$cgroup" && echo 0 >"$cgroup/cgroup.procs" && echo $$ >"$cgroup/../cgroup.procs"; } 2>/dev/null ||
        skip "cannot make a control group for $1"
    cgroups+=("$cgroup")
}

# cgroup_set FILE-OF-VERSION-1 FILE-OF-VERSION-2 VALUE
cgroup_set ()
{
    if [ -e "$cgroup/$1" ]; then echo "$3" >"$cgroup/$1"; else echo "$3" >"$cgroup/$2"; fi
}

# cgroup_enter: prints the path of a command that runs its arguments in the group.
cgroup_enter ()
{
    printf "#!/bin/sh\necho 0 >'%s/cgroup.procs' || exit 1\nexec \"\$@\"\n" "$cgroup" >"$fleet/enter"
    chmod +x "$fleet/enter"
    echo "$fleet/enter"
}

# sanitizers_found: prints what sanitizers wrote into the logs. Returns 1 if there is nothing. The logs are checked because the exit status of
# a process that was being stopped does not show a finding.
sanitizers_found () { grep -hE -A 30 '(ERROR|WARNING): [A-Za-z]+Sanitizer|runtime error: ' "$fleet"/*.log "$fleet"/said 2>/dev/null; }

# at_end FUNCTION: calls FUNCTION at the end of the story, before the fleet ends, whether the story passed or failed. It ends what the story
# has started beside the fleet.
own_ends=()
at_end () { own_ends+=("$1"); }
story_end ()
{
    local status=$? place own
    trap - EXIT
    set +eu # an error in an end must not keep the others from running
    for own in "${own_ends[@]}"; do "$own"; done
    fleet_end || status=1
    ! sanitizers_found >&2 || { say 'a sanitizer found something' >&2; status=1; }
    [ ${#cgroups[@]} = 0 ] || rmdir "${cgroups[@]}" || status=1
    for place in "$fleet"/*/node.zpl; do
        [ -e "$place" ] || continue
        "$build/noded" verify --root "$(dirname "$place")" >"$fleet/verify.log" 2>&1 ||
            { say "noded verify found a fault in $(dirname "$place")" >&2; status=1; }
    done
    [ ${#mounts[@]} = 0 ] || umount "${mounts[@]}" || status=1
    [ "$status" = 0 ] || [ "$status" = 77 ] || fleet_logs
    if [ -n "${KEEP:-}" ]; then say "kept: $fleet"; else fleet_remove; fi
    exit "$status"
}

# step_is SPAN: sets the deadline of a rehearsal step for nodes that are installed later.
step_is ()
{
    # shellcheck disable=SC2001 # a shell pattern would match beyond the line
    node_settings=$(sed "s/step = .*/step = $1/" <<<"$node_settings")$'\n'
}

# short_step: a short deadline, for candidates that let it pass.
short_step () { step_is 4s; }

# refused BINARY STEP REASON [PUBLISH-OPTION...]: orders node a, which runs 1.0.0, to update to a release. The release must fail this step of
# the rehearsal with a matching reason, and be quarantined; stable must not change.
refused ()
{
    local binary=$1 step=$2 reason=$3 before release
    shift 3
    before=$(stable_of a)
    release=$(publish "$binary" 6.6.6 "$@") || fail "$binary could not be published"
    expect_status 1 ctl update a
    check_equal "$(stable_of a)" "$before" "stable after $binary"
    check_runs a 1.0.0 noded
    check_node a ".application.state == \"idle\" and (.application.last_error.step | test (\"^probing/$step$\")) and .application.last_error.version == \"6.6.6\""
    field a .application.last_error.reason >"$fleet/said"
    said "$reason"
    until_quarantined a "$release"
}

# takes_good: node a must update to a good release without help.
takes_good ()
{
    publish noded-2 2.0.0 >"$fleet/release"
    ctl update a || fail 'the good update was not confirmed'
    check_runs a 2.0.0 noded-2
}

# refuses BINARY STEP REASON: a complete story of one bad release.
refuses ()
{
    broker_start
    nodes_up a
    refused "$@"
    takes_good
}

fleet_begin
trap story_end EXIT
trap 'exit 130' INT TERM
