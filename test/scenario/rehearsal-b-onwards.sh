#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Step b of a rehearsal: a candidate that receives an update request, asks for the desired state, and does nothing.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

short_step # the rehearsal is late twice
refuses bad-onwards update 'asked, but did not match'
