# test/lib/source.bash - runs clang-format, shellcheck and clang-tidy on the sources. Sourced by bin/test.
#
# shellcheck shell=bash

top=${top:?}
jobs=${jobs:?}
work=${work:?}

# files NAME...: prints the source files that match these patterns of find. Build directories in the checkout are skipped.
files ()
{
    local name names=()
    for name in "$@"; do names+=(-o -name "$name"); done
    find . -path './build*' -prune -o -path ./.git -prune -o -type f \( "${names[@]:1}" \) -print
}
format ()
{
    local without
    files '*.[ch]' | xargs clang-format --dry-run -Werror || return
    without=$({ files '*.[chS]' '*.def' '*.sh' '*.bash' CMakeLists.txt; grep -rlE '^#!.*sh$' bin docker .ci; } | xargs grep -L 'SPDX-License-Identifier: MPL-2.0' || true)
    [ -z "$without" ] || { printf 'without an SPDX line:\n%s\n' "$without"; return 1; }
}
shell ()
{
    { files '*.sh' '*.bash'; grep -rlE '^#!.*sh$' bin docker .ci; } | xargs -P "$jobs" -n 8 shellcheck -x
}

# A clean file is not checked again until it, a header or the configuration changes.
tidy_file ()
{
    local stamp
    stamp=$stamps/$( (echo "$common"; cat "$1") | sha256sum | cut -d' ' -f1)
    [ -e "$stamp" ] && return
    clang-tidy -p build-clang --quiet "$1" 2>/dev/null && touch "$stamp"
}
tidy ()
{
    stamps=$top/build-clang/tidy
    # only if this run has not built it: its units may be running now
    [ -e "$work/built.build-clang" ] || CC=clang cmake -S . -B build-clang -G Ninja -DNODED_WERROR=ON >/dev/null || return
    mkdir -p "$stamps"
    common=$(files .clang-tidy CMakeLists.txt '*.h' '*.def' | sort | xargs cat | sha256sum)
    export stamps common
    export -f tidy_file
    jq -r '.[].file' build-clang/compile_commands.json | grep '\.c$' | sort -u | grep -e "^$top/src/" -e "^$top/test/" |
        xargs -r -P "$jobs" -I{} bash -c "tidy_file '{}'"
}
