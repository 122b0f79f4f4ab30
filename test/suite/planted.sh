#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Runs bin/test, and the tests of bin/rig, over planted stories: some fail once, some always, some do not end, some are too many.
#
#   usage: planted.sh SOURCE
set -euo pipefail
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail () { cat "$work/said"; printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# plant NAME COMMANDS: adds a test to the build in $work/build. In COMMANDS, `first` is true only in the first run of the test.
# shellcheck disable=SC2016 # for the shell that runs it
first='first () { [ ! -e "$0.again" ] && : >"$0.again"; }'
plant ()
{
    local name=$1 body=$2
    mkdir -p "$work/build/planted/${name%/*}"
    printf '#!/bin/sh\necho %s >>%s/log\n%s\n%s\n' "$name" "$work" "$first" "$body" >"$work/build/planted/$name"
    chmod +x "$work/build/planted/$name"
    printf 'add_test (%s "%s")\n' "$name" "$work/build/planted/$name" >>"$work/build/CTestTestfile.cmake"
}
property () { printf 'set_tests_properties (%s PROPERTIES %s "%s")\n' "$@" >>"$work/build/CTestTestfile.cmake"; }
fresh () { rm -rf "$work/build" "$work/log"; mkdir "$work/build"; }

# run STATUS LAST-LINE KIND...
run ()
{
    local wanted=$1 last=$2 status=0
    shift 2
    NODED_LOAD=1 JOBS=2 "$source/bin/test" --build "$work/build" "$@" >"$work/said" 2>&1 || status=$?
    [ "$status" = "$wanted" ] || fail "bin/test $*: exit status $status instead of $wanted"
    [ "$(tail -n 1 "$work/said")" = "$last" ] || fail "bin/test $*: the last line is not: $last"
}
says () { grep -qE -- "$1" "$work/said" || fail "no output matches: $1"; }
silent () { ! grep -qE -- "$1" "$work/said" || fail "unexpected output: $1"; }

once='if first; then echo "the first time"; exit 1; fi'

# A story that fails once passes, and is listed with its log. Its second run is after all other tests.
fresh
plant scenario/good ''
plant scenario/once "$once"
plant install/good ''
run 0 '3 passed, 0 failed' scenario install
says '^FLAKY scenario/once'
says '^ +the first time$'
[ "$(tail -n 1 "$work/log") $(grep -c once "$work/log")" = 'scenario/once 2' ] || fail 'the story did not run exactly once more, at the end'

# A story that fails always, one whose file is missing, one that is skipped.
fresh
plant scenario/always 'echo "every time"; exit 1'
plant scenario/gone ''
rm "$work/build/planted/scenario/gone"
plant scenario/left-out 'exit 77'
property scenario/left-out SKIP_RETURN_CODE 77
run 1 '0 passed, 2 failed, 1 skipped' scenario
says '^FAIL  scenario/always.*: failed again'
says '^FAILED scenario/gone'
silent FLAKY

# Every kind of failure is detected. A run with three flaky stories passes, a run with four fails.
fresh
plant scenario/once "$once"
plant scenario/crash "if first; then kill -SEGV \$\$; fi"
plant scenario/late 'if first; then sleep 60; fi'
property scenario/late TIMEOUT 1
run 0 '3 passed, 0 failed' scenario
[ "$(grep -c '^FLAKY .*again, alone' "$work/said")" = 3 ] || fail 'not all three flaky stories are listed'
rm "$work/build/planted/scenario"/*.again
plant scenario/said 'if first; then echo "a word that it must not say"; fi'
property scenario/said FAIL_REGULAR_EXPRESSION 'must not'
run 1 '4 passed, 1 failed' scenario
says '4 flaky stories'

# A story in which a sanitizer found something has no second try, and neither has a unit.
fresh
plant scenario/found 'if first; then echo "x.c:1:1: runtime error: planted"; fi'
property scenario/found FAIL_REGULAR_EXPRESSION 'runtime error: '
plant unit/once "$once"
run 1 '0 passed, 2 failed' unit scenario
silent FLAKY
[ "$(wc -l <"$work/log")" = 2 ] || fail 'a test ran a second time'

# A test with more output than fits into the arguments of a command.
fresh
plant unit/talks 'seq 1 40000; echo "the last word"; exit 1'
plant unit/long 'head -c 250000 /dev/zero | tr "\\0" x; exit 1'
run 1 '0 passed, 2 failed' unit
says '^the last word$'
says '^FAILED unit/talks'

# A killed ctest counts as a failure.
fresh
plant scenario/murder "kill -KILL \$PPID"
run 1 '0 passed, 1 failed' scenario

# The stories of the rig, without a rig.
mkdir -p "$work/top/test/rig" "$work/rig" "$work/top/build/rig"
ln -s "$source/test/lib" "$work/top/test/lib"
echo 0 >"$work/rig/nodes"
rig ()
{
    local wanted=$1 status=0
    shift
    (
        set -euo pipefail
        export top=$work/top NODED_RIG=$work/rig
        # shellcheck source=test/lib/rig.bash
        . "$top/test/lib/rig.bash"
        engine_mine () { exec {engine_lock}<"$rig"; }
        engine_known () { :; }
        rig_load () { :; }
        rig_at_rest () { :; }
        rig_clear () { :; }
        rig_fleet () { :; }
        rig_logs () { mkdir -p "$1"; }
        rig_test "$@"
    ) >"$work/said" 2>&1 || status=$?
    [ "$status" = "$wanted" ] || fail "rig $*: exit status $status instead of $wanted"
}
for story in one two three four; do
    printf '%s\n%s\n' "$first" "$once" >"$work/top/test/rig/$story.sh"
done
echo 'exit 1' >"$work/top/test/rig/always.sh"
rig 0 one two three
says '^FLAKY one: '
says '^3 passed, 0 failed'
rig 1 one always
says '^FAIL  always'
says '^1 passed, 1 failed'
rm "$work/top/test/rig"/*.again
rig 1 one two three four
says '^4 passed, 1 failed'
echo 'all planted stories had the expected results'
