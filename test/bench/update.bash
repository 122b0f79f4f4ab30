# SPDX-License-Identifier: MPL-2.0
# test/bench/update.bash: bin/bench update. Sourced by bin/bench.
#
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2164 # variables of bin/bench, which runs with set -e

bench_update ()
{
    local run release
    touch "$fleet/a/var/journal"
    for ((run = 0; run < runs; run++)); do
        # Alternates between the two releases, so that every run downloads and rehearses a real release.
        release=$two
        [ "$(field a .application.release)" != "$two" ] || release=$one
        measure_update update "$release"
    done
    figure 'update: size of the release' "$(($(stat -c %s "$build/noded-2") / 1000))" kB '' ''
    figure 'update: until the first report' "$(median <"$fleet/update.all")" ms '' '<= 800'
    figure_steps update
    figure 'update: without a manager, goodbye to hello' "$(median <"$fleet/update.absent")" ms '' '<= 100'
}
