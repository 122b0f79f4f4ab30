/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/lists.h - the lists of rollouts, their members and their transitions, a page at a time

    Each fills its list in the answer, and more and next. A refusal returns 0, and is in the answer's status
    and reason; -errno: something could not be read. */

#ifndef DEPLOY_LISTS_H
#define DEPLOY_LISTS_H

#include "base/error.h"
#include "wire/wire.h"

struct deploy;

int deploy_list_rollouts (struct deploy *deploy, const struct wire_request *request,
                          struct wire_answer *answer, struct base_error *error);
int deploy_list_members (struct deploy *deploy, const struct wire_request *request,
                         struct wire_answer *answer, struct base_error *error);
int deploy_list_turns (struct deploy *deploy, const struct wire_request *request, struct wire_answer *answer,
                       struct base_error *error);

/*  Answers that there is no such rollout. id may be NULL. Returns 0 or -ENOMEM. */
int deploy_rollout_unknown (struct wire_answer *answer, const char *id);

#endif
