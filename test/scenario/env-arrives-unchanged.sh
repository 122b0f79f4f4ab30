#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The environment of a release may contain any byte except NUL, and arrives unchanged.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
values=("plain" "it's \"quoted\"" $'two\nlines' "\$HOME \`id\` \\ * ~" '' $'\xff\xfe not UTF-8' '  spaces  ' 'a=b=c')
words=()
for i in "${!values[@]}"; do
    words+=(--env "AWKWARD.$i=${values[i]}")
done
publish noded 1.0.0-awkward "${words[@]}" >"$fleet/release"
ctl update a || fail 'the update was not confirmed'
check_node a '.application.version == "1.0.0-awkward"'

for i in "${!values[@]}"; do
    printf 'AWKWARD.%s=%s\0' "$i" "${values[i]}"
done | sort -z >"$fleet/wanted"
grep -za '^AWKWARD' "/proc/$(manager_pid a)/environ" | sort -z >"$fleet/arrived"
cmp "$fleet/wanted" "$fleet/arrived" || fail 'the environment did not arrive unchanged'

# A release may replace variables that init sets; the next version has init's values again.
variable () { tr '\0' '\n' <"/proc/$(manager_pid a)/environ" | sed -n "s/^$1=//p"; }
node_stop a
node_start a env HOME=/of-init LD_LIBRARY_PATH=/of-init LANG=C PATH="$PATH"
until_node a '.online and .application.state == "idle"'
publish noded-2 2.0.0 --env PATH=/nonsense --env HOME=/nowhere --env LD_LIBRARY_PATH= --env LANG=yy >"$fleet/release"
ctl update a || fail 'a good release with a PATH of its own was not confirmed'
check_equal "$(variable PATH) $(variable HOME) $(variable LANG)" '/nonsense /nowhere yy' 'the variables that the release sets'
publish noded 3.0.0 --env WHICH=3 >"$fleet/release"
ctl update a || fail 'the next good release was not confirmed'
check_runs a 3.0.0 noded
check_equal "$(variable PATH) $(variable HOME) $(variable LANG)" "$PATH /of-init C" 'the variables of init in the next release'
check_node a '.application.quarantined == 0'
# A release may not set the variables of launcher and init.
expect_status 1 publish noded 3.0.1 --env NODED_ROOT=/elsewhere
said 'NODED_ROOT'
