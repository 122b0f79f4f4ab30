#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Two operators order update, revert, hold, cancel, clear and withdraw at random (SEED repeats a run): the last order decides, and node, disk
# and broker agree.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

seed=${SEED:-$SRANDOM}
say "SEED=$seed"
orders=${NODED_STEP:+6}
orders=${orders:-14}

# operator SEED: gives random orders with random pauses.
operator ()
{
    local i
    RANDOM=$1
    for ((i = 0; i < orders; i++)); do
        case $((RANDOM % 10)) in
            0 | 1 | 2 | 3) ctl update a --release "${offered[RANDOM % ${#offered[@]}]}" --no-wait ;;
            4) ctl revert a --no-wait ;;
            5) ctl hold a ;;
            6 | 7) ctl unhold a ;;
            8) ctl cancel a ;;
            9) if [ "$i" = $((orders / 2)) ]; then ctl withdraw "${offered[2]}"; else ctl quarantine clear a; fi ;;
        esac >>"$fleet/operator.$1.log" 2>&1 || true
        read -r -t "0.$((RANDOM % 500 + 100))" <><(:) || true
    done
}

broker_start
nodes_up a
offered=("$(publish noded-2 2.0.0)" "$(publish noded 1.0.1 --env FIRST=1)" "$(publish noded 1.0.2 --env SECOND=1)")
operator $((seed % 32768)) &
one=$!
operator $((seed / 32768 % 32768)) &
wait "$one" $!

newest=$(publish noded-2 3.0.0 --env LAST=1)
accepted () { ctl unhold a && ctl update a --release "$newest" --no-wait; } >"$fleet/accepted.log" 2>&1
until_true accepted
until_node a ".online and .application.state == \"idle\" and .application.release == \"$newest\" and .application.epoch == .desired_epoch"
check_node a '.outcome == "confirmed" and (.application.held | not) and .application.quarantined == 0 and .application.last_error == null'
"$build/noded" status --root "$fleet/a" --json >"$fleet/status.json"
for field in version release epoch held previous_release; do
    check_equal "$(jq -c ".$field // false" "$fleet/status.json")" \
        "$(node_json a | jq -c ".application.$field // false")" "$field on the host and at the broker"
done
check_equal "$(sha256sum <"$fleet/a/stable/noded")" "$(sha256sum <"$(binary noded-2)")" 'the program behind stable'
check_equal "$(jq -r 'select (.outcome == "confirmed").transaction' "$fleet/a/var/journal" | sort | uniq -d)" '' 'transactions that were carried out twice'
