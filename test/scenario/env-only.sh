#!/usr/bin/env bash
# Only the environment of a release changes: nothing is downloaded, the program and its libraries are hard-linked.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
old=$(stable_of a)
publish noded 1.0.0-env --env 'GREETING=hello' >"$fleet/release"
ctl update a || fail 'the update was not confirmed'
check_node a '.version == "1.0.0-env" and .previous.version == "1.0.0"'
check_other "$(stable_of a)" "$old" 'stable did not move'
check_equal "$(stat -c %i "$fleet/a/stable/noded")" "$(stat -c %i "$fleet/a/$old/noded")" 'the inode of the program'
for library in "$fleet/a/stable/files/lib"/*; do
    check_equal "$(stat -c %i "$library")" "$(stat -c %i "$fleet/a/$old/files/lib/${library##*/}")" "the inode of $library"
done
tr '\0' '\n' <"/proc/$(manager_pid a)/environ" | grep -qx 'GREETING=hello' || fail 'the variable did not arrive'
