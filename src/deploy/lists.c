/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/lists.c - the lists of rollouts, their members and their transitions, a page at a
    time */

#include "deploy/lists.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "wire/page.h"
#include "deploy/rollout.h"
#include "deploy/plan.h"
#include "wire/text.h"

enum { PAGE = 64 /* rollouts in one answer */ };

static int serial_read (const char *after, uint64_t *ret_serial)
{
    *ret_serial = 0;
    return after ? base_text_parse_u64 (after, WIRE_EPOCH_MOST, ret_serial) : 0;
}

/*  Writes where the next page begins, if there is one. */
static int next_set (const char **field, bool more, uint64_t next)
{
    *field = more ? base_text_printf ("%llu", (unsigned long long) next) : NULL;
    return more && !*field ? -ENOMEM : 0;
}

/*  Ends an answer whose items are filled. Returns 0 or -ENOMEM. */
#define list_end(answer, more_, next_)                                                                       \
    ((answer)->status = WIRE_STATUS_OK, (answer)->more = (more_), next_set (&(answer)->next, more_, next_))

struct rollout_list {
    const struct wire_list_rollouts *request;
    struct wire_page page;
    uint64_t last;
};

static int rollout_visit (void *context, const struct records_rollout *row)
{
    base_assert (context && row);
    struct rollout_list *list = context;
    const struct wire_list_rollouts *request = list->request;
    base_cleanup (wire_rollout_state_deinit) struct wire_rollout_state shown = {.id = NULL};
    int r;

    if ((request->rollout && strcmp (row->state.id, request->rollout) != 0) ||
        (request->application && strcmp (row->state.spec->application, request->application) != 0))
        return 0;
    if (list->page.count == PAGE)
        return WIRE_PAGE_FULL;
    r = wire_copy (&wire_rollout_state_record, &row->state, &shown);
    if (r < 0)
        return r;
    r = wire_page_add (&list->page, &shown);
    if (r == 0)
        list->last = row->serial;
    return r;
}

int deploy_list_rollouts (struct deploy *deploy, const struct wire_list_rollouts *request,
                          struct wire_rollouts *answer, struct base_error *error)
{
    base_assert (deploy && request && answer);
    struct rollout_list list = {.request = request, .page = {.record = &wire_rollout_state_record}};
    uint64_t before, since = request->since > deploy->ops->revision (deploy->context) ? 0 : request->since;
    int r;

    if (serial_read (request->after, &before) != 0)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "after must be the next of an earlier answer");
    r = records_rollouts (deploy->records, before, since, RECORDS_ALL, rollout_visit, &list, error);
    if (r < 0) {
        wire_page_deinit (&list.page);
        return r;
    }
    answer->rollouts = list.page.items;
    answer->n_rollouts = list.page.count;
    if (request->rollout && answer->n_rollouts == 0 && since == 0)
        return deploy_rollout_unknown (answer, request->rollout);
    return list_end (answer, r == WIRE_PAGE_FULL, list.last);
}

struct member_list {
    struct wire_page page;
    uint64_t next;
};

static int member_visit (void *context, const struct records_member *row)
{
    base_assert (context && row);
    struct member_list *list = context;
    struct rollout_member member = deploy_member_restore (row);
    base_cleanup (wire_member_state_deinit) struct wire_member_state shown = {
        .state = row->state,
        .epoch = row->epoch,
        .revert_ms = row->revert_ms,
        .charged = row->charged,
        .lost_before = row->lost_before,
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

/*  Lists the members of a plan that was kept. */
static int planned_list (struct deploy *deploy, const struct wire_list_members *request, uint64_t from,
                         struct wire_members *answer)
{
    struct wire_page page = {.record = &wire_member_state_record};
    const struct deploy_plan *plan = deploy_plans_find (&deploy->plans, &request->plan);
    uint64_t at = from;
    int r = 0;

    if (!plan)
        return wire_answer_set (answer, WIRE_STATUS_NONE, "the plan is unknown or too old: make it again");
    for (; at < plan->n_members; at++) {
        base_cleanup (wire_member_state_deinit) struct wire_member_state shown = {.node = NULL};
        r = wire_copy (&wire_member_state_record, &plan->members[at], &shown);
        if (r < 0)
            break;
        r = wire_page_add (&page, &shown);
        if (r)
            break;
    }
    if (r < 0) {
        wire_page_deinit (&page);
        return r;
    }
    answer->members = page.items;
    answer->n_members = page.count;
    return list_end (answer, r == WIRE_PAGE_FULL, at);
}

/*  Finds the serial of a rollout by its id, which may be NULL. Returns 0, -ENOENT without a text, or another
    -errno. */
static int rollout_serial (struct deploy *deploy, const char *id, uint64_t *ret_serial,
                           struct base_error *error)
{
    base_cleanup (records_rollout_deinit) struct records_rollout row = {.serial = 0};
    int r = id ? records_rollout_get (deploy->records, id, &row, error) : -ENOENT;
    if (r < 0)
        return r;
    *ret_serial = row.serial;
    return 0;
}

int deploy_list_members (struct deploy *deploy, const struct wire_list_members *request,
                         struct wire_members *answer, struct base_error *error)
{
    base_assert (deploy && request && answer);
    struct member_list list = {.page = {.record = &wire_member_state_record}};
    uint64_t serial, from,
        since = request->since > deploy->ops->revision (deploy->context) ? 0 : request->since;
    int r;

    if (serial_read (request->after, &from) != 0)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "after must be the next of an earlier answer");
    if (!base_digest_is_null (&request->plan))
        return planned_list (deploy, request, from, answer);
    r = rollout_serial (deploy, request->rollout, &serial, error);
    if (r == -ENOENT)
        return deploy_rollout_unknown (answer, request->rollout);
    if (r < 0)
        return r;
    r = records_members (deploy->records, serial, from, since, member_visit, &list, error);
    if (r < 0) {
        wire_page_deinit (&list.page);
        return r;
    }
    answer->members = list.page.items;
    answer->n_members = list.page.count;
    return list_end (answer, r == WIRE_PAGE_FULL, list.next);
}

static int transition_visit (void *context, const struct wire_transition *transition)
{
    base_assert (context && transition);
    struct wire_page *page = context;
    base_cleanup (wire_transition_deinit) struct wire_transition copy = {.serial = 0};
    int r = wire_copy (&wire_transition_record, transition, &copy);
    if (r < 0)
        return r;
    return wire_page_add (page, &copy);
}

int deploy_list_transitions (struct deploy *deploy, const struct wire_list_transitions *request,
                             struct wire_transitions *answer, struct base_error *error)
{
    base_assert (deploy && request && answer);
    struct wire_page page = {.record = &wire_transition_record};
    uint64_t serial, after;
    int r;

    if (serial_read (request->after, &after) != 0)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "after must be the next of an earlier answer");
    r = rollout_serial (deploy, request->rollout, &serial, error);
    if (r == -ENOENT)
        return deploy_rollout_unknown (answer, request->rollout);
    if (r < 0)
        return r;
    r = records_transitions (deploy->records, serial, after, transition_visit, &page, error);
    if (r < 0) {
        wire_page_deinit (&page);
        return r;
    }
    answer->transitions = page.items;
    answer->n_transitions = page.count;
    return list_end (answer, r == WIRE_PAGE_FULL,
                     answer->n_transitions ? answer->transitions[answer->n_transitions - 1].serial : 0);
}
