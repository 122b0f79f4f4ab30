#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Only the environment of a release changes: nothing is downloaded; program and libraries are copied, not shared.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
old=$(stable_of a)
publish noded 1.0.0-env --env 'GREETING=hello' >"$fleet/release"
ctl update a || fail 'the update was not confirmed'
check_node a '.application.version == "1.0.0-env" and .application.previous_version == "1.0.0"'
check_other "$(stable_of a)" "$old" 'stable was not switched'
ctl why a >"$fleet/said"
said ' 0 bytes downloaded'
for file in noded "$fleet/a/stable/files/lib"/*; do
    file=${file#"$fleet/a/stable/"}
    check_other "$(stat -c %i "$fleet/a/stable/$file")" "$(stat -c %i "$fleet/a/$old/$file")" "$file is shared"
    cmp "$fleet/a/stable/$file" "$fleet/a/$old/$file" || fail "$file differs from the original"
done
check_equal "$(find "$fleet/a" -type f -links +1)" '' 'files with more than one name'
tr '\0' '\n' <"/proc/$(manager_pid a)/environ" | grep -qx 'GREETING=hello' || fail 'the variable did not arrive'
