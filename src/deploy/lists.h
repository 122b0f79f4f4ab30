/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/lists.h - the lists of rollouts, their members and their transitions, a page at a time

    Each fills its list in the answer, and more and next, and returns 0 or -errno. A refusal returns 0: it is
    in status and reason of the answer. */

#ifndef DEPLOY_LISTS_H
#define DEPLOY_LISTS_H

#include "base/error.h"
#include "wire/text.h"

struct deploy;

int deploy_list_rollouts (struct deploy *deploy, const struct wire_list_rollouts *request,
                          struct wire_rollouts *answer, struct base_error *error);
int deploy_list_members (struct deploy *deploy, const struct wire_list_members *request,
                         struct wire_members *answer, struct base_error *error);
int deploy_list_transitions (struct deploy *deploy, const struct wire_list_transitions *request,
                             struct wire_transitions *answer, struct base_error *error);

/*  Answers (any of the above) that there is no such rollout. id may be NULL. Returns 0 or -ENOMEM. */
#define deploy_rollout_unknown(answer, id)                                                                   \
    wire_answer_set (answer, WIRE_STATUS_NONE, "no rollout %s: nodectl rollout list shows them",             \
                     (id) ? (id) : "(nothing)")

#endif
