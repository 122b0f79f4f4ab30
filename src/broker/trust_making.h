/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_making.h - a publication or a renewal in the making: snapshot, timestamp and log that a set of files needs

    Made in memory, judged by a client, then written in this order: the files of the set, the log, the snapshot, the
    timestamp. Only the last one changes what is published. */

#ifndef BROKER_TRUST_MAKING_H
#define BROKER_TRUST_MAKING_H

#include "broker/trust.h"
#include "broker/trust_best.h"

/*  Null value: all zero. */
struct broker_trust_making {
    const struct broker_trust_set *set; /* published by somebody; may be empty */
    uint64_t now;
    bool anew; /* snapshot and timestamp continue no others */
    bool
        is_replaced; /* the online keys were replaced: nodes drop what they stored, so versions may begin again */

    uint64_t version_least;
    struct broker_trust_best best;       /* anew: what the snapshot names */
    bool has_log;                        /* false: the log is damaged; its head is carried on */
    struct broker_trust_entries entries; /* new in the log, sorted */
    struct broker_trust_log log;         /* with them */
    struct base_buffer snapshot, timestamp;
    struct broker_trust_set all; /* set, snapshot and timestamp */
};

void broker_trust_making_deinit (struct broker_trust_making *making);

/*  Makes the rest from the first members; anew is set if there is nothing to continue. Returns 0, -errno,
    BROKER_E_REFUSED or a code of trust/errors.h. */
int broker_trust_making_finish (struct broker_trust *trust, struct broker_trust_making *making,
                                struct base_error *error);

/*  A client with the newest root that refreshes over what was made, as a node would that knows what is published now.
    now 0: nothing is expired. On failure *ret_client has the phase that it reached; the caller deinits it. */
int broker_trust_making_refresh (const struct broker_trust *trust, const struct broker_trust_making *making,
                                 uint64_t now, struct trust_client *ret_client, struct base_error *error);
void broker_trust_client_deinit (struct trust_client *client); /* also of a null one */

/*  Writes everything and reads it again. */
int broker_trust_making_write (struct broker_trust *trust, const struct broker_trust_making *making,
                               struct base_error *error);

/*  A failure of room trust is a refusal: its sentence says why. */
int broker_trust_refusal (int r, struct base_error *error);

/*  Refuses to sign by a clock that is certainly wrong. Returns 0 or BROKER_E_REFUSED. */
int broker_trust_clock_check (uint64_t now, struct base_error *error);

/*  broker/trust_renew.c: renews now. A failure is kept in trust->renewal. */
bool broker_trust_renewal_is_due (const struct broker_trust *trust, uint64_t now);
int broker_trust_renew_now (struct broker_trust *trust, bool is_replaced, uint64_t now,
                            struct base_error *error);

#endif
