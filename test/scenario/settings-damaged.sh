#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A missing or damaged node.zpl does not disconnect a node: it continues with the settings with which it last reached the broker, reports
# that, and applies a repaired file without help. A node that never reached a broker runs, and waits for settings.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

damage ()
{
    case $1 in
        missing) rm "$2" ;;
        empty) : >"$2" ;;
        zeros) head -c 300 /dev/zero >"$2" ;;
        random) head -c 300 /dev/urandom >"$2" ;;
        cut) head -c 20 "$fleet/kept.zpl" >"$2" ;;
        misspelt) sed 's/soak = .*/soak = soon/' "$fleet/kept.zpl" >"$2" ;;
        directory) rm "$2"; mkdir "$2" ;;
    esac
}

broker_start
nodes_up a
root=$fleet/a
# last_line PATTERN: whether the last line of the journal matches. The journal is written after the log.
last_line () { tail -n 1 "$root/var/journal" | grep -q "$1"; }
cp "$root/node.zpl" "$fleet/kept.zpl"
publish noded-2 2.0.0 >"$fleet/release"
until_true cmp "$root/node.zpl" "$root/var/node.zpl"

for kind in missing empty random cut misspelt directory zeros; do
    say "node.zpl: $kind"
    node_stop a
    damage "$kind" "$root/node.zpl"
    expect_status 1 "$build/noded" verify --root "$root"
    said 'node.zpl'
    expect_status 0 "$build/noded" status --root "$root"
    said 'settings .*node.zpl'
    node_start a
    until_node a '.online and .application.state == "idle"'
    if [ "$kind" = misspelt ]; then # the wrong value gets its default, the other settings are used
        grep -q 'update/soak = soon: .*ignoring it' "$fleet/a.log" || fail 'the log does not report the wrong value'
    else
        until_true last_line '"step":"settings".*last reached'
    fi
    [ "$kind" = zeros ] || { rm -rf "$root/node.zpl"; cp "$fleet/kept.zpl" "$root/node.zpl"; }
done
ctl update a || fail 'the node was not updated without its own settings'
check_runs a 2.0.0 noded-2
before=$(manager_pid a)
cp "$fleet/kept.zpl" "$root/node.zpl"
until_true eval "manager_pid a >/dev/null && [ \"\$(manager_pid a)\" != $before ]"
until_node a '.online and .application.state == "idle"'

# SIGHUP: a mistake is reported and changes nothing. The repaired file is applied and reported without a second SIGHUP.
before=$(manager_pid a)
damage misspelt "$root/node.zpl"
kill -HUP "$before"
until_true grep -q 'update/soak = soon.*keeping the previous settings' "$fleet/a.log"
until_true last_line '"step":"settings".*"outcome":"failed".*update/soak = soon'
check_equal "$(manager_pid a)" "$before" 'the pid of the manager after settings that cannot be used'
sed 's/^    id = .*/&\n    tag = new/' "$fleet/kept.zpl" >"$fleet/mended.zpl"
cp "$fleet/mended.zpl" "$root/node.zpl"
until_true cmp "$root/node.zpl" "$root/var/node.zpl"
until_true eval "manager_pid a >/dev/null && [ \"\$(manager_pid a)\" != $before ]"
until_true last_line '"step":"settings".*"outcome":"passed"'

# A node that never reached a broker.
node_install b
cp "$fleet/b/node.zpl" "$fleet/kept.zpl"
rm "$fleet/b/node.zpl"
node_start b
until_true grep -q 'no update is possible until it is corrected' "$fleet/b.log"
manager_pid b >/dev/null || fail 'a node without settings does not run'
expect_status 75 "$fleet/b/stable/noded.sh"
cp "$fleet/kept.zpl" "$fleet/b/node.zpl"
until_true grep -q '"step":"settings".*"outcome":"passed"' "$fleet/b/var/journal"
until_node b '.online and .application.state == "idle"'
