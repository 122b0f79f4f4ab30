#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A shell completes commands, options, and names that the broker knows. If the broker does not answer, there is no completion and no message.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

ln -s "$build/nodectl" "$fleet/nodectl"
eval "$("$fleet/nodectl" completion bash)"
complete -p nodectl >/dev/null || fail 'bash has no completion for nodectl'

# completes EXPECTED WORD...: checks what bash offers for the last word. The program is called by its path, as on the command line.
completes ()
{
    local expected=$1 COMP_WORDS COMP_CWORD COMPREPLY=()
    shift
    COMP_WORDS=("$fleet/nodectl" "$@")
    COMP_CWORD=$#
    _nodectl
    check_equal "${COMPREPLY[*]}" "$expected" "what bash offers for: $*"
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
completes '--broker' status --b
completes '--json' status --broker --js
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

# The other shells, where the program is called by its name.
export PATH=$fleet:$PATH
nodectl completion fish >"$fleet/completion.fish"
nodectl completion zsh >"$fleet/completion.zsh"

# fish_completes EXPECTED LINE: checks what fish offers, in a directory with files that may not be mixed into the words.
mkdir "$fleet/here"
touch "$fleet/here/payload" "$fleet/here/weather"
fish_completes () { check_equal "$(cd "$fleet/here" && HOME=$fleet fish -N -c "source '$fleet/completion.fish'; complete -C '$2'" | xargs)" "$1" "what fish offers for: $2"; }
fish_completes 'publish' 'nodectl pub'
fish_completes 'pause plan' 'nodectl rollout p'
fish_completes 'web-1 web-2' "nodectl update --release $release db we"
fish_completes 'payload' 'nodectl publish noded --version 1 --binary pay'

# zsh_completes EXPECTED LINE: checks what the line at a terminal becomes when the tab key is pressed.
cat >"$fleet/press" <<'ZSH'
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "autoload -Uz compinit; compinit -D -u; source $1; bindkey ^I complete-word; print -r IS READY"
zpty -r shell seen "*IS READY*IS READY*"
zpty -n -w shell "$3"$'\t'
zpty -r shell seen "*$2*"
ZSH
zsh_completes () { HOME=$fleet TERM=dumb timeout "$patience" zsh -f "$fleet/press" "$fleet/completion.zsh" "$@" || fail "zsh does not complete '$2' to '$1'"; }
zsh_completes 'nodectl publish ' 'nodectl pub'
zsh_completes 'nodectl update web-1 db ' 'nodectl update web-1 d'
