#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Releases that announce themselves with a false nonce: an invented one, and one of another probe.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
short_step
nodes_up a

refused bad-stranger readiness 'did not announce'

# The first probe is recorded, the second one replays the record.
refused bad-replay readiness 'exited with status 7' --env "NODED_RECORD=$fleet/record"
refused bad-replay readiness 'did not announce' --env "NODED_RECORD=$fleet/record" --env 'AGAIN=1'
[ "$(grep -c 'an announcement with an unknown nonce' "$fleet/a.log")" -ge 2 ] || fail 'the log does not report the false announcements'

takes_good
