# What is said by whatever has to do with a fleet. Sourced.
#
# shellcheck shell=bash

say () { printf '%s\n' "$*"; }
fail ()
{
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}
