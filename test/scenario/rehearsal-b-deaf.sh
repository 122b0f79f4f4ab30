#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Step b of a rehearsal: a candidate that subscribes to no announcement.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

short_step # the rehearsal is late twice
refuses bad-deaf update 'did not ask'
