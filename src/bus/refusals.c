/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/refusals.c - which refused messages are logged */

#include "bus/refusals.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"

static bool lines_are_due (const struct bus_refusals_of *peer, uint64_t now_ms)
{
    return peer->logged_ms == 0 || now_ms - peer->logged_ms >= BUS_REFUSALS_MS;
}

bool bus_refusals_due (struct bus_refusals_of *peer, uint64_t now_ms, uint64_t *ret_more)
{
    base_assert (peer && ret_more);
    if (!lines_are_due (peer, now_ms)) {
        peer->more++;
        return false;
    }
    *ret_more = peer->more;
    *peer = (struct bus_refusals_of){.logged_ms = now_ms ? now_ms : 1};
    return true;
}

bool bus_refusals_due_of (struct bus_refusals *refusals, const struct bus_refusal *refusal, uint64_t now_ms,
                          uint64_t *ret_more)
{
    base_assert (refusals && refusal && ret_more);
    size_t unused = BUS_REFUSALS_MOST;
    for (size_t i = 0; i < BUS_REFUSALS_MOST; i++) {
        if (refusals->peers[i].lines.logged_ms > 0 &&
            bus_peer_equal (&refusals->peers[i].peer, &refusal->peer))
            return bus_refusals_due (&refusals->peers[i].lines, now_ms, ret_more);
        if (unused == BUS_REFUSALS_MOST && lines_are_due (&refusals->peers[i].lines, now_ms))
            unused = i;
    }
    if (unused == BUS_REFUSALS_MOST)
        return false;
    refusals->peers[unused].peer = refusal->peer;
    refusals->peers[unused].lines = (struct bus_refusals_of){.logged_ms = 0};
    return bus_refusals_due (&refusals->peers[unused].lines, now_ms, ret_more);
}

const char *bus_refusals_more (uint64_t more, char text[BUS_REFUSALS_TEXT])
{
    base_assert (text);
    text[0] = '\0';
    if (more > 0)
        (void) snprintf (text, BUS_REFUSALS_TEXT, " (%" PRIu64 " more since the last such line)", more);
    return text;
}

const char *bus_refused_text (enum bus_refused why)
{
    base_assert ((unsigned) why < BUS_REFUSED_COUNT);
    static const char *const texts[BUS_REFUSED_COUNT] = {
        [BUS_REFUSED_FRAMES] = "wrong frames",
        [BUS_REFUSED_PREFIX] = "unknown protocol, version or type",
        [BUS_REFUSED_SCHEMA] = "violates the schema",
        [BUS_REFUSED_TYPE] = "belongs to another channel",
        [BUS_REFUSED_TOPIC] = "unknown topic",
        [BUS_REFUSED_CLAIM] = "chose its routing id itself",
        [BUS_REFUSED_KEY] = "its key is not admitted",
    };
    return texts[why];
}
