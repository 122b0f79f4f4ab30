/* SPDX-License-Identifier: MPL-2.0 */
/*  node/session_hello.c - hello, welcome and heartbeats: whether the origin knows this session, and still answers */

#include "node/session_private.h"

#include <string.h>

#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "base/version.h"
#include "identity/self.h"
#include "wire/list.h"

enum {
    LIVENESS_HEARTBEATS = 3,
    HELLO_PAUSE_MOST_MS = 30 * 1000,
    CONNECT_PAUSE_LEAST_MS = 1,
    CONNECT_PAUSE_MOST_MS = 2000,
    HEARTBEAT_LEAST_MS = 100,
    HEARTBEAT_JITTER = 3, /* a pause is shortened by at most this part of it */
};

static void awake_report (struct node_session *session)
{
    if (session->ops->awake)
        session->ops->awake (session->context);
}

/*  Looks again later whether the node is connected: at first soon, then each time after twice as long. */
static void connection_await (struct node_session *session, int *timer, bus_handler *handler)
{
    uint64_t pause = session->connect_pause_ms;
    if (pause == CONNECT_PAUSE_MOST_MS)
        awake_report (session);
    session->connect_pause_ms = pause * 2 < CONNECT_PAUSE_MOST_MS ? pause * 2 : CONNECT_PAUSE_MOST_MS;
    node_session_timer_arm (session, timer, pause / 2 + base_random_below (pause / 2 + 1), handler);
}

static void hello_send (struct node_session *session)
{
    const char *names[SUBJECTS_MOST];
    size_t count = node_states_names (session, names);
    struct wire_hello hello = {.node = session->config->id,
                               .session = session->id,
                               .host_pid = session->host_pid,
                               .software = base_version,
                               .platform = identity_platform (),
                               .tags = (const char *const *) session->config->tags,
                               .n_tags = base_list_count (session->config->tags),
                               .list = wire_list_digest (names, count),
                               .labels = session->config->labels,
                               .n_labels = session->config->n_labels,
                               .kernel = session->kernel};
    if (session->ops->hello)
        session->ops->hello (session->context, &hello);
    int r = bus_send (session->control, NULL, &wire_hello_record, &hello);
    if (r)
        base_log (BASE_LOG_DEBUG, "cannot send hello: %s", strerror (-r));
}

/*  hello is only sent over a connection: one that waited in a queue would arrive together with all later
    ones. */
static void hello_repeat (void *context)
{
    struct node_session *session = context;
    if (!bus_socket_is_ready (session->control)) {
        connection_await (session, &session->hello_timer, hello_repeat);
        return;
    }
    session->connect_pause_ms = CONNECT_PAUSE_LEAST_MS;
    awake_report (session);
    hello_send (session);
    session->hello_ms = base_time_boot_ms ();
    uint64_t pause = session->hello_pause_ms;
    session->hello_pause_ms = pause * 2 < HELLO_PAUSE_MOST_MS ? pause * 2 : HELLO_PAUSE_MOST_MS;
    node_session_timer_arm (session, &session->hello_timer, pause / 2 + base_random_below (pause / 2 + 1),
                            hello_repeat);
}

static void hello_begin (struct node_session *session)
{
    uint64_t ago = base_time_boot_ms () - session->hello_ms;
    session->open = false;
    node_session_timer_disarm (session, &session->heartbeat_timer);
    if (ago >= session->hello_pause_ms)
        hello_repeat (session);
    else
        node_session_timer_arm (session, &session->hello_timer, session->hello_pause_ms - ago, hello_repeat);
}

/*  If hello is in progress already, the answer refers to an earlier message. */
void node_session_unknown (struct node_session *session)
{
    if (session->open)
        hello_begin (session);
}

/*  A welcome does not count: an origin that welcomes and then refuses everything would be greeted as fast as the
    two can talk. */
void node_session_answered (struct node_session *session)
{
    session->hello_pause_ms = session->config->resend_ms;
}

void node_session_open (struct node_session *session)
{
    session->heard_ms = base_time_boot_ms ();
    session->hello_pause_ms = session->config->resend_ms;
    session->connect_pause_ms = CONNECT_PAUSE_LEAST_MS;
    hello_repeat (session);
}

void node_session_hello_again (struct node_session *session)
{
    if (session->open)
        hello_send (session);
}

bool node_session_is_open (const struct node_session *session)
{
    return session->open;
}

/*  Each pause is random. Otherwise nodes that connected together, after their origin was restarted, would
    send their heartbeats together for ever, and notice the next restart together. */
static uint64_t heartbeat_pause (const struct node_session *session)
{
    uint64_t ms = session->heartbeat_ms;
    return ms - base_random_below (ms / HEARTBEAT_JITTER + 1);
}

/*  The origin numbers its announcements. If one was missed, the node asks instead. */
static void sequence_note (struct node_session *session, const char *instance, uint64_t sequence)
{
    bool missed = strcmp (instance, session->instance) != 0 || sequence > session->sequence;
    (void) base_text_copy (session->instance, sizeof session->instance, instance);
    session->sequence = sequence;
    if (missed)
        node_session_ask_all (session);
}

/*  A heartbeat that is due while the node reconnects is sent as soon as it is connected. An origin that was started
    again ends connections without a message; it is noticed only by its answer to a heartbeat. */
static void heartbeat_send (void *context)
{
    struct node_session *session = context;
    node_session_timer_disarm (session, &session->heartbeat_timer);
    uint64_t silent = base_time_boot_ms () - session->heard_ms;
    if (silent > LIVENESS_HEARTBEATS * session->heartbeat_ms) {
        base_log (BASE_LOG_WARNING, "lost contact to %s for %llu ms: reconnecting",
                  session->config->endpoints.control, (unsigned long long) silent);
        session->ops->lost (session->context);
        (void) bus_socket_reconnect (session->control);
        hello_begin (session);
        return;
    }
    if (!bus_socket_is_ready (session->control)) {
        connection_await (session, &session->heartbeat_timer, heartbeat_send);
        return;
    }
    awake_report (session);
    session->connect_pause_ms = CONNECT_PAUSE_LEAST_MS;
    struct wire_heartbeat heartbeat = {.sender = session->id, .node = session->config->id};
    (void) bus_send (session->control, NULL, &wire_heartbeat_record, &heartbeat);
    node_session_timer_arm (session, &session->heartbeat_timer, heartbeat_pause (session), heartbeat_send);
}

void node_session_welcome (struct node_session *session, const struct wire_welcome *welcome)
{
    if (welcome->status != WIRE_STATUS_OK && session->ops->refused)
        session->ops->refused (session->context, welcome->reason ? welcome->reason : "it gave no reason");
    if (welcome->status == WIRE_STATUS_FAILED) { /* the next hello may succeed */
        base_log_limited (&session->log, BASE_LOG_WARNING,
                          "the origin could not process the hello "
                          "of this node: %s",
                          welcome->reason ? welcome->reason : "it gave no reason");
        return;
    }
    if (welcome->status != WIRE_STATUS_OK) {
        base_log (BASE_LOG_ERROR, "the origin refuses this node: %s",
                  welcome->reason ? welcome->reason : "it gave no reason");
        session->hello_pause_ms = HELLO_PAUSE_MOST_MS;
        return;
    }
    node_session_timer_disarm (session, &session->hello_timer);
    /* a restarted origin may answer a hello that this session sent only because something had changed */
    bool was_open = session->open && strcmp (session->instance, welcome->instance) == 0;
    session->open = true;
    session->heartbeat_ms =
        welcome->heartbeat_ms > HEARTBEAT_LEAST_MS ? welcome->heartbeat_ms : HEARTBEAT_LEAST_MS;
    (void) base_text_copy (session->instance, sizeof session->instance, welcome->instance);
    session->sequence = welcome->sequence;
    node_session_timer_arm (session, &session->heartbeat_timer, heartbeat_pause (session), heartbeat_send);
    if (welcome->list)
        node_states_list (session);
    if (was_open) { /* the origin may have forgotten the session meanwhile, and its states with it */
        node_states_send (session);
        return;
    }
    session->ops->welcome (session->context, welcome);
    node_states_send (session);
    node_session_requests_resume (session);
    node_session_metadata_resume (session);
    node_session_reports_resume (session);
}

void node_session_heartbeat (struct node_session *session, const struct wire_heartbeat *heartbeat)
{
    if (!heartbeat->answer) {
        struct wire_heartbeat answer = {.sender = session->id, .node = session->config->id, .answer = true};
        (void) bus_send (session->control, NULL, &wire_heartbeat_record, &answer);
    }
    if (!session->open)
        return;
    if (strcmp (heartbeat->sender, session->instance) != 0)
        hello_begin (session); /* the origin was restarted and does not know this session */
    else
        sequence_note (session, heartbeat->sender, heartbeat->sequence);
}
