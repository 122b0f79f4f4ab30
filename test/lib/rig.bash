# The fleet of containers: up, down, what they said, and the stories in order. Sourced by bin/rig.
#
# shellcheck shell=bash

# shellcheck source=test/lib/engine.bash
. "$top/test/lib/engine.bash"
# shellcheck source=test/lib/containers.bash
. "$top/test/lib/containers.bash"

# rig_build: every image of the rig, from this checkout. The first stage is kept under a name, for test/rig/Dockerfile.
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
        { tail -n 40 "$rig/build.log" >&2; fail "the image $tag could not be built; what was said is above"; }
    grep -qx "$tag" "$rig/images" 2>/dev/null || echo "$tag" >>"$rig/images"
}

# rig_fleet NODES: containers of a fleet that has nothing yet, until every node is there: so many, and those with another init.
rig_fleet ()
{
    local node
    engine_compose up -d --no-build --scale "node=$1" >"$rig/up.log" 2>&1 ||
        { tail -n 20 "$rig/up.log" >&2; fail 'the containers could not be started; what was said is above'; }
    containers_read
    until_nodes "$1 nodes online and idle" "map (select (.id | test (\"^node-[0-9]+$\"))) | length == $1 and all (.online and .state == \"idle\")"
    for node in "${nodes[@]}"; do
        [[ $node =~ ^node-[0-9]+$ ]] || (until_node "$node" '.online and .state == "idle"') || rig_without "$node"
    done
    containers_read
    rig_release_copy
}
# rig_without NODE: the fleet goes on without a node whose init does not run in a container here. Its story fails.
rig_without ()
{
    docker logs --tail 20 "${container[$1]}" >&2
    say "WARNING: $1 DOES NOT COME UP: a container on this machine cannot run its init; its last words are above, and the story inits fails" >&2
    docker rm -fv "${container[$1]}" >/dev/null
    nodectl forget "$1" >/dev/null 2>&1 || true
}

# rig_clear: removes the fleet, and what stories that died left: these first, for a network that a container is on cannot be removed.
rig_clear ()
{
    local id
    for id in $(docker ps -aq --filter "label=noded.rig=$project"); do docker rm -fv "$id" >/dev/null; done
    engine_compose down -v --remove-orphans -t 2 >"$rig/down.log" 2>&1 || { tail -n 20 "$rig/down.log" >&2; say 'the containers could not be removed' >&2; return 1; }
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
    say "up: ${#nodes[@]} nodes in $((SECONDS - fleet)) s after $built s for engine and images; the image has $(rig_size "$(image_of)"), $(rig_size debian:bookworm-slim) of which are Debian"
    say "    $(rig_memory)"
}
# rig_memory: megabytes that a node's container has, on average, and nodes to a gigabyte, the engine's own process for each of them included.
rig_memory ()
{
    local ids=() node pids
    for node in "${nodes[@]}"; do
        [[ ! $node =~ ^node-[0-9]+$ ]] || ids+=("${container[$node]}")
    done
    # 0 where the engine runs on another machine.
    pids=$(pgrep -f "containerd-shim.* -namespace moby .*$(docker inspect -f '{{.Id}}' "${ids[0]}")" | head -n 1 || true)
    docker stats --no-stream --format '{{.MemUsage}}' "${ids[@]}" |
        awk -v engine="$(awk '/^Pss:/ { print $2 / 1024 }' "/proc/${pids:-none}/smaps_rollup" 2>/dev/null)" '
            { n++; sum += $1 * ($1 ~ /GiB/ ? 1024 : $1 ~ /KiB/ ? 1 / 1024 : 1) }
            END { printf "%.1f MiB of memory a node and %.1f of the engine for it, %d nodes a GiB", sum / n, engine, 1024 / (sum / n + engine) }'
}
rig_size () { docker image inspect -f '{{.Size}}' "$1" | awk '{ printf "%.0f MB", $1 / 1e6 }'; }

# rig_load: for what wants a rig that is whole. Who has no lock starts no engine that somebody else is about to start.
rig_load ()
{
    local doing wrong
    if doing=$(cat "$rig/under_way" 2>/dev/null); then
        [ -n "$engine_lock" ] || flock -s -n "$rig" true || fail "bin/rig $doing is at work on $rig: wait for its end"
        wrong="bin/rig $doing on $rig did not come to its end: bin/rig up makes the rig anew, bin/rig down removes what there is of it"
        [ -z "$engine_lock" ] || fail "$wrong"
        say "$wrong" >&2 # who wants to find out why may still look
    fi
    engine_known || fail 'there is no rig: bin/rig up makes one'
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

# rig_logs DIRECTORY: what every container said, what lies in every node's root, and what the broker knows.
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

# rig_release FILE: from now on it is what the stories publish as the good release.
rig_release ()
{
    if [ ! -f "$1" ] || [ ! -x "$1" ]; then fail "$1 is no program"; fi
    cp "$1" "$rig/release" # also for the fleet that is made anew behind a story that failed
    rig_release_copy
    say "the good release of the stories is $(exec_in operator /releases/noded-2 --version)"
}

rig_release_copy () { [ ! -e "$rig/release" ] || docker cp "$rig/release" "${container[operator]}:/releases/noded-2" >/dev/null; }

# The stories in the order of the file; `short` in the second column: told by --short.
rig_stories () { awk '!/^#/ && NF' "$top/test/rig/stories"; }

# What every story leaves behind: the fleet that it found, and nothing under way.
rig_at_rest ()
{
    local left
    containers_read
    until_nodes 'what a story has to leave behind: all nodes online, idle, and not held' \
        "([.[].id] | sort) == ($(printf '%s\n' "${nodes[@]}" | jq -Rsc 'split ("\n") | map (select (. != "")) | sort')) and all (.online and .state == \"idle\" and (.held | not))"
    nodectl rollout list --json | jq -e 'all (.over)' >/dev/null || fail 'the story left a rollout open'
    left=$(nodectl nodes --json | jq -r '.[] | select (.quarantine != []) | "\(.id): \(.quarantine | tojson)"')
    [ -z "$left" ] || fail "the story left releases in quarantine: $left"
}

# rig_tell STORY: 1 where it fails, or leaves behind what it should not. The next one then begins with a fleet that nothing has happened to.
rig_tell ()
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

# rig_test [--list | --short | STORY...]: one story after the other.
rig_test ()
{
    local list=() told=() again=() story status begun all=$SECONDS own='' failed=0 flaky=0 good short=''
    while [ $# -gt 0 ]; do
        case $1 in
            --list) rig_stories; return ;;
            --short) short=1 ;;
            -*) fail "there is no option $1" ;;
            *) [ -e "$top/test/rig/$1.sh" ] || fail "there is no story $1: bin/rig test --list names them"; list+=("$1") ;;
        esac
        shift
    done
    if [ ${#list[@]} = 0 ]; then mapfile -t list < <(rig_stories | awk -v short="$short" '!short || $2 == "short" { print $1 }'); fi
    engine_mine
    if ! engine_known; then
        # Without an engine nothing is shown, which counts as failed; only who asked for the short ones is told that it was left out.
        if ! engine_start; then
            say 'NOTHING IS TOLD: there is no container engine here, and none could be started' >&2
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
        if rig_tell "$story"; then told+=("ok    $story ($((SECONDS - begun)) s)"); else again+=("$story"); fi
    done
    # What failed runs once more, when nothing else does.
    if [ ${#again[@]} -gt 0 ] && [ -n "${NODED_AFTER:-}" ]; then tail --pid="$NODED_AFTER" -f /dev/null; fi
    for story in "${again[@]}"; do
        begun=$SECONDS
        rm -rf "$top/build/rig/$story.first"
        [ ! -e "$top/build/rig/$story" ] || mv "$top/build/rig/$story" "$top/build/rig/$story.first"
        if rig_tell "$story"; then
            flaky=$((flaky + 1))
            told+=("FLAKY $story: passed when it ran again ($((SECONDS - begun)) s); the log of its failure is above, and in build/rig/$story.first")
        else
            failed=$((failed + 1))
            told+=("FAIL  $story ($((SECONDS - begun)) s)")
        fi
    done
    say
    printf '%s\n' "${told[@]}"
    status=0
    if [ -n "$own" ]; then
        trap - EXIT
        (rig_down) || status=1
    fi
    good=$((${#told[@]} - failed))
    [ "$flaky" -le 3 ] || { say "$flaky stories are flaky: more than three fail the run"; failed=$((failed + 1)); }
    say "$good passed, $failed failed ($((SECONDS - all)) s)"
    [ "$failed" = 0 ] && return "$status"
}
