#!/usr/bin/env bash
# A release that fills the disk: the space comes back, and the release is blamed, not the host.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

apart "$0"
mount_tmpfs "$([ -n "${NODED_STEP:-}" ] && echo 400M || echo 96M)" "$fleet/a"
free () { df --output=avail "$fleet/a" | tail -n 1; }

broker_start
nodes_up a
before=$(free)
refused bad-filler '[a-z-]*' 'No space left|needs'
[ "$(free)" -ge $((before * 9 / 10)) ] || fail "of $before kB only $(free) came back"
# So late that the parent itself finds no room: for the scratch roots in which the start files are checked.
refused bad-filler 'start-files' 'No space left' --env FILL=late
[ "$(free)" -ge $((before * 9 / 10)) ] || fail "of $before kB only $(free) came back"
takes_good
