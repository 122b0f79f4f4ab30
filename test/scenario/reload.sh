#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# On SIGHUP broker and content peer read their settings again: the log level changes, and the keys that a content peer admits. A file that
# cannot be used changes nothing, and the log states the reason. No connection is lost. The log contains time, level and the sender of each
# order, and no peer can start a log line.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

for who in broker operator guest; do "$build/noded" keys >"$fleet/$who.keys"; done
public () { sed -n 's/.*public-key = //p' "$fleet/$1.keys"; }
# settings SECTION LEVEL CLIENT...: prints the settings of a server that allows these clients.
settings ()
{
    local section=$1 level=$2
    shift 2
    printf '%s\n    log = %s\n' "$section" "$level"
    cat "$fleet/broker.keys"
    for who; do printf '    allow = %s\n' "$(public "$who")"; done
}
broker_is () { settings broker "$@" >"$fleet/new.zpl" && mv "$fleet/new.zpl" "$fleet/broker.zpl"; }

mark=0
logged () { tail -n "+$((mark + 1))" "$fleet/broker.log" | grep -q -- "$1"; }
# reload PATTERN: sends SIGHUP to the broker, and waits for a log line that matches.
reload ()
{
    mark=$(wc -l <"$fleet/broker.log")
    kill -HUP "$broker_pid"
    until_true logged "$1"
}
broker_is info
broker_options=(--config "$fleet/broker.zpl")
broker_start
ctl_options=(--config "$fleet/keys/operator.zpl")
nodes_up a

say 'reload: files that cannot be used'
broker_is loud
reload 'error the settings stay as they were: .*broker/log must be error, warning, info or debug, not "loud"'
settings broker info operator >"$fleet/broker.zpl"
reload 'error the settings stay as they were: .*nodectl keys add'
printf 'broker\n    log = info\n' >"$fleet/broker.zpl"
reload 'error the settings stay as they were: CURVE keys were removed'
rm "$fleet/broker.zpl"
reload 'error the settings stay as they were: '
broker_is info
sed -i 's/^broker$/broker\n    no-content = yes/' "$fleet/broker.zpl"
reload 'warning changes of root, bind, port'

say 'reload: the level of the log'
ctl hold a >/dev/null
logged "info hold a ordered by operator (key [0-9a-f]*, admin), \"[^\"]*@[^\"]*\" on connection [0-9a-f]*: ok" ||
    fail 'the log does not contain the order and its sender'
broker_is error
kill -HUP "$broker_pid" # at this level the reload is not logged
order_is_silent ()
{
    mark=$(wc -l <"$fleet/broker.log")
    ctl hold a >/dev/null && ! logged 'hold a ordered'
}
until_true order_is_silent
ctl unhold a >/dev/null
until_node a '.online and (.application.held | not)'

say 'reload: text of peers cannot start a log line or control a terminal'
! logged 'unhold' || fail 'the level of the log has not changed'
broker_is info
reload 'info the settings were reloaded'
ctl hold $'n-1\nerror made up \e[31m' >/dev/null 2>&1 || true
grep -qaF 'hold n-1\nerror made up \x1b[31m' "$fleet/broker.log" || fail 'the log does not show the order with escaped characters'
! grep -qav '^20[0-9-]*T[0-9:.]*Z \(error\|warning\|info\|debug\) ' "$fleet/broker.log" || fail "a log line without time or level: $(grep -av '^20' "$fleet/broker.log")"
check_equal "$(tr -d '\n[:print:]' <"$fleet/broker.log" | wc -c)" 0 'the number of unprintable characters in the log'
check_equal "$(grep -c 'info node a connected' "$fleet/broker.log")" 1 'how often the node connected'

say 'reload: a content peer'
settings content info operator >"$fleet/content.zpl"
ready_start "$fleet/content.log" "$build/noded-content" --root "$fleet/content" --port 0 --config "$fleet/content.zpl" ||
    fail 'the content peer did not become ready'
peer_pid=$started
peer_end () { kill -TERM "$peer_pid" && ended "$peer_pid"; }
at_end peer_end
settings content info operator guest >"$fleet/content.zpl"
kill -HUP "$peer_pid"
until_true grep -q 'info 2 keys are allowed' "$fleet/content.log"
settings content loud operator >"$fleet/content.zpl"
kill -HUP "$peer_pid"
until_true grep -q 'error the settings stay as they were' "$fleet/content.log"
