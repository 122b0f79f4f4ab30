# SPDX-License-Identifier: MPL-2.0
# test/rig/links.bash - disconnects containers from the network, and makes their links slow or bad. Sourced after lib.bash.
#
# shellcheck disable=SC2154,SC2034 # of lib.bash; for the stories
# shellcheck shell=bash

network_of () { docker inspect -f '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}' "${container[$1]}"; }
address_of () { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "${container[$1]}"; }

# leave NODE, join NODE: disconnects a node from $network, and connects it again. It gets the lowest free address.
leave () { docker network disconnect "${network:?}" "${container[$1]}"; }
join () { [ -n "$(address_of "$1")" ] || docker network connect "${network:?}" "${container[$1]}"; }

# link_of NAME COMMAND...: runs a command as root in the network name space of a container.
link_of ()
{
    local name=$1
    shift
    docker run --rm --network "container:${container[$name]}" --cap-add NET_ADMIN --label "noded.rig=$project" "$(image_of link)" "$@" </dev/null
}
# device_of NAME: prints the network device of a container. Its name changes each time that the container joins its network.
device_of () { link_of "$1" sh -c 'ls /sys/class/net | grep -v "^lo$"'; }
# link_slow NAME RATE: limits the rate at which a container sends, until link_clean or the end of the story.
link_slow ()
{
    at_end link_clean "$1"
    link_of "$1" tc qdisc replace dev "$(device_of "$1")" root tbf rate "$2" burst 64kb latency 200ms
}
# until_sent NAME BYTES: waits until a container has sent this many bytes since link_slow. The kernel's counter sends no event.
until_sent ()
{
    # shellcheck disable=SC2016 # for the shell inside
    link_of "$1" timeout "$patience" sh -c 'until [ "$(tc -s qdisc show dev "$0" root | sed -n "s/^ Sent \([0-9]*\) bytes.*/\1/p")" -ge "$1" ]; do sleep 0.1; done' \
        "$(device_of "$1")" "$2" || fail "timed out: $1 did not send $2 bytes"
}

# link_bad NAME: makes the link of a container bad, until link_clean or the end of the story. Uses netem on the packets that it sends; if the
# kernel has no netem, badlink in both directions. link_by is the one in use. Delay and jitter in ms, loss and reordered packets in percent,
# rate in kilobits a second.
link_delay=40 link_jitter=20 link_loss=3 link_reorder=10 link_rate=8000
link_by=
link_bad ()
{
    local device
    at_end link_clean "$1"
    device=$(device_of "$1")
    if link_of "$1" tc qdisc replace dev "$device" root netem delay ${link_delay}ms ${link_jitter}ms loss ${link_loss}% reorder ${link_reorder}% \
        rate ${link_rate}kbit 2>/dev/null; then
        link_by=netem
        return
    fi
    link_by='badlink (this kernel has no netem)'
    docker run -d --network "container:${container[$1]}" --cap-add NET_ADMIN --label "noded.rig=$project" --name "$project-badlink-$1" \
        "$(image_of link)" badlink 7670 $link_delay $link_jitter $link_loss $link_reorder $link_rate >/dev/null
    until_true "badlink has its queue at $1" badlink_ready "$1"
    # shellcheck disable=SC2016 # for the shell inside
    link_of "$1" sh -c 'iptables-legacy -t mangle -A OUTPUT -o "$0" -j NFQUEUE --queue-num 7670 --queue-bypass &&
        iptables-legacy -t mangle -A INPUT -i "$0" -j NFQUEUE --queue-num 7670 --queue-bypass' "$device" || fail "cannot make the link of $1 bad: this kernel has neither netem nor NFQUEUE"
}
badlink_ready () { docker logs "$project-badlink-$1" 2>&1 | grep -q '^ready'; }

# link_clean NAME: makes the link good again, and prints the packet counters of the bad link, if there are any.
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

# link_measure NAME: prints loss and round trips to the content peer, measured by ping. Without -U the delay of received packets in badlink
# would not be included.
link_measure ()
{
    link_of "$1" ping -U -q -c 60 -i 0.05 "$(address_of content)" |
        sed -n 's/.* received, \([^,]*\) packet loss.*/\1 lost/p; s/^rtt min.* = \([^/]*\)\/\([^/]*\)\/\([^/]*\)\/\([^ ]*\).*/round trips of \2 ms on average, \3 at most/p' |
        paste -sd, | sed 's/,/, /'
}
