# SPDX-License-Identifier: MPL-2.0
# test/lib/rig.bash - the commands of bin/rig: start and remove the fleet in containers, collect its logs, run the stories. Sourced by bin/rig.
#
# shellcheck shell=bash

# shellcheck source=test/lib/engine.bash
. "$top/test/lib/engine.bash"
# shellcheck source=test/lib/containers.bash
. "$top/test/lib/containers.bash"

# rig_build: builds every image of the rig from this checkout. The first stage gets a name, because test/rig/Dockerfile uses it.
rig_build ()
{
    local target
    rig_image "$(image_of build)" --target build -f "$top/docker/Dockerfile" --build-arg "NODED_VERSION=$rig_version"
    rig_image "$(image_of)" -f "$top/docker/Dockerfile" --build-arg "NODED_VERSION=$rig_version"
    for target in releases operator outsider link broken systemd runit; do
        rig_image "$(image_of "$target")" --target "$target" -f "$top/test/rig/Dockerfile" --build-arg "IMAGE=$images" --build-arg "VERSION=$rig_version"
    done
}
rig_image ()
{
    local tag=$1
    shift
    docker build -q --network host -t "$tag" "$@" "$top" >"$rig/build.log" 2>&1 ||
        { tail -n 40 "$rig/build.log" >&2; fail "the image $tag could not be built; the end of the build log is above"; }
    grep -qx "$tag" "$rig/images" 2>/dev/null || echo "$tag" >>"$rig/images"
}

# rig_fleet NODES: starts the containers of a new fleet, and waits until every node is online: NODES nodes, and the nodes with another init.
rig_fleet ()
{
    local node
    engine_compose up -d --no-build --scale "node=$1" >"$rig/up.log" 2>&1 ||
        { tail -n 20 "$rig/up.log" >&2; fail 'the containers could not be started; the end of the log is above'; }
    containers_read
    until_nodes "$1 nodes online and idle" "map (select (.id | test (\"^node-[0-9]+$\"))) | length == $1 and all (.online and .application.state == \"idle\")"
    for node in "${nodes[@]}"; do
        [[ $node =~ ^node-[0-9]+$ ]] || (until_node "$node" '.online and .application.state == "idle"') || rig_without "$node"
    done
    containers_read
    rig_release_copy
}
# rig_without NODE: removes a node whose init does not run in a container on this host. The story inits fails then.
rig_without ()
{
    docker logs --tail 20 "${container[$1]}" >&2
    say "WARNING: $1 DOES NOT START: a container on this machine cannot run its init; the end of its log is above, and the story inits will fail" >&2
    docker rm -fv "${container[$1]}" >/dev/null
    nodectl forget "$1" >/dev/null 2>&1 || true
}

# rig_clear: removes the fleet, and what interrupted stories left. Containers first: a network with a container cannot be removed.
rig_clear ()
{
    local id
    for id in $(docker ps -aq --filter "label=noded.rig=$project"); do docker rm -fv "$id" >/dev/null; done
    engine_compose down -v --remove-orphans -t 2 >"$rig/down.log" 2>&1 || { tail -n 20 "$rig/down.log" >&2; say 'the containers could not be removed; the end of the log is above' >&2; return 1; }
    for id in $(docker volume ls -q --filter "label=noded.rig=$project"); do docker volume rm "$id" >/dev/null; done
    for id in $(docker network ls -q --filter "label=noded.rig=$project"); do docker network rm "$id" >/dev/null; done
}

rig_up ()
{
    local begun=$SECONDS built fleet
    engine_mine
    echo up >"$rig/under_way"
    engine_start || { engine_known || rm "$rig/under_way"; exit 1; }
    rig_clear || exit 1
    rm -f "$rig/release"
    engine_apart no
    engine_base
    say 'building the images'
    rig_build
    engine_apart yes
    built=$((SECONDS - begun))
    say "starting $1 nodes, and one each with systemd and runit"
    fleet=$SECONDS
    echo "$1" >"$rig/nodes"
    rig_fleet "$1"
    rm "$rig/under_way"
    say "up: ${#nodes[@]} nodes in $((SECONDS - fleet)) s after $built s for engine and images; the image has $(rig_size "$(image_of)"), of which Debian is $(rig_size debian:bookworm-slim)"
    say "    $(rig_memory)"
}
# rig_memory: prints the average memory of a node's container, and the number of nodes to a gigabyte. Includes the engine's process for each
# container.
rig_memory ()
{
    local ids=() node pids
    for node in "${nodes[@]}"; do
        [[ ! $node =~ ^node-[0-9]+$ ]] || ids+=("${container[$node]}")
    done
    # 0 if the engine runs on another machine.
    pids=$(pgrep -f "containerd-shim.* -namespace moby .*$(docker inspect -f '{{.Id}}' "${ids[0]}")" | head -n 1 || true)
    docker stats --no-stream --format '{{.MemUsage}}' "${ids[@]}" |
        awk -v engine="$(awk '/^Pss:/ { print $2 / 1024 }' "/proc/${pids:-none}/smaps_rollup" 2>/dev/null)" '
            { n++; sum += $1 * ($1 ~ /GiB/ ? 1024 : $1 ~ /KiB/ ? 1 / 1024 : 1) }
            END { printf "%.1f MiB of memory a node and %.1f of the engine for it, %d nodes a GiB", sum / n, engine, 1024 / (sum / n + engine) }'
}
rig_size () { docker image inspect -f '{{.Size}}' "$1" | awk '{ printf "%.0f MB", $1 / 1e6 }'; }

# rig_load: for commands that need a complete rig. A caller without the lock starts no engine while another command may start it.
rig_load ()
{
    local doing wrong
    if doing=$(cat "$rig/under_way" 2>/dev/null); then
        [ -n "$engine_lock" ] || flock -s -n "$rig" true || fail "bin/rig $doing uses $rig: wait until it ends"
        wrong="bin/rig $doing on $rig did not finish: run bin/rig up to make the rig again, or bin/rig down to remove it"
        [ -z "$engine_lock" ] || fail "$wrong"
        say "$wrong" >&2 # without the lock only: an operator may still inspect the rig
    fi
    engine_known || fail 'there is no rig: start one with bin/rig up'
    [ ! -e "$rig/own" ] || engine_pid >/dev/null || engine_mine
    engine_start || exit 1
    containers_read
}

rig_down ()
{
    local image
    engine_known || { say 'there is no rig'; return; }
    engine_mine
    echo down >"$rig/under_way"
    engine_start || exit 1
    rig_clear || exit 1
    if [ -e "$rig/other" ] && [ -e "$rig/images" ]; then
        while read -r image; do docker image rm "$image" >/dev/null 2>&1 || true; done <"$rig/images"
    fi
    engine_stop
}

# rig_logs DIRECTORY: collects the output of every container, the files in every node's root, and the broker's lists.
rig_logs ()
{
    local node to=$1 service
    mkdir -p "$to"
    containers_read
    docker ps -a --filter "label=com.docker.compose.project=$project" >"$to/containers" 2>&1 || true
    for service in broker content operator outsider; do docker logs -t "${container[$service]}" >"$to/$service.log" 2>&1 || true; done
    nodectl nodes --json >"$to/nodes.json" 2>&1 || true
    nodectl rollout list >"$to/rollouts" 2>&1 || true
    for node in "${nodes[@]}"; do
        docker logs -t "${container[$node]}" >"$to/$node.log" 2>&1 || true
        disk_of "$node" sh -c 'ls -la --time-style=full-iso . var var/quarantine probe; cat var/journal' >"$to/$node.disk" 2>&1 || true
    done
    say "logs and journals: $to"
}

# rig_release FILE: makes FILE the good release that the stories publish.
rig_release ()
{
    if [ ! -f "$1" ] || [ ! -x "$1" ]; then fail "$1 is not an executable file"; fi
    cp "$1" "$rig/release" # kept for a new fleet after a failed story
    rig_release_copy
    say "the good release of the stories is $(exec_in operator /releases/noded-2 --version)"
}

rig_release_copy () { [ ! -e "$rig/release" ] || docker cp "$rig/release" "${container[operator]}:/releases/noded-2" >/dev/null; }

# Prints the stories in the order of the file. `short` in the second column marks the stories of --short.
rig_stories () { awk '!/^#/ && NF' "$top/test/rig/stories"; }

# Checks the state that every story must leave: the same nodes, and nothing under way.
rig_at_rest ()
{
    local left
    containers_read
    until_nodes 'all nodes online, idle and not held after the story' \
        "([.[].id] | sort) == ($(printf '%s\n' "${nodes[@]}" | jq -Rsc 'split ("\n") | map (select (. != "")) | sort')) and all (.online and .application.state == \"idle\" and (.application.held | not))"
    nodectl rollout list --json | jq -e 'all (.over)' >/dev/null || fail 'the story left a rollout open'
    left=$(nodectl nodes --json | jq -r '.[] | select (.application.quarantined != 0) | "\(.id): \(.application.quarantined)"')
    [ -z "$left" ] || fail "the story left releases in quarantine: $left"
}

# rig_story_run STORY: runs a story. Returns 1 if it fails, or leaves the fleet in a wrong state; then the next story gets a new fleet.
rig_story_run ()
{
    local story=$1 status=0
    say "--- $story: $(sed -n '2,/^[^#]/{s/^# //p}' "$top/test/rig/$story.sh" | tr '\n' ' ')"
    rm -rf "$top/build/rig/$story" "$rig/again"
    NODED_RIG=$rig bash "$top/test/rig/$story.sh" {engine_lock}<&- || status=$?
    [ "$status" != 0 ] || (rig_at_rest) || status=1
    if [ "$status" = 0 ]; then say "ok    $story"; return; fi
    (rig_logs "$top/build/rig/$story") || true
    say "FAIL  $story; again: ${NODED_RIG:+NODED_RIG=$rig }$(cat "$rig/again" 2>/dev/null || true)bin/rig test $story"
    rig_clear || true
    (rig_fleet "$(cat "$rig/nodes")") || true
    return 1
}

# rig_test [--list | --short | STORY...]: runs the stories one after the other.
rig_test ()
{
    local list=() results=() again=() story status begun all=$SECONDS own='' failed=0 flaky=0 good short=''
    while [ $# -gt 0 ]; do
        case $1 in
            --list) rig_stories; return ;;
            --short) short=1 ;;
            -*) fail "unknown option: $1" ;;
            *) [ -e "$top/test/rig/$1.sh" ] || fail "there is no story $1: bin/rig test --list lists the stories"; list+=("$1") ;;
        esac
        shift
    done
    if [ ${#list[@]} = 0 ]; then mapfile -t list < <(rig_stories | awk -v short="$short" '!short || $2 == "short" { print $1 }'); fi
    engine_mine
    if ! engine_known; then
        # Without an engine no story can run. This counts as failed; with --short it counts as skipped.
        if ! engine_start; then
            say 'NO STORY RUNS: there is no container engine on this host, and none could be started' >&2
            engine_stop || true
            return "$([ -n "$short" ] && echo 77 || echo 1)"
        fi
        own=1
        trap 'rig_down' EXIT
        rig_up 12
    else
        rig_load
    fi
    for story in "${list[@]}"; do
        begun=$SECONDS
        if rig_story_run "$story"; then results+=("ok    $story ($((SECONDS - begun)) s)"); else again+=("$story"); fi
    done
    # A failed story runs once more, after everything else has ended.
    if [ ${#again[@]} -gt 0 ] && [ -n "${NODED_AFTER:-}" ]; then tail --pid="$NODED_AFTER" -f /dev/null; fi
    for story in "${again[@]}"; do
        begun=$SECONDS
        rm -rf "$top/build/rig/$story.first"
        [ ! -e "$top/build/rig/$story" ] || mv "$top/build/rig/$story" "$top/build/rig/$story.first"
        if rig_story_run "$story"; then
            flaky=$((flaky + 1))
            results+=("FLAKY $story: passed when it ran again ($((SECONDS - begun)) s); the log of its failure is above, and in build/rig/$story.first")
        else
            failed=$((failed + 1))
            results+=("FAIL  $story ($((SECONDS - begun)) s)")
        fi
    done
    say
    printf '%s\n' "${results[@]}"
    status=0
    if [ -n "$own" ]; then
        trap - EXIT
        (rig_down) || status=1
    fi
    good=$((${#results[@]} - failed))
    [ "$flaky" -le 3 ] || { say "$flaky stories are flaky: more than three fail the run"; failed=$((failed + 1)); }
    say "$good passed, $failed failed ($((SECONDS - all)) s)"
    [ "$failed" = 0 ] && return "$status"
}
