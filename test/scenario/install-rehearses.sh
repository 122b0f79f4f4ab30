#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# An installation rehearses an update to a second workspace of itself, and is complete; verify accepts it.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
expect_status 0 "$build/noded" install --root "$fleet/a" --id a --broker "127.0.0.1:$port"
said 'stable/noded.sh'
expect_status 0 "$build/noded" verify --root "$fleet/a"
(cd "$fleet/a/stable" && sha256sum -c --quiet manifest) || fail 'sha256sum does not accept the manifest'
check_equal "$(find "$fleet/a/probe" -mindepth 1)" '' 'leftovers of the rehearsal'
node_start a
until_node a '.online and .application.state == "idle" and .application.version == "1.0.0"'
node_stop a

# verify ignores hidden leftovers, and finds a changed byte of the program.
mkdir "$fleet/a/.tmp.leftover"
expect_status 0 "$build/noded" verify --root "$fleet/a"
rmdir "$fleet/a/.tmp.leftover"
expect_status 0 "$build/noded" install --root "$fleet/b" --id b --broker "127.0.0.1:$port" --no-rehearsal
said 'rehears'
printf 'x' | dd of="$fleet/b/stable/noded" bs=1 seek=5000 conv=notrunc status=none
expect_status 1 "$build/noded" verify --root "$fleet/b"
said 'noded'
rm -rf "$fleet/b"

# A second installation into a root is refused. --systemd prints a unit.
expect_status 1 "$build/noded" install --root "$fleet/a" --id a --broker "127.0.0.1:$port" --no-rehearsal
expect_status 0 "$build/noded" install --root "$fleet/c" --id c --broker "127.0.0.1:$port" --no-rehearsal --systemd
for line in Type=notify NotifyAccess=all WatchdogSec= Restart=always StartLimitIntervalSec=0 KillMode=process; do
    said "^$line"
done
