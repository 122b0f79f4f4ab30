/* SPDX-License-Identifier: MPL-2.0 */
/*  node/session.c - a session: its sockets, its applications, what it receives */

#include "node/session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/assert.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"

enum {
    LINGER_MS = 300,
    TRANSPORT_HEARTBEAT_MS = 60 * 1000, /* beside the session's own, and the kernel's for a lost host */
};

void node_session_timer_arm (struct node_session *session, int *timer, uint64_t delay_ms,
                             bus_handler *handler)
{
    bus_timer_cancel (session->loop, *timer);
    *timer = bus_timer_start (session->loop, delay_ms, handler, session);
}

void node_session_timer_disarm (struct node_session *session, int *timer)
{
    bus_timer_cancel (session->loop, *timer);
    *timer = 0;
}

/*  Calls the handler of a message of the control channel with a body of its type. */
#define HANDLER(name, handler)                                                                               \
    static void name##_handle (struct node_session *session, const void *body)                               \
    {                                                                                                        \
        const struct wire_##name *message = body;                                                            \
        handler (session, message);                                                                          \
    }
HANDLER (welcome, node_session_welcome)
HANDLER (heartbeat, node_session_heartbeat)
HANDLER (desired, node_session_desired)
HANDLER (matched, node_session_matched)
HANDLER (metadata, node_session_metadata)
HANDLER (noted, node_session_noted)
HANDLER (listed, node_states_listed)
HANDLER (described, node_states_described)
HANDLER (quarantined, node_pages_answered)
#undef HANDLER

/*  What the origin sends on the control channel. */
struct session_message {
    const struct wire_record *record;
    void (*handle) (struct node_session *session, const void *body);
};

/* clang-format off */
static const struct session_message messages[] = {
    {&wire_welcome_record, welcome_handle},
    {&wire_heartbeat_record, heartbeat_handle},
    {&wire_desired_record, desired_handle},
    {&wire_matched_record, matched_handle},
    {&wire_metadata_record, metadata_handle},
    {&wire_noted_record, noted_handle},
    {&wire_listed_record, listed_handle},
    {&wire_described_record, described_handle},
    {&wire_quarantined_record, quarantined_handle},
};
/* clang-format on */

static void on_control (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct node_session *session = context;
    (void) socket;
    session->heard_ms = base_time_boot_ms ();
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        if (messages[i].record == message->record) {
            messages[i].handle (session, message->body);
            return;
        }
}

static bool update_is_meant (const struct node_session *session, const struct wire_update *update)
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
    bool is_for_us = update_is_meant (session, update);
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
        node_session_timer_disarm (session, timers[i]);
    (void) bus_socket_free (session->announce);
    (void) bus_socket_free (session->control);
    while (session->subjects)
        node_subject_remove (session->subjects);
    while (session->matches)
        node_match_cancel (session->matches);
    if (session->part)
        node_part_cancel (session->part);
    for (size_t i = 0; i < session->n_reports; i++)
        wire_report_deinit (&session->reports[i]);
    free (session);
    return NULL;
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
    node_session_timer_disarm (subject->session, &subject->resend_timer);
    node_session_timer_disarm (subject->session, &subject->state_timer);
    node_session_timer_disarm (subject->session, &subject->page_timer);
    subject->session = NULL;
}
