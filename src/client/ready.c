/* SPDX-License-Identifier: MPL-2.0 */
/*  client/ready.c - announcing readiness to the manager that started this program */

#include "noded/ready.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/self.h"
#include "base/text.h"
#include "bus/callback.h"

enum { READY_TIMEOUT_MS = 5000 };

static void list_free_p (char ***list)
{
    (void) base_list_free (*list);
}

/*  What this process is. The caller owns the lists. */
static int self_read (struct base_digest *ret_binary, char ***ret_args, char ***ret_env)
{
    base_assert (ret_binary && ret_args && ret_env);
    int r = base_self_digest (ret_binary);
    if (r < 0)
        return r;
    r = base_self_args (ret_args);
    return r < 0 ? r : base_self_env (ret_env);
}

static int ready_announce (const char *wanted, const char *version, uint64_t timeout_ms,
                           struct base_error *error)
{
    base_assert (wanted && *wanted);
    base_cleanup (list_free_p) char **args = NULL;
    base_cleanup (list_free_p) char **env = NULL;
    struct bus_callback callback;
    struct base_digest binary;
    int r = bus_callback_parse (wanted, &callback, error);
    if (r < 0)
        return base_error_prefix (error, "cannot use %s", BUS_CALLBACK_VARIABLE);
    r = self_read (&binary, &args, &env);
    if (r < 0)
        return base_error_errno (error, r,
                                 "cannot read the program, arguments and environment of this process");
    base_cleanup (bus_callback_ready_deinit) struct wire_ready ready = {.pid = 0};
    r = bus_callback_ready (version, args, env, &ready);
    if (r < 0)
        return base_error_errno (error, r, "cannot announce readiness");
    ready.binary = binary;
    ready.nonce = callback.nonce;
    r = bus_callback_deliver (&callback, &wire_ready_record, &ready,
                              timeout_ms ? timeout_ms : READY_TIMEOUT_MS, error);
    return r < 0 ? base_error_prefix (error, "cannot announce readiness") : 0;
}

int noded_ready (const char *version, uint64_t timeout_ms, char *error, size_t error_size)
{
    struct base_error reason = {.code = 0};
    const char *wanted = getenv (BUS_CALLBACK_VARIABLE);
    if (!wanted || !*wanted)
        return NODED_READY_UNEXPECTED;
    int r = ready_announce (wanted, version, timeout_ms, &reason);
    if (r < 0) {
        if (error && error_size)
            (void) snprintf (error, error_size, "%s", reason.text);
        return r;
    }
    return NODED_READY_ANNOUNCED;
}
