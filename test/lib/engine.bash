# The container engine of bin/rig: one that runs already, or one of its own. Sourced.
#
# An engine of its own keeps its files in a directory of its own, listens on a socket below $rig, and is the only process that is ever
# signalled. Images are built on the host's network; for what runs it is started again in a network name space, which has no way out:
# containers reach each other and nothing else, and the host's firewall, routes and interfaces are left alone.
#
# shellcheck shell=bash

top=${top:?}
# shellcheck source=test/lib/say.bash
. "$top/test/lib/say.bash"
# Who is not root may use an engine that runs already.
rig=$(realpath -m -- "${NODED_RIG:-$([ "$(id -u)" = 0 ] && echo /run || echo "${XDG_RUNTIME_DIR:-/tmp}")/noded-rig}")
engine_lock=
project=$(basename "$rig")
project=${project//[^a-z0-9-]/}
# Images have names of the rig's own: on an engine that runs already, noded:1.0.0 may be somebody's.
rig_version=1.0.0
images=$project
[[ $images == noded-rig* ]] || images=noded-rig-$project
# image_of [STAGE]: of test/rig/Dockerfile.
image_of () { echo "$images${1:+-$1}:$rig_version"; }

# The pid of the rig's own engine, where it runs.
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

# engine_mine: one command at a time brings a rig up, hurts it, or takes it down. The lock goes with this process.
engine_mine ()
{
    [ -z "$engine_lock" ] || return 0
    (umask 077 && mkdir -p "$rig") || fail "no directory $rig for the rig's state: be root, or name another one in NODED_RIG"
    # It is removed in the end, with all that lies in it.
    if ! engine_known && [ -n "$(ls -A -I under_way "$rig")" ]; then fail "$rig holds something else than a rig: name an empty or new directory in NODED_RIG"; fi
    exec {engine_lock}<"$rig"
    flock -n "$engine_lock" || fail "another bin/rig is at work on $rig: wait for it, or name another directory in NODED_RIG"
}

# Whether there is a rig; its engine is then the one that docker asks.
engine_known ()
{
    [ -e "$rig/own" ] || [ -e "$rig/other" ] || return 1
    [ ! -e "$rig/own" ] || export DOCKER_HOST=unix://$rig/engine.sock
}

# engine_launch: dockerd on the directory that $rig/own names; again after a crash, to take over what it had started.
engine_launch ()
{
    local data pid last=$((SECONDS + 60)) where=()
    data=$(cat "$rig/own")
    export DOCKER_HOST=unix://$rig/engine.sock
    [ -n "$engine_lock" ] || exec {engine_lock}</dev/null # which the engine is not to have, in any case
    # A command that enters a container begins at the root of its mount name space, which in a chroot is the one of the machine outside.
    # There the engine gets a name space of its own, with this root as its root.
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
            say 'no container engine: dockerd does not start here; the end of its log is above' >&2
            return 1
        fi
        sleep 0.2
    done
}

engine_end ()
{
    local pid last=$((SECONDS + 60))
    pid=$(engine_pid) || return 0
    kill -TERM "$pid"
    while engine_pid >/dev/null; do
        [ $SECONDS -lt $last ] || { say "dockerd, pid $pid, does not end; its log is $rig/engine.log" >&2; return 1; }
        sleep 0.1
    done
}

# engine_apart yes|no: from now on in a network name space, or on the host's network. What runs does not survive it.
engine_apart ()
{
    [ -e "$rig/own" ] || return 0
    if [ "$1" = yes ]; then [ ! -e "$rig/apart" ] || return 0; else [ -e "$rig/apart" ] || return 0; fi
    engine_end || return 1
    # Not before it has ended: who is interrupted in between has an engine where the file says that it is.
    if [ "$1" = yes ]; then : >"$rig/apart"; else rm "$rig/apart"; fi
    engine_launch
}

# engine_start: returns 1, with the reason on standard error, where there is none to be had here.
engine_start ()
{
    local place data
    if engine_known; then
        [ ! -e "$rig/own" ] || engine_pid >/dev/null || engine_launch
        return
    fi
    # Sockets lie below it, whose paths have 107 bytes.
    [ ${#rig} -le 50 ] || { say "the directory of the rig's state, $rig, has a path of more than 50 bytes: name another one in NODED_RIG" >&2; return 1; }
    # What is here is not replaced by Debian's: only what is missing is installed.
    if docker version >/dev/null 2>&1; then
        if ! command -v jq >/dev/null || ! { docker compose version || command -v docker-compose; } >/dev/null 2>&1; then
            say 'Docker is here; docker compose, or jq, is not: install them' >&2
            return 1
        fi
        : >"$rig/other"
        return
    fi
    [ "$(id -u)" = 0 ] || { say 'no container engine: none answers, and only root can start one' >&2; return 1; }
    if command -v dockerd >/dev/null && { docker compose version || command -v docker-compose; } >/dev/null 2>&1; then
        "$top/bin/deps" rig-engine || return 1
    else
        "$top/bin/deps" rig || return 1
    fi
    # Layers of images cannot lie on an overlay file system.
    for place in /var/lib /var/tmp /tmp; do
        [ "$(stat -f -c %T "$place")" = overlayfs ] || break
    done
    data=$(mktemp -d "$place/$project.XXXXXX") || return 1
    if ! { echo "$data" >"$rig/own.new" && mv "$rig/own.new" "$rig/own"; }; then rmdir "$data"; return 1; fi
    engine_launch
}

# Ends the rig's own engine, and removes all that it kept.
engine_stop ()
{
    local mount data
    if [ -e "$rig/own" ]; then
        data=$(cat "$rig/own")
        engine_end || return 1
        : "${data:?}" # else every mount of the machine would lie below it
        while read -r mount; do
            umount -l "$mount"
        done < <(awk -v a="$rig/" -v b="$data/" 'index ($2, a) == 1 || index ($2, b) == 1 { print $2 }' /proc/mounts | sort -r)
        rm -rf --one-file-system "$data"
    fi
    [ ! -s "$rig/base" ] || rm -rf --one-file-system "$(cat "$rig/base")"
    rm -rf --one-file-system "$rig"
}

# debian:bookworm-slim: here already, from a registry, or made from packages.
engine_base ()
{
    local image=debian:bookworm-slim tree
    docker image inspect "$image" >/dev/null 2>&1 && return
    if timeout 60 docker pull -q "$image" >"$rig/pull.log" 2>&1; then return; fi
    say "no registry answers: making $image with debootstrap"
    command -v debootstrap >/dev/null || "$top/bin/deps" rig-base || exit 1
    tree=$(mktemp -d "$(dirname "$(cat "$rig/own" 2>/dev/null || echo /tmp/any)")/noded-base.XXXXXX")
    echo "$tree" >"$rig/base" # removed by `down`, where this is interrupted
    if ! debootstrap --variant=minbase bookworm "$tree" >"$rig/debootstrap.log" 2>&1; then
        tail -n 5 "$rig/debootstrap.log" >&2
        rm -rf "$tree"
        fail 'debootstrap could not make a base image; its last words are above'
    fi
    # Where this host takes its packages from, if it is of the same release.
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
