# SPDX-License-Identifier: MPL-2.0
# test/lib/engine.bash - the container engine of bin/rig: an engine that already runs, or the rig's own. Sourced.
#
# The rig's own engine keeps its files in its own directory and listens on a socket below $rig. It is the only process that the rig signals.
# Images are built on the host's network. Before containers start, the engine is restarted in a network name space without a way out:
# containers reach only each other, and the host's firewall, routes and interfaces do not change.
#
# shellcheck shell=bash

top=${top:?}
# shellcheck source=test/lib/say.bash
. "$top/test/lib/say.bash"
# A user other than root may use an engine that already runs.
rig=$(realpath -m -- "${NODED_RIG:-$([ "$(id -u)" = 0 ] && echo /run || echo "${XDG_RUNTIME_DIR:-/tmp}")/noded-rig}")
engine_lock=
project=$(basename "$rig")
project=${project//[^a-z0-9-]/}
# The rig's images have their own names: on an engine that already runs, noded:1.0.0 may belong to the user.
rig_version=1.0.0
images=$project
[[ $images == noded-rig* ]] || images=noded-rig-$project
# image_of [STAGE]: the name of the image of a stage; without STAGE, of noded's own image.
image_of () { echo "$images${1:+-$1}:$rig_version"; }

# Prints the pid of the rig's own engine. Fails if it does not run.
engine_pid ()
{
    local pid
    pid=$(cat "$rig/engine.pid" 2>/dev/null) && grep -qzF -- "$rig/engine.sock" "/proc/$pid/cmdline" 2>/dev/null && echo "$pid"
}

engine_compose ()
{
    if [ -z "${compose:-}" ]; then
        if docker compose version >/dev/null 2>&1; then compose='docker compose'; else compose=docker-compose; fi
    fi
    # shellcheck disable=SC2086 # two words
    NODED_IMAGE=$images NODED_VERSION=$rig_version $compose -p "$project" -f "$top/docker/docker-compose.yml" -f "$top/test/rig/docker-compose.yml" "$@"
}

# engine_mine: takes the lock of the rig, so that one command at a time starts, tests or removes it. The lock ends with this process.
engine_mine ()
{
    [ -z "$engine_lock" ] || return 0
    (umask 077 && mkdir -p "$rig") || fail "cannot make the directory $rig for the rig's state: run as root, or set NODED_RIG to another directory"
    # bin/rig down removes the directory with everything in it.
    if ! engine_known && [ -n "$(ls -A -I under_way "$rig")" ]; then fail "$rig contains files that are not a rig's: set NODED_RIG to an empty or new directory"; fi
    exec {engine_lock}<"$rig"
    flock -n "$engine_lock" || fail "another bin/rig uses $rig: wait for it, or set NODED_RIG to another directory"
}

# Succeeds if there is a rig. Points docker to its engine.
engine_known ()
{
    [ -e "$rig/own" ] || [ -e "$rig/other" ] || return 1
    [ ! -e "$rig/own" ] || export DOCKER_HOST=unix://$rig/engine.sock
}

# engine_launch: starts dockerd on the directory that $rig/own names. After a crash a new start takes over the old one's containers.
engine_launch ()
{
    local data pid last=$((SECONDS + 60)) where=()
    data=$(cat "$rig/own")
    export DOCKER_HOST=unix://$rig/engine.sock
    [ -n "$engine_lock" ] || exec {engine_lock}</dev/null # a valid descriptor: the engine closes it in any case
    # A command that enters a container starts at the root of its mount name space. In a chroot that is the root of the machine outside.
    # There the engine gets its own mount name space, with this root as its root.
    if [ "$(nsenter --mount=/proc/self/ns/mnt stat -c %d:%i / 2>/dev/null)" != "$(stat -c %d:%i /)" ]; then
        where=(nsenter --mount=/proc/self/ns/mnt --wd=/ unshare --mount sh -c 'mount --make-rprivate / && pivot_root . . && umount -l . && cd / && exec "$@"' sh)
    fi
    [ ! -e "$rig/apart" ] || where+=(unshare --net sh -c 'ip link set lo up && exec "$@"' sh)
    rm -f "$rig/engine.pid"
    setsid "${where[@]}" dockerd --host "$DOCKER_HOST" --pidfile "$rig/engine.pid" --data-root "$data" --exec-root "$rig/exec" \
        --bridge none --iptables=false --ip6tables=false --ip-masq=false --userland-proxy=false >>"$rig/engine.log" 2>&1 </dev/null {engine_lock}<&- &
    pid=$!
    until docker version >/dev/null 2>&1; do
        if [ $SECONDS -ge $last ] || ! kill -0 "$pid" 2>/dev/null; then
            tail -n 20 "$rig/engine.log" >&2
            say 'no container engine: dockerd does not start on this host; the end of its log is above' >&2
            return 1
        fi
        sleep 0.2 # dockerd does not say when it is ready
    done
}

engine_end ()
{
    local pid last=$((SECONDS + 60))
    pid=$(engine_pid) || return 0
    kill -TERM "$pid"
    while engine_pid >/dev/null; do
        [ $SECONDS -lt $last ] || { say "dockerd (pid $pid) did not stop on SIGTERM; its log is $rig/engine.log" >&2; return 1; }
        sleep 0.1 # an earlier run may have started it: it is no child
    done
}

# engine_apart yes|no: restarts the engine in a network name space, or on the host's network. Running containers end.
engine_apart ()
{
    [ -e "$rig/own" ] || return 0
    if [ "$1" = yes ]; then [ ! -e "$rig/apart" ] || return 0; else [ -e "$rig/apart" ] || return 0; fi
    engine_end || return 1
    # Only after the engine has ended: if this is interrupted earlier, the file still states where the engine runs.
    if [ "$1" = yes ]; then : >"$rig/apart"; else rm "$rig/apart"; fi
    engine_launch
}

# engine_start: finds or starts an engine. Returns 1, with the reason on standard error, if there is none and none can be started.
engine_start ()
{
    local place data
    if engine_known; then
        [ ! -e "$rig/own" ] || engine_pid >/dev/null || engine_launch
        return
    fi
    # The directory contains sockets, and a socket's path has at most 107 bytes.
    [ ${#rig} -le 50 ] || { say "the path of the rig's state, $rig, has more than 50 bytes: set NODED_RIG to a shorter path" >&2; return 1; }
    # An installed Docker is not replaced by Debian's: only missing packages are installed.
    if docker version >/dev/null 2>&1; then
        if ! command -v jq >/dev/null || ! { docker compose version || command -v docker-compose; } >/dev/null 2>&1; then
            say 'Docker is installed, but docker compose or jq is not: install them' >&2
            return 1
        fi
        : >"$rig/other"
        return
    fi
    [ "$(id -u)" = 0 ] || { say 'no container engine answers, and only root can start one' >&2; return 1; }
    if command -v dockerd >/dev/null && { docker compose version || command -v docker-compose; } >/dev/null 2>&1; then
        "$top/bin/deps" rig-engine || return 1
    else
        "$top/bin/deps" rig || return 1
    fi
    # Docker cannot store image layers on an overlay file system.
    for place in /var/lib /var/tmp /tmp; do
        [ "$(stat -f -c %T "$place")" = overlayfs ] || break
    done
    data=$(mktemp -d "$place/$project.XXXXXX") || return 1
    if ! { echo "$data" >"$rig/own.new" && mv "$rig/own.new" "$rig/own"; }; then rmdir "$data"; return 1; fi
    engine_launch
}

# Ends the rig's own engine, and removes all its files.
engine_stop ()
{
    local mount data
    if [ -e "$rig/own" ]; then
        data=$(cat "$rig/own")
        engine_end || return 1
        : "${data:?}" # an empty path would match every mount of the machine
        while read -r mount; do
            umount -l "$mount"
        done < <(awk -v a="$rig/" -v b="$data/" 'index ($2, a) == 1 || index ($2, b) == 1 { print $2 }' /proc/mounts | sort -r)
        rm -rf --one-file-system "$data"
    fi
    [ ! -s "$rig/base" ] || rm -rf --one-file-system "$(cat "$rig/base")"
    rm -rf --one-file-system "$rig"
}

# Provides debian:bookworm-slim: already present, pulled from a registry, or made from packages.
engine_base ()
{
    local image=debian:bookworm-slim tree
    docker image inspect "$image" >/dev/null 2>&1 && return
    if timeout 60 docker pull -q "$image" >"$rig/pull.log" 2>&1; then return; fi
    say "no registry answers: making $image with debootstrap"
    command -v debootstrap >/dev/null || "$top/bin/deps" rig-base || exit 1
    tree=$(mktemp -d "$(dirname "$(cat "$rig/own" 2>/dev/null || echo /tmp/any)")/noded-base.XXXXXX")
    echo "$tree" >"$rig/base" # if this is interrupted, `bin/rig down` removes the directory
    if ! debootstrap --variant=minbase bookworm "$tree" >"$rig/debootstrap.log" 2>&1; then
        tail -n 5 "$rig/debootstrap.log" >&2
        rm -rf "$tree"
        fail 'debootstrap could not make a base image; the end of its log is above'
    fi
    # The package sources of this host, if it runs the same release.
    if grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
        rm -rf "$tree/etc/apt/sources.list"
        cp -rL /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d "$tree/etc/apt/" 2>/dev/null || true
        rm -f "$tree/etc/apt/apt.conf.d/docker-clean"
    fi
    rm -rf "${tree:?}"/var/lib/apt/lists/* "$tree"/var/cache/apt/* "$tree"/var/log/* "$tree"/usr/share/{doc,man,info,locale}/*
    tar -C "$tree" --one-file-system -c . | docker import -c 'CMD ["bash"]' - "$image" >/dev/null
    rm -rf "$tree" "$rig/base"
    echo "$image" >>"$rig/images"
}
