/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_loop.c - signed metadata in the running broker */

#include "broker/trust_loop.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/time.h"
#include "broker/state.h"
#include "broker/trust.h"
#include "wire/text.h"

uint64_t broker_trust_now (void)
{
    return base_time_real_ns () / UINT64_C (1000000000);
}

void broker_trust_log_faults (const struct broker *broker)
{
    base_assert (broker && broker->trust);
    const struct broker_trust *trust = broker->trust;

    for (size_t i = 0; trust->state.faults && trust->state.faults[i]; i++)
        base_log (BASE_LOG_ERROR, "signed metadata: %s", trust->state.faults[i]);
    if (trust->keys.damage[0])
        base_log (BASE_LOG_ERROR, "signed metadata: %s", trust->keys.damage);
}

static void on_renewal (void *context)
{
    struct broker *broker = context;
    struct base_error error = {.code = 0};
    uint64_t before = broker_trust_version (broker->trust, "timestamp");
    int r = broker_trust_renew (broker->trust, broker_trust_now (), &error);
    uint64_t after = broker_trust_version (broker->trust, "timestamp");

    if (r != 0)
        base_log (BASE_LOG_ERROR, "signed metadata: %s", error.text);
    else if (after != before)
        base_log (BASE_LOG_INFO, "renewed snapshot and timestamp: version %" PRIu64, after);
    broker_staging_tick (&broker->trust->staging, base_time_boot_ms ());
    broker->trust_timer = bus_timer_start (broker->loop, BROKER_TRUST_LOOK_MS, on_renewal, broker);
    if (broker->trust_timer < 0)
        base_log (BASE_LOG_ERROR, "cannot start a timer: snapshot and timestamp are not renewed any more:"
                                  " restart the broker");
}

int broker_trust_begin (struct broker *broker, struct base_error *error)
{
    base_assert (broker && !broker->trust && broker->root >= 0);
    broker->trust = calloc (1, sizeof *broker->trust);
    if (!broker->trust)
        return base_error_errno (error, -ENOMEM, "cannot read the signed metadata");
    int r = broker_trust_open (broker->trust, &disk_system, broker->root, error);
    if (r < 0) {
        free (broker->trust);
        broker->trust = NULL;
        return r;
    }
    broker_trust_log_faults (broker);
    on_renewal (broker);
    return 0;
}

void broker_trust_end (struct broker *broker)
{
    base_assert (broker);
    bus_timer_cancel (broker->loop, broker->trust_timer > 0 ? broker->trust_timer : 0);
    if (broker->trust)
        broker_trust_deinit (broker->trust);
    free (broker->trust);
    broker->trust = NULL;
}

bool broker_trust_offers (struct broker *broker, const char *application, const struct base_digest *release,
                          bool *ret_damaged, const char **ret_why)
{
    base_assert (broker && broker->trust && ret_why);
    struct broker_trust *trust = broker->trust;
    bool is_damaged = trust->state.has_targets && trust->state.view.phase != TRUST_PHASE_READY;

    if (!trust->state.published || broker_trust_lists (trust, application, release))
        return true;
    if (ret_damaged)
        *ret_damaged = is_damaged;
    *ret_why = is_damaged
                   ? "the signed metadata of the broker cannot be used: nodectl trust shows why"
                   : "the signed targets do not list it: sign and publish its metadata (nodectl publish"
                     " does)";
    return false;
}

char *broker_trust_notice (struct broker *broker)
{
    base_assert (broker && broker->trust);
    const char *fault = broker_trust_fault (broker->trust);

    return fault ? wire_reason ("signed metadata: %s", fault) : NULL;
}
