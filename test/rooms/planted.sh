#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# bin/check-rooms finds what it promises to find: in a copy of the tree, one violation is planted after the other.
#
#   usage: planted.sh SOURCE
set -euo pipefail

source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# Object files in an archive, as the build makes them: archive ROOM NAME <C-text
archive ()
{
    gcc -std=gnu11 -O1 -ffunction-sections -fdata-sections -D_GNU_SOURCE -x c -c -o "$work/build/$2.c.o" -
    ar rcs "$work/build/libroom_$1.a" "$work/build/$2.c.o"
}

fresh_tree ()
{
    rm -rf "$work/tree" "$work/build"
    mkdir -p "$work/tree/test" "$work/build"
    cp -r "$source/src" "$source/CMakeLists.txt" "$work/tree/"
    cp -r "$source/test/rooms" "$work/tree/test/"
    archive base pure <<<'int base_pure (int n); int base_pure (int n) { return n + 1; }'
}

# expect NAME TEXT: the check fails and says TEXT.
expect ()
{
    local said status=0
    said=$("$source/bin/check-rooms" --source "$work/tree" --build "$work/build" 2>&1) || status=$?
    if [ "$status" = 1 ] && grep -qF -- "$2" <<<"$said"; then
        printf 'found: %s\n' "$1"
    else
        printf 'NOT FOUND: %s (status %s)\n%s\n' "$1" "$status" "$said"
        failures=$((failures + 1))
    fi
}

fresh_tree
archive base assert <<<'int close (int); void base_assert_failed (int n); void base_assert_failed (int n) { close (n); }'
archive update user <<<'int base_pure (int n); void base_assert_failed (int n); int update_use (void);
int update_use (void) { base_assert_failed (1); return base_pure (1); }'
if ! "$source/bin/check-rooms" --source "$work/tree" --build "$work/build"; then
    echo 'NOT CLEAN: the tree as it is'
    failures=$((failures + 1))
fi

mkdir -p "$work/tree/src/update"
echo '#include "bus/loop.h"' >"$work/tree/src/update/planted.c"
expect 'a room that includes one that it may not use' 'src/update/planted.c:1: includes bus/loop.h'

fresh_tree
mkdir -p "$work/tree/src/node"
printf '\n#include <zmq.h>\n' >"$work/tree/src/node/planted.c"
expect 'a library of another room' 'src/node/planted.c:2: includes zmq.h; node links systemd'

fresh_tree
mkdir -p "$work/tree/src/disk"
echo '#include <openssl/evp.h>' >"$work/tree/src/disk/planted.c"
expect 'a library of no room' 'includes openssl/evp.h, which is neither'

fresh_tree
mkdir -p "$work/tree/src/cellar"
echo 'int cellar;' >"$work/tree/src/cellar/planted.c"
expect 'a room without a row' 'src/cellar: no row'

fresh_tree
sed -i 's/^noded_room (update .*/noded_room (update base wire bus LIBS PkgConfig::CZMQ)/' "$work/tree/CMakeLists.txt"
expect 'a room that the build links against the table' 'CMakeLists.txt: update uses bus'
expect 'a library that the build links against the table' 'CMakeLists.txt: update links PkgConfig::CZMQ'

fresh_tree
archive disk user <<<'void zmq_ctx_term (void *); void disk_x (void); void disk_x (void) { zmq_ctx_term (0); }'
expect 'a library called without its header' 'disk/user.c.o: needs zmq_ctx_term of zmq'

fresh_tree
archive base user <<<'void nettle_rsa_public_key_init (void *); void base_x (void); void base_x (void) { nettle_rsa_public_key_init (0); }'
expect 'public keys in the room that links the hashes of the same library' 'base/user.c.o: needs nettle_rsa_public_key_init of hogweed'

fresh_tree
archive trust user <<<'int crypto_sign_ed25519_keypair (void); int trust_x (void); int trust_x (void) { return crypto_sign_ed25519_keypair (); }'
expect 'a library of a pure room that is called for more than it may' 'trust is pure and reaches crypto_sign_ed25519_keypair'

fresh_tree
archive update user <<<'int open (const char *, int, ...); int update_x (void); int update_x (void) { return open ("/", 0); }'
expect 'a pure room that opens a file' 'update is pure and reaches open'

fresh_tree
rm "$work/build/libroom_base.a"
archive base clock <<'C'
#include <time.h>
int base_pure (int n);
long base_now (void);
static long look (void) { struct timespec t; clock_gettime (CLOCK_MONOTONIC, &t); return t.tv_sec; }
long (*const base_clocks[]) (void) = {look};
long base_now (void) { return base_clocks[0] (); }
int base_pure (int n) { return n + 1; }
C
archive transfer user <<<'int base_pure (int n); int transfer_use (void); int transfer_use (void) { return base_pure (1); }'
if ! "$source/bin/check-rooms" --source "$work/tree" --build "$work/build"; then
    echo 'WRONGLY FOUND: a clock that stands beside the pure function in the same object'
    failures=$((failures + 1))
fi
archive transfer user <<<'long base_now (void); long transfer_use (void); long transfer_use (void) { return base_now (); }'
expect 'a pure room that reaches a clock through a table in another room' 'transfer is pure and reaches clock_gettime'

fresh_tree
sed -i 's|#include "broker/state.h"|&\n#include "broker/sessions.h"|' "$work/tree/src/broker/commit.h"
expect 'a file of a layered room that includes upwards' 'src/broker: files include each other in a circle: '

exit $((failures > 0))
