# shellcheck shell=bash
# SPDX-License-Identifier: MPL-2.0
# test/scenario/peer.bash - a content peer apart from the broker, which serves no blobs (--no-content); sourced by stories
#
# At a broker with keys the peer has a key and follows those of the broker. Keys that are added after the first peer_start have its address.
#
# shellcheck disable=SC2034,SC2154 # this file and the stories use each other's variables

peer_pid=
# peer_start PORT: starts the content peer; 0 selects a free port. Its address is in $peer.
peer_start ()
{
    local at=$1 options=(--insecure)
    if [ -e "$fleet/broker/broker.key" ]; then
        [ "$at" != 0 ] || at=$((port + 2)) # of the four ports of the broker, the one that it does not use
        if [ ! -e "$fleet/keys/content.zpl" ]; then
            key_add content content --content "127.0.0.1:$at"
            key_add uploader admin # the key of the first start does not name the content peer
            export NODED_CONFIG=$fleet/keys/uploader.zpl
        fi
        options=(--config "$fleet/keys/content.zpl")
    fi
    ready_start "$fleet/content.log" "$build/noded-content" --root "$fleet/content" --port "$at" "${options[@]}" ||
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
