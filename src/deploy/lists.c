/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/lists.c - the lists of rollouts, their members and their transitions, a page at a
    time */

#include "deploy/lists.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "wire/page.h"
#include "deploy/rollout.h"
#include "deploy/plan.h"
#include "wire/text.h"

enum { PAGE = 64 /* rollouts in one answer */ };

int deploy_rollout_unknown (struct wire_answer *answer, const char *id)
{
    return wire_answer_say (answer, WIRE_STATUS_NONE, "no rollout %s: nodectl rollout list shows them",
                            id ? id : "(nothing)");
}

static int serial_read (const char *after, uint64_t *ret_serial)
{
    *ret_serial = 0;
    return after ? base_text_parse_u64 (after, WIRE_EPOCH_MOST, ret_serial) : 0;
}

static int list_end (struct wire_answer *answer, bool more, uint64_t next)
{
    answer->status = WIRE_STATUS_OK;
    answer->more = more;
    if (more)
        answer->next = base_text_printf ("%llu", (unsigned long long) next);
    return more && !answer->next ? -ENOMEM : 0;
}

struct rollout_list {
    const struct wire_request *request;
    struct wire_page page;
    uint64_t last;
};

static int rollout_visit (void *context, const struct records_rollout *row)
{
    struct rollout_list *list = context;
    const struct wire_request *request = list->request;
    base_cleanup (wire_rollout_state_deinit) struct wire_rollout_state shown = {.id = NULL};
    int r;

    if ((request->rollout && strcmp (row->state.id, request->rollout) != 0) ||
        (request->application && strcmp (row->state.spec->application, request->application) != 0))
        return 0;
    r = wire_copy (&wire_rollout_state_record, &row->state, &shown);
    if (r == 0)
        r = list->page.count == PAGE ? 1 : wire_page_add (&list->page, &shown);
    if (r == 0)
        list->last = row->serial;
    return r;
}

int deploy_list_rollouts (struct deploy *deploy, const struct wire_request *request,
                          struct wire_answer *answer, struct base_error *error)
{
    struct rollout_list list = {.request = request, .page = {.record = &wire_rollout_state_record}};
    uint64_t before, since = request->since > deploy->ops->revision (deploy->context) ? 0 : request->since;
    int r;

    if (serial_read (request->after, &before) != 0)
        return wire_answer_say (answer, WIRE_STATUS_INVALID, "after must be the next of an earlier answer");
    r = records_rollouts (deploy->records, before, since, false, rollout_visit, &list, error);
    if (r < 0) {
        wire_page_deinit (&list.page);
        return r;
    }
    answer->rollouts = list.page.items;
    answer->n_rollouts = list.page.count;
    if (request->rollout && answer->n_rollouts == 0 && since == 0)
        return deploy_rollout_unknown (answer, request->rollout);
    return list_end (answer, r == 1, list.last);
}

struct member_list {
    struct wire_page page;
    uint64_t next;
};

static int member_visit (void *context, const struct records_member *row)
{
    struct member_list *list = context;
    struct rollout_member member = deploy_member_restore (row);
    base_cleanup (wire_member_state_deinit) struct wire_member_state shown = {
        .state = row->state,
        .epoch = row->epoch,
        .revert_ms = row->revert_ms,
        .charged = row->charged,
        .was_bad = row->was_bad,
        .forgiven = rollout_is_forgiven (&member),
        .wave = row->state == WIRE_MEMBER_EXCLUDED ? 0 : row->wave + 1};
    char since[BASE_TIME_TEXT];
    int r;

    if (wire_text_set (&shown.node, row->node) != 0 || wire_text_set (&shown.step, row->step) != 0 ||
        wire_text_set (&shown.reason, row->reason) != 0 ||
        wire_text_set (&shown.transaction, row->transaction) != 0 ||
        wire_text_set (&shown.since, base_time_format (row->real_ms * 1000000, since)) != 0)
        return -ENOMEM;
    r = wire_page_add (&list->page, &shown);
    if (r == 0)
        list->next = (uint64_t) row->index + 1;
    return r;
}

/*  Lists the members of a plan that was made. */
static int planned_list (struct deploy *deploy, const struct wire_request *request, uint64_t from,
                         struct wire_answer *answer)
{
    struct wire_page page = {.record = &wire_member_state_record};
    const struct deploy_plan *plan = deploy_plans_find (&deploy->plans, &request->plan);
    uint64_t at = from;
    int r = 0;

    if (!plan)
        return wire_answer_say (answer, WIRE_STATUS_NONE, "the plan is unknown or too old: make it again");
    for (; at < plan->n_members; at++) {
        base_cleanup (wire_member_state_deinit) struct wire_member_state shown = {.node = NULL};
        r = wire_copy (&wire_member_state_record, &plan->members[at], &shown);
        if (r == 0)
            r = wire_page_add (&page, &shown);
        if (r != 0)
            break;
    }
    if (r < 0) {
        wire_page_deinit (&page);
        return r;
    }
    answer->members = page.items;
    answer->n_members = page.count;
    return list_end (answer, r == 1, at);
}

/*  Finds the serial of a rollout by its id. Returns 1 if there is none: the answer says so. */
static int serial_of (struct deploy *deploy, const struct wire_request *request, uint64_t *ret_serial,
                      struct wire_answer *answer, struct base_error *error)
{
    base_cleanup (records_rollout_deinit) struct records_rollout row = {.serial = 0};
    int r = request->rollout ? records_rollout_get (deploy->records, request->rollout, &row, error) : -ENOENT;

    if (r == -ENOENT) {
        r = deploy_rollout_unknown (answer, request->rollout);
        return r ? r : 1;
    }
    if (r == 0)
        *ret_serial = row.serial;
    return r;
}

int deploy_list_members (struct deploy *deploy, const struct wire_request *request,
                         struct wire_answer *answer, struct base_error *error)
{
    struct member_list list = {.page = {.record = &wire_member_state_record}};
    uint64_t serial, from,
        since = request->since > deploy->ops->revision (deploy->context) ? 0 : request->since;
    int r;

    if (serial_read (request->after, &from) != 0)
        return wire_answer_say (answer, WIRE_STATUS_INVALID, "after must be the next of an earlier answer");
    if (!base_digest_is_null (&request->plan))
        return planned_list (deploy, request, from, answer);
    r = serial_of (deploy, request, &serial, answer, error);
    if (r != 0)
        return r > 0 ? 0 : r;
    r = records_members (deploy->records, serial, from, since, member_visit, &list, error);
    if (r < 0) {
        wire_page_deinit (&list.page);
        return r;
    }
    answer->members = list.page.items;
    answer->n_members = list.page.count;
    return list_end (answer, r == 1, list.next);
}

static int turn_visit (void *context, const struct wire_turn *turn)
{
    struct wire_page *page = context;
    base_cleanup (wire_turn_deinit) struct wire_turn copy = {.serial = 0};
    int r = wire_copy (&wire_turn_record, turn, &copy);

    return r == 0 ? wire_page_add (page, &copy) : r;
}

int deploy_list_turns (struct deploy *deploy, const struct wire_request *request, struct wire_answer *answer,
                       struct base_error *error)
{
    struct wire_page page = {.record = &wire_turn_record};
    uint64_t serial, after;
    int r;

    if (serial_read (request->after, &after) != 0)
        return wire_answer_say (answer, WIRE_STATUS_INVALID, "after must be the next of an earlier answer");
    r = serial_of (deploy, request, &serial, answer, error);
    if (r != 0)
        return r > 0 ? 0 : r;
    r = records_turns (deploy->records, serial, after, turn_visit, &page, error);
    if (r < 0) {
        wire_page_deinit (&page);
        return r;
    }
    answer->turns = page.items;
    answer->n_turns = page.count;
    return list_end (answer, r == 1, answer->n_turns ? answer->turns[answer->n_turns - 1].serial : 0);
}
