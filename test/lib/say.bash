# SPDX-License-Identifier: MPL-2.0
# test/lib/say.bash - messages of stories and of the programs that run a fleet. Sourced.
#
# shellcheck shell=bash

say () { printf '%s\n' "$*"; }
fail ()
{
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}
