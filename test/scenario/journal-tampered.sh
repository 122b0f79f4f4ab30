#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A line of a node's journal is changed afterwards, while the node runs or is down: noded verify names the line, and the broker reports it. The
# broker also reports a truncated journal, or one that was lost with its disk, in words that do not claim which of the two it was.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_options=(--heartbeat 300ms)
broker_start
"$build/nodectl" --broker "127.0.0.1:$port" events >"$fleet/events" 2>&1 &
watcher=$!
seldom=$node_settings
node_settings="$node_settings
update
    ask = 500ms
"
nodes_up a b c d
node_settings=$seldom
nodes_up e # it checks its journal only every few minutes
release=$(publish noded-2 2.0.0)
ctl update a b c d e --release "$release" || fail 'the nodes were not updated'
for id in a b c d e; do
    check_node "$id" '.journal_serial > 3 and (.journal_head | length) == 64 and .journal_fault == null'
done
until_true grep -q updated "$fleet/events" # a SUB socket gets events only after it has subscribed

say 'a line is changed while the node runs'
sed -i '2s/"outcome":"started"/"outcome":"passed"/' "$fleet/a/var/journal"
expect_status 1 "$build/noded" verify --root "$fleet/a"
said 'var/journal: line 3 does not follow line 2'
until_node a '.journal_fault != null'
check_node a '.journal_fault | test ("line 2 was changed")'
expect_status 0 ctl status a
said '^journal +differs from what it reported before, detected 20.*line 2 was changed'
expect_status 0 ctl why a
said 'journal differs from what it reported before'

say 'the last line is changed while the node runs, and a line that fits is added'
perl -MDigest::SHA=sha256_hex -e '
    my ($path) = @ARGV; open (my $in, "<", $path) or die; my @lines = <$in>; chomp @lines; close ($in);
    $lines[-1] =~ s/2\.0\.0/1.9.9/ or die; my ($serial) = $lines[-1] =~ /"serial":(\d+)/; my $before = sha256_hex ($lines[-1]);
    my $added = $lines[-1] =~ s/"serial":\d+/qq("serial":) . ($serial + 1)/er =~ s/"before":"[0-9a-f]*"/"before":"$before"/r;
    open (my $out, ">", "$path.new") or die; print $out "$_\n" for @lines, $added; close ($out) or die; rename ("$path.new", $path) or die;
' "$fleet/e/var/journal"
expect_status 0 "$build/noded" verify --root "$fleet/e"
ctl hold e || fail 'e could not be held'
until_node e '(.journal_fault // "") | test ("differs from the one that was reported")'

say 'all lines are rewritten while the node is down, so that they form a chain'
node_stop b
sed -i 's/"version":"2.0.0"/"version":"1.9.9"/' "$fleet/b/var/journal"
perl -MDigest::SHA=sha256_hex -i -pe 's/"before":"[0-9a-f]*"/"before":"$before"/ if defined $before; chomp (my $line = $_); $before = sha256_hex ($line)' "$fleet/b/var/journal"
expect_status 0 "$build/noded" verify --root "$fleet/b"
node_start b
until_node b '.journal_fault != null'
check_node b '.journal_fault | test ("differs from the one that was reported|differs from the one that it reported")'

say 'the end of the journal is cut off'
node_stop c
sed -i '$d' "$fleet/c/var/journal"
sed -i '$d' "$fleet/c/var/journal"
node_start c
until_node c '(.journal_fault // "") | test ("lines were removed")'

say 'the journal is lost with its disk'
node_stop d
rm -r "$fleet/d/var"
node_start d
until_node d '(.journal_fault // "") | test ("lost")'

say 'events report all of this; updates still work'
for id in a b c d e; do until_true grep -E "$id  journal" "$fleet/events"; done
kill "$watcher" 2>/dev/null || true
wait "$watcher" || true
ctl revert a >"$fleet/a.out" || fail 'the revert of a failed'
check_node a '.application.version == "1.0.0"'
for id in a b c d e; do # the check at the end would find the changed journals
    node_stop "$id"
    rm -f "$fleet/$id/var/journal"*
done
