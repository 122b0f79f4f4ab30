#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Releases that do not start, each for another reason: refused with the error of the system.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

broker_start
nodes_up a
good=$(binary noded-2)
platform=$(field a .platform)

printf 'this is no program\n' >"$fleet/no-program"
refused "$platform=$fleet/no-program" readiness 'Exec format error'

printf '#!%s/no-such-interpreter\n' "$fleet" >"$fleet/script"
refused "$platform=$fleet/script" readiness 'No such file or directory'

head -c 200000 "$good" >"$fleet/truncated"
refused "$fleet/truncated" readiness 'Exec format error|signal|exited'

# A complete program with a file that is not a library, and an ELF header of another machine. A node gets exactly the published bytes.
printf 'this is no library\n' >"$fleet/no-library"
refused noded-2 readiness 'error while loading shared libraries' --file "$fleet/no-library:lib/libczmq.so.4"
head -c 64 "$good" >"$fleet/foreign"
printf '\xf3\x00' | dd of="$fleet/foreign" bs=1 seek=18 conv=notrunc status=none # the machine: RISC-V
printf '\x00\x00' | dd of="$fleet/foreign" bs=1 seek=56 conv=notrunc status=none # no segments
refused "$platform=$fleet/foreign" readiness 'Exec format error'

# A release for another platform is not offered to the node. A program that lacks a library, is empty, or has no platform cannot be published.
publish "$fleet/foreign" 6.6.6 >"$fleet/release"
expect_status 1 ctl update a
check_runs a 1.0.0 noded
sed 's/libczmq\.so\.4/libczmq.so.9/g' "$good" >"$fleet/missing"
chmod +x "$fleet/missing"
expect_status 1 publish "$fleet/missing" 6.6.6
said 'libczmq.so.9'
expect_status 1 publish "$fleet/script" 6.6.6
said 'not an ELF program.*OS/ARCH='
: >"$fleet/empty"
expect_status 1 publish "$fleet/empty" 6.6.6
said 'is empty'

takes_good
