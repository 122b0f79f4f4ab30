#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release that fills the disk: the space is freed, and the release is quarantined; the host is not unfit.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

apart "$0"
mount_tmpfs "$([ -n "${NODED_STEP:-}" ] && echo 700M || echo 160M)" "$fleet/a"
free () { df --output=avail "$fleet/a" | tail -n 1; }

broker_start
nodes_up a
before=$(free)
refused bad-filler '[a-z-]*' 'No space left|needs'
[ "$(free)" -ge $((before * 9 / 10)) ] || fail "of $before kB only $(free) are free again"
# The disk fills so late that the parent itself has no room for the scratch roots of the start-files step.
refused bad-filler 'start-files' 'No space left' --env FILL=late
[ "$(free)" -ge $((before * 9 / 10)) ] || fail "of $before kB only $(free) are free again"
# In service: the release is rolled back, and quarantined although the disk has no room for the record.
filled=$(publish bad-filler 6.6.7 --env FILL=trial)
expect_status 1 ctl update a
until_node a '.online and .application.state == "idle" and .application.version == "1.0.0"'
check_node a '.application.last_error.step == "trial" and .application.last_error.version == "6.6.7"'
until_quarantined a "$filled"
[ "$(free)" -lt 16384 ] || fail "the disk was not full: $(free) kB are free"
expect_status 1 ctl update a --release "$filled"
said quarantin
rm "$fleet/a/var/full"
takes_good
