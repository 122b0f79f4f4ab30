# SPDX-License-Identifier: MPL-2.0
# test/lib/load.bash - measures how much slower this machine is than an idle one. Sourced by bin/test.
#
# shellcheck shell=bash

# Milliseconds that load_work takes on two idle cores of 2026.
load_reference=750

# The work that stories do most: start processes, hash, and sync small files.
load_work ()
{
    local i at
    at=$(mktemp -d)
    for ((i = 0; i < 200; i++)); do env true; done
    head -c 128M /dev/zero | sha256sum >/dev/null
    for ((i = 0; i < 20; i++)); do dd if=/dev/zero of="$at/file" bs=4k count=1 conv=fsync status=none; done
    rm -r "$at"
}

# load_measure PROCESSORS: runs the work on all processors at the same time. Sets $load_ms, the time that it takes, and $load, that time as a
# whole multiple of the reference, from 1 to 8.
load_measure ()
{
    local begun=${EPOCHREALTIME/[.,]/} i pids=()
    for ((i = 0; i < $1; i++)); do load_work & pids+=($!); done
    wait "${pids[@]}"
    load_ms=$(((${EPOCHREALTIME/[.,]/} - begun) / 1000))
    load=$(((load_ms + load_reference / 2) / load_reference))
    [ "$load" -ge 1 ] || load=1
    [ "$load" -le 8 ] || load=8
}
