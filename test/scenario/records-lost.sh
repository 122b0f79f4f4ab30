#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The broker's records are lost or damaged, each way in turn, while the blobs are intact. The broker does not start, names the path and the
# remedy, and deletes nothing. It continues with the records that `noded-broker recover` rebuilds, or from a backup. If they are removed or
# replaced while the broker runs, it acknowledges no order that it cannot store.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

root=$fleet/broker
broker_options=(--insecure --heartbeat 300ms --liveness "$((10 * factor))s")
serve () { timeout -k 5 "$patience" "$build/noded-broker" --insecure --root "$root" --port "$port" "$@"; }
blobs () { find "$root/blobs" -regextype egrep -regex '.*/[0-9a-f]{64}' -printf '%f %s\n' | sort | sha256sum; }
offered () { ctl releases --json | jq -c 'map ([.release, .withdrawn]) | sort'; }
# Restores intact records, older than a day, in the state that a kill leaves: with the write-ahead log of the database.
pristine () { rm -rf "$root"; cp -a "$fleet/pristine" "$root"; }
page_zeroed () { dd if=/dev/zero of="$1" bs=4096 seek="$2" count=1 conv=notrunc status=none; }
rows () { sqlite3 "$root/broker.db" "$1"; }

say 'records with three releases, one of them withdrawn, and a node'
broker_start
nodes_up a
first=$(publish noded-2 1.0.1)
bad=$(publish noded-2 1.0.2 --env BAD=yes)
ctl backup "$fleet/copy" >/dev/null
rows 'PRAGMA wal_checkpoint (truncate)' >/dev/null # later changes are only in the log
second=$(publish noded-2 2.0.0 --env ODD="$(printf 'q"\n\xff')")
ctl withdraw "$bad"
ctl hold a
until_node a '.application.held and .application.epoch == .desired_epoch'
epoch=$(field a .application.epoch)
expected=$(offered)
node_stop a
broker_kill
find "$root/blobs" -type f -exec touch -d '3 days ago' {} +
mv "$root" "$fleet/pristine"
pristine
whole=$(blobs)
layout=$(rows 'PRAGMA user_version')

# refused WORDS: the broker must not start, must name path and remedy, and no blob may be gone.
refused ()
{
    expect_status 1 serve
    said "$1"
    said "$root/broker.db|$root:"
    said 'noded-broker recover --root|--restore FILE'
    check_equal "$(blobs)" "$whole" 'the blobs'
}
# recovered: rebuilds the records, and starts the broker: all releases and blobs must be there.
recovered ()
{
    expect_status 0 "$build/noded-broker" recover --root "$root"
    said '[0-9]+ releases'
    broker_start
    check_equal "$(offered)" "$expected" 'the releases'
    check_equal "$(blobs)" "$whole" 'the blobs'
    broker_kill
}

lose ()
{
    local what=$1 words=$2
    say "$what"
    pristine
    shift 2
    "$@"
    refused "$words"
    recovered
}
checkpoint () { rows 'PRAGMA wal_checkpoint (truncate)' >/dev/null; }
gone () { rm "$root"/broker.db*; }
emptied () { gone; : >"$root/broker.db"; }
without_tables () { gone; rows "CREATE TABLE t (x); PRAGMA user_version = $1" >/dev/null; }
without_anything () { gone; rows 'CREATE TABLE t (x); DROP TABLE t' >/dev/null; }
clock_gone () { rows "DELETE FROM meta WHERE key = 'watched'" >/dev/null; }
wal_gone () { rm "$root"/broker.db-wal; }
wal_gone_and_db_empty () { rm "$root"/broker.db-wal; : >"$root/broker.db"; }
wal_cut () { truncate -s 8192 "$root/broker.db-wal"; }
wal_emptied () { : >"$root/broker.db-wal"; }
older () { gone; cp "$fleet/copy" "$root/broker.db"; }
cut () { checkpoint; truncate -s 30000 "$root/broker.db"; rm -f "$root"/broker.db-*; }
zeroed () { checkpoint; rm -f "$root"/broker.db-*; page_zeroed "$root/broker.db" 3; }
header () { checkpoint; rm -f "$root"/broker.db-*; printf 'noise noise noise' | dd of="$root/broker.db" conv=notrunc status=none; }
index_damage ()
{
    local page
    checkpoint
    page=$(rows "SELECT rootpage FROM sqlite_master WHERE name = 'releases_application'")
    rm -f "$root"/broker.db-*
    printf '\xff\xff\xff\xff\xff\xff' | dd of="$root/broker.db" bs=1 seek=$((4096 * (page - 1) + 3)) conv=notrunc status=none
}

lose 'broker.db removed' 'no records in' gone
lose 'broker.db emptied' 'no records in' emptied
lose 'the log of a killed broker removed' 'older than' wal_gone
lose 'the log removed, and broker.db emptied' 'no records in' wal_gone_and_db_empty
lose 'the log truncated' 'older than' wal_cut
lose 'the log emptied' 'older than' wal_emptied
lose 'a database without tables' 'no records in' without_anything
lose 'a database without tables, with the present layout number' 'lacks' without_tables "$layout"
lose 'a database without tables, with an older layout number' 'no such table' without_tables 3
lose "the clock of rollouts missing" 'lacks the time for which rollouts were watched' clock_gone
lose 'an older copy put in place by hand' 'older than' older
lose 'broker.db truncated' 'damaged|malformed' cut
lose 'a page of zeros' 'damaged|malformed' zeroed
lose 'the header damaged' 'not a database' header
lose 'an index damaged' 'damaged|malformed' index_damage

say 'damage that SQLite repairs itself: noise in the index of the log'
pristine
head -c 32768 /dev/urandom >"$root/broker.db-shm"
broker_start
check_equal "$(offered)" "$expected" 'the releases'
broker_kill

say 'a directory in the place of broker.db, and records of a newer broker'
pristine
gone
mkdir "$root/broker.db"
expect_status 1 serve
said "$root/broker.db is not a file"
pristine
rows 'PRAGMA user_version = 1000'
expect_status 1 serve
said "$root/broker.db has layout 1000, made by a newer noded-broker"

say 'new epochs are higher than those that the node has seen'
pristine
gone
recovered
broker_start
node_start a
until_node a '.online and .application.held'
ctl unhold a
until_node a "(.application.held | not) and .application.epoch > $epoch"
node_stop a
broker_kill

say 'records that this user cannot open, or for which no descriptor is free, stay in place'
pristine
chown -R nobody "$root" 2>/dev/null || skip 'cannot change the owner of the root'
chmod 755 "$fleet"
install -m 755 "$build/noded-broker" "$fleet/" # the user may have no access to the build
before=$(ls -A "$root")
chown root "$root/broker.db"
chmod 600 "$root/broker.db"
for what in --root recover; do
    [ $what = recover ] && what='recover --root'
    # shellcheck disable=SC2086 # two words
    expect_status 1 setpriv --reuid=nobody --clear-groups timeout -k 5 20 "$fleet/noded-broker" $what "$root" --port "$port"
    said "$root/broker.db.*permission denied"
    check_equal "$(ls -A "$root")" "$before" 'the files in the root'
done
pristine
before=$(ls -A "$root")
for limit in 5 6 7 8; do
    # shellcheck disable=SC2016 # for the shell inside
    expect_status 1 bash -c 'ulimit -n "$1"; exec "$2" recover --root "$3"' - "$limit" "$build/noded-broker" "$root"
    [ -s "$root/broker.db" ] || fail "with $limit descriptors recover set intact records aside: $(ls -A "$root")"
done
recovered

say 'a fifo and directories in the place of documents and of files beside the records'
pristine
mkfifo "$root/releases/$(printf 'a%.0s' {1..64}).json"
mkdir "$root/releases/$(printf 'b%.0s' {1..64}).json"
recovered
for what in records.mark releases; do
    pristine
    rm -rf "${root:?}/$what"
    if [ $what = releases ]; then : >"$root/$what"; else mkdir "$root/$what"; fi
    expect_status 1 serve
    said "$root: .*$what.*move it away"
done
pristine
mv "$root/broker.db" "$fleet/elsewhere"
ln -s "$fleet/elsewhere" "$root/broker.db"
expect_status 1 serve
said "$root/broker.db is a symbolic link: put the records themselves there"

say '--new starts with empty records'
pristine
gone
broker_options+=(--new)
broker_start
check_equal "$(ctl releases --json)" '[]' 'the releases'
check_equal "$(blobs)" "$whole" 'the blobs'
broker_kill
expect_status 1 serve --new
said 'but this root has records'
broker_options=("${broker_options[@]:0:5}")
broker_start
broker_kill

say '--restore also restores releases that were published since the copy'
pristine
gone
expect_status 0 "$build/noded-broker" --root "$root" --restore "$fleet/copy"
broker_start
check_equal "$(offered)" "$expected" 'the releases'
broker_kill

say 'a failed restore leaves no file'
head -c 5000 /dev/urandom >"$fleet/noise"
expect_status 1 "$build/noded-broker" --root "$fleet/fresh" --restore "$fleet/noise"
said "$fleet/noise"
[ ! -e "$fleet/fresh" ] || fail "a failed restore left $(find "$fleet/fresh")"
pristine
gone
before=$(ls -A "$root")
expect_status 1 "$build/noded-broker" --root "$root" --restore "$fleet/noise"
check_equal "$(ls -A "$root")" "$before" 'the files in the root'

say 'a backup of damaged records fails'
pristine
broker_start
checkpoint
page_zeroed "$root/broker.db" 6
page_zeroed "$root/broker.db" 8
expect_status 1 ctl backup "$fleet/none"
said "$root/broker.db.*(damaged|malformed)"
[ ! -e "$fleet/none" ] || fail 'the failed backup left a file'
broker_kill

for how in removed replaced; do
    say "broker.db $how while the broker runs"
    pristine
    broker_start
    if [ $how = removed ]; then gone; else cp "$fleet/copy" "$root/new" && mv "$root/new" "$root/broker.db"; fi
    expect_status 1 ctl hold a
    said "$root/broker.db"
    expect_status 1 ctl withdraw "$first"
    expect_status 1 publish noded-2 3.0.0
    expect_status 0 ctl releases
    said 'changes are refused'
    until_true compgen -G "$root/broker.db.rescued-*"
    broker_stop
    rm -f "$root"/broker.db "$root"/broker.db-*
    expect_status 0 "$build/noded-broker" --root "$root" --restore "$root"/broker.db.rescued-*
    broker_start
    check_equal "$(offered)" "$expected" 'the releases'
    ctl update a --release "$second" --no-wait >/dev/null 2>&1 || true
    broker_kill
done
