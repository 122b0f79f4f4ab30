# shellcheck shell=bash
# SPDX-License-Identifier: MPL-2.0
# test/scenario/peer.bash - a content peer apart from the broker; sourced by stories
#
# shellcheck disable=SC2034,SC2154 # this file and the stories use each other's variables

peer_pid=
# peer_start PORT: starts the content peer; 0 selects a free port. Its address is in $peer.
peer_start ()
{
    ready_start "$fleet/content.log" "$build/noded-content" --root "$fleet/content" --port "$1" ||
        fail "the content peer did not become ready: $(tail -n 5 "$fleet/content.log")"
    peer_pid=$started
    peer=${ready_line#ready content=tcp://}
}
peer_kill ()
{
    [ -n "$peer_pid" ] || return 0
    kill -KILL "$peer_pid"
    wait "$peer_pid" 2>/dev/null || true
    peer_pid=
}
at_end peer_kill
