#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# Signed releases from an operator's first key to an expired one: trust init, the root pinned on a node, publish --key, an update. A release that
# nobody signed is refused by the node. Keys are rotated, a publisher is delegated to, two publish at once. What is expired is refused, reported
# and renewed.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/lib.bash"

export XDG_STATE_HOME=$fleet/state
keys=$fleet/keys
mkdir "$keys"
echo 'correct horse' >"$fleet/passphrase"
key=(--key "$keys/operator.key" --passphrase-file "$fleet/passphrase")

# The broker's and nodectl's clock is read from a file; that of the node, too.
echo 0 >"$fleet/clock"
clock=(env "LD_PRELOAD=$build/test/fake-clock.so" "FAKE_CLOCK=$fleet/clock" ASAN_OPTIONS=verify_asan_link_order=0)
cat >"$fleet/clocked-broker" <<RUN
#!/bin/sh
exec env 'LD_PRELOAD=$build/test/fake-clock.so' 'FAKE_CLOCK=$fleet/clock' "ASAN_OPTIONS=\${ASAN_OPTIONS:-}:verify_asan_link_order=0" '$build/noded-broker' "\$@"
RUN
chmod +x "$fleet/clocked-broker"
broker_program=$fleet/clocked-broker
trust () { "${clock[@]}" "$build/nodectl" --broker "127.0.0.1:$port" trust "$@"; }
signed () { "${clock[@]}" "$build/nodectl" --broker "127.0.0.1:$port" publish "$@"; }

broker_start

# without signed releases
expect_status 1 trust status
said 'has no signed releases.*nodectl trust init DIR'

# init
expect_status 0 trust init "$keys" --passphrase-file "$fleet/passphrase"
said 'made and published: root version 1'
said 'noded trust pin --root DIR root.json'
check_equal "$(stat -c %a "$keys/operator.key")" 600 'the mode of the key file'
before=$(sha256sum "$keys/operator.key")
expect_status 1 trust init "$keys" --passphrase-file "$fleet/passphrase"
said 'has signed releases already'
check_equal "$(sha256sum "$keys/operator.key")" "$before" 'the key file'
expect_status 0 trust status
said 'root *1 .*1 of 1'

# pin, publish, update
node_install a --trust "$keys/root.json"
node_start a "${clock[@]}"
until_node a '.online and .application.state == "idle"'
expect_status 0 signed noded --version 2.0.0 --binary "$(binary noded-2)" "${key[@]}"
said '\+ release noded 2.0.0, release-counter 1'
ctl update a || fail 'a signed release was not confirmed'
check_runs a 2.0.0 noded-2

# a release that nobody signed
unsigned=$(publish noded 3.0.0)
expect_status 1 ctl update a --release "$unsigned"
check_runs a 2.0.0 noded-2

# a wrong passphrase, and a key that is none of root's: nothing is uploaded
echo wrong >"$fleet/wrong"
expect_status 1 signed noded --version 3.0.0 --binary "$build/noded" --key "$keys/operator.key" --passphrase-file "$fleet/wrong"
said 'cannot open the key .*the passphrase is wrong'
expect_status 0 trust key make "$keys/bob.key" --no-passphrase
expect_status 1 signed web --version 1.0 --binary "$build/noded" --key "$keys/bob.key"
said 'neither a key of targets nor of a publisher'
"$build/nodectl" --broker "127.0.0.1:$port" releases --app web >"$fleet/said"
said 'no releases'

# signed afterwards, the same release is installed; an older one only with a higher release-counter
expect_status 0 signed noded --version 3.0.0 --binary "$build/noded" "${key[@]}"
said "$unsigned"
ctl update a --release "$unsigned" || fail 'a release that was signed afterwards was not confirmed'
check_runs a 3.0.0 noded

# a publisher
"$build/nodectl" trust key show "$keys/bob.key" >"$fleet/bob.json" 2>"$fleet/said"
expect_status 0 trust delegate bob --application 'web*' --add "$fleet/bob.json" "${key[@]}" --yes
said '\+ publisher bob'
expect_status 0 signed web-1 --version 1.0 --binary "$build/noded" --key "$keys/bob.key"
said 'bob version .*the first one'
expect_status 1 signed noded --version 4.0.0 --binary "$(binary noded-2)" --key "$keys/bob.key"
said 'publisher bob, whose key was given, may not publish noded'

# two publishers at once: neither release is lost
pids=()
for i in 1 2 3 4; do
    signed web-1 --version "2.$i" --binary "$build/noded" --key "$keys/bob.key" >"$fleet/publisher-$i.log" 2>&1 &
    pids+=($!)
done
for i in "${pids[@]}"; do wait "$i" || fail "a publisher failed: $(cat "$fleet"/publisher-*.log)"; done
expect_status 0 trust status
said 'bob .* 5 .*web\*'

# another operator's host: nothing is trusted before the root is given
expect_status 1 env XDG_STATE_HOME="$fleet/elsewhere" "$build/nodectl" --broker "127.0.0.1:$port" trust status
said 'give it once with --trust-root root.json'
expect_status 0 env XDG_STATE_HOME="$fleet/elsewhere" "$build/nodectl" --broker "127.0.0.1:$port" trust status --trust-root "$keys/root.json"

# rotate: the broker's keys, then those of root and targets
expect_status 0 trust rotate online "${key[@]}" --yes
said 'published: root version 2'
expect_status 0 trust key make "$keys/new.key" --passphrase-file "$fleet/passphrase"
both=("${key[@]}" --key "$keys/new.key")
expect_status 0 trust rotate root "${both[@]}" --add "$keys/new.key" --remove "$keys/operator.key" --yes
said 'published: root version 3'
expect_status 1 trust rotate targets "${key[@]}" --add "$keys/new.key" --remove "$keys/operator.key" --yes
said 'nothing is published'
new=(--key "$keys/new.key" --passphrase-file "$fleet/passphrase")
expect_status 0 trust rotate targets "${new[@]}" --add "$keys/new.key" --remove "$keys/operator.key" --yes
said 'published: root version 4'
expect_status 1 signed noded --version 4.0.0 --binary "$(binary noded-2)" "${key[@]}"
said 'neither a key of targets nor of a publisher'
expect_status 0 signed noded --version 4.0.0 --binary "$(binary noded-2)" "${new[@]}"
ctl update a || fail 'a release of the new key was not confirmed'
check_runs a 4.0.0 noded-2

# two of two keys: the second signature is added to a file
expect_status 0 trust rotate targets "${new[@]}" --key "$keys/bob.key" --add "$keys/bob.key" --threshold 2 --yes
cd "$fleet"
expect_status 1 signed noded --version 5.0.0 --binary "$build/noded" "${new[@]}" --out "$fleet/next.json"
said 'not signed by enough keys'
expect_status 1 trust publish "$fleet/next.json" --yes
said 'has 1 of the 2 signatures'
expect_status 2 setsid -w "$build/nodectl" --broker "127.0.0.1:$port" trust sign "$fleet/next.json" --key "$keys/bob.key"
said 'there is no terminal to ask'
expect_status 0 trust sign "$fleet/next.json" --key "$keys/bob.key" --yes
said 'signed by as many keys as it needs'
expect_status 0 trust publish "$fleet/next.json" --yes
ctl update a || fail 'a release of two keys was not confirmed'
check_runs a 5.0.0 noded

# four years and ten months later: warned
echo $((1770 * 86400)) >"$fleet/clock"
broker_stop
broker_start
expect_status 0 trust status
said 'warning: root expires at .*nodectl trust rotate root'
said 'warning: targets expires at .*nodectl trust rotate targets'
two=("${new[@]}" --key "$keys/bob.key")
"${clock[@]}" "$build/nodectl" --broker "127.0.0.1:$port" publish noded --version 5.5.0 --binary "$(binary noded-2)" "${two[@]}" \
    --valid 55 >"$fleet/release" 2>"$fleet/said"

# and five years later: the node updates no more, and runs; a new signature cures it
echo $((1830 * 86400)) >"$fleet/clock"
broker_stop
broker_start
node_stop a
node_start a "${clock[@]}"
until_node a '.online and .application.state == "idle"'
expect_status 1 trust status
said 'root expired at .*no node updates'
expect_status 1 ctl update a --release "$(<"$fleet/release")"
said 'expired'
check_runs a 5.0.0 noded
expect_status 0 trust rotate root "${new[@]}" --yes
expect_status 0 trust renew targets "${two[@]}" --yes
expect_status 1 trust status
said 'bob expired at .*nodectl trust renew bob'
expect_status 0 trust renew bob --key "$keys/bob.key" --yes
expect_status 0 trust status
ctl update a --release "$(<"$fleet/release")" || fail 'a release after the renewal was not confirmed'
check_runs a 5.5.0 noded-2
