# For stories about rollouts: $rollout is the one that was started last.
#
# shellcheck disable=SC2034,SC2154 # what is set here is used elsewhere, and the other way round
# shellcheck shell=bash

# rollout_start OPTION...
rollout=
rollout_start ()
{
    ctl rollout start --no-wait --soak 200ms "$@" >"$fleet/said" 2>&1 || { cat "$fleet/said" >&2; fail "no rollout begins: $*"; }
    rollout=$(grep -oE 'r-[0-9a-f]{12}' "$fleet/said" | head -n 1)
    [ -n "$rollout" ] || { cat "$fleet/said" >&2; fail 'the rollout has no name'; }
}

rollout_json () { ctl rollout status "$rollout" --nodes --json; }
until_rollout ()
{
    local last=$((SECONDS + patience)) tries=0
    until rollout_json 2>/dev/null | jq -e "$1" >/dev/null 2>&1; do
        [ $SECONDS -lt $last ] || { rollout_json >&2 || true; fail "the rollout never came to: $1"; }
        nap
    done
}
check_rollout () { rollout_json | jq -e "$1" >/dev/null || { rollout_json >&2; fail "the rollout is not: $1${2:+ ($2)}"; }; }

# members STATE: the ids of those that stand there, in the order in which they are begun with.
members () { rollout_json | jq -r --arg state "$1" '[.members[] | select (.state == $state) | .node] | join (" ")'; }

# orders_of ID: how many updates a node was ordered to, as its own journal tells.
orders_of () { { cat "$fleet/$1/var/journal" 2>/dev/null || true; } | jq -s '[.[] | select (.step == "matching" and .outcome == "started")] | length'; }

# labelled ID NAME=VALUE...: labels of the node's own; to be called before it is started.
labelled ()
{
    local id=$1 label lines='    labels\n'
    shift
    for label; do
        lines+="        ${label%%=*} = ${label#*=}\\n"
    done
    sed -i "/^    id = /i\\${lines%\\n}" "$fleet/$id/node.zpl"
}
