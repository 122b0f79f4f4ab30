/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/session_rig.h - a session over real sockets, whose origin the test plays

    The origin answers hello with `welcome`, which a test may change. The test answers the rest. */

#ifndef TEST_NODE_SESSION_RIG_H
#define TEST_NODE_SESSION_RIG_H

#include "../bus/rig.h"

#include <string.h>

#include "node/session.h"
#include "wire/list.h"

enum { NODED, WEB, N_APPLICATIONS };
static const char *const names[N_APPLICATIONS] = {"noded", "web"};

static struct bus_socket *control, *announce; /* announce: only if the test makes it */
static struct bus_peer node;                  /* that sent the last message */
static struct wire_welcome welcome;
static unsigned hellos;
typedef void (origin_handler) (const struct bus_message *message);
static origin_handler *origin_handle;

static struct identity_config config;
static struct node_session *session;
static struct node_subject subjects[N_APPLICATIONS]; /* each is the context of its own operations */

static size_t application_index (const char *name)
{
    size_t i = 0;
    while (i < N_APPLICATIONS && strcmp (names[i], name) != 0)
        i++;
    cr_assert_lt (i, N_APPLICATIONS, "%s", name);
    return i;
}

static void subject_describe (void *context, struct wire_application *ret_application)
{
    const struct node_subject *subject = context;
    *ret_application = (struct wire_application){.name = subject->application, .state = WIRE_STATE_IDLE};
}

static void subject_desired (void *context, const struct wire_desired *desired)
{
    (void) context;
    (void) desired;
}

static void session_welcome (void *context, const struct wire_welcome *received)
{
    (void) context;
    (void) received;
}

static const struct node_session_ops session_ops = {.welcome = session_welcome};

static void welcome_send (void)
{
    cr_assert_eq (bus_send (control, &node, &wire_welcome_record, &welcome), 0);
}

static void on_origin_message (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    (void) socket;
    node = message->peer;
    if (message->record == &wire_hello_record) {
        hellos++;
        welcome_send ();
    }
    origin_handle (message);
}

static void origin_start (void)
{
    struct bus_socket_options options = {.on_message = on_origin_message, .quiet = true};
    control = rig_socket (BUS_ROUTER, &options);
    rig_bind (control, config.endpoints.control);
}

/*  Starts the origin. handle gets every message of the node, after a hello was answered. */
static void session_rig_setup (uint64_t resend_ms, origin_handler *handle)
{
    rig_setup ();
    cr_assert_eq (identity_config_init (&config, directory), 0);
    cr_assert_eq (identity_config_set (&config, "node/id", "n1", NULL), 0);
    (void) snprintf (config.endpoints.announce, BUS_ENDPOINT_SIZE, "%s", rig_ipc ("announce"));
    (void) snprintf (config.endpoints.control, BUS_ENDPOINT_SIZE, "%s", rig_ipc ("control"));
    (void) snprintf (config.endpoints.content, BUS_ENDPOINT_SIZE, "%s", rig_ipc ("content"));
    config.resend_ms = resend_ms;
    welcome = (struct wire_welcome){.status = WIRE_STATUS_OK, .instance = "origin", .heartbeat_ms = 3600000};
    origin_handle = handle;
    origin_start ();
}

/*  Makes a session with the first applications of `names`, which is not open yet. */
static void session_make (const struct node_subject_ops *ops, size_t n_applications)
{
    struct base_error error = {.code = 0};
    cr_assert_leq (n_applications, N_APPLICATIONS);
    cr_assert_eq (node_session_new (loop, &config, &session_ops, NULL, &session, &error), 0, "%s",
                  error.text);
    for (size_t i = 0; i < n_applications; i++)
        node_subject_add (session, &subjects[i], names[i], ops, &subjects[i]);
}

static void session_rig_teardown (void)
{
    session = node_session_free (session);
    control = bus_socket_free (control);
    announce = bus_socket_free (announce);
    bus_timer_cancel (loop, deadline_timer);
    identity_config_deinit (&config);
    rig_teardown ();
}

#endif
