# SPDX-License-Identifier: MPL-2.0
# test/scenario/rollouts.bash - for stories about rollouts: $rollout is the id of the rollout that was started last.
#
# shellcheck disable=SC2034,SC2154 # this file and the stories use each other's variables
# shellcheck shell=bash

# rollout_start OPTION...
rollout=
rollout_start ()
{
    ctl rollout start --no-wait --soak 200ms "$@" >"$fleet/said" 2>&1 || { cat "$fleet/said" >&2; fail "cannot start a rollout: $*"; }
    rollout=$(grep -oE 'r-[0-9a-f]{12}' "$fleet/said" | head -n 1)
    [ -n "$rollout" ] || { cat "$fleet/said" >&2; fail 'the output contains no rollout id'; }
}

rollout_json () { ctl rollout status "$rollout" --nodes --json; }
until_rollout ()
{
    local last=$((SECONDS + patience)) tries=0
    until rollout_json 2>/dev/null | jq -e "$1" >/dev/null 2>&1; do
        [ $SECONDS -lt $last ] || { rollout_json >&2 || true; fail "timed out: the rollout did not reach: $1"; }
        nap
    done
}
check_rollout () { rollout_json | jq -e "$1" >/dev/null || { rollout_json >&2; fail "the rollout does not match: $1${2:+ ($2)}"; }; }

# members STATE: prints the ids of the nodes in this state, in the order in which they are updated.
members () { rollout_json | jq -r --arg state "$1" '[.members[] | select (.state == $state) | .node] | join (" ")'; }

# orders_of ID: prints how many updates a node has started, by its own journal.
orders_of () { { cat "$fleet/$1/var/journal" 2>/dev/null || true; } | jq -s '[.[] | select (.step == "matching" and .outcome == "started")] | length'; }

# labelled ID NAME=VALUE...: sets labels in the node's settings. Call it before the node starts.
labelled ()
{
    local id=$1 label lines='    labels\n'
    shift
    for label; do
        lines+="        ${label%%=*} = ${label#*=}\\n"
    done
    sed -i "/^    id = /i\\${lines%\\n}" "$fleet/$id/node.zpl"
}
