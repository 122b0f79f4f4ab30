#!/usr/bin/env bash
# Arguments and environment of a release may hold anything but NUL, and arrive byte by byte.
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
check_node a '.version == "1.0.0-awkward"'

for i in "${!values[@]}"; do
    printf 'AWKWARD.%s=%s\0' "$i" "${values[i]}"
done | sort -z >"$fleet/wanted"
grep -za '^AWKWARD' "/proc/$(manager_pid a)/environ" | sort -z >"$fleet/arrived"
cmp "$fleet/wanted" "$fleet/arrived" || fail 'the environment did not arrive unchanged'
