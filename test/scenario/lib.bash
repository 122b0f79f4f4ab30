# What every story begins with: a fleet that is taken down whatever happens, and whose roots are then verified.
#
# A story runs alone as well: NODED_BUILD=build test/scenario/good-update.sh. With KEEP=1 its directory stays.
#
# shellcheck shell=bash
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
NODED_BUILD=$(cd "${NODED_BUILD:-$here/../../build}" && pwd)
# shellcheck source=test/lib/fleet.bash
. "$here/../lib/fleet.bash"

story_end ()
{
    local status=$? root
    trap - EXIT
    set +e
    fleet_end || status=1
    for root in "$fleet"/*/node.zpl; do
        [ -e "$root" ] || continue
        "$build/noded" verify --root "$(dirname "$root")" >"$fleet/verify.log" 2>&1 ||
            { say "noded verify finds fault with $(dirname "$root")" >&2; status=1; }
    done
    [ "$status" = 0 ] || fleet_logs
    if [ -n "${KEEP:-}" ]; then say "kept: $fleet"; else fleet_remove; fi
    exit "$status"
}

# refuses BINARY STEP REASON: a candidate that fails a step of the rehearsal is refused with that step and a reason that fits,
# quarantined, and followed by a good one.
refuses ()
{
    local binary=$1 step=$2 reason=$3 before release
    broker_start
    nodes_up a
    before=$(stable_of a)
    release=$(publish "$binary" 6.6.6)
    expect_status 1 ctl update a
    check_equal "$(stable_of a)" "$before" 'stable'
    check_runs a 1.0.0 noded
    check_node a ".state == \"idle\" and .last_error.step == \"probing/$step\" and .last_error.version == \"6.6.6\""
    field a .last_error.reason >"$fleet/said"
    said "$reason"
    check_node a ".quarantine | map (.release) | index (\"$release\") != null"
    publish noded-2 2.0.0 >"$fleet/release"
    ctl update a || fail 'the good update was not confirmed'
    check_runs a 2.0.0 noded-2
}

fleet_begin
trap story_end EXIT
trap 'exit 130' INT TERM
