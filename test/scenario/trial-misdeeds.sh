#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A release passes its rehearsal, and on trial damages its own root before it crashes: the links, the back link, its own start files, the
# records and the lock. It is never promoted, the version before it runs again, or the one before that; the release is not tried again, and
# the next good release is installed.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

root=$fleet/a
node_settings=${node_settings/confirm = 60s/confirm = 60s
    starts = 1}
number=0

trials () { grep -c 'is on trial, ' "$fleet/a.log" || [ $? = 1 ]; }

# misdeed WHAT COMMAND [runs VERSION BINARY]: updates to a release that runs COMMAND on trial. Afterwards the same version as before must run,
# or the named one.
misdeed ()
{
    local before release trials
    say "$1"
    number=$((number + 1))
    before=$(stable_of a) trials=$(trials)
    release=$(publish bad-misdeed "6.6.$number" --env "MISDEED=$2")
    expect_status 1 ctl update a --release "$release"
    until_quarantined a "$release"
    until_node a '.online and .application.state == "idle"'
    [ $# -gt 2 ] || check_equal "$(stable_of a)" "$before" "stable after: $1"
    check_runs a "${4:-2.0.0}" "${5:-noded-2}"
    check_equal "$(trials)" $((trials + 1)) "the number of starts on trial after: $1"
    expect_status 1 ctl update a --release "$release"
    said 'quarantined'
    check_equal "$(find "$root" -maxdepth 1 -name '.back' -o -maxdepth 1 -name '.try.*' -o -maxdepth 1 -name '.failed' -o -maxdepth 1 -name '.ok')" \
        '' "leftovers of the trial after: $1"
}

broker_options=(--heartbeat 1s)
broker_start
nodes_up a
good=$(publish noded-2 2.0.0)
ctl update a --release "$good" || fail 'the first update was not confirmed'

misdeed 'the back link is removed' 'rm .back'
# shellcheck disable=SC2016 # for the shell of the release
{
    misdeed 'the back link points to the version on trial' 'ln -sfnT $NODED_WORKSPACE .back'
    misdeed 'the start files of the previous version are not executable' 'chmod 0644 $ONE/start $ONE/noded.sh'
    misdeed 'its own start files are replaced, and it requests a restart' \
        'rm $NODED_WORKSPACE/start; printf "#!/bin/sh\necho promoted >&2\n" >$NODED_WORKSPACE/start; chmod 755 $NODED_WORKSPACE/start; exit 85'
}
! grep -qx promoted "$fleet/a.log" || fail 'start files that were replaced on trial were executed'
misdeed 'the records are removed' 'rm -r var'
# shellcheck disable=SC2016
misdeed 'the records cannot be read' 'for file in order-state trial reverted; do echo nonsense >var/$file; done; rm -r var/quarantine; echo >var/quarantine'
misdeed 'no record can be written' 'rm -r var; ln -s /nowhere/at/all var'
until_true [ -L "$root/var.damaged" ]
rm "$root/var.damaged"
node_stop a
node_start a
until_node a '.online and .application.state == "idle" and .application.quarantined >= 7'

# Immutable files, huge files, and mounts from elsewhere. A mount lasts as long as its mount name space.
attributes_end () { chattr -R -i "$root" 2>/dev/null || true; }
at_end attributes_end
elsewhere=$fleet/elsewhere
mkdir "$elsewhere"
echo kept >"$elsewhere/file"
misdeed 'its records are immutable' 'chattr +i var/order-state var/journal var/quarantine probe var . 2>/dev/null; exit 1'
expect_status 0 "$build/noded" verify --root "$root"
misdeed 'its leftovers are immutable' \
    'mkdir -p probe/left/a .tmp.left/a; echo >probe/left/a/f; echo >.tmp.left/a/f; chattr -R +i probe/left .tmp.left 2>/dev/null; chattr +i probe 2>/dev/null; exit 1'
check_equal "$(find "$root/probe" "$root" -maxdepth 1 -name 'left' -o -maxdepth 1 -name '.tmp.left')" '' 'immutable leftovers of the release'
# shellcheck disable=SC2016
misdeed 'its records are huge' 'for file in order-state journal trial; do rm -f var/$file; truncate -s 1T var/$file; done; exit 1'
misdeed 'its leftovers contain mounts from elsewhere' \
    "mkdir -p probe/left .tmp.left; mount --bind '$elsewhere' probe/left; mount --bind '$elsewhere' .tmp.left; exit 1"
for place in probe/left .tmp.left; do ! mountpoint -q "$root/$place" || umount "$root/$place"; done
check_equal "$(cat "$elsewhere/file")" kept 'the file outside of the root'
node_stop a
node_start a
until_node a '.online and .application.state == "idle"'
check_equal "$(find "$root/probe" "$root" -maxdepth 1 -name 'left' -o -maxdepth 1 -name '.tmp.left')" '' 'leftovers of the release'

misdeed 'the lock is removed' 'rm .lock'
until_true [ -e "$root/.lock" ]
rm "$root/.lock"
expect_status 75 "$root/stable/noded.sh"
until_true [ -e "$root/.lock" ]

# shellcheck disable=SC2016
misdeed 'the start files of the previous version are emptied' ': >$ONE/start; : >$ONE/noded.sh' runs 1.0.0 noded
ctl update a --release "$good" || fail 'the next good release was not confirmed'
check_runs a 2.0.0 noded-2
ctl quarantine clear a >/dev/null
until_node a '.application.quarantined == 0'
check_equal "$(find "$root" -maxdepth 1 -name '.failed.*')" '' 'the marks of failed trials after the quarantine was cleared'

find "$root" -maxdepth 1 -name '2*Z' | while read -r workspace; do
    (cd "$workspace" && sha256sum --quiet -c manifest >/dev/null 2>&1) || rm -r "$workspace"
done

# The huge journal was set aside as the older one, which nothing can read: verify reports it until somebody removes it.
node_stop a
expect_status 1 "$build/noded" verify --root "$root"
said 'var/journal.1 cannot be read'
rm "$root/var/journal.1"
