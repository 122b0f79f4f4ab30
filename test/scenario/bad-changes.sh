#!/usr/bin/env bash
# Releases that change on the way what they update to: an environment variable is lost, an argument is cut.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
refused bad-drops-variable update 'NODED_ODD_EMPTY did not arrive'
refused bad-changes-argument update 'arguments did not arrive'
takes_good
