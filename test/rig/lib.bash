# What the stories of bin/rig share. A story is sourced into nothing: it runs on its own, against the fleet that is up, and leaves a
# fleet behind in which every node is online, idle and not held. What passes is what check_disks finds on each node's own disk.
#
# shellcheck disable=SC2034 # for the stories
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
# A story is told about one node alone, beside the composition.
if [ -n "${NODED_ONLY:-}" ]; then
    nodes=("$NODED_ONLY")
    container[$NODED_ONLY]=$(docker ps -aq --filter "name=^$project-$NODED_ONLY\$")
fi
# every: selects all nodes that the story is about.
every ()
{
    local IFS=, all
    all=${nodes[*]}
    echo "${all//,/ or }"
}

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

# publish_other: a good release with another binary than the fleet runs now; prints RELEASE. publish_heavy BYTES: the same with a file
# of random bytes beside it.
publish_other ()
{
    local other
    read -ra other < <(other_program)
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
    local version
    version=$(version_of noded-2)
    if [ "$(node_field "${nodes[0]}" .version)" = "$version" ]; then echo noded 1.0.0; else echo "noded-2 $version"; fi
}
# version_of RELEASE: of /releases, as it says itself.
version_of () { exec_in operator "/releases/$1" --version </dev/null | cut -d' ' -f2; }

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

# release_on NODE: of stable, on its own disk.
release_on ()
{
    local said
    said=$(on_disk "$1") || fail "noded verify finds fault with the disk of $1"
    echo "${said%%$'\n'*}"
}

# check_disks RELEASE NODE...: each of them has that release behind stable.
check_disks ()
{
    local release=$1 node found
    shift
    for node in "$@"; do
        found=$(on_disk "$node") || fail "noded verify finds fault with the disk of $node"
        mapfile -t found <<<"$found"
        [ "${found[0]}" = "$release" ] || fail "$node has release ${found[0]} behind stable, not $release"
        [ "${found[1]}" = "${found[2]}" ] || fail "the program behind stable of $node has not its envelope's digest"
    done
}

# since TIME: seconds since then, with a tenth; TIME as in $EPOCHREALTIME.
since () { awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $1 }"; }

# --- networks --------------------------------------------------------------------------------------------------------------

network_of () { docker inspect -f '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}' "${container[$1]}"; }
address_of () { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "${container[$1]}"; }

# leave NODE, join NODE: $network. It gets the lowest address that is free.
leave () { docker network disconnect "${network:?}" "${container[$1]}"; }
join () { [ -n "$(address_of "$1")" ] || docker network connect "${network:?}" "${container[$1]}"; }

# link_of NAME COMMAND...: as root of the container's own network.
link_of ()
{
    local name=$1
    shift
    docker run --rm --network "container:${container[$name]}" --cap-add NET_ADMIN --label "noded.rig=$project" "noded-link:${rig_version:-1.0.0}" "$@" </dev/null
}
# device_of NAME: it has another name each time that the container joins its network.
device_of () { link_of "$1" sh -c 'ls /sys/class/net | grep -v "^lo$"'; }
# link_slow NAME RATE: what it sends goes out at that rate, until link_clean.
link_slow () { link_of "$1" tc qdisc replace dev "$(device_of "$1")" root tbf rate "$2" burst 64kb latency 200ms; }
# until_sent NAME BYTES: until that much has gone out since link_slow.
until_sent ()
{
    # shellcheck disable=SC2016 # for the shell inside
    link_of "$1" timeout "$patience" sh -c 'until [ "$(tc -s qdisc show dev "$0" root | sed -n "s/^ Sent \([0-9]*\) bytes.*/\1/p")" -ge "$1" ]; do sleep 0.1; done' \
        "$(device_of "$1")" "$2" || fail "$1 never sent $2 bytes"
}

# link_bad NAME: until link_clean. Sets link_by to what makes it bad: netem, on what it sends; where the kernel has none, our own, in both
# directions. Delay and jitter in ms, loss and reordered packets in percent, rate in kilobits a second.
link_delay=40 link_jitter=20 link_loss=3 link_reorder=10 link_rate=8000
link_by=
link_bad ()
{
    local device
    device=$(device_of "$1")
    if link_of "$1" tc qdisc replace dev "$device" root netem delay ${link_delay}ms ${link_jitter}ms loss ${link_loss}% reorder ${link_reorder}% \
        rate ${link_rate}kbit 2>/dev/null; then
        link_by=netem
        return
    fi
    link_by='badlink (this kernel has no netem)'
    docker run -d --network "container:${container[$1]}" --cap-add NET_ADMIN --label "noded.rig=$project" --name "$project-badlink-$1" \
        "noded-link:${rig_version:-1.0.0}" badlink 7670 $link_delay $link_jitter $link_loss $link_reorder $link_rate >/dev/null
    until_true "badlink has its queue at $1" badlink_ready "$1"
    # shellcheck disable=SC2016 # for the shell inside
    link_of "$1" sh -c 'iptables-legacy -t mangle -A OUTPUT -o "$0" -j NFQUEUE --queue-num 7670 --queue-bypass &&
        iptables-legacy -t mangle -A INPUT -i "$0" -j NFQUEUE --queue-num 7670 --queue-bypass' "$device" || fail "no bad link for $1: this kernel has neither netem nor NFQUEUE"
}
badlink_ready () { docker logs "$project-badlink-$1" 2>&1 | grep -q '^ready'; }

# link_clean NAME: prints what the link did to packets, where that is known.
link_clean ()
{
    if [ -n "$(docker ps -aq --filter "name=^$project-badlink-$1$")" ]; then
        link_of "$1" iptables-legacy -t mangle -F
        docker stop "$project-badlink-$1" >/dev/null
        docker logs "$project-badlink-$1" 2>&1 | sed '/^ready/d'
        docker rm "$project-badlink-$1" >/dev/null
    fi
    # shellcheck disable=SC2016 # for the shell inside
    link_of "$1" sh -c 'tc -s qdisc show dev "$0" | sed -n "/^qdisc netem/{n;p}"; tc qdisc del dev "$0" root 2>/dev/null || true' "$(device_of "$1")"
}

# link_measure NAME: round trips to the content peer, as ping tells them: -U, or what the program makes of the way back is not in them.
link_measure ()
{
    link_of "$1" ping -U -q -c 60 -i 0.05 "$(address_of content)" |
        sed -n 's/.* received, \([^,]*\) packet loss.*/\1 lost/p; s/^rtt min.* = \([^/]*\)\/\([^/]*\)\/\([^/]*\)\/\([^ ]*\).*/round trips of \2 ms on average, \3 at most/p' |
        paste -sd, | sed 's/,/, /'
}

# --- a node's own files ----------------------------------------------------------------------------------------------------

# journal_tells NODE RELEASE STEP OUTCOME; until_journal waits for it, in the node's container.
journal_tells () { exec_in "$1" grep -q "\"step\":\"$3\",\"outcome\":\"$4\".*\"release\":\"$2\"" root/var/journal </dev/null; }
until_journal ()
{
    # shellcheck disable=SC2016 # for the shell inside
    exec_in "$1" timeout "$patience" sh -c 'until grep -q "\"step\":\"$1\",\"outcome\":\"$2\".*\"release\":\"$0\"" root/var/journal; do sleep 0.05; done' \
        "$2" "$3" "$4" </dev/null || fail "the journal of $1 never told: $3 $4 (release $2)"
}
# fetched NODE RELEASE: what its journal tells of the last download of it.
fetched () { exec_in "$1" sed -n "s/.*\"step\":\"staging\",\"outcome\":\"started\",\"reason\":\"\([^\"]*\)\".*\"release\":\"$2\".*/\1/p" root/var/journal </dev/null | tail -n 1; }
# until_partial NODE KIB: until more than that of a content has arrived.
until_partial ()
{
    # shellcheck disable=SC2016 # for the shell inside
    exec_in "$1" timeout "$patience" sh -c 'until find root/var/contents/partial -type f -size "+$0k" 2>/dev/null | grep -q .; do sleep 0.05; done' "$2" </dev/null ||
        fail "$1 never had $2 KiB of a content under way"
}

# settings_other NODE SED: changes node.zpl, until settings_back NODE; both have the manager take it up.
settings_other ()
{
    # shellcheck disable=SC2016 # for the shell inside
    exec_in "$1" sh -c 'cp -p root/node.zpl node.zpl.story && sed -i "$0" root/node.zpl' "$2" </dev/null
    settings_taken "$1"
}
settings_back ()
{
    exec_in "$1" sh -c '[ -e node.zpl.story ] && mv node.zpl.story root/node.zpl' </dev/null || return 0
    settings_taken "$1"
}
settings_taken ()
{
    local before
    before=$(manager_of "$1")
    docker kill -s HUP "${container[$1]}" >/dev/null
    until_true "another manager of $1" other_manager "$1" "$before"
    until_node "$1" '.online and .state == "idle"'
}
manager_of () { exec_in "$1" noded status --root root </dev/null | sed -n 's/^manager .*(pid \([0-9]*\)).*/\1/p'; }
other_manager ()
{
    local now
    now=$(manager_of "$1")
    [ -n "$now" ] && [ "$now" != "$2" ]
}

# --- nodes beside the composition -----------------------------------------------------------------------------------------

# extra_node ID [OPTION...]: one more node, outside of the composition, until extra_away or the end of the story, which has the broker
# forget it; OPTION: of docker run. $extra_image is what it is made from.
extra=()
extra_image=noded:${rig_version:-1.0.0}
extra_node ()
{
    local id=$1 settings
    shift
    trap extra_end EXIT
    settings=$(docker inspect "${container[${nodes[0]}]}" | jq -r '.[0].Config.Env[] | select (startswith ("NODED_SETTINGS=")) | .[15:]')
    extra+=("$id")
    container[$id]=$(docker run -d --name "$project-$id" --network "${project}_default" --label "noded.rig=$project" --restart unless-stopped --memory 400m --pids-limit 300 \
        -e "NODED_ID=$id" -e NODED_BROKER=broker -e NODED_CONTENT=content -e "NODED_SETTINGS=$settings" "$@" "$extra_image" /usr/libexec/noded/node)
}
extra_away ()
{
    docker rm -fv "${container[$1]}" >/dev/null
    unset "container[$1]"
}
# shellcheck disable=SC2317 # a trap
extra_end ()
{
    local status=$? id
    docker unpause "${container[content]}" >/dev/null 2>&1 || true # what a story that failed has paused
    for id in "${extra[@]}"; do
        [ -n "${container[$id]:-}" ] || continue
        if [ "$status" != 0 ]; then # with those that bin/rig collects
            mkdir -p "$top/build/rig/$story"
            docker logs -t "${container[$id]}" >"$top/build/rig/$story/$id.log" 2>&1 || true
            disk_of "$id" sh -c 'ls -la . var probe; cat var/journal' >"$top/build/rig/$story/$id.disk" 2>&1 || true
        fi
        extra_away "$id" || status=1
    done
    for id in "${extra[@]}"; do
        ! nodectl status "$id" >/dev/null 2>&1 || (until_true "$id is offline, and forgotten" nodectl forget "$id") || status=1
    done
    for id in $(docker volume ls -q --filter "label=noded.rig=$project"); do docker volume rm "$id" >/dev/null || status=1; done
    exit "$status"
}
# extra_volume NAME [OPTION...]: a volume that goes with the story.
extra_volume ()
{
    local name=$project-$1
    shift
    docker volume create --label "noded.rig=$project" "$@" "$name"
}
