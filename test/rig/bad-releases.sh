#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A rollout of every kind of bad release to two nodes: the canary refuses the release or rolls back automatically, the rollout halts, and the
# other node is never updated. Several pairs of nodes run at the same time.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"

# Not here: releases that fill a disk (full-disk), are bad on some hosts only (bad-on-one-host), or fail after they were confirmed (never-starts-again).
mapfile -t kinds < <(exec_in operator ls /releases | grep '^bad-' | grep -vxE 'bad-(filler|picky|second-start)')
[ ${#kinds[@]} -ge 20 ] || fail "there are only ${#kinds[@]} kinds of bad releases"
work=$(mktemp -d)
at_end rm -rf "$work"
good=$(publish_other)
release_to_all "$good"

# kind_run KIND NODE NODE: runs the rollout of one kind, and prints one line.
kind_run ()
{
    local kind=$1 release said rollout begun=$SECONDS
    release=$(publish "$kind" 6.6.6 --env NODED_RECORD=/tmp/nonce) # bad-replay writes there
    rollout_halted "$kind" --release "$release" --select "$2 or $3" --waves '1,rest' --soak 1s --on-halt revert
    said=$(nodectl rollout status "$rollout" --nodes --json)
    jq -e '([.waves[].updated] | add) == 0 and (.members[0] | .wave == 1 and (.state == "failed" or .state == "reverted")) and
            (.members[1] | .wave == 2 and .state == "skipped") and .causes[0].reason != null and (.causes[0].step // "probing" | test ("^(probing|trial)"))' \
        <<<"$said" >/dev/null || { printf '%s\n' "$said" >&2; fail "$kind: not only the canary failed, or the other node was not skipped"; }
    check_disks "$good" "$2" "$3"
    figure "$(jq -r --arg kind "$kind" '.causes[0] | "\($kind): \(.step // "silent"): \(.reason)"' <<<"$said" | cut -c1-120) ($((SECONDS - begun)) s)"
    nodectl quarantine clear "$(jq -r '.members[0].node' <<<"$said")" >/dev/null
}

# kind_next: takes the next kind from the queue and prints it; fails if there is none. Kinds that end by a deadline are first.
printf '%s\n' "${kinds[@]}" | awk '/trial|silent|deaf|onwards|patient|stubborn|no-return/ { print; next } { rest = rest $0 "\n" } END { printf "%s", rest }' >"$work/queue"
kind_next ()
{
    local kind
    exec {lock}<"$work"
    flock "$lock"
    kind=$(head -n 1 "$work/queue")
    sed -i 1d "$work/queue"
    exec {lock}<&-
    [ -n "$kind" ] && echo "$kind"
}

for ((lane = 0; lane < ${#nodes[@]} / 2; lane++)); do
    while kind=$(kind_next); do kind_run "$kind" "${nodes[2 * lane]}" "${nodes[2 * lane + 1]}"; done &
    pids[lane]=$!
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
[ "$failed" = 0 ] || fail 'a kind of bad release failed; see above'
figure "${#kinds[@]} kinds of bad releases, each halted in its canary"
