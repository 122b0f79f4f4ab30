#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A hundred updates in a row between two releases: three workspaces are left; descriptors, memory and disk do not grow.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

count=${NODED_UPDATES:-${NODED_STEP:+10}}
count=${count:-100}
node_settings=${node_settings/soak = 300ms/soak = 0ms}

launcher_pid () { awk '/^PPid:/ { print $2 }' "/proc/$(manager_pid a)/status"; }
descriptors () { find "/proc/$1/fd" -mindepth 1 | wc -l; }
resident () { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }
# Without the journal, which is rotated at a megabyte.
disk () { du -sk --exclude='journal*' --exclude='broker.db*' "$1" | cut -f1; }
measure ()
{
    echo "$(descriptors "$(manager_pid a)") $(descriptors "$(launcher_pid)") $(descriptors "$broker_pid")" \
        "$(resident "$(manager_pid a)") $(resident "$(launcher_pid)") $(resident "$broker_pid")" \
        "$(disk "$fleet/a") $(disk "$fleet/broker") $(find "$fleet/a" "$fleet/broker" | wc -l)"
}

broker_start
nodes_up a
releases=("$(publish noded 1.0.0 --env ROUND=1)" "$(publish noded-2 2.0.0)")
for ((i = 1; i <= count; i++)); do
    ctl update a --release "${releases[i % 2]}" >"$fleet/said" || { cat "$fleet/said" >&2; fail "update $i was not confirmed"; }
    if [ "$i" = $((count / 5)) ] || [ "$i" = "$count" ]; then
        until_node a '.application.state == "idle" and .application.epoch == .desired_epoch'
        measure >>"$fleet/measures"
    fi
done
read -r -a before < <(head -n 1 "$fleet/measures")
read -r -a after < <(tail -n 1 "$fleet/measures")
names=('descriptors of the manager' 'descriptors of the launcher' 'descriptors of the broker' 'memory of the manager'
       'memory of the launcher' 'memory of the broker' "the node's disk" "the broker's disk" 'files')
for i in "${!names[@]}"; do
    say "${names[i]}: ${before[i]}, then ${after[i]}"
    # sanitizers keep freed memory
    if [ -n "${NODED_STEP:-}" ] && [[ ${names[i]} == memory* ]]; then continue; fi
    # the slack in kilobytes covers what malloc keeps; a leak of 64 kilobytes in each update would be found
    case $i in 3 | 4 | 5) slack=1500 ;; 6 | 7) slack=200 ;; *) slack=2 ;; esac
    [ "${after[i]}" -le $((before[i] + slack)) ] || fail "${names[i]} grew from ${before[i]} to ${after[i]} within $((count - count / 5)) updates"
done
check_equal "$(find "$fleet/a" -maxdepth 1 -name '20*' | wc -l)" 3 'the number of workspaces'
check_equal "$(find "$fleet/a/var" -name 'journal*' -size +1100k)" '' 'journals that were not rotated'
check_node a '.application.quarantined == 0 and .application.last_error == null'
