#!/usr/bin/env bash
# One bit of a content is flipped where it is served: the node refuses it by its digest, names the origin, and quarantines nobody;
# once the content was removed there and published again, the same release goes through.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
release=$(publish noded-2 2.0.0)
before=$(stable_of a)
digest=$(sha256sum <"$(binary noded-2)" | cut -d' ' -f1)
content=$(find "$fleet/broker" -name "$digest")
byte=$(dd if="$content" bs=1 skip=100000 count=1 status=none | od -An -tu1)
printf '%b' "\\x$(printf %02x $((byte ^ 4)))" | dd of="$content" bs=1 seek=100000 conv=notrunc status=none

expect_status 1 ctl update a --release "$release"
said 'origin.*rotted'
check_equal "$(stable_of a)" "$before" stable
check_node a ".quarantine == [] and .last_error.step == \"fetching\" and (.last_error.reason | contains (\"$digest\"))"
check_equal "$(find "$fleet/a/var" -name "$digest*")" '' 'what is left of the rotten content'

rm "$content"
check_equal "$(publish noded-2 2.0.0)" "$release" 'the release that is published again'
ctl update a --release "$release" || fail 'the update was not confirmed once the content was mended'
check_runs a 2.0.0 noded-2
