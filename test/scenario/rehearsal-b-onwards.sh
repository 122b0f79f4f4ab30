#!/usr/bin/env bash
# Step b of a rehearsal: a candidate that hears of an update, asks what is wanted, and finds nothing to do in the answer.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

short_step # it is late twice
refuses bad-onwards update 'asked, but did not match'
