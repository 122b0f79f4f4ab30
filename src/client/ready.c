/* SPDX-License-Identifier: MPL-2.0 */
/*  client/ready.c - announcing readiness to the manager that started this program */

#include "noded/ready.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/self.h"
#include "base/text.h"
#include "bus/callback.h"

enum { READY_TIMEOUT_MS = 5000 };

static void list_free_p (char ***list)
{
    (void) base_list_free (*list);
}

static int ready_announce (const char *wanted, const char *version, uint64_t timeout_ms,
                           struct base_error *error)
{
    base_cleanup (list_free_p) char **args = NULL;
    base_cleanup (list_free_p) char **env = NULL;
    struct bus_callback callback;
    struct base_digest binary;
    if (bus_callback_parse (wanted, &callback, error))
        return base_error_prefix (error, "cannot use %s", BUS_CALLBACK_VARIABLE);
    int rc = base_self_digest (&binary);
    rc = rc ? rc : base_self_args (&args);
    rc = rc ? rc : base_self_env (&env);
    if (rc)
        return base_error_errno (error, rc,
                                 "cannot read the program, arguments and environment of this process");
    base_cleanup (bus_callback_ready_deinit) struct wire_ready ready = {.pid = 0};
    if (bus_callback_ready (version, args, env, &ready))
        return base_error_errno (error, -ENOMEM, "cannot announce readiness");
    ready.binary = binary;
    ready.nonce = callback.nonce;
    rc = bus_callback_deliver (&callback, &wire_ready_record, &ready,
                               timeout_ms ? timeout_ms : READY_TIMEOUT_MS, error);
    return rc ? base_error_prefix (error, "cannot announce readiness") : 0;
}

int noded_ready (const char *version, uint64_t timeout_ms, char *error, size_t error_size)
{
    struct base_error reason = {.code = 0};
    const char *wanted = getenv (BUS_CALLBACK_VARIABLE);
    if (!wanted || !*wanted)
        return 0;
    int rc = ready_announce (wanted, version, timeout_ms, &reason);
    if (rc == 0)
        return 1;
    if (error && error_size)
        (void) snprintf (error, error_size, "%s", reason.text);
    return rc;
}
