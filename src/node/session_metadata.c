/* SPDX-License-Identifier: MPL-2.0 */
/*  node/session_metadata.c - the request for a part of a file of signed metadata */

#include "node/session_private.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"

static void part_send (void *context)
{
    struct node_part *part = context;
    struct node_session *session = part->session;
    base_assert (session && session->part == part);
    struct wire_want_metadata want = {
        .node = session->config->id, .role = part->role, .version = part->version, .offset = part->offset};
    if (session->open)
        (void) bus_send (session->control, NULL, &wire_want_metadata_record, &want);
    bus_timer_cancel (session->loop, part->timer);
    part->timer = bus_timer_start (session->loop, session->config->resend_ms, part_send, part);
}

void node_part_begin (struct node_part *part, struct node_session *session, const char *role,
                      uint64_t version, uint64_t offset, node_part_handler *answered, void *context)
{
    base_assert (part && !part->session);
    base_assert (session && !session->part);
    base_assert (role && answered);
    *part = (struct node_part){
        .session = session, .version = version, .offset = offset, .answered = answered, .context = context};
    int r = base_text_copy (part->role, sizeof part->role, role);
    base_assert (r == 0);
    session->part = part;
    part_send (part);
}

void node_part_cancel (struct node_part *part)
{
    base_assert (part);
    if (!part->session)
        return;
    base_assert (part->session->part == part);
    bus_timer_cancel (part->session->loop, part->timer);
    part->session->part = NULL;
    *part = (struct node_part){.session = NULL};
}

void node_session_metadata_resume (struct node_session *session)
{
    base_assert (session);
    if (session->part)
        part_send (session->part);
}

/*  An answer to another request is one that was sent twice. */
void node_session_metadata (struct node_session *session, const struct wire_metadata *metadata)
{
    base_assert (session && metadata);
    struct node_part *part = session->part;
    if (!part || metadata->status == WIRE_STATUS_BUSY || metadata->status == WIRE_STATUS_FAILED)
        return; /* the timer asks again */
    if (strcmp (metadata->role, part->role) != 0 || metadata->version != part->version ||
        metadata->offset != part->offset)
        return;
    node_part_handler *answered = part->answered;
    void *context = part->context;
    node_part_cancel (part);
    answered (context, metadata);
}
