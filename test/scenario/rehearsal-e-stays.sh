#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Step e of a rehearsal: a candidate that does not stop on request; its launcher waits longer than the deadline of the step.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

short_step # the rehearsal is late twice
refuses bad-rude stop 'did not stop when ordered'
