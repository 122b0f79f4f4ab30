/* SPDX-License-Identifier: MPL-2.0 */
/*  node/callback.c - sends readiness and progress to the receivers */

#include "node/callback.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "bus/callback.h"

enum { TARGETS = 2, LINGER_MS = 1000 };

struct target {
    struct bus_socket *socket;
    char nonce[65];
};

struct node_callback {
    const struct identity_self *self;
    struct target targets[TARGETS];
    size_t count;
};

static int target_add (struct node_callback *callback, struct bus_loop *loop, const char *endpoint,
                       const char *nonce, struct base_error *error)
{
    struct target *target = &callback->targets[callback->count];
    struct bus_socket_options options = {.linger_ms = LINGER_MS, .quiet = true};
    if (base_text_copy (target->nonce, sizeof target->nonce, nonce))
        return base_error_set (error, -EINVAL, "the nonce for %s is longer than %zu bytes", endpoint,
                               sizeof target->nonce - 1);
    int rc = bus_socket_new (loop, BUS_PUSH, &options, &target->socket, error);
    rc = rc ? rc : bus_socket_connect (target->socket, endpoint, error);
    callback->count += target->socket != NULL;
    return rc;
}

/*  Returns the value of a variable in the environment as received, or NULL. */
static const char *environment_get (const struct identity_self *self, const char *name)
{
    size_t length = strlen (name);
    for (size_t i = 0; self->env[i]; i++)
        if (strncmp (self->env[i], name, length) == 0 && self->env[i][length] == '=')
            return self->env[i] + length + 1;
    return NULL;
}

int node_callback_new (struct bus_loop *loop, const struct identity_config *config,
                       const struct identity_self *self, struct node_callback **ret_callback,
                       struct base_error *error)
{
    struct node_callback *callback = calloc (1, sizeof *callback);
    if (!callback)
        return -ENOMEM;
    callback->self = self;
    int rc = 0;
    if (*config->callback)
        rc = target_add (callback, loop, config->callback, config->nonce, error);
    const char *wanted = environment_get (self, BUS_CALLBACK_VARIABLE);
    struct bus_callback place;
    struct base_error why;
    if (wanted && !rc &&
        (bus_callback_parse (wanted, &place, &why) ||
         target_add (callback, loop, place.endpoint, place.nonce, &why)))
        base_log (BASE_LOG_WARNING, "ignoring " BUS_CALLBACK_VARIABLE ": %s", why.text);
    if (rc)
        (void) node_callback_free (callback);
    else
        *ret_callback = callback;
    return rc;
}

struct node_callback *node_callback_free (struct node_callback *callback)
{
    for (size_t i = 0; callback && i < TARGETS; i++)
        (void) bus_socket_free (callback->targets[i].socket);
    free (callback);
    return NULL;
}

static bool is_in_envelope (const struct identity_self *self, const char *entry)
{
    const struct wire_envelope *envelope = self->running.installed.envelope;
    size_t length = strcspn (entry, "=") + 1;
    for (size_t i = 0; i < envelope->n_env; i++)
        if (strncmp (envelope->env[i], entry, length) == 0)
            return true;
    return false;
}

/*  Returns the environment with the envelope's variables first, so that these always fit into the message.
    The caller frees the list; the strings are self's. */
static char **order_environment (const struct identity_self *self)
{
    char **ordered = calloc (base_list_count (self->env) + 1, sizeof *ordered);
    size_t count = 0;
    for (int others = 0; ordered && others < 2; others++)
        for (size_t i = 0; self->env[i]; i++)
            if (is_in_envelope (self, self->env[i]) != (bool) others)
                ordered[count++] = self->env[i];
    return ordered;
}

void node_callback_ready (struct node_callback *callback)
{
    const struct identity_self *self = callback->self;
    struct wire_ready ready = {.pid = 0};
    base_cleanup (base_free_p) char **env = order_environment (self);
    int rc = env ? bus_callback_ready (self->running.installed.envelope->version, self->args, env, &ready)
                 : -ENOMEM;
    ready.binary = self->running.binary;
    ready.manifest = self->manifest;
    for (size_t i = 0; i < callback->count; i++) {
        ready.nonce = callback->targets[i].nonce;
        int sent = rc ? rc : bus_send (callback->targets[i].socket, NULL, &wire_ready_record, &ready);
        if (sent)
            base_log (BASE_LOG_WARNING, "cannot announce readiness on %s: %s",
                      bus_socket_endpoint (callback->targets[i].socket), strerror (-sent));
    }
    bus_callback_ready_deinit (&ready);
}

void node_callback_progress (struct node_callback *callback, const struct wire_progress *progress)
{
    struct wire_progress filled = *progress;
    filled.pid = (uint64_t) getpid ();
    for (size_t i = 0; i < callback->count; i++) {
        filled.nonce = callback->targets[i].nonce;
        (void) bus_send (callback->targets[i].socket, NULL, &wire_progress_record, &filled);
    }
}
