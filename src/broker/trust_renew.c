/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_renew.c - the signed metadata that a broker serves: renewing snapshot and timestamp */

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "broker/trust_making.h"

/*  Whether a file that expires then is to be renewed: it is a day old, or was made with a clock that was ahead. */
static bool is_due (uint64_t expires, uint64_t now)
{
    return expires <= now + BROKER_TRUST_VALID_S - BROKER_TRUST_RENEW_S ||
           expires > now + BROKER_TRUST_VALID_S;
}

bool broker_trust_renewal_is_due (const struct broker_trust *trust, uint64_t now)
{
    base_assert (trust);
    const struct broker_trust_state *state = &trust->state;
    return state->timestamp.size == 0 || state->snapshot.size == 0 ||
           is_due (state->view.timestamp.common.expires, now) ||
           is_due (state->view.snapshot.common.expires, now);
}

/*  Snapshot and timestamp for what is published already. */
static int renew (struct broker_trust *trust, bool is_replaced, uint64_t now, struct base_error *error)
{
    static const struct broker_trust_set none = {.count = 0};
    base_cleanup (broker_trust_making_deinit) struct broker_trust_making making = {
        .set = &none, .now = now, .is_replaced = is_replaced};
    base_cleanup (broker_trust_client_deinit) struct trust_client client = {.phase = TRUST_PHASE_NULL};
    int r = broker_trust_making_finish (trust, &making, error);
    if (r)
        return r;
    r = broker_trust_making_refresh (trust, &making, now, &client, error);
    /* Targets that nodes do not accept are not the fault of snapshot and timestamp. */
    if (r && client.phase != TRUST_PHASE_TARGETS)
        return r;
    return broker_trust_making_write (trust, &making, error);
}

int broker_trust_renew_now (struct broker_trust *trust, bool is_replaced, uint64_t now,
                            struct base_error *error)
{
    base_assert (trust);
    struct base_error why = {.code = 0};
    int r = broker_trust_refusal (renew (trust, is_replaced, now, &why), &why);
    trust->renewal[0] = '\0';
    if (r == 0)
        return 0;
    (void) base_text_copy (trust->renewal, sizeof trust->renewal, why.text);
    return base_error_set (error, r, "snapshot and timestamp were not renewed: %s", why.text);
}

int broker_trust_renew (struct broker_trust *trust, uint64_t now, struct base_error *error)
{
    base_assert (trust);
    const struct broker_trust_state *state = &trust->state;
    if (state->root.size == 0 || !state->has_targets || !broker_trust_renewal_is_due (trust, now))
        return 0;
    return broker_trust_renew_now (trust, false, now, error);
}
