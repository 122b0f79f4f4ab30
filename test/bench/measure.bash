# SPDX-License-Identifier: MPL-2.0
# test/bench/measure.bash: clocks, medians, figures, and the measurement of one update. Sourced by bin/bench.
#
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2164 # variables of bin/bench, which runs with set -e

median () { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
nanoseconds () { date -d "$1" +%s%N; }
milliseconds () { awk -v from="$1" -v to="$2" 'BEGIN { printf "%.1f\n", (to - from) / 1e6 }'; }

# figure NAME VALUE UNIT REFERENCE GOAL: prints and records a figure. REFERENCE and GOAL may be empty. GOAL is '<= N' or '>= N', with an x after
# it if it applies to the ratio.
figure ()
{
    local line
    line=$(jq -cn --arg name "$1" --arg value "$2" --arg unit "$3" --arg reference "$4" --arg goal "$5" '
        {name: $name, value: ($value | tonumber), unit: $unit,
         reference: (if $reference == "" then null else ($reference | tonumber) end),
         goal: (if $goal == "" then null else $goal end)}
        | .ratio = (if .reference then (.value / .reference * 100 | round / 100) else null end)
        | .met = (if .goal then
            (.goal | capture ("^(?<sign>[<>])= (?<number>[0-9.]+)(?<ratio> x)?$")) as $is
            | (if $is.ratio then .ratio else .value end) as $figure
            | if $is.sign == "<" then $figure <= ($is.number | tonumber) else $figure >= ($is.number | tonumber) end
          else null end)
        | {name, value, unit, reference, ratio, goal, met}')
    results+="$line"$'\n'
    jq -r '[.name, "\(.value) \(.unit)",
            (if .reference then "\(.ratio) x \(.reference) \(.unit) of the reference" else "" end),
            (if .goal then "goal \(.goal): " + (if .met then "met" else "MISSED" end) else "" end)]
           | map (select (. != "")) | join ("; ")' <<<"$line"
    [ "$(jq .met <<<"$line")" != false ] || missed=1
}

# event_time LINE FILTER: waits for the first event from a line on that matches, and prints its time. It does not poll: polling would take CPU
# time from what is measured.
event_time ()
{
    local event time='' answers tail_pid
    exec {answers}< <(exec tail -n "+$1" -f "$fleet/events")
    tail_pid=$!
    while [ -z "$time" ] && read -r -t "$patience" -u "$answers" event; do
        time=$(jq -r "select ($2) | .time" <<<"$event")
    done
    kill "$tail_pid"
    exec {answers}<&-
    [ -n "$time" ] || fail "no event with $2"
    nanoseconds "$time"
}
first_report () { event_time "$1" ".release == \"$2\""; }
next_line () { echo $(($(wc -l <"$1") + 1)); }

# step_time LINE STEP: prints when a step started, by the journal from a line on.
step_time ()
{
    nanoseconds "$(tail -n "+$1" "$fleet/$measured/var/journal" |
        jq -r --arg step "$2" 'select (.step == $step and .outcome == "started") | .time' | head -n 1)"
}

# Waits until the measured node has started a step, without polling.
await_step ()
{
    local journal tail_pid
    exec {journal}< <(exec tail -n +1 -f "$fleet/$measured/var/journal")
    tail_pid=$!
    timeout "$patience" grep -q -m 1 "\"step\":\"$1\"" <&"$journal" || fail "timed out: the step $1 did not start"
    kill "$tail_pid"
    exec {journal}<&-
}

measured=a # the node whose journal is read
steps=(matching fetching staging probing switching restarting)

# measure_update NAME RELEASE: runs one update. Appends the time of each step to $fleet/NAME.STEP, the total time to NAME.all.
measure_update ()
{
    local name=$1 release=$2 from line journal heard step at last what
    line=$(next_line "$fleet/events")
    journal=$(next_line "$fleet/a/var/journal")
    from=$(date +%s%N)
    ctl update a --release "$release" --no-wait >/dev/null
    heard=$(first_report "$line" "$release")
    milliseconds "$from" "$heard" >>"$fleet/$name.all"
    until_node a ".application.state == \"idle\" and .application.release == \"$release\""
    last=$from
    what=ordering
    for step in "${steps[@]}"; do
        at=$(step_time "$journal" "$step")
        milliseconds "$last" "$at" >>"$fleet/$name.$what"
        last=$at
        what=$step
    done
    milliseconds "$last" "$heard" >>"$fleet/$name.$what"
    milliseconds "$(event_time "$line" '.event == "disconnected"')" "$(event_time "$line" '.event == "connected"')" >>"$fleet/$name.absent"
}

figure_steps ()
{
    local name=$1 step
    for step in ordering "${steps[@]}"; do
        figure "$name: $step" "$(median <"$fleet/$name.$step")" ms '' ''
    done
}
