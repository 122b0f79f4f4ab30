#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The records of two releases are exchanged in the broker's database. A node computes the digest of the release document itself and takes the
# envelope from it: it runs the ordered release, or reports why it cannot, but never another release under the ordered digest.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
ordered=$(publish noded-2 2.0.0 --arg=-v)
other=$(publish noded-4 1.5.0)
broker_stop
sqlite3 "$fleet/broker/broker.db" "
    create table swap as select digest, document from releases;
    update releases set document = (select document from swap where swap.digest != releases.digest);
    drop table swap"
rm -rf "$fleet/broker/releases" # they would show the broker that the records were exchanged
broker_start
until_node a '.online and .application.state == "idle"'
ctl update a --release "$ordered" >"$fleet/said" 2>&1 || said "${ordered:0:12}"
runs=$(field a .application.release)
binary=$(field a .application.binary)
case $runs in
    "$ordered") check_equal "$binary" "$(sha256sum <"$(binary noded-2)" | cut -d' ' -f1)" 'the program under the ordered digest' ;;
    "$other") fail "the node runs $other, which was not ordered" ;;
    *) check_equal "$(sha256sum <"$(binary noded)" | cut -d' ' -f1)" "$binary" 'the program that still runs' ;;
esac
