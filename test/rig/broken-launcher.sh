#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Runs the story `halted` with a node whose launcher is broken on purpose: it takes no tokens, so it never rolls back. Passes only if that story
# fails because of the node's own disk. (Such a build fails the rehearsal of its installation, so it is installed without one.)
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/rig/extra.bash
. "$here/extra.bash"

extra_image=$(image_of broken)
extra_node broken -e NODED_INSTALL=--no-rehearsal
until_node broken '.online and .application.state == "idle"'
status=0
said=$(NODED_ONLY=broken bash "$here/halted.sh" 2>&1) || status=$?
figure "halted, with a launcher that takes no tokens: $(tail -n 1 <<<"$said")"
grep -qE '^FAILED: broken has release [0-9a-f]+ behind stable, not [0-9a-f]+$' <<<"$said" || { printf '%s\n' "$said" >&2; fail 'the story halted did not fail because of the broken launcher'; }
[ "$status" = 1 ] || fail "the story halted ended with exit status $status instead of 1"
starts=$(docker logs "${container[broken]}" 2>&1 | grep -c 'is on trial' || true)
figure "it was started on trial $starts times; 3 starts are allowed"
[ "$starts" -gt 3 ] || fail 'the launcher stopped after 3 starts, as an intact one does'
