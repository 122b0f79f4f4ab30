#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release that ends at once is refused with its reason and quarantined; the next good release is installed.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
before=$(stable_of a)
release=$(publish bad-crash 6.6.6)
expect_status 1 ctl update a
said 'probing'
check_equal "$(stable_of a)" "$before" 'stable'
check_runs a 1.0.0 noded
check_node a '.application.state == "idle" and (.application.last_error.step | startswith ("probing")) and .application.last_error.reason != "" and .application.last_error.transaction != ""'
expect_status 0 ctl quarantine list a
said "${release:0:12}"

# The bad release is not tried again; the next release is.
expect_status 1 ctl update a --release "$release"
said 'quarantine'
publish noded-2 2.0.0 >"$fleet/release"
ctl update a || fail 'the good update was not confirmed'
check_runs a 2.0.0 noded-2
