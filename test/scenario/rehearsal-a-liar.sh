#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Step a of a rehearsal: a candidate that announces another program than the one that runs.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

refuses bad-liar readiness 'digest|program'
