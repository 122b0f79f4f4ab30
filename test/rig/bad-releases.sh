#!/usr/bin/env bash
# A bad release of every kind begins a rollout over two nodes: the canary refuses it or goes back by itself, the rollout halts, and the
# other node is never begun with. Several pairs of nodes are at it at a time.
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"

# Not here: what fills a disk (full-disk), what is bad on some hosts only (bad-here), what fails after it was confirmed (starts-no-more).
mapfile -t kinds < <(exec_in operator ls /releases | grep '^bad-' | grep -vxE 'bad-(filler|picky|second-start)')
[ ${#kinds[@]} -ge 20 ] || fail "only ${#kinds[@]} kinds of bad releases are here"
work=$(mktemp -d)
at_end rm -rf "$work"
good=$(publish_other)
release_to_all "$good"

# tell KIND NODE NODE: one line, or a failure.
tell ()
{
    local kind=$1 release said rollout begun=$SECONDS
    release=$(publish "$kind" 6.6.6 --env NODED_RECORD=/tmp/nonce) # bad-replay writes there
    rollout_halted "$kind" --release "$release" --select "$2 or $3" --waves '1,rest' --soak 1s --on-halt revert
    said=$(nodectl rollout status "$rollout" --nodes --json)
    jq -e '([.waves[].updated] | add) == 0 and (.members[0] | .wave == 1 and (.state == "failed" or .state == "reverted")) and
            (.members[1] | .wave == 2 and .state == "left-out") and .causes[0].reason != null and (.causes[0].step // "probing" | test ("^(probing|trial)"))' \
        <<<"$said" >/dev/null || { printf '%s\n' "$said" >&2; fail "$kind: it is not that the canary failed and the other one was left out"; }
    check_disks "$good" "$2" "$3"
    figure "$(jq -r --arg kind "$kind" '.causes[0] | "\($kind): \(.step // "silent"): \(.reason)"' <<<"$said" | cut -c1-120) ($((SECONDS - begun)) s)"
    nodectl quarantine clear "$(jq -r '.members[0].node' <<<"$said")" >/dev/null
}

# The next kind that nobody has taken; 1: there is none. Those that a deadline ends come first.
printf '%s\n' "${kinds[@]}" | awk '/trial|silent|deaf|onwards|patient|stubborn|no-return/ { print; next } { rest = rest $0 "\n" } END { printf "%s", rest }' >"$work/queue"
next ()
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
    while kind=$(next); do tell "$kind" "${nodes[2 * lane]}" "${nodes[2 * lane + 1]}"; done &
    pids[lane]=$!
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
[ "$failed" = 0 ] || fail 'see above'
figure "${#kinds[@]} kinds of bad releases, each halted in its canary"
