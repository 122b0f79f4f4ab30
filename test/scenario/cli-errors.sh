#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Mistakes on the command line are reported in one sentence, with an exit status that shows the kind of mistake.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

for program in noded noded-broker noded-content nodectl; do
    expect_status 0 "$build/$program" --help
    said 'usage'
    expect_status 0 "$build/$program" --version
    said '1\.0\.0'
    expect_status 2 "$build/$program" --no-such-option
    said 'no-such-option'
done
expect_status 2 "$build/nodectl" updaet
said 'update'
expect_status 2 "$build/noded" nonsense
said 'nonsense'
expect_status 1 "$build/noded" status --root "$fleet/nothing"
said "$fleet/nothing"

# No broker.
expect_status 4 "$build/nodectl" --broker 127.0.0.1:1 --timeout 500ms nodes
said '127\.0\.0\.1'

broker_start
node_install a
expect_status 1 ctl update nobody
said 'nobody'
for command in status why 'quarantine list' 'quarantine clear'; do
    # shellcheck disable=SC2086 # two words
    expect_status 1 ctl $command nobody
    said '^nodectl: the broker does not know node "nobody"'
done
expect_status 1 ctl publish noded --version 2 --binary "$fleet/nothing"
said "$fleet/nothing"
expect_status 1 ctl update a --release 0123456789
expect_status 1 ctl withdraw 0123456789
said 'no release begins with 0123456789'
# An empty selector (from an unset variable) selects no node, and a digest of zeros names no release.
for command in forget label nodes 'rollout plan' 'rollout start'; do
    # shellcheck disable=SC2086 # two words
    expect_status 2 ctl $command --select ''
    said "every node is --select '\*'"
done
expect_status 2 ctl update a --release "$(printf '%064d' 0)"
said 'is not a release'
# The release that a node was installed with is shown as its release, but was never published.
node_start a
until_node a '.online and .application.state == "idle"'
installed=$(field a .application.release)
expect_status 1 ctl update a --release "${installed:0:12}"
said 'is not published at this broker; node a has it'
expect_status 1 ctl update a --release "$installed"
said 'was not published here'
# Nothing serves without keys unless it is asked to.
expect_status 2 "$build/noded-content" --root "$fleet/other" --port 0
said 'insecure'
printf 'curve\n    secret-key = "x"\n' >"$fleet/halved.zpl"
expect_status 2 "$build/noded-broker" --root "$fleet/other" --port 0 --config "$fleet/halved.zpl"
said 'curve'
expect_status 2 "$build/noded-broker" --root "$fleet/other" --port 0 --heartbeat 0s
said 'heartbeat'

# Arguments that cannot work are refused before a file is made.
expect_status 2 "$build/noded" install --root "$fleet/new" --id a/b --broker 127.0.0.1
said 'a/b.*letters'
expect_status 2 "$build/noded" install --root "$fleet/new" --id a --broker 127.0.0.1:none
said 'port'
[ ! -e "$fleet/new" ] || fail 'a refused installation left a directory'

# A directory that is not a root.
mkdir "$fleet/plain"
for command in status why revert verify 'quarantine list' 'quarantine clear'; do
    # shellcheck disable=SC2086 # two words
    expect_status 1 "$build/noded" $command --root "$fleet/plain"
    said "$fleet/plain is not a root"
done
