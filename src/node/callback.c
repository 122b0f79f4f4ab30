/* SPDX-License-Identifier: MPL-2.0 */
/*  node/callback.c - sends readiness and progress to the receivers */

#include "node/callback.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
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
    base_assert (callback->count < TARGETS);
    struct target *target = &callback->targets[callback->count];
    struct bus_socket_options options = {.linger_ms = LINGER_MS, .quiet = true};
    int r = base_text_copy (target->nonce, sizeof target->nonce, nonce);
    if (r < 0)
        return base_error_set (error, -EINVAL, "the nonce for %s is longer than %zu bytes", endpoint,
                               sizeof target->nonce - 1);
    r = bus_socket_new (loop, BUS_PUSH, &options, &target->socket, error);
    if (r < 0)
        return r;
    callback->count++;
    return bus_socket_connect (target->socket, endpoint, error);
}

/*  Adds the process that set NODED_READY. An unusable value is ignored. */
static void target_add_environment (struct node_callback *callback, struct bus_loop *loop, const char *value)
{
    struct bus_callback given;
    struct base_error error = {.code = 0};
    int r = bus_callback_parse (value, &given, &error);
    if (r == 0)
        r = target_add (callback, loop, given.endpoint, given.nonce, &error);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "ignoring " BUS_CALLBACK_VARIABLE ": %s", error.text);
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
    base_assert (loop && config && ret_callback);
    base_assert (self && self->env);
    struct node_callback *callback = calloc (1, sizeof *callback);
    if (!callback)
        return -ENOMEM;
    callback->self = self;
    if (*config->callback) {
        int r = target_add (callback, loop, config->callback, config->nonce, error);
        if (r < 0) {
            (void) node_callback_free (callback);
            return r;
        }
    }
    const char *value = environment_get (self, BUS_CALLBACK_VARIABLE);
    if (value)
        target_add_environment (callback, loop, value);
    *ret_callback = callback;
    return 0;
}

struct node_callback *node_callback_free (struct node_callback *callback)
{
    for (size_t i = 0; callback && i < TARGETS; i++)
        (void) bus_socket_free (callback->targets[i].socket);
    free (callback);
    return NULL;
}

static bool envelope_sets (const struct identity_self *self, const char *entry)
{
    const struct wire_envelope *envelope = self->running.installed.envelope;
    size_t length = strcspn (entry, "=") + 1;
    for (size_t i = 0; i < envelope->n_env; i++)
        if (strncmp (envelope->env[i], entry, length) == 0)
            return true;
    return false;
}

/*  Returns the environment with the envelope's variables first, so that these always fit into the message.
    The caller frees the list; the strings belong to self. NULL: out of memory. */
static char **environment_sort (const struct identity_self *self)
{
    char **ordered = calloc (base_list_count (self->env) + 1, sizeof *ordered);
    size_t count = 0;
    for (int others = 0; ordered && others < 2; others++)
        for (size_t i = 0; self->env[i]; i++)
            if (envelope_sets (self, self->env[i]) != (bool) others)
                ordered[count++] = self->env[i];
    return ordered;
}

void node_callback_ready (struct node_callback *callback)
{
    const struct identity_self *self = callback->self;
    base_assert (self->running.installed.envelope && self->args);
    struct wire_ready ready = {.pid = 0};
    base_cleanup (base_free_p) char **env = environment_sort (self);
    int r = env ? bus_callback_ready (self->running.installed.envelope->version, self->args, env, &ready)
                : -ENOMEM;
    ready.binary = self->running.binary;
    ready.manifest = self->manifest;
    for (size_t i = 0; i < callback->count; i++) {
        ready.nonce = callback->targets[i].nonce;
        int sent = r < 0 ? r : bus_send (callback->targets[i].socket, NULL, &wire_ready_record, &ready);
        if (sent < 0)
            base_log (BASE_LOG_WARNING, "cannot announce readiness on %s: %s",
                      bus_socket_endpoint (callback->targets[i].socket), strerror (-sent));
    }
    bus_callback_ready_deinit (&ready);
}

void node_callback_progress (struct node_callback *callback, const struct wire_progress *progress)
{
    base_assert (callback && progress);
    struct wire_progress filled = *progress;
    filled.pid = (uint64_t) getpid ();
    for (size_t i = 0; i < callback->count; i++) {
        filled.nonce = callback->targets[i].nonce;
        (void) bus_send (callback->targets[i].socket, NULL, &wire_progress_record, &filled);
    }
}
