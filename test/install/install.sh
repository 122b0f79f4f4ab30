#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# The files that `cmake --install` installs work: after they are moved, through pkg-config and find_package, shared and static, from C and
# C++. The examples run against a broker, and as a program that a node manager starts.
set -euo pipefail
# shellcheck source=test/scenario/lib.bash
. "$(dirname "$0")/../scenario/lib.bash"
source=$(cd "$here/../.." && pwd)
strict=(-Wall -Wextra -Wpedantic -Werror)

step=
case_print ()
{
    local status=$?
    [ "$status" = 0 ] || say "in the case: $step" >&2
    return "$status"
}
trap 'case_print; story_end' EXIT

step='install, and move the files'
cmake --install "$build" --prefix "$fleet/first" >"$fleet/install.log" 2>&1 || fail 'cmake --install failed'
mv "$fleet/first" "$fleet/prefix"
export PKG_CONFIG_PATH PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1
PKG_CONFIG_PATH=$(dirname "$(find "$fleet/prefix" -name noded.pc)")
library=$(pkg-config --variable=libdir noded)
library=$(cd "$library" && pwd)
for program in noded noded-broker noded-content nodectl; do
    "$fleet/prefix/bin/$program" --version >"$fleet/said" || fail "the installed $program does not run"
done
if grep -rIl -e "$fleet/first" -e "$build" "$library" "$fleet/prefix/include" >"$fleet/said"; then
    fail "these files contain a path of the build: $(cat "$fleet/said")"
fi

step='the exported symbols are those of the list and of the headers'
listed=$(sed -n '/^global:/,/^local:/s/^ *\([a-z_]*\);$/\1/p' "$source/src/client/noded.map" | sort)
[ -n "$listed" ] || fail 'the list of symbols is empty'
declared=$(cat "$fleet/prefix/include/noded/"*.h | grep -oE '\bnoded_[a-z_]+ \(' | tr -d ' (' | sort -u)
check_equal "$declared" "$listed" 'the functions that the headers declare'
check_equal "$(nm -D --defined-only "$library/libnoded.so.1" | awk '$2 == "T" { sub ("@.*", "", $3); print $3 }' | sort)" \
    "$listed" 'the functions that the shared library exports'
check_equal "$(nm -D --defined-only "$library/libnoded.so.1" | awk '$2 != "T" && $2 != "A"')" '' 'other symbols that the shared library exports'
check_equal "$(nm -D --defined-only "$library/libnoded.so.1" | grep -c '@@NODED_1$')" "$(wc -l <<<"$listed")" 'the number of versioned symbols'
check_equal "$(nm -g --defined-only "$library/libnoded.a" | awk 'NF == 3 { print $3 }' | sort)" "$listed" 'the functions that the archive exports'
check_equal "$(objdump -p "$library/libnoded.so.1" | awk '$1 == "SONAME" { print $2 }')" libnoded.so.1 'the SONAME'

step='nodectl uses only the public interface'
nm -g --defined-only "$build/libroom_client.a" "$build/libroom_bus.a" "$build/libroom_wire.a" "$build/libroom_transfer.a" |
    awk 'NF == 3 { print $3 }' | sort -u >"$fleet/inner"
nm -u "$build/libroom_ctl.a" | awk 'NF == 2 { print $2 }' | sort -u | comm -12 - "$fleet/inner" >"$fleet/used"
[ -s "$fleet/used" ] || fail 'nodectl uses no function of the client'
check_equal "$(comm -23 "$fleet/used" <(printf '%s\n' "$listed"))" '' 'the private functions that nodectl uses'

step='pkg-config, shared'
mkdir "$fleet/made"
# build_one NAME COMPILER EXAMPLE OPTION...
build_one ()
{
    local name=$1 compiler=$2 example=$3
    shift 3
    "$compiler" "${strict[@]}" -o "$fleet/made/$name" "$here/../install/example_$example.c" "$@" >"$fleet/said" 2>&1 ||
        { cat "$fleet/said" >&2; fail "$compiler failed to build $name"; }
}
read -ra flags <<<"$(pkg-config --cflags --libs noded)"
for example in client ready; do
    build_one "$example-c-shared" gcc "$example" -std=c11 "${flags[@]}" "-Wl,-rpath,$library"
    build_one "$example-c++-shared" g++ "$example" -std=c++11 -x c++ "${flags[@]}" "-Wl,-rpath,$library"
done

step='pkg-config --static'
cp -a "$fleet/prefix" "$fleet/static"
find "$fleet/static" -name 'libnoded.so*' -delete
read -ra flags <<<"$(PKG_CONFIG_PATH=${PKG_CONFIG_PATH/$fleet\/prefix/$fleet\/static} pkg-config --static --cflags --libs noded)"
for example in client ready; do
    build_one "$example-c-static" gcc "$example" -std=c11 "${flags[@]}"
    build_one "$example-c++-static" g++ "$example" -std=c++11 -x c++ "${flags[@]}"
done

step='find_package'
{ cmake -S "$here/../install" -B "$fleet/cmake" -G Ninja -DCMAKE_PREFIX_PATH="$fleet/prefix" && ninja -C "$fleet/cmake"; } \
    >"$fleet/said" 2>&1 || { cat "$fleet/said" >&2; fail 'the build with find_package failed'; }
find "$fleet/cmake" -maxdepth 1 -type f -executable -exec cp -t "$fleet/made" {} +
check_equal "$(find "$fleet/made" -type f | wc -l)" 16 'the number of examples'

step='only the shared examples need libnoded.so'
for program in "$fleet"/made/*; do
    needed=$(objdump -p "$program" | awk '$1 == "NEEDED" && $2 ~ /noded/ { print $2 }')
    case ${program##*/} in
        *static) check_equal "$needed" '' "the library that $program needs" ;;
        *) check_equal "$needed" libnoded.so.1 "the library that $program needs" ;;
    esac
done

step='the client against a broker'
broker_start
nodes_up a
for program in "$fleet"/made/client-*; do
    expect_status 0 "$program" "127.0.0.1:$port" "$NODED_CONFIG" "$fleet/made/ready-c-static"
    said '"application":"example","version":"1.2.3"'
    said 'a: idle'
    said '"skipped": 1,'
    said '"budget": 2,'
done
check_equal "$(ctl releases --app example --json | jq -r '.[0].version')" 1.2.3 'the version that nodectl lists'
expect_status 1 "$fleet/made/client-c-shared" 'no host' "$NODED_CONFIG" "$fleet/made/ready-c-static"
said 'no host'

step='a started program announces itself'
for program in "$fleet"/made/ready-*; do
    "$build/test/install-manager" "$program" || fail "$program did not announce itself correctly"
done
program=$fleet/made/ready-c-shared
expect_status 0 "$program"
said 'no manager waits for it'
NODED_READY='nonsense' expect_status 1 "$program"
said 'NODED_READY: the value must have the form'
