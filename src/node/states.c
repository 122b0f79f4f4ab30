/* SPDX-License-Identifier: MPL-2.0 */
/*  node/states.c - the list of the applications, and the state of each, for the origin

    A session that is opened sends the state of each application, that of the node manager last: with it the
    origin knows what the node runs, and counts it as online. Later a state is sent only if it changed without a
    report. A state that is not answered is sent again as it is by then: an older one could overwrite what
    reports have said since. Reports that wait while a state is sent are older than that state, so it is sent
    once more behind them. */

#include "node/session_private.h"

#include <errno.h>

#include "base/assert.h"
#include "wire/list.h"

enum { PAUSE_MOST_MS = 30 * 1000 };

/*  Returns the pause after this one. */
static uint64_t pause_next (uint64_t pause_ms)
{
    return pause_ms * 2 < PAUSE_MOST_MS ? pause_ms * 2 : PAUSE_MOST_MS;
}

/*  the list */

size_t node_states_names (const struct node_session *session, const char *names[SUBJECTS_MOST])
{
    size_t count = 0;
    for (const struct node_subject *subject = session->subjects; subject && count < SUBJECTS_MOST;
         subject = subject->next)
        names[count++] = subject->application;
    return count;
}

static void list_send (void *context)
{
    struct node_session *session = context;
    const char *names[SUBJECTS_MOST];
    bus_timer_cancel (session->loop, session->list_timer);
    session->list_timer = 0;
    if (!session->open)
        return; /* the next welcome says whether the origin wants it */
    struct wire_list list = {.node = session->config->id,
                             .session = session->id,
                             .names = names,
                             .n_names = node_states_names (session, names)};
    (void) bus_send (session->control, NULL, &wire_list_record, &list);
    session->list_timer = bus_timer_start (session->loop, session->list_pause_ms, list_send, session);
    session->list_pause_ms = pause_next (session->list_pause_ms);
}

void node_states_list (struct node_session *session)
{
    session->list_pause_ms = session->config->resend_ms;
    list_send (session);
}

void node_states_listed (struct node_session *session, const struct wire_listed *listed)
{
    const char *names[SUBJECTS_MOST];
    struct base_digest list = wire_list_digest (names, node_states_names (session, names));
    if (listed->status == WIRE_STATUS_REFUSED) {
        node_session_unknown (session);
        return;
    }
    node_session_answered (session);
    if (listed->status == WIRE_STATUS_FAILED || listed->status == WIRE_STATUS_BUSY)
        return; /* the timer sends it again */
    if (listed->status == WIRE_STATUS_INVALID)
        base_log_limited (&session->log, BASE_LOG_WARNING,
                          "the origin does not accept the list of the applications of this node");
    else if (!base_digest_is_null (&listed->list) && !base_digest_equal (&listed->list, &list))
        return; /* an earlier list */
    bus_timer_cancel (session->loop, session->list_timer);
    session->list_timer = 0;
}

/*  states */

static void state_disarm (struct node_subject *subject)
{
    bus_timer_cancel (subject->session->loop, subject->state_timer);
    subject->state_timer = 0;
}

static void state_send (void *context)
{
    struct node_subject *subject = context;
    struct node_session *session = subject->session;
    struct wire_application application;
    state_disarm (subject);
    if (!session->open)
        return; /* sent when the session is opened */
    subject->ops->describe (subject->context, &application);
    subject->state_serial = ++session->described;
    struct wire_describe describe = {.node = session->config->id,
                                     .session = session->id,
                                     .serial = subject->state_serial,
                                     .application = &application};
    if (bus_send (session->control, NULL, &wire_describe_record, &describe) == -EINVAL) {
        base_log (BASE_LOG_WARNING, "the state of %s does not fit into a message: it is not reported",
                  subject->application);
        subject->state_serial = 0;
        return;
    }
    subject->state_timer = bus_timer_start (session->loop, subject->state_pause_ms, state_send, subject);
    subject->state_pause_ms = pause_next (subject->state_pause_ms);
}

void node_subject_changed (struct node_subject *subject)
{
    base_assert (subject->session);
    const struct node_session *session = subject->session;
    subject->state_again = session->n_reports > 0;
    subject->state_pause_ms = session->config->resend_ms;
    state_send (subject);
}

void node_states_send (struct node_session *session)
{
    struct node_subject *manager = session->subjects;
    if (!manager)
        return;
    for (struct node_subject *subject = manager->next; subject; subject = subject->next)
        node_subject_changed (subject);
    node_subject_changed (manager);
}

void node_states_reported (struct node_session *session)
{
    for (struct node_subject *subject = session->subjects; subject; subject = subject->next)
        if (subject->state_again)
            node_subject_changed (subject);
}

void node_states_described (struct node_session *session, const struct wire_described *described)
{
    struct node_subject *subject = node_subject_find (session, described->application);
    if (described->status == WIRE_STATUS_REFUSED) {
        node_session_unknown (session);
        return;
    }
    node_session_answered (session);
    if (described->quarantine)
        node_pages_wanted (session, described->application);
    if (!subject || described->serial != subject->state_serial)
        return; /* a newer state is under way */
    if (described->status == WIRE_STATUS_FAILED || described->status == WIRE_STATUS_BUSY) {
        base_log_limited (&session->log, BASE_LOG_WARNING,
                          "the origin could not store the state of %s: it is sent again later",
                          subject->application);
        return; /* the timer sends it again */
    }
    if (described->status == WIRE_STATUS_INVALID)
        base_log_limited (&session->log, BASE_LOG_WARNING, "the origin does not accept the state of %s",
                          subject->application);
    subject->state_serial = 0;
    state_disarm (subject);
}
