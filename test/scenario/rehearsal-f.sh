#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Step f of a rehearsal: a candidate that stages start files that do not roll back from a program that hangs.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

short_step # the rehearsal is late twice
refuses bad-patient start-files 'hangs'
