#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Step e of a rehearsal: a candidate that leaves a process behind in its own session.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

refuses bad-litter stop 'left .*process'
