#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Step a of a rehearsal: a candidate that never announces its readiness.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

short_step # the rehearsal is late twice
refuses bad-silent readiness 'did not announce'
