#!/usr/bin/env bash
# Step b of a rehearsal: a candidate that subscribes to no announcement, and could only ask.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

short_step # it is late twice
refuses bad-deaf update 'did not ask'
