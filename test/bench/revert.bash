# SPDX-License-Identifier: MPL-2.0
# test/bench/revert.bash: bin/bench revert. Sourced by bin/bench.
#
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2164 # variables of bin/bench, which runs with set -e

bench_revert ()
{
    local run from line previous
    if [ "$(field a .application.release)" != "$two" ]; then ctl update a --release "$two" >/dev/null; fi
    for ((run = 0; run < runs; run++)); do
        until_node a '.application.state == "idle" and .application.previous_release != null'
        previous=$(field a .application.previous_release)
        line=$(next_line "$fleet/events")
        from=$(date +%s%N)
        ctl revert a >/dev/null &
        milliseconds "$from" "$(first_report "$line" "$previous")" >>"$fleet/revert.all"
        wait $!
    done
    ctl unhold a >/dev/null
    figure 'revert: until the first report' "$(median <"$fleet/revert.all")" ms '' '<= 1000'
}
