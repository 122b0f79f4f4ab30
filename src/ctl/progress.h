/*  ctl/progress.h - how far nodes are with an order; pure

    Fed with what an order was answered and what the broker says of the nodes since. A target has ended
    once the outcome of its own order is known. Where a later order hides that outcome (the broker tells
    only that of the last one), the target is marked superseded, and the node's reports decide. */

#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

struct ctl_target {
    char *id;
    uint64_t epoch;
    json_t *order; /* as answered */
    json_t *node;  /* as heard last; NULL: not yet */
    bool ended, good;
    bool superseded; /* ask for its reports */
    bool present;    /* in the full list under way */
    char *shown;     /* what the last plain line told, but for the time */
    char *outcome, *step, *reason;
    uint64_t ended_ms;
};

struct ctl_progress {
    struct ctl_target *targets; /* by id */
    size_t count, left, width;
    bool revert;
    uint64_t begun_ms;
};

/*  Takes the answer to an order. Returns 0 or -ENOMEM. */
int ctl_progress_init (struct ctl_progress *progress, const json_t *orders, bool revert, uint64_t now_ms);
void ctl_progress_deinit (struct ctl_progress *progress);

/*  Takes a list of nodes; full: it has every node that is known, and a target that is not in it has been
    forgotten. */
void ctl_progress_hear (struct ctl_progress *progress, const json_t *nodes, bool full, uint64_t now_ms);

/*  Takes the reports of a superseded target. */
void ctl_progress_reports (struct ctl_progress *progress, struct ctl_target *target, const json_t *told,
                           uint64_t now_ms);

/*  One line about a target, on the heap: id, state, what it does, time. NULL where memory is out. */
char *ctl_progress_line (const struct ctl_progress *progress, const struct ctl_target *target,
                         uint64_t now_ms);

/*  The same where it tells something new since the last call; else NULL. */
char *ctl_progress_news (const struct ctl_progress *progress, struct ctl_target *target, uint64_t now_ms);

/*  One row a node: outcome, step, reason. */
void ctl_progress_print (const struct ctl_progress *progress, FILE *out);

/*  "web-1 is fetching, web-2 is offline": who has not ended, on the heap. */
char *ctl_progress_left (const struct ctl_progress *progress);

/*  An array with an object a node: node, outcome, step, reason, epoch, transaction, release, version,
    ended. NULL where memory is out. */
json_t *ctl_progress_json (const struct ctl_progress *progress);

/*  CTL_OK, CTL_FAILED or CTL_TIMEOUT. */
int ctl_progress_code (const struct ctl_progress *progress);

#endif
