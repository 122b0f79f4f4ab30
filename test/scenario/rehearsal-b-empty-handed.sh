#!/usr/bin/env bash
# Step b of a rehearsal: a candidate that updates, and serves its own candidate nothing.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

refuses bad-empty-handed update '.'
