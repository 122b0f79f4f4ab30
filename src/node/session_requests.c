/* SPDX-License-Identifier: MPL-2.0 */
/*  node/session_requests.c - asks and matches of the applications, and their answers */

#include "node/session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"
#include "identity/self.h"

static void ask_send (void *context);

static void subject_timer_arm (struct node_subject *subject)
{
    struct node_session *session = subject->session;
    bus_timer_cancel (session->loop, subject->resend_timer);
    subject->resend_timer = bus_timer_start (session->loop, session->config->resend_ms, ask_send, subject);
}

static void ask_send (void *context)
{
    struct node_subject *subject = context;
    struct node_session *session = subject->session;
    node_session_timer_disarm (session, &subject->resend_timer);
    if (!session->open)
        return; /* sent on welcome */
    struct wire_ask ask = {.node = session->config->id,
                           .session = session->id,
                           .application = subject->application,
                           .instance = *session->heard_instance ? session->heard_instance : NULL,
                           .hint = subject->hint_wanted,
                           .sequence = session->heard_sequence};
    (void) bus_send (session->control, NULL, &wire_ask_record, &ask);
    subject_timer_arm (subject);
}

void node_subject_hint_wanted (struct node_subject *subject, bool wanted)
{
    subject->hint_wanted = wanted;
}

void node_subject_ask (struct node_subject *subject)
{
    subject->ask_again = subject->asking;
    if (subject->asking)
        return;
    subject->asking = true;
    ask_send (subject);
}

void node_session_ask_all (struct node_session *session)
{
    for (struct node_subject *subject = session->subjects; subject; subject = subject->next)
        node_subject_ask (subject);
}

static void ask_unprompted (void *context);

static void ask_timer_arm (struct node_session *session)
{
    uint64_t ms = session->config->ask_ms;
    node_session_timer_arm (session, &session->ask_timer, ms + base_random_below (ms + 1), ask_unprompted);
}

/*  Asks without a hint, from time to time: a hint may have been lost unnoticed. */
static void ask_unprompted (void *context)
{
    struct node_session *session = context;
    node_session_timer_disarm (session, &session->ask_timer);
    node_session_ask_all (session);
    ask_timer_arm (session);
}

void node_session_desired (struct node_session *session, const struct wire_desired *desired)
{
    if (desired->status == WIRE_STATUS_REFUSED) {
        node_session_unknown (session);
        return;
    }
    node_session_answered (session);
    if (desired->status == WIRE_STATUS_FAILED)
        return; /* the timer asks again */
    struct node_subject *subject = node_subject_find (session, desired->application);
    if (!subject)
        return;
    subject->asking = false;
    node_session_timer_disarm (session, &subject->resend_timer);
    if (subject->ask_again)
        node_subject_ask (subject);
    subject->ops->desired (subject->context, desired);
}

static void match_send (void *context)
{
    struct node_match *match = context;
    struct node_session *session = match->session;
    if (session->open)
        (void) bus_send (session->control, NULL, &wire_match_record, match->request);
    bus_timer_cancel (session->loop, match->timer);
    match->timer = bus_timer_start (session->loop, session->config->resend_ms, match_send, match);
}

int node_match_begin (struct node_match *match, struct node_session *session,
                      const struct wire_match *request, node_match_handler *answered, void *context)
{
    node_match_cancel (match);
    struct wire_match filled = *request;
    filled.node = session->config->id;
    filled.platform = identity_platform ();
    filled.tags = (const char *const *) session->config->tags;
    filled.n_tags = base_list_count (session->config->tags);
    struct wire_match *copy = calloc (1, sizeof *copy);
    if (!copy || wire_copy (&wire_match_record, &filled, copy)) {
        free (copy);
        return -ENOMEM;
    }
    *match = (struct node_match){.session = session,
                                 .next = session->matches,
                                 .request = copy,
                                 .answered = answered,
                                 .context = context};
    session->matches = match;
    match_send (match);
    return 0;
}

void node_match_cancel (struct node_match *match)
{
    if (!match->session)
        return;
    struct node_match **link = &match->session->matches;
    while (*link != match)
        link = &(*link)->next;
    *link = match->next;
    bus_timer_cancel (match->session->loop, match->timer);
    wire_match_deinit (match->request);
    free (match->request);
    *match = (struct node_match){.session = NULL};
}

void node_session_requests_resume (struct node_session *session)
{
    for (struct node_subject *subject = session->subjects; subject; subject = subject->next)
        if (subject->asking)
            ask_send (subject);
        else
            node_subject_ask (subject);
    for (struct node_match *match = session->matches; match; match = match->next)
        match_send (match);
    ask_timer_arm (session);
}

void node_session_matched (struct node_session *session, const struct wire_matched *matched)
{
    struct node_match *match = session->matches;
    if (matched->status == WIRE_STATUS_BUSY || matched->status == WIRE_STATUS_FAILED)
        return; /* the timer asks again */
    while (match && (strcmp (matched->application, match->request->application) != 0 ||
                     strcmp (matched->transaction, match->request->transaction) != 0 ||
                     matched->attempt != match->request->attempt))
        match = match->next;
    if (!match)
        return;
    node_match_handler *answered = match->answered;
    void *context = match->context;
    node_match_cancel (match);
    answered (context, matched);
}
