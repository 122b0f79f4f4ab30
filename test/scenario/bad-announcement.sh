#!/usr/bin/env bash
# Releases that announce themselves falsely: with a nonce of their own, and with one that another probe was given.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
short_step
nodes_up a

refused bad-stranger readiness 'did not announce'

# The first probe is recorded, the second one is the replay.
refused bad-replay readiness 'exited with status 7' --env "NODED_RECORD=$fleet/record"
refused bad-replay readiness 'did not announce' --env "NODED_RECORD=$fleet/record" --env 'AGAIN=1'
[ "$(grep -c 'an announcement with an unknown nonce' "$fleet/a.log")" -ge 2 ] || fail 'the false announcements were not told'

takes_good
