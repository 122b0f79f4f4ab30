/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/progress.h - progress of nodes with an order; pure: no connection, no clock

    Input: the answer to an order, then the broker's lists of nodes. A target is a node that got the order. It
    has ended once the outcome of that order is known. The broker's list has only the outcome of a node's last
    order. If a later order hides the outcome, the target is marked superseded, and the node's reports
    decide. */

#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl/ctl.h"

struct ctl_target {
    char *id;
    uint64_t epoch;
    const noded_order *order; /* from the answer to the order; borrowed */
    bool ended, succeeded;
    bool superseded; /* the caller gets its reports for ctl_progress_reports */
    bool present;    /* in the list just read */
    char *shown;     /* text of the last plain line, without the time */
    char *outcome;   /* a word; also one that this version does not know. NULL: not ended, or memory is out */
    char *step, *reason;
    uint64_t ended_ms;
    struct {
        bool known; /* it has been in a list */
        bool online;
        enum noded_state state;
        uint64_t done, total, epoch, desired_epoch;
        char last_seen[64];
    } node; /* as in the last list */
};

struct ctl_progress {
    struct ctl_target *targets; /* sorted by id */
    size_t count, left, width;
    bool revert;
    uint64_t started_ms;
};

/*  Makes a target for each order of an answer. orders: must outlive the progress. Returns 0 or -ENOMEM. */
int ctl_progress_init (struct ctl_progress *progress, const noded_orders *orders, bool revert,
                       uint64_t now_ms);
void ctl_progress_deinit (struct ctl_progress *progress);

/*  Updates the targets from a list of nodes. full: the list has all nodes that the broker knows; a target
    that is not in it was forgotten, and ends. */
void ctl_progress_hear (struct ctl_progress *progress, const noded_nodes *nodes, bool full, uint64_t now_ms);

/*  Looks for the outcome of a superseded target in its node's reports. The target also ends if its node has
    carried out a later order. */
void ctl_progress_reports (struct ctl_progress *progress, struct ctl_target *target,
                           const noded_reports *reports, uint64_t now_ms);

/*  One line about a target: id, time passed, state or outcome. On the heap; NULL if memory is out. */
char *ctl_progress_line (const struct ctl_progress *progress, const struct ctl_target *target,
                         uint64_t now_ms);

/*  The same line if it differs, without the time, from that of the last call; else NULL. */
char *ctl_progress_news (const struct ctl_progress *progress, struct ctl_target *target, uint64_t now_ms);

/*  Prints a table, one row for each node: outcome, step, reason. */
void ctl_progress_print (const struct ctl_progress *progress, FILE *out);

/*  The targets that have not ended: "web-1: fetching 45%; web-2: ordered". On the heap; NULL if there are
    none or memory is out. */
char *ctl_progress_left (const struct ctl_progress *progress);

/*  The rows as an array of noded_followed_order in JSON; the caller owns it. NULL if memory is out. */
char *ctl_progress_json (const struct ctl_progress *progress);

/*  The exit code: CTL_TIMEOUT if a target has not ended, CTL_OK if all have ended well, else CTL_FAILED. */
enum ctl_exit ctl_progress_code (const struct ctl_progress *progress);

#endif
