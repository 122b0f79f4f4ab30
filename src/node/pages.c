/* SPDX-License-Identifier: MPL-2.0 */
/*  node/pages.c - the quarantined releases of an application, sent to the origin page by page

    The origin asks for them if it has another list. Each page is sent until it is answered; the answer says where
    the next one begins, so that an origin that has lost what it had collected starts again. A list that changes
    meanwhile is another list, of which the origin has nothing yet. */

#include "node/session_private.h"

#include "wire/list.h"

enum { PAGE_MOST = 16, PAUSE_MOST_MS = 30 * 1000 };

/*  Returns the number of entries of the whole list, as it was described last. */
static size_t list_of (const struct node_subject *subject, const struct wire_failure **ret_failures)
{
    *ret_failures = NULL;
    return subject->ops->quarantine ? subject->ops->quarantine (subject->context, ret_failures) : 0;
}

static void page_disarm (struct node_subject *subject)
{
    bus_timer_cancel (subject->session->loop, subject->page_timer);
    subject->page_timer = 0;
}

static void page_send (void *context)
{
    struct node_subject *subject = context;
    struct node_session *session = subject->session;
    struct wire_failure page[PAGE_MOST];
    const struct wire_failure *failures;
    size_t total = list_of (subject, &failures), count = 0;
    page_disarm (subject);
    if (!session->open || total == 0)
        return; /* the answers to the next states say whether it is wanted */
    if (subject->page_first >= total)
        subject->page_first = 0; /* the list has become shorter */
    for (; count < PAGE_MOST && subject->page_first + count < total; count++)
        page[count] = failures[subject->page_first + count];
    struct wire_quarantine message = {.node = session->config->id,
                                      .session = session->id,
                                      .application = subject->application,
                                      .list = wire_quarantine_digest (failures, total),
                                      .first = subject->page_first,
                                      .total = total,
                                      .failures = page,
                                      .n_failures = count};
    (void) bus_send (session->control, NULL, &wire_quarantine_record, &message);
    subject->page_timer = bus_timer_start (session->loop, subject->page_pause_ms, page_send, subject);
    subject->page_pause_ms *= 2;
    if (subject->page_pause_ms > PAUSE_MOST_MS)
        subject->page_pause_ms = PAUSE_MOST_MS;
}

void node_pages_wanted (struct node_session *session, const char *application)
{
    struct node_subject *subject = node_subject_find (session, application);
    if (!subject || subject->page_timer)
        return; /* under way: each page is one of the newest list */
    subject->page_first = 0;
    subject->page_pause_ms = session->config->resend_ms;
    page_send (subject);
}

/*  Returns whether an answer is about the page that is under way. */
static bool is_awaited (const struct node_subject *subject, const struct wire_quarantined *quarantined)
{
    const struct wire_failure *failures;
    size_t total = list_of (subject, &failures);
    struct base_digest list = wire_quarantine_digest (failures, total);
    return subject->page_timer && quarantined->first == subject->page_first &&
           base_digest_equal (&quarantined->list, &list);
}

void node_pages_answered (struct node_session *session, const struct wire_quarantined *quarantined)
{
    struct node_subject *subject = node_subject_find (session, quarantined->application);
    const struct wire_failure *failures;
    if (quarantined->status == WIRE_STATUS_REFUSED) {
        node_session_unknown (session);
        return;
    }
    node_session_answered (session);
    if (!subject || !is_awaited (subject, quarantined) || quarantined->status == WIRE_STATUS_FAILED ||
        quarantined->status == WIRE_STATUS_BUSY)
        return; /* the timer sends it again */
    if (quarantined->status == WIRE_STATUS_INVALID)
        base_log_limited (&session->log, BASE_LOG_WARNING, "the origin does not accept the quarantine of %s",
                          subject->application);
    if (quarantined->status != WIRE_STATUS_OK || quarantined->next >= list_of (subject, &failures)) {
        page_disarm (subject);
        return;
    }
    bool advances = quarantined->next > subject->page_first;
    subject->page_first = quarantined->next;
    if (!advances)
        return; /* the timer sends it: an origin that always starts again does so in growing pauses */
    subject->page_pause_ms = session->config->resend_ms;
    page_send (subject);
}
