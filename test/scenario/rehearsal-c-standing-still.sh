#!/usr/bin/env bash
# Step c of a rehearsal: a candidate that says that it has switched, and is started again itself.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

refuses bad-standing-still update 'restarted during the update'
