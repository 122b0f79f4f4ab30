#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Step d of a rehearsal: a candidate that cannot be reverted to after the next version has confirmed itself.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

refuses bad-no-return revert '.'
