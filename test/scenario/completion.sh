#!/usr/bin/env bash
# A shell completes commands, options, and what the broker knows; where it does not answer, nothing is said.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

ln -s "$build/nodectl" "$fleet/nodectl"
eval "$("$fleet/nodectl" completion bash)"
complete -p nodectl >/dev/null || fail 'bash does not know how to complete nodectl'

# completes EXPECTED WORD...: what bash offers for the last word. The program goes by its path, as it is typed.
completes ()
{
    local expected=$1 COMP_WORDS COMP_CWORD COMPREPLY=()
    shift
    COMP_WORDS=("$fleet/nodectl" "$@")
    COMP_CWORD=$#
    _nodectl
    check_equal "${COMPREPLY[*]}" "$expected" "what is offered for: $*"
}

broker_start
export NODED_BROKER=127.0.0.1:$port
for id in web-1 web-2 db; do node_install "$id"; node_start "$id"; done
for id in web-1 web-2 db; do until_node "$id" .online; done
release=$(publish noded-2 2.0.0)
completes 'publish' pub
completes 'rollout' ro
completes 'plan pause' rollout p
completes '--wave' rollout approve --w
completes 'web-1 web-2' update web
completes 'web-1 web-2' update --release "$release" db web
completes 'db web-1 web-2' --json status ''
completes '' status db ''
completes 'list clear' quarantine ''
completes 'db' quarantine list d
completes "${release:0:12}" withdraw "${release:0:4}"
completes "${release:0:12}" update --release ''
completes 'noded' releases --app = no
completes 'revert' rollout plan --on-halt rev
completes '' update "web-1 \$(" # nothing is run
NODED_BROKER=127.0.0.1:1 completes 'db' --broker "127.0.0.1:$port" status d
NODED_BROKER=127.0.0.1:1 completes '' status d
NODED_BROKER='no broker' completes '' status d

# What cannot be run here is at least read.
for shell in zsh fish; do
    "$build/nodectl" completion "$shell" >"$fleet/completion.$shell"
    [ -s "$fleet/completion.$shell" ] || fail "nothing for $shell"
    command -v "$shell" >/dev/null || continue
    "$shell" -n "$fleet/completion.$shell" || fail "$shell cannot read what is made for it"
done
