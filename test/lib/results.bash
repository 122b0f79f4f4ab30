# SPDX-License-Identifier: MPL-2.0
# test/lib/results.bash - the results of a run of bin/test. The lanes of a run are separate processes, so results are written to files below
# $work. Sourced by bin/test.
#
#   $work/tally     "passed N", "failed N", "skipped N", one per line
#   $work/again     "DIR NAME LOG": stories that failed, and run a second time at the end
#   $work/flaky     the stories that passed in their second try
#   $work/names     the failures, for the summary
#
# A story that fails runs once more, alone. A story in which a sanitizer finds something does not: the fault exists, whatever the second
# try shows. Other tests have no second try.
#
# shellcheck shell=bash

# shellcheck source=test/lib/say.bash
. "$(dirname "${BASH_SOURCE[0]}")/say.bash"

work=${work:?}
flaky_most=3  # more flaky stories fail the run
again_most=12 # more failures are no coincidence: nothing runs a second time
sanitizer_finds='(ERROR|WARNING): [A-Za-z]+Sanitizer|runtime error: '

# print: prints its input in one piece, so that the output of two lanes does not mix.
print ()
{
    local text lock
    text=$(cat)
    exec {lock}<"$work/tally"
    flock "$lock"
    printf '%s\n' "$text"
    exec {lock}<&-
}

# tally passed|failed|skipped N [NAME...]: the names are those of failures.
tally ()
{
    local kind=$1 number=$2
    shift 2
    echo "$kind $number" >>"$work/tally"
    [ $# = 0 ] || printf '%s\n' "$@" >>"$work/names"
}
tally_of () { awk -v kind="$1" '$1 == kind { sum += $2 } END { print sum + 0 }' "$work/tally"; }

# step NAME COMMAND...: runs a command that counts as one test. Its output is printed if it fails.
step ()
{
    local what=$1 begun=$SECONDS log
    log=$(mktemp "$work/log.XXXXXX")
    shift
    if "$@" >"$log" 2>&1; then
        tally passed 1
        print <<<"ok    $what ($((SECONDS - begun)) s)"
    else
        tally failed 1 "$what"
        { cat "$log"; echo "FAIL  $what"; } | print
        return 1
    fi
}

# ctest_run DIR PLACE JOBS PATTERN: runs the tests of a build, with logs in PLACE, so that two runs of one build may go on at once. Writes
# one line for each test to PLACE/records: "passed|failed|skipped PASSED FAILED NAME". For a Criterion program the numbers are those of its
# tests. Returns ctest's status.
#
# The verdict is taken from ctest's output, not from its log: the log counts skipped tests, and tests that could not run, as passed.
ctest_run ()
{
    local dir=$1 place=$2 jobs=$3 pattern=$4 status=0
    mkdir -p "$place"
    rm -f "$place/records" "$place/Testing/Temporary/LastTest.log"
    printf 'subdirs ("%s")\n' "$dir" >"$place/CTestTestfile.cmake"
    (cd "$place" && ctest -j "$jobs" --timeout $((900 * ${NODED_LOAD:-1})) --output-on-failure --no-tests=ignore -R "$pattern") >"$place/log" 2>&1 ||
        status=$?
    [ -e "$place/Testing/Temporary/LastTest.log" ] || : >"$place/Testing/Temporary/LastTest.log"
    awk '
        FNR == 1 { file++ }
        file == 1 && /^"[^"]*" start time: / { name = $1; gsub (/"/, "", name) }
        file == 1 && /Synthesis: Tested:/ {
            for (i = 1; i < NF; i++) {
                word = $i; value = $(i + 1)
                gsub (/\033\[[0-9;]*m/, "", value)
                if (word ~ /Passing:/) passing[name] += value
                if (word ~ /Failing:|Crashing:/) failing[name] += value
            }
            criterion[name] = 1
        }
        file == 2 && match ($0, /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: /) {
            rest = substr ($0, RLENGTH + 1)
            name = rest; sub (/ .*/, "", name)
            sub (/^[^ ]+ [. ]*/, "", rest)
            verdict = rest ~ /^Passed/ ? "passed" : rest ~ /^\*\*\*(Skipped|Not Run \(Disabled\))/ ? "skipped" : "failed"
            good = bad = 0
            if (verdict != "skipped") {
                good = criterion[name] ? passing[name] : verdict == "passed"
                bad = criterion[name] ? failing[name] : verdict == "failed"
                if (verdict == "failed" && !bad) bad = 1
                if (verdict == "passed" && bad) { good += bad; bad = 0 } # planted: a test that must fail has failed
                if (verdict == "passed" && !good) { verdict = "failed"; bad = 1 } # a program without tests proves nothing
            }
            print verdict, good, bad, name
        }' "$place/Testing/Temporary/LastTest.log" "$place/log" >"$place/records"
    return "$status"
}

# said_by PLACE NAME: prints the output of one test from ctest's log.
said_by ()
{
    awk -v name="$2" '
        /^[0-9]+\/[0-9]+ Testing: / { on = $3 == name }
        on { print }
        on && $0 ~ "^\"" name "\" time elapsed: " { exit }' "$1/Testing/Temporary/LastTest.log"
}

# tests WHAT DIR JOBS PATTERN: runs tests of a build and counts them. Failed stories are noted for their second try.
tests ()
{
    local what=$1 dir=$2 jobs=$3 pattern=$4 begun=$SECONDS status=0 good=0 bad=0 left=0 later=0 names=() place verdict passed failed name log
    place=$dir/tests/${what// /-}
    ctest_run "$dir" "$place" "$jobs" "$pattern" || status=$?
    while read -r verdict passed failed name; do
        case $verdict in
            skipped) left=$((left + 1)) ;;
            passed) good=$((good + passed)) ;;
            *)
                log=$(mktemp "$work/story.XXXXXX")
                said_by "$place" "$name" >"$log"
                if [[ $name =~ ^(scenario|break|install|interop)/ ]] && ! grep -qE "$sanitizer_finds" "$log"; then
                    echo "$dir $name $log" >>"$work/again"
                    later=$((later + 1))
                else
                    good=$((good + passed)) bad=$((bad + failed)) names+=("$name ($what)")
                fi
                ;;
        esac
    done <"$place/records"
    # If ctest failed although no failure was counted, the run has failed.
    if [ "$status" != 0 ] && [ $((bad + later)) = 0 ]; then bad=1 names+=("$what: ctest ended with $status"); fi
    tally passed "$good"
    tally skipped "$left"
    [ "$bad" = 0 ] || tally failed "$bad" "${names[@]}"
    {
        grep -h '^SKIPPED: ' "$place/Testing/Temporary/LastTest.log" || true
        [ $((bad + later)) = 0 ] || grep -vE '^ +Start +[0-9]+: |^ *[0-9]+/[0-9]+ Test .* Passed +[0-9.]+ sec$' "$place/log" || true
        if [ $((good + bad + left + later)) = 0 ]; then
            say "ok    $what: no such tests"
        else
            say "$([ $((bad + later)) = 0 ] && echo 'ok  ' || echo FAIL)  $what: $good passed$([ "$bad" = 0 ] || echo ", $bad failed")$(
                [ "$left" = 0 ] || echo ", $left SKIPPED")$([ "$later" = 0 ] || echo ", $later to run again") ($((SECONDS - begun)) s)"
        fi
    } | print
}

# second_tries: runs the failed stories again, one after the other.
second_tries ()
{
    local dir name log label
    [ -s "$work/again" ] || return 0
    if [ "$(wc -l <"$work/again")" -gt "$again_most" ]; then
        say "more than $again_most stories failed: no story runs a second time"
        while read -r dir name log; do tally failed 1 "$name (${dir##*/})"; done <"$work/again"
        return
    fi
    while read -r dir name log; do
        label="$name (${dir##*/})"
        if ctest_run "$dir" "$dir/tests/again" 1 "^$name\$" && grep -q "^passed .* $name\$" "$dir/tests/again/records"; then
            tally passed 1
            echo "$label" >>"$work/flaky"
            say "FLAKY $label: passed when it ran again, alone; the log of its failure:"
            sed 's/^/      /' "$log"
        else
            tally failed 1 "$label"
            said_by "$dir/tests/again" "$name"
            say "FAIL  $label: failed again, alone"
        fi
    done <"$work/again"
}

# verdict: prints the summary of a run. Returns 1 if a test failed.
verdict ()
{
    local failed skipped flaky=0
    if [ -s "$work/flaky" ]; then
        flaky=$(wc -l <"$work/flaky")
        sed 's/^/FLAKY /' "$work/flaky"
        if [ "$flaky" -gt "$flaky_most" ]; then tally failed 1 "$flaky flaky stories: more than $flaky_most fail the run"; fi
    fi
    if [ -s "$work/names" ]; then sed 's/^/FAILED /' "$work/names"; fi
    failed=$(tally_of failed) skipped=$(tally_of skipped)
    say "$(tally_of passed) passed, $failed failed$([ "$skipped" = 0 ] || echo ", $skipped skipped")"
    [ "$failed" = 0 ]
}
