#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# tuf-js and room trust verify each other's repositories over HTTP: NODED_BUILD=build test/interop/tuf-js.sh
#
# Needs Node 20.17 or later and npm, and a package registry, from which npm installs the versions of tuf-js/package-lock.json into a
# temporary directory. Without them the story is skipped. KEEP=1 keeps the directory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${NODED_BUILD:-$here/../../build}" && pwd)
# shellcheck source=test/lib/say.bash
. "$here/../lib/say.bash"

skip ()
{
    say "SKIPPED: interop/tuf-js: $*"
    exit 77
}

command -v node npm >/dev/null || skip 'node or npm is not installed'
node -e 'const [a, b] = process.versions.node.split("."); process.exit (a > 20 || (a == 20 && b >= 17) ? 0 : 1)' ||
    skip "tuf-js needs Node 20.17 or later, and this is $(node --version)"
for program in tuf-repository tuf-client; do
    [ -x "$build/test/$program" ] || fail "$build/test/$program is not built"
done

work=$(mktemp -d)
trap '[ -n "${KEEP:-}" ] || rm -rf "$work"' EXIT
cp "$here"/tuf-js/* "$work/"
if ! (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund) >"$work/npm.log" 2>&1; then
    cat "$work/npm.log"
    grep -q EINTEGRITY "$work/npm.log" && fail 'a package is not the one of package-lock.json'
    skip 'npm could not install tuf-js'
fi
mkdir "$work/ours" "$work/theirs"
node "$work/ours.mjs" "$build/test/tuf-repository" "$build/test/tuf-client" "$work/ours" || fail 'a repository of room trust'
node "$work/theirs.mjs" "$build/test/tuf-client" "$work/theirs" || fail 'a repository of @tufjs/models'
