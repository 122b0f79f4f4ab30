#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# test/break/run.sh - runs a story of test/scenario with one broken program among the real ones. Passes only if the story fails by itself
# with SENTENCE, and its output contains EVIDENCE that the break was the cause.
#
#   usage: run.sh PROGRAM BROKEN STORY PATIENCE SENTENCE EVIDENCE
set -euo pipefail
program=$1 broken=$2 story=$3 patience=$4 sentence=$5 evidence=$6
here=$(cd "$(dirname "$0")" && pwd)
real=$(cd "${NODED_BUILD:-$here/../../build}" && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/build/test"
for file in noded noded-broker noded-content nodectl start test/bad test/stranger; do
    ln -s "$real/$file" "$work/build/$file"
done
ln -sfn "$broken" "$work/build/$program"

status=0
NODED_BUILD=$work/build NODED_PATIENCE=$patience timeout $((500 * ${NODED_LOAD:-1})) bash "$here/../scenario/$story.sh" >"$work/said" 2>&1 ||
    status=$?

fail ()
{
    cat "$work/said"
    printf 'FAILED: %s with a broken %s: %s\n' "$story" "$program" "$1" >&2
    exit 1
}
[ "$status" != 0 ] || fail 'the story passes'
[ "$status" = 1 ] || fail "the story ended with exit status $status instead of 1"
grep -qF -- "FAILED: $sentence" "$work/said" || fail "the story fails, but not with the message: $sentence"
grep -qE -- "$evidence" "$work/said" || fail "no output shows that the break was the cause: $evidence"
printf 'as expected: '
grep -F -- "FAILED: $sentence" "$work/said"
