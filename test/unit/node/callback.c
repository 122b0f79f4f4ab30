/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/callback.c - two receivers of readiness: a failure with one does not affect the other */

#include "../bus/rig.h"
#include "node/callback.h"

TestSuite (callback, .init = rig_setup, .fini = rig_teardown, .timeout = 60);

static char heard[65];

static void on_message (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    (void) socket;
    cr_assert_eq (message->record, &wire_ready_record);
    (void) snprintf (heard, sizeof heard, "%s", ((const struct wire_ready *) message->body)->nonce);
    bus_loop_stop (loop);
}

Test (callback, an_invalid_nonce_of_one_receiver_does_not_delay_the_other)
{
    char variable[256], program[] = "/x/noded", version[] = "1";
    char *args[] = {program, NULL}, *env[] = {variable, NULL};
    struct wire_envelope envelope = {.application = program, .version = version};
    struct identity_self self = {
        .running = {.installed = {.envelope = &envelope}, .binary = {{1}}}, .args = args, .env = env};
    struct identity_config config;
    struct node_callback *callback;
    struct base_error error = {.code = 0};
    struct bus_socket *socket =
        rig_socket (BUS_PULL, &(struct bus_socket_options){.on_message = on_message, .quiet = true});
    rig_bind (socket, rig_ipc ("callback"));
    (void) snprintf (variable, sizeof variable, "NODED_READY=%s good", rig_ipc ("callback"));
    cr_assert_eq (identity_config_init (&config, directory), 0);
    (void) snprintf (config.callback, sizeof config.callback, "%s", rig_ipc ("nobody"));
    (void) snprintf (config.nonce, sizeof config.nonce, "\xff");
    cr_assert_eq (node_callback_new (loop, &config, &self, &callback, &error), 0, "%s", error.text);
    node_callback_ready (callback);
    rig_run ();
    cr_expect_str_eq (heard, "good");
    (void) node_callback_free (callback);
    bus_socket_free (socket);
    identity_config_deinit (&config);
}
