/* SPDX-License-Identifier: MPL-2.0 */
/*  node/session.c - hello, heartbeats, requests and reports over the sockets of a session */

#include "node/session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "base/version.h"
#include "identity/self.h"
#include "wire/list.h"

enum {
    LINGER_MS = 300,
    LIVENESS_HEARTBEATS = 3,
    HELLO_PAUSE_MOST_MS = 30 * 1000,
    CONNECT_PAUSE_LEAST_MS = 1,
    CONNECT_PAUSE_MOST_MS = 2000,
    REPORT_PAUSE_MOST_MS = 30 * 1000,
    HEARTBEAT_LEAST_MS = 100,
    HEARTBEAT_JITTER = 3,               /* a pause is shortened by at most this part of it */
    TRANSPORT_HEARTBEAT_MS = 60 * 1000, /* beside the session's own, and the kernel's for a lost host */
};

static void awake_report (struct node_session *session)
{
    if (session->ops->awake)
        session->ops->awake (session->context);
}

static void say_hello (void *context);
static void ask_send (void *context);
static void match_send (void *context);
static void ask_all (struct node_session *session);
static void send_report (void *context);
static void heartbeat_send (void *context);

static void timer_arm (struct node_session *session, int *timer, uint64_t delay_ms, bus_handler *handler)
{
    bus_timer_cancel (session->loop, *timer);
    *timer = bus_timer_start (session->loop, delay_ms, handler, session);
}

static void timer_disarm (struct node_session *session, int *timer)
{
    bus_timer_cancel (session->loop, *timer);
    *timer = 0;
}

static void drop_report (struct node_session *session, size_t index)
{
    wire_report_deinit (&session->reports[index]);
    session->n_reports--;
    memmove (session->reports + index, session->reports + index + 1,
             (session->n_reports - index) * sizeof *session->reports);
}

/*  Looks again later whether the node is connected: at first soon, then each time after twice as long. */
static void await_connection (struct node_session *session, int *timer, bus_handler *handler)
{
    uint64_t pause = session->connect_pause_ms;
    if (pause == CONNECT_PAUSE_MOST_MS)
        awake_report (session);
    session->connect_pause_ms = pause * 2 < CONNECT_PAUSE_MOST_MS ? pause * 2 : CONNECT_PAUSE_MOST_MS;
    timer_arm (session, timer, pause / 2 + base_random_below (pause / 2 + 1), handler);
}

static void send_hello (struct node_session *session)
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
static void say_hello (void *context)
{
    struct node_session *session = context;
    if (!bus_socket_is_ready (session->control)) {
        await_connection (session, &session->hello_timer, say_hello);
        return;
    }
    session->connect_pause_ms = CONNECT_PAUSE_LEAST_MS;
    awake_report (session);
    send_hello (session);
    session->hello_ms = base_time_boot_ms ();
    uint64_t pause = session->hello_pause_ms;
    session->hello_pause_ms = pause * 2 < HELLO_PAUSE_MOST_MS ? pause * 2 : HELLO_PAUSE_MOST_MS;
    timer_arm (session, &session->hello_timer, pause / 2 + base_random_below (pause / 2 + 1), say_hello);
}

/*  A welcome does not count: an origin that welcomes and then refuses everything would be greeted as fast as the
    two can talk. */
void node_session_answered (struct node_session *session)
{
    session->hello_pause_ms = session->config->resend_ms;
}

static void begin_hello (struct node_session *session)
{
    uint64_t ago = base_time_boot_ms () - session->hello_ms;
    session->open = false;
    timer_disarm (session, &session->heartbeat_timer);
    if (ago >= session->hello_pause_ms)
        say_hello (session);
    else
        timer_arm (session, &session->hello_timer, session->hello_pause_ms - ago, say_hello);
}

/*  If hello is in progress already, the answer refers to an earlier message. */
void node_session_unknown (struct node_session *session)
{
    if (session->open)
        begin_hello (session);
}

/*  Asks without a hint, from time to time: a hint may have been lost unnoticed. */
static void ask_unprompted (void *context)
{
    struct node_session *session = context;
    timer_disarm (session, &session->ask_timer);
    ask_all (session);
    uint64_t ms = session->config->ask_ms;
    timer_arm (session, &session->ask_timer, ms + base_random_below (ms + 1), ask_unprompted);
}

/*  Each pause is random. Otherwise nodes that connected together, after their origin was restarted, would
    send their heartbeats together for ever, and notice the next restart together. */
static uint64_t heartbeat_pause (const struct node_session *session)
{
    uint64_t ms = session->heartbeat_ms;
    return ms - base_random_below (ms / HEARTBEAT_JITTER + 1);
}

static void on_welcome (struct node_session *session, const struct wire_welcome *welcome)
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
    timer_disarm (session, &session->hello_timer);
    /* a restarted origin may answer a hello that this session sent only because something had changed */
    bool was_open = session->open && strcmp (session->instance, welcome->instance) == 0;
    session->open = true;
    session->heartbeat_ms =
        welcome->heartbeat_ms > HEARTBEAT_LEAST_MS ? welcome->heartbeat_ms : HEARTBEAT_LEAST_MS;
    (void) base_text_copy (session->instance, sizeof session->instance, welcome->instance);
    session->sequence = welcome->sequence;
    timer_arm (session, &session->heartbeat_timer, heartbeat_pause (session), heartbeat_send);
    if (welcome->list)
        node_states_list (session);
    if (was_open) { /* the origin may have forgotten the session meanwhile, and its states with it */
        node_states_send (session);
        return;
    }
    session->ops->welcome (session->context, welcome);
    node_states_send (session);
    for (struct node_subject *subject = session->subjects; subject; subject = subject->next)
        if (subject->asking)
            ask_send (subject);
        else
            node_subject_ask (subject);
    for (struct node_match *match = session->matches; match; match = match->next)
        match_send (match);
    session->report_pause_ms = session->config->resend_ms;
    if (session->n_reports)
        send_report (session);
    uint64_t ms = session->config->ask_ms;
    timer_arm (session, &session->ask_timer, ms + base_random_below (ms + 1), ask_unprompted);
}

/*  The origin numbers its announcements. If one was missed, the node asks instead. */
static void note_sequence (struct node_session *session, const char *instance, uint64_t sequence)
{
    bool missed = strcmp (instance, session->instance) != 0 || sequence > session->sequence;
    (void) base_text_copy (session->instance, sizeof session->instance, instance);
    session->sequence = sequence;
    if (missed)
        ask_all (session);
}

/*  A heartbeat that is due while the node reconnects is sent as soon as it is connected. An origin that was started
    again ends connections without a message; it is noticed only by its answer to a heartbeat. */
static void heartbeat_send (void *context)
{
    struct node_session *session = context;
    timer_disarm (session, &session->heartbeat_timer);
    uint64_t silent = base_time_boot_ms () - session->heard_ms;
    if (silent > LIVENESS_HEARTBEATS * session->heartbeat_ms) {
        base_log (BASE_LOG_WARNING, "lost contact to %s for %llu ms: reconnecting",
                  session->config->endpoints.control, (unsigned long long) silent);
        session->ops->lost (session->context);
        (void) bus_socket_reconnect (session->control);
        begin_hello (session);
        return;
    }
    if (!bus_socket_is_ready (session->control)) {
        await_connection (session, &session->heartbeat_timer, heartbeat_send);
        return;
    }
    awake_report (session);
    session->connect_pause_ms = CONNECT_PAUSE_LEAST_MS;
    struct wire_heartbeat heartbeat = {.sender = session->id, .node = session->config->id};
    (void) bus_send (session->control, NULL, &wire_heartbeat_record, &heartbeat);
    timer_arm (session, &session->heartbeat_timer, heartbeat_pause (session), heartbeat_send);
}

static void on_heartbeat (struct node_session *session, const struct wire_heartbeat *heartbeat)
{
    if (!heartbeat->answer) {
        struct wire_heartbeat answer = {.sender = session->id, .node = session->config->id, .answer = true};
        (void) bus_send (session->control, NULL, &wire_heartbeat_record, &answer);
    }
    if (!session->open)
        return;
    if (strcmp (heartbeat->sender, session->instance) != 0)
        begin_hello (session); /* the origin was restarted and does not know this session */
    else
        note_sequence (session, heartbeat->sender, heartbeat->sequence);
}

static void on_noted (struct node_session *session, const struct wire_noted *noted)
{
    if (noted->status == WIRE_STATUS_REFUSED) {
        node_session_unknown (session);
        return;
    }
    node_session_answered (session);
    if (noted->status == WIRE_STATUS_FAILED) {
        base_log_limited (&session->log, BASE_LOG_WARNING,
                          "the origin could not store the report of %s: it is sent again later", noted->step);
        return; /* the timer sends it again */
    }
    if (noted->quarantine)
        node_pages_wanted (session, noted->application);
    if (!session->n_reports)
        return;
    struct wire_report *head = &session->reports[0];
    if (strcmp (head->application->name, noted->application) != 0 || head->epoch != noted->epoch ||
        head->attempt != noted->attempt || strcmp (head->step, noted->step) != 0 ||
        (noted->outcome && noted->outcome != head->outcome))
        return;
    drop_report (session, 0);
    timer_disarm (session, &session->report_timer);
    session->report_pause_ms = session->config->resend_ms;
    if (session->n_reports)
        send_report (session);
    else
        node_states_reported (session);
}

static void on_desired (struct node_session *session, const struct wire_desired *desired)
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
    timer_disarm (session, &subject->resend_timer);
    if (subject->ask_again)
        node_subject_ask (subject);
    subject->ops->desired (subject->context, desired);
}

static void on_matched (struct node_session *session, const struct wire_matched *matched)
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

static void on_control (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct node_session *session = context;
    (void) socket;
    session->heard_ms = base_time_boot_ms ();
    if (message->record == &wire_welcome_record)
        on_welcome (session, message->body);
    else if (message->record == &wire_heartbeat_record)
        on_heartbeat (session, message->body);
    else if (message->record == &wire_desired_record)
        on_desired (session, message->body);
    else if (message->record == &wire_matched_record)
        on_matched (session, message->body);
    else if (message->record == &wire_noted_record)
        on_noted (session, message->body);
    else if (message->record == &wire_listed_record)
        node_states_listed (session, message->body);
    else if (message->record == &wire_described_record)
        node_states_described (session, message->body);
    else if (message->record == &wire_quarantined_record)
        node_pages_answered (session, message->body);
}

static bool is_meant (const struct node_session *session, const struct wire_update *update)
{
    for (size_t i = 0; i < update->n_nodes; i++)
        if (strcmp (update->nodes[i], session->config->id) == 0)
            return true;
    return update->n_nodes == 0;
}

static void on_announce (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct node_session *session = context;
    (void) socket;
    if (message->record != &wire_update_record)
        return;
    const struct wire_update *update = message->body;
    (void) base_text_copy (session->heard_instance, sizeof session->heard_instance, update->instance);
    session->heard_sequence = update->sequence;
    bool is_for_us = is_meant (session, update);
    if (is_for_us && strcmp (session->instance, update->instance) == 0 &&
        update->sequence > session->sequence)
        session->sequence = update->sequence; /* otherwise the next heartbeat makes the node ask */
    for (struct node_subject *subject = session->subjects; subject; subject = subject->next) {
        if (update->application && strcmp (update->application, subject->application) != 0)
            continue;
        if (subject->ops->hint)
            subject->ops->hint (subject->context, update);
        if (is_for_us)
            node_subject_ask (subject);
    }
}

/*  The origin sent a message that is against the protocol. */
static void on_refused (void *context, struct bus_socket *socket, const struct bus_refusal *refusal)
{
    static const char *const channels[] = {"announce", "control"};
    struct node_session *session = context;
    size_t channel = socket == session->announce ? 0 : 1;
    char more_text[BUS_REFUSALS_TEXT];
    uint64_t more;
    if (bus_refusals_due (&session->refusals[channel], base_time_boot_ms (), &more))
        base_log (BASE_LOG_WARNING, "%s: refused a message on %s: %s%s", bus_socket_endpoint (socket),
                  channels[channel], refusal->text, bus_refusals_more (more, more_text));
}

static int connect_one (struct node_session *session, enum bus_kind kind, const char *endpoint,
                        bus_message_handler *handler, int linger_ms, bool only_connected,
                        struct bus_socket **ret_socket, struct base_error *error)
{
    struct bus_socket_options options = {.on_message = handler,
                                         .on_refused = on_refused,
                                         .context = session,
                                         .keys = session->config->has_keys ? &session->config->keys : NULL,
                                         .linger_ms = linger_ms,
                                         .heartbeat_ms = TRANSPORT_HEARTBEAT_MS,
                                         .only_connected = only_connected};
    int r = bus_socket_new (session->loop, kind, &options, ret_socket, error);
    return r < 0 ? r : bus_socket_connect (*ret_socket, endpoint, error);
}

static int check_endpoints (const struct identity_config *config, struct base_error *error)
{
    const struct bus_endpoints *endpoints = &config->endpoints;
    if (*endpoints->announce && *endpoints->control && *endpoints->content)
        return 0;
    return base_error_set (error, -EINVAL, "%s/%s names no broker: set node/broker in it", config->root,
                           ROOT_SETTINGS);
}

static int group_subscribe (struct node_session *session, const char *group)
{
    char topic[96];
    /* a longer name is the topic of no group */
    if (snprintf (topic, sizeof topic, "update/group/%s", group) >= (int) sizeof topic)
        return 0;
    return bus_socket_subscribe (session->announce, topic);
}

static int announce_subscribe (struct node_session *session)
{
    char ring[96];
    struct base_digest digest = base_digest_of (session->config->id, strlen (session->config->id));
    const char *own = identity_config_label (session->config, "group");
    (void) snprintf (ring, sizeof ring, "update/ring/%02x", digest.bytes[0]);
    int r = bus_socket_subscribe (session->announce, "update/all");
    if (r < 0)
        return r;
    r = bus_socket_subscribe (session->announce, ring);
    for (size_t i = 0; r == 0 && session->config->tags && session->config->tags[i]; i++)
        r = group_subscribe (session, session->config->tags[i]);
    return r == 0 && own ? group_subscribe (session, own) : r;
}

/*  Makes both sockets. On failure node_session_free closes what there is. */
static int sockets_make (struct node_session *session, struct base_error *error)
{
    const struct identity_config *config = session->config;
    int r = check_endpoints (config, error);
    if (r < 0)
        return r;
    r = connect_one (session, BUS_SUB, config->endpoints.announce, on_announce, 0, false, &session->announce,
                     error);
    if (r < 0)
        return r;
    r = announce_subscribe (session);
    if (r < 0)
        return r;
    return connect_one (session, BUS_DEALER, config->endpoints.control, on_control, LINGER_MS, true,
                        &session->control, error);
}

int node_session_new (struct bus_loop *loop, const struct identity_config *config,
                      const struct node_session_ops *ops, void *context, struct node_session **ret_session,
                      struct base_error *error)
{
    struct node_session *session = calloc (1, sizeof *session);
    if (!session)
        return -ENOMEM;
    session->loop = loop;
    session->config = config;
    session->ops = ops;
    session->report_pause_ms = config->resend_ms;
    session->context = context;
    (void) base_random_hex (session->id, 16);
    char host[64] = "unknown host";
    (void) gethostname (host, sizeof host - 1);
    (void) snprintf (session->host_pid, sizeof session->host_pid, "%s, pid %d", host, (int) getpid ());
    struct utsname names;
    if (!uname (&names))
        (void) snprintf (session->kernel, sizeof session->kernel, "%.64s", names.release);
    int r = sockets_make (session, error);
    if (r < 0) {
        (void) node_session_free (session);
        return r;
    }
    *ret_session = session;
    return 0;
}

void node_session_open (struct node_session *session)
{
    session->heard_ms = base_time_boot_ms ();
    session->hello_pause_ms = session->config->resend_ms;
    session->connect_pause_ms = CONNECT_PAUSE_LEAST_MS;
    say_hello (session);
}

struct node_session *node_session_free (struct node_session *session)
{
    if (!session)
        return NULL;
    if (session->control && session->open) {
        struct wire_bye bye = {.node = session->config->id, .session = session->id};
        for (size_t i = 0; i < session->n_reports; i++)
            (void) bus_send (session->control, NULL, &wire_report_record, &session->reports[i]);
        (void) bus_send (session->control, NULL, &wire_bye_record, &bye);
    }
    int *timers[] = {&session->hello_timer, &session->heartbeat_timer, &session->ask_timer,
                     &session->report_timer, &session->list_timer};
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        timer_disarm (session, timers[i]);
    (void) bus_socket_free (session->announce);
    (void) bus_socket_free (session->control);
    while (session->subjects)
        node_subject_remove (session->subjects);
    while (session->matches)
        node_match_cancel (session->matches);
    for (size_t i = 0; i < session->n_reports; i++)
        wire_report_deinit (&session->reports[i]);
    free (session);
    return NULL;
}

void node_session_hello_again (struct node_session *session)
{
    if (session->open)
        send_hello (session);
}

bool node_session_is_open (const struct node_session *session)
{
    return session->open;
}

void node_subject_add (struct node_session *session, struct node_subject *subject, const char *application,
                       const struct node_subject_ops *ops, void *context)
{
    struct node_subject **link = &session->subjects;
    size_t count = 0;
    for (; *link; link = &(*link)->next)
        count++;
    base_assert (count < SUBJECTS_MOST);
    *subject =
        (struct node_subject){.session = session, .ops = ops, .context = context, .application = application};
    *link = subject;
}

struct node_subject *node_subject_find (const struct node_session *session, const char *application)
{
    struct node_subject *subject = session->subjects;
    while (subject && strcmp (subject->application, application) != 0)
        subject = subject->next;
    return subject;
}

void node_subject_remove (struct node_subject *subject)
{
    if (!subject->session)
        return;
    struct node_subject **link = &subject->session->subjects;
    while (*link != subject)
        link = &(*link)->next;
    *link = subject->next;
    timer_disarm (subject->session, &subject->resend_timer);
    timer_disarm (subject->session, &subject->state_timer);
    timer_disarm (subject->session, &subject->page_timer);
    subject->session = NULL;
}

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
    timer_disarm (session, &subject->resend_timer);
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

static void ask_all (struct node_session *session)
{
    for (struct node_subject *subject = session->subjects; subject; subject = subject->next)
        node_subject_ask (subject);
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

static void send_report (void *context)
{
    struct node_session *session = context;
    timer_disarm (session, &session->report_timer);
    /* a report that does not fit into a message never will, and others wait behind it */
    while (session->open && session->n_reports &&
           bus_send (session->control, NULL, &wire_report_record, &session->reports[0]) == -EINVAL) {
        base_log (BASE_LOG_WARNING, "ignoring a report of %s that does not fit into a message",
                  session->reports[0].step);
        drop_report (session, 0);
    }
    if (!session->n_reports) {
        node_states_reported (session);
        return;
    }
    uint64_t pause = session->report_pause_ms;
    session->report_pause_ms = pause * 2 < REPORT_PAUSE_MOST_MS ? pause * 2 : REPORT_PAUSE_MOST_MS;
    timer_arm (session, &session->report_timer, pause, send_report);
}

/*  Returns whether a report only repeats that a step continues. */
static bool report_repeats (const struct wire_report *report, const struct wire_report *before)
{
    return report->outcome == WIRE_OUTCOME_STARTED && before->outcome == WIRE_OUTCOME_STARTED &&
           strcmp (report->application->name, before->application->name) == 0 &&
           report->epoch == before->epoch && report->attempt == before->attempt &&
           strcmp (report->step, before->step) == 0;
}

/*  Returns which report is dropped when the queue is full: the oldest that ends nothing, else the oldest. */
static size_t least_wanted (const struct node_session *session)
{
    for (size_t i = 0; i < session->n_reports; i++)
        if (session->reports[i].outcome == WIRE_OUTCOME_STARTED)
            return i;
    return 0;
}

int node_session_report (struct node_session *session, const struct wire_report *report)
{
    char now[BASE_TIME_TEXT];
    struct wire_report copy, filled = *report;
    filled.node = session->config->id;
    filled.session = session->id;
    if (!filled.time)
        filled.time = base_time_format (base_time_real_ns (), now);
    int r = wire_copy (&wire_report_record, &filled, &copy);
    if (r)
        return r;
    if (session->n_reports && report_repeats (report, &session->reports[session->n_reports - 1]))
        drop_report (session, session->n_reports - 1);
    if (session->n_reports == REPORTS_MOST)
        drop_report (session, least_wanted (session));
    session->reports[session->n_reports++] = copy;
    if (session->n_reports == 1)
        send_report (session);
    return 0;
}
