# SPDX-License-Identifier: MPL-2.0
# test/rig/extra.bash - nodes that exist for one story only, beside the composition. Sourced after lib.bash. At the end of the story they are
# removed with their disks, and the broker forgets them.
#
# shellcheck disable=SC2154,SC2004 # of lib.bash, as is the array container
# shellcheck shell=bash

# extra_node ID [OPTION...]: starts one more node, outside of the composition, until extra_away or the end of the story. OPTION is an option of
# docker run. $extra_image is its image.
extra=()
extra_image=$(image_of)
extra_node ()
{
    local id=$1 settings
    shift
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
extra_end ()
{
    local id status=0
    for id in "${extra[@]}"; do
        [ -n "${container[$id]:-}" ] || continue
        if [ "$story_status" != 0 ]; then # beside the logs that bin/rig collects
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
    return "$status"
}
at_end extra_end
# extra_volume NAME [OPTION...]: makes a volume that is removed at the end of the story, and prints its name.
extra_volume ()
{
    local name=$project-$1
    shift
    docker volume create --label "noded.rig=$project" "$@" "$name"
}
