/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/search.h - which target a path names: the delegations in preorder, as actions for its owner

    Needs a client in phase READY. A role is visited once; at most limits.roles are. A terminating delegation ends the
    search after its role and what that one delegates to. Each role is verified by the keys of the parent through which
    this search came. A role whose file is missing or not trusted ends the search: it could be what an attacker hides. */

#ifndef TRUST_SEARCH_H
#define TRUST_SEARCH_H

#include "trust/action.h"
#include "trust/client.h"

enum trust_search_state {
    TRUST_SEARCH_LOAD,
    TRUST_SEARCH_FETCH,
    TRUST_SEARCH_STORE,
    TRUST_SEARCH_DONE,
    TRUST_SEARCH_FAILED,
    TRUST_SEARCH_STATES,
};

struct trust_search_step; /* a delegation to visit */

struct trust_search {
    struct trust_client *client; /* not owned; no other search on it at the same time */
    char *path;
    struct base_digest digest; /* of path */
    enum trust_search_state state;
    struct trust_search_step *steps; /* a stack: the next one is the last */
    size_t n_steps;
    char (*visited)[TRUST_NAME_TEXT];
    unsigned n_visited;
    struct base_buffer bytes;            /* to be stored */
    const struct trust_targets *pending; /* STORE: what is visited when it is stored */
    struct trust_target target;          /* DONE: path NULL if there is no such target */
    char role[TRUST_NAME_TEXT];          /* which role names it */
    int code;
    struct base_error error;
};

/*  Returns 0, -ENOMEM, or TRUST_E_FORMAT if path is none. */
int trust_search_init (struct trust_search *search, struct trust_client *client, const char *path,
                       struct base_error *error);
void trust_search_deinit (struct trust_search *search);

/*  As in refresh.h. DONE with target.path NULL: no role that is trusted for this path has the target. */
void trust_search_next (const struct trust_search *search, struct trust_action *ret_action);
void trust_search_bytes (struct trust_search *search, const void *data, size_t size);
void trust_search_absent (struct trust_search *search);
void trust_search_done (struct trust_search *search);
void trust_search_failed (struct trust_search *search, int code, const char *reason);

#endif
