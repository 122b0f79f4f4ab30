# shellcheck shell=bash
# SPDX-License-Identifier: MPL-2.0
# test/scenario/peer.bash - a content peer apart from the broker; sourced by stories
#
# shellcheck disable=SC2034,SC2154 # this file and the stories use each other's variables

peer_pid=
# peer_start PORT: starts the content peer; 0 selects a free port. Its address is in $peer.
peer_start ()
{
    rm -f "$fleet/content.out" # the line of the last start must not count for this one
    "$build/noded-content" --root "$fleet/content" --port "$1" >"$fleet/content.out" 2>>"$fleet/content.log" &
    peer_pid=$!
    until grep -qs '^ready' "$fleet/content.out"; do
        kill -0 "$peer_pid" || fail "the content peer ended: $(cat "$fleet/content.log")"
        read -r -t 0.05 <><(:) || true
    done
    peer=$(sed -n 's/^ready content=tcp:\/\///p' "$fleet/content.out")
}
peer_kill ()
{
    [ -n "$peer_pid" ] || return 0
    kill -KILL "$peer_pid"
    wait "$peer_pid" 2>/dev/null || true
    peer_pid=
}
at_end peer_kill
