#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Step b of a rehearsal: a candidate that starts an update, and serves no blobs to its own candidate.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

refuses bad-empty-handed update '.'
