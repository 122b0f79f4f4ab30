#!/usr/bin/env bash
# Step e of a rehearsal: a candidate that does not stop when it is told to, where its launcher waits for longer than the step may take.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

short_step # it is late twice
refuses bad-rude stop 'did not stop when ordered'
