/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/refresh.h - the update of the top-level metadata, as actions for its owner

        trust_refresh_init (&refresh, &client);
        for (;;) {
            struct trust_action action;
            trust_refresh_next (&refresh, &action);    repeats the action until it is answered
            ...
        }

    A file is stored after it is trusted, and before the next one is fetched. Before a root is stored that removes a key
    of timestamp or snapshot, the stored timestamp and snapshot are dropped, so that a crash between cannot keep them. A
    crash at any other point leaves a set that an earlier moment of the repository had. */

#ifndef TRUST_REFRESH_H
#define TRUST_REFRESH_H

#include "base/buffer.h"
#include "trust/action.h"
#include "trust/client.h"

enum trust_refresh_state {
    TRUST_REFRESH_ROOT_FETCH,
    TRUST_REFRESH_TIMESTAMP_DROP,
    TRUST_REFRESH_SNAPSHOT_DROP,
    TRUST_REFRESH_ROOT_STORE,
    TRUST_REFRESH_TIMESTAMP_LOAD,
    TRUST_REFRESH_TIMESTAMP_FETCH,
    TRUST_REFRESH_TIMESTAMP_STORE,
    TRUST_REFRESH_SNAPSHOT_LOAD,
    TRUST_REFRESH_SNAPSHOT_FETCH,
    TRUST_REFRESH_SNAPSHOT_STORE,
    TRUST_REFRESH_TARGETS_LOAD,
    TRUST_REFRESH_TARGETS_FETCH,
    TRUST_REFRESH_TARGETS_STORE,
    TRUST_REFRESH_DONE,
    TRUST_REFRESH_FAILED,
    TRUST_REFRESH_STATES,
};

const char *trust_refresh_state_name (enum trust_refresh_state state);

struct trust_refresh {
    struct trust_client *client; /* not owned; phase ROOT at the beginning */
    enum trust_refresh_state state;
    struct base_buffer bytes; /* to be stored */
    int code;                 /* FAILED: -errno or a code of errors.h */
    struct base_error error;
};

void trust_refresh_init (struct trust_refresh *refresh, struct trust_client *client);
void trust_refresh_deinit (struct trust_refresh *refresh);

/*  What to do now. Pointers are valid until the next call of another function. */
void trust_refresh_next (const struct trust_refresh *refresh, struct trust_action *ret_action);

/*  Answers. An answer that does not fit the action is a bug of the owner (assertion). */
void trust_refresh_bytes (struct trust_refresh *refresh, const void *data, size_t size);
void trust_refresh_absent (struct trust_refresh *refresh);
void trust_refresh_done (struct trust_refresh *refresh);

/*  The action failed: reason says why (no connection, disk full, file too long). code is -errno or
    TRUST_E_TOO_LARGE. */
void trust_refresh_failed (struct trust_refresh *refresh, int code, const char *reason);

#endif
