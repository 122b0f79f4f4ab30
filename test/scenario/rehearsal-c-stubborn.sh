#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Step c of a rehearsal: a candidate that hands over with start files that never roll back.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

short_step # the rehearsal is late twice
refuses bad-stubborn hand-over 'did not run again'
