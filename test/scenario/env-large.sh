#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Init's environment is larger than any message: updates still work.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
node_install a
(
    printf -v long '%*s' 100000 ''
    printf '#!/bin/sh\n'
    printf "export LONG_%d='%s'\n" 1 "$long" 2 "$long"
    for i in {1..2000}; do printf "export SHORT_%d='some value of some length'\n" "$i"; done
    printf 'exec "$@"\n'
) >"$fleet/a.init"
chmod +x "$fleet/a.init"
node_start a "$fleet/a.init"
until_node a '.online and .application.state == "idle"'
publish noded-2 2.0.0 >"$fleet/release"
ctl update a || fail 'the update was not confirmed'
check_runs a 2.0.0 noded-2
[ "$(wc -c <"/proc/$(manager_pid a)/environ")" -gt 250000 ] || fail 'the environment is not large'
