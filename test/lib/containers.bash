# SPDX-License-Identifier: MPL-2.0
# test/lib/containers.bash - commands, queries and waits on the fleet in containers. Sourced by bin/rig, and through test/rig/lib.bash by its
# stories.
#
# A node has the name that it has at the broker: node-3 is the third container of the service node. Every wait has a deadline of $patience
# seconds.
#
# shellcheck disable=SC2034 # for the stories
# shellcheck shell=bash

project=${project:?}
patience=$((${NODED_PATIENCE:-180} * ${NODED_LOAD:-1}))
nodes=()
declare -A container=()

# containers_read: reads the present containers into $container (broker, content, operator, outsider, and the nodes) and $nodes.
containers_read ()
{
    local id service number
    container=()
    while read -r id service number; do
        case $service in
            node*) container[$service-$number]=$id ;;
            *) container[$service]=$id ;;
        esac
    done < <(docker ps -a --filter "label=com.docker.compose.project=$project" --format \
        '{{.ID}} {{.Label "com.docker.compose.service"}} {{.Label "com.docker.compose.container-number"}}')
    mapfile -t nodes < <(printf '%s\n' "${!container[@]}" | grep '^node' | sort -V)
}

# exec_in NAME COMMAND...
exec_in ()
{
    local name=$1
    shift
    [ -n "${container[$name]:-}" ] || { say "the fleet has no container $name" >&2; return 1; }
    docker exec -i "${container[$name]}" "$@"
}
nodectl () { exec_in operator nodectl "$@" </dev/null; }

# The waiting functions check again after a pause: what changes in another container sends no event to this one.

# until_true WHAT COMMAND...
until_true ()
{
    local last=$((SECONDS + patience)) what=$1
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $last ] || fail "timed out waiting for: $what"
        sleep 0.2
    done
}

# until_nodes WHAT FILTER: waits until the broker's list of all nodes matches the jq filter.
until_nodes ()
{
    # shellcheck disable=SC2016 # for the shell inside
    exec_in operator timeout "$patience" sh -c 'until said=$(nodectl nodes --json 2>/dev/null) && printf "%s" "$said" | jq -e "$0" >/dev/null 2>&1; do sleep 0.2; done' "$2" </dev/null ||
        { nodectl nodes >&2 || true; fail "timed out waiting for: $1"; }
}
# until_node NODE FILTER
until_node () { until_nodes "$1: $2" "any (.id == \"$1\" and ($2))"; }
node_field () { nodectl status "$1" --json | jq -r "$2"; }

# disk_of NODE COMMAND...: runs a command in the node's root, as the node's user, whether the node runs or not.
disk_of ()
{
    local node=$1 user
    shift
    user=$(docker inspect -f '{{.Config.User}}' "${container[$node]}")
    docker run -i --rm --network none --user "$user" --label "noded.rig=$project" --volumes-from "${container[$node]}" -w /var/lib/noded/root \
        "$(image_of)" "$@" </dev/null
}
