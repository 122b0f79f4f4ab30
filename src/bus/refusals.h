/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/refusals.h - which refused messages are logged

    A peer may send any number of invalid messages. At most one line a peer and minute is logged, and at most
    BUS_REFUSALS_MOST lines a minute for all peers. Every refused message is counted (bus_counts). */

#ifndef BUS_REFUSALS_H
#define BUS_REFUSALS_H

#include "bus/socket.h"

enum { BUS_REFUSALS_MOST = 64, BUS_REFUSALS_MS = 60000, BUS_REFUSALS_TEXT = 80 };

/*  The lines about one peer. Null value: all zero. */
struct bus_refusals_of {
    uint64_t logged_ms; /* 0: never */
    uint64_t more;      /* messages that were refused without a line since then */
};

/*  Whether a line about a refused message is due; if not, the message is counted. now_ms: by CLOCK_BOOTTIME.
    *ret_more, only set if a line is due: messages that were refused without one since the last line. */
bool bus_refusals_due (struct bus_refusals_of *peer, uint64_t now_ms, uint64_t *ret_more);

/*  The lines about all peers of a server. Null value: all zero. */
struct bus_refusals {
    struct {
        struct bus_peer peer;
        struct bus_refusals_of lines;
    } peers[BUS_REFUSALS_MOST];
};

/*  The same for the peer that sent the message. False, too, if BUS_REFUSALS_MOST other peers had a line
    within the last minute. */
bool bus_refusals_due_of (struct bus_refusals *refusals, const struct bus_refusal *refusal, uint64_t now_ms,
                          uint64_t *ret_more);

/*  Ends such a line: "", or " (17 more since the last such line)". Returns text. */
const char *bus_refusals_more (uint64_t more, char text[BUS_REFUSALS_TEXT]);

/*  The reason as text for a person, such as "violates the schema". */
const char *bus_refused_text (enum bus_refused why);

#endif
