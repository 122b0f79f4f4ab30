#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Labels come from node.zpl and from operators; an operator's label has precedence until it is removed. Selectors find nodes by labels and by
# facts, across a restart of the broker. An invalid label is refused by the command, or reported by the node.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

# labels ID: prints the effective labels of a node; an o after the value marks a label of node.zpl.
labels () { field "$1" '.labels | map (.name + "=" + .value + (if .own then "o" else "" end)) | join (" ")'; }
selected () { ctl nodes --json --select "$1" | jq -r 'map (.id) | join (" ")'; }

broker_options=(--heartbeat 300ms)
broker_start
for id in a b c; do node_install "$id"; done
printf 'node\n    labels\n        role = web\n        zone = eu-1\n        group = front\n' >>"$fleet/a/node.zpl"
printf 'node\n    labels\n        role = db\n' >>"$fleet/b/node.zpl"
for id in a b c; do node_start "$id"; done
for id in a b c; do until_node "$id" .online; done

say 'labels from node.zpl'
check_equal "$(labels a)" 'group=fronto role=webo zone=eu-1o' 'the labels of a'
check_equal "$(labels c)" '' 'the labels of c'
check_node a ".kernel == \"$(uname -r)\" and .restarts == 0"

say 'labels from an operator, set and removed'
expect_status 0 ctl label a zone=eu-2 owner='night shift'
expect_status 0 ctl label c role=web
check_equal "$(labels a)" 'group=fronto owner=night shift role=webo zone=eu-2' 'the labels of a'
broker_kill
broker_start
until_node a .online
check_equal "$(labels a)" 'group=fronto owner=night shift role=webo zone=eu-2' 'the labels of a, after the broker was killed'
expect_status 0 ctl label a zone- owner-
check_equal "$(labels a)" 'group=fronto role=webo zone=eu-1o' 'the labels of a'

say 'selectors'
check_equal "$(selected 'role=web')" 'a c' 'role=web'
check_equal "$(selected 'role=web and zone=eu-*')" a 'role and zone'
check_equal "$(selected 'not role=*')" '' 'not role'
check_equal "$(selected "platform=$(field a .platform) and version=$(field a .software) and kernel=$(uname -r) and id!=b")" 'a c' facts
expect_status 2 ctl nodes --select 'role='
said 'a value is missing'
expect_status 0 ctl status a
said '^labels +group=front role=web zone=eu-1'

say 'invalid labels'
expect_status 2 ctl label a version=9
said 'fact'
cp "$fleet/b/node.zpl" "$fleet/kept"
until_true cmp "$fleet/b/node.zpl" "$fleet/b/var/node.zpl"
sed -i 's/role = db/kernel = mine/' "$fleet/b/node.zpl"
node_stop b
node_start b
until_node b .online
expect_status 0 "$build/noded" status --root "$fleet/b"
said 'node/labels/kernel = mine: .*fact'
check_equal "$(labels b)" '' 'the labels of b, without the invalid one'
cp "$fleet/kept" "$fleet/b/node.zpl"

say 'a manager that ends without a goodbye counts as restarted'
until_node c '.online' # the broker was restarted above: it must know c again
kill -KILL "$(manager_pid c)"
until_node c '.restarts == 1 and .online'
