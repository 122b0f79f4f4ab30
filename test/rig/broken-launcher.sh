#!/usr/bin/env bash
# The story `halted` is told about a node that was broken on purpose: its launcher takes no tokens, so that it never goes back. This passes
# only if that story then fails, by the node's own disk. (Such a build does not pass the rehearsal of its installation: that is left out.)
set -euo pipefail
# shellcheck source=test/rig/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=test/rig/extra.bash
. "$here/extra.bash"

extra_image=$(image_of broken)
extra_node broken -e NODED_INSTALL=--no-rehearsal
until_node broken '.online and .state == "idle"'
status=0
said=$(NODED_ONLY=broken bash "$here/halted.sh" 2>&1) || status=$?
figure "halted, about a launcher that takes no tokens: $(tail -n 1 <<<"$said")"
grep -qE '^FAILED: broken has release [0-9a-f]+ behind stable, not [0-9a-f]+$' <<<"$said" || { printf '%s\n' "$said" >&2; fail 'the story does not fail for it'; }
[ "$status" = 1 ] || fail "the story ended with status $status"
starts=$(docker logs "${container[broken]}" 2>&1 | grep -c 'is on trial' || true)
figure "it was started on trial $starts times, three of which it was allowed"
[ "$starts" -gt 3 ] || fail 'the launcher took its tokens'
