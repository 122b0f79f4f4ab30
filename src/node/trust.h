/* SPDX-License-Identifier: MPL-2.0 */
/*  node/trust.h - does the signed metadata allow a release?

    Only if a trust root is pinned in the root of the node (root/metadata.h). A check refreshes the metadata over the real
    origin, stores what is trusted, and looks for the release: it must be a target whose custom names the application, with
    the length of the release document, and a release-counter that is neither below the least one of this node nor below
    that of the running release.

    Needed to update and to confirm. Running, starting, reverting and rolling back need no metadata at all; a failure here
    never quarantines a release. Checks of several applications wait for each other: they share the stored files. */

#ifndef NODE_TRUST_H
#define NODE_TRUST_H

#include "base/digest.h"
#include "base/error.h"
#include "trust/custom.h"

struct node_application;
struct node_process;
struct root;
struct wire_hello;

/*  Whether a trust root is pinned, or was: without one every release is accepted. */
bool node_trust_is_on (const struct node_process *process);

enum node_trust_verdict {
    NODE_TRUST_VERIFIED,
    NODE_TRUST_REFUSED, /* the metadata does not allow the release, or is not to be trusted */
    NODE_TRUST_FAILED,  /* that could not be decided: this host, or an origin that contradicts itself */
};

struct node_trust_answer {
    enum node_trust_verdict verdict;
    const char *reason;                /* if not verified: a sentence with what to do */
    const struct trust_custom *custom; /* if verified: what was signed */
};

/*  Called once, never from node_trust_begin. answer is valid during the call only. The check is not under way any more
    then, and may be begun again. */
typedef void (node_trust_done) (void *context, const struct node_trust_answer *answer);

struct node_trust_question {
    const struct base_digest *release;
    uint64_t size;       /* of the release document; 0: not compared */
    const char *version; /* of the release; NULL: not compared */
    bool on_trial;       /* the running version checks its own release */
};

/*  A check. Null value: all zero, not under way. Its members belong to trust.c. */
struct node_trust {
    struct node_application *app;
    struct node_trust *next;
    struct base_digest release, running; /* running: null: none, or the same */
    uint64_t size;
    char version[TRUST_CUSTOM_TEXT];
    bool on_trial;
    node_trust_done *done;
    void *context;
    struct node_trust_run *run; /* NULL: it waits for another one */
};

void node_trust_begin (struct node_trust *trust, struct node_application *app,
                       const struct node_trust_question *question, node_trust_done *done, void *context);
/*  done is not called any more. Accepts a check that is not under way. */
void node_trust_cancel (struct node_trust *trust);

/*  What a check waits for; NULL: nothing, or it is not under way. Valid until the loop continues. */
const char *node_trust_waits_for (const struct node_trust *trust);

/*  Compares a release document with what was signed about it. Returns whether they agree; if not, with a sentence. */
bool node_trust_fits (const struct trust_custom *custom, const struct wire_release *release,
                      struct base_error *error);

/*  The release of this counter is about to be confirmed. A failure is logged: it does not prevent the confirmation. */
void node_trust_note (struct node_application *app, const struct base_digest *release, uint64_t counter);
/*  The running release is confirmed: no release with a lower counter is accepted any more. */
void node_trust_confirmed (struct node_application *app);

/*  Whether the version of that workspace could not be verified while it was on trial. */
bool node_trust_failed_on_trial (const struct node_application *app, const char *workspace);

/*  Fills in the members of hello about trust; what they point to stays the process's. */
void node_trust_describe (struct node_process *process, struct wire_hello *hello);

/*  Now, in seconds since 1970: the clock, but not before this program was built. */
uint64_t node_trust_now (void);

#endif
