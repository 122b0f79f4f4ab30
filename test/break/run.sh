#!/usr/bin/env bash
# A story of test/scenario with one broken program among the real ones: passes only if the story fails, by itself, with the sentence
# that is expected, and if what came before shows that it was for the break.
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
[ "$status" != 0 ] || fail 'the story does not notice it'
[ "$status" = 1 ] || fail "the story did not end as one that fails: $status"
grep -qF -- "FAILED: $sentence" "$work/said" || fail "it fails with another sentence than: $sentence"
grep -qE -- "$evidence" "$work/said" || fail "nothing shows that it was for the break: $evidence"
printf 'as expected: '
grep -F -- "FAILED: $sentence" "$work/said"
