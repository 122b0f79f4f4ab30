/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/request.c - rollouts that operators request: plan, start, steer */

#include "deploy/request.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/time.h"
#include "deploy/rollout.h"
#include "deploy/deploy.h"
#include "deploy/apply.h"
#include "deploy/lists.h"
#include "deploy/plan.h"
#include "deploy/state.h"
#include "wire/text.h"

enum { ID_SIZE = 2 + 12 + 1 /* "r-" and 12 hexadecimal digits */ };

static void rollout_free_p (struct deploy_rollout **rollout)
{
    deploy_rollout_free (*rollout);
}

/*  The key under which the answer of a start or command is stored, for a repeated request. kind keeps the
    keys of starts and commands apart. */
enum { KEY_SIZE = 80 };
static const char *key_format (const char *kind, const char *key, char text[KEY_SIZE])
{
    (void) snprintf (text, KEY_SIZE, "%s/%s", kind, key);
    return text;
}

/*  A start or command, which is answered with the state of the rollout after it. */
struct asked {
    struct deploy *deploy;
    const char *key; /* NULL: the answer is not stored */
    const struct wire_record *record;
    void *answer;
    enum wire_status *status;
    struct wire_rollout_state **rollout;
    const struct deploy_planned *planned; /* of a start */
};

/*  Returns the code of a refusal; r: of the call that filled the answer. */
static int refusal_code (int r)
{
    return r < 0 ? r : DEPLOY_E_REFUSED;
}

static int asked_end (void *context, struct deploy_rollout *rollout, struct base_error *error)
{
    base_assert (context && rollout->state.id);
    struct asked *asked = context;
    struct wire_rollout_state *shown = calloc (1, sizeof *shown);

    if (!shown)
        return -ENOMEM;
    *asked->rollout = shown;
    if (wire_copy (&wire_rollout_state_record, &rollout->state, shown) != 0)
        return -ENOMEM;
    *asked->status = WIRE_STATUS_OK;
    return asked->key
               ? records_answer_put (asked->deploy->records, asked->key, asked->record, asked->answer, error)
               : 0;
}

/*  Plan. */

int deploy_request_plan (struct deploy *deploy, const struct wire_plan_rollout *request,
                         struct wire_planned *answer, struct base_error *error)
{
    base_assert (deploy && request && answer);
    base_cleanup (deploy_planned_deinit) struct deploy_planned planned = {.n_facts = 0};
    base_cleanup (wire_answer_deinit) struct wire_answer refusal = {.serial = 0};
    int r = deploy_plan_make (deploy, request->spec, &planned, &refusal, error);
    if (r == DEPLOY_E_REFUSED)
        return wire_answer_set (answer, refusal.status, "%s", refusal.reason);
    if (r < 0)
        return r;
    r = deploy_plan_keep (deploy, &planned);
    if (r < 0)
        return r;
    r = deploy_plan_show (&planned, &answer->plan);
    if (r < 0)
        return r;
    answer->status = WIRE_STATUS_OK;
    return 0;
}

/*  Start. */

static int skipped_write (struct deploy *deploy, const struct deploy_rollout *rollout,
                          const struct deploy_planned *planned, struct base_error *error)
{
    base_assert (planned->plan.n_skipped == 0 || planned->plan.skipped);
    const struct rollout_plan *plan = &planned->plan;
    char why[DEPLOY_SKIPPED_TEXT];

    for (uint32_t i = 0; i < plan->n_skipped; i++) {
        struct records_member row = {.index = plan->n_candidates + i,
                                     .node = planned->facts[plan->skipped[i].fact].id,
                                     .state = WIRE_MEMBER_EXCLUDED,
                                     .since_ms = rollout->machine.phase_ms,
                                     .real_ms = base_time_real_ns () / 1000000,
                                     .reason = deploy_plan_skipped (deploy, planned, i, why)};
        int r = records_revision_next (deploy->records, &row.revision, error);
        if (r < 0)
            return r;
        r = records_member_put (deploy->records, rollout->serial, &row, error);
        if (r < 0)
            return r;
    }
    return 0;
}

static int start_begin (void *context, struct deploy_rollout *rollout, struct base_error *error)
{
    base_assert (context && rollout->serial == 0);
    struct asked *asked = context;
    struct deploy *deploy = asked->deploy;
    struct records_rollout row = {.state = rollout->state};
    int r = records_rollouts_prune (deploy->records, error);
    if (r < 0)
        return r;
    r = records_rollout_add (deploy->records, &row, error);
    if (r < 0)
        return r;
    rollout->serial = row.serial;
    for (uint32_t i = 0; i < rollout->machine.n_members; i++) {
        struct records_member member = {
            .index = i, .node = rollout->members[i].id, .real_ms = base_time_real_ns () / 1000000};
        deploy_member_save (&rollout->machine.members[i], &member);
        r = records_revision_next (deploy->records, &member.revision, error);
        if (r < 0)
            return r;
        r = records_member_put (deploy->records, rollout->serial, &member, error);
        if (r < 0)
            return r;
    }
    return skipped_write (deploy, rollout, asked->planned, error);
}

static int state_begin (struct deploy_rollout *rollout, const struct deploy_planned *planned, uint64_t now_ms)
{
    base_assert (!rollout->state.id && rollout->machine.n_waves > 0);
    struct wire_rollout_state *state = &rollout->state;
    char id[ID_SIZE] = "r-", time[BASE_TIME_TEXT];

    (void) base_random_hex (id + 2, 6);
    state->id = strdup (id);
    state->started = strdup (base_time_format (base_time_real_ns (), time));
    state->spec = calloc (1, sizeof *state->spec);
    state->waves = calloc (rollout->machine.n_waves, sizeof *state->waves);
    if (!state->id || !state->started || !state->spec || !state->waves)
        return -ENOMEM;
    state->n_waves = rollout->machine.n_waves;
    state->plan = planned->plan.hash;
    state->skipped = planned->plan.n_skipped;
    state->bytes = planned->plan.bytes < WIRE_SIZE_MOST ? planned->plan.bytes : WIRE_SIZE_MOST;
    if (planned->version && !(state->version = strdup (planned->version)))
        return -ENOMEM;
    if (wire_copy (&wire_rollout_record, &rollout->machine.spec, state->spec) != 0)
        return -ENOMEM;
    return deploy_rollout_describe (rollout, now_ms);
}

/*  Creates a rollout as planned. The caller owns it: it is not in the list of live rollouts yet. */
static int rollout_make (struct deploy *deploy, const struct deploy_planned *planned,
                         struct deploy_rollout **ret_rollout)
{
    base_assert (planned->plan.n_candidates > 0);
    base_cleanup (rollout_free_p) struct deploy_rollout *rollout = calloc (1, sizeof *rollout);
    const struct rollout_plan *plan = &planned->plan;
    uint64_t now_ms = deploy_now_ms (deploy);
    bool waits = false;
    uint32_t index;
    int r;

    if (!rollout)
        return -ENOMEM;
    for (uint32_t i = 0; i < plan->n_candidates && !waits; i++)
        waits = deploy_rollout_before (deploy, NULL, planned->facts[plan->facts[i]].id,
                                       plan->spec.application, &index) != NULL;
    for (uint32_t i = 0; i < plan->n_candidates; i++) /* an offline node counts as lost before */
        plan->candidates[i].online = planned->facts[plan->facts[i]].online;
    r = (waits ? rollout_init_queued : rollout_init) (&rollout->machine, &plan->spec, plan->candidates,
                                                      plan->n_candidates, plan->n_failure_domains, now_ms);
    if (r < 0)
        return r;
    rollout->machine.settle_ms = 2 * deploy->times.liveness_ms;
    rollout->live = true;
    rollout->members = calloc (plan->n_candidates, sizeof *rollout->members);
    if (!rollout->members)
        return -ENOMEM;
    for (uint32_t i = 0; i < plan->n_candidates; i++) {
        rollout->members[i].id = strdup (planned->facts[plan->facts[i]].id);
        if (!rollout->members[i].id)
            return -ENOMEM;
    }
    r = deploy_rollout_index (deploy, rollout);
    if (r < 0)
        return r;
    r = state_begin (rollout, planned, now_ms);
    if (r < 0)
        return r;
    *ret_rollout = base_take (rollout);
    return 0;
}

/*  Checks that a plan can be started now. Returns 0, -ENOMEM or DEPLOY_E_REFUSED. */
static int start_check (struct deploy *deploy, const struct wire_start_rollout *request,
                        const struct deploy_planned *planned, struct wire_started *answer)
{
    const struct rollout_plan *plan = &planned->plan;
    char hash[BASE_DIGEST_TEXT], why[DEPLOY_SKIPPED_TEXT];
    uint32_t index;
    int r;

    for (uint32_t i = 0; i < plan->n_skipped; i++) {
        const char *id = planned->facts[plan->skipped[i].fact].id;
        const struct deploy_rollout *other;
        if (plan->skipped[i].why != ROLLOUT_EXCLUDED_BUSY)
            continue;
        other = deploy_rollout_before (deploy, NULL, id, plan->spec.application, &index);
        r = wire_answer_set (
            answer, WIRE_STATUS_BUSY,
            "node %s is in rollout %s, which has not ended: --queue waits for it%s, or nodectl "
            "rollout abort %s",
            id, other ? other->state.id : "?",
            other && rollout_gives (&other->machine) ? ", --supersede takes over its nodes" : "",
            other ? other->state.id : "?");
        return refusal_code (r);
    }
    if (!base_digest_is_null (&request->plan) && !base_digest_equal (&request->plan, &plan->hash)) {
        r = wire_answer_set (answer, WIRE_STATUS_REFUSED,
                             "the plan has changed since it was made: check plan %s and start "
                             "that one",
                             base_digest_format (&plan->hash, hash));
        if (r == 0)
            r = deploy_plan_show (planned, &answer->plan);
        return refusal_code (r);
    }
    if (plan->n_candidates == 0) {
        r = plan->n_skipped ? wire_answer_set (answer, WIRE_STATUS_REFUSED,
                                               "no node to update: all %u selected nodes are skipped "
                                               "(the first, %s: %s)",
                                               plan->n_skipped, planned->facts[plan->skipped[0].fact].id,
                                               deploy_plan_skipped (deploy, planned, 0, why))
                            : wire_answer_set (answer, WIRE_STATUS_REFUSED,
                                               "the selector matches no node: nodectl nodes lists them");
        return refusal_code (r);
    }
    return 0;
}

int deploy_request_start (struct deploy *deploy, const struct wire_start_rollout *request,
                          struct wire_started *answer, struct base_error *error)
{
    base_assert (deploy && request && answer);
    base_cleanup (deploy_planned_deinit) struct deploy_planned planned = {.n_facts = 0};
    base_cleanup (rollout_free_p) struct deploy_rollout *rollout = NULL;
    base_cleanup (wire_answer_deinit) struct wire_answer refusal = {.serial = 0};
    char key[KEY_SIZE];
    struct asked asked = {.deploy = deploy,
                          .key = request->key ? key_format ("start", request->key, key) : NULL,
                          .record = &wire_started_record,
                          .answer = answer,
                          .status = &answer->status,
                          .rollout = &answer->rollout,
                          .planned = &planned};
    struct deploy_steering by = {
        .user = request->user, .begin = start_begin, .end = asked_end, .context = &asked};
    int r = asked.key ? records_answer_get (deploy->records, key, asked.record, answer, error) : -ENOENT;

    if (r != -ENOENT)
        return r;
    r = deploy_plan_make (deploy, request->spec, &planned, &refusal, error);
    if (r == DEPLOY_E_REFUSED)
        return wire_answer_set (answer, refusal.status, "%s", refusal.reason);
    if (r < 0)
        return r;
    r = deploy_plan_keep (deploy, &planned);
    if (r < 0)
        return r;
    r = start_check (deploy, request, &planned, answer);
    if (r)
        return r == DEPLOY_E_REFUSED ? 0 : r;
    r = rollout_make (deploy, &planned, &rollout);
    if (r < 0)
        return r;
    r = deploy_rollout_add (deploy, rollout);
    if (r < 0)
        return r;
    struct deploy_rollout *added = base_take (rollout); /* owned by deploy */
    r = deploy_rollout_advance (deploy, added, &by, error);
    if (r < 0) {
        deploy_rollout_drop (deploy, added);
        return r;
    }
    base_log (BASE_LOG_INFO, "rollout %s: started by %s: %s %s, %u nodes, plan %.12s", added->state.id,
              request->user ? request->user : "unknown", added->machine.spec.application,
              planned.version ? planned.version : "?", added->machine.n_members,
              base_digest_format (&planned.plan.hash, (char[BASE_DIGEST_TEXT]){0}));
    return 0;
}

/*  Steer. */

/*  Retries the named nodes; without names, all nodes that can be retried. Returns 0 if at least one is
    retried, else -EINVAL: text has the reason. */
static int members_retry (struct deploy_rollout *rollout, const struct wire_steer_rollout *request,
                          uint64_t now_ms, char text[ROLLOUT_REASON])
{
    char why[ROLLOUT_REASON];
    size_t done = 0;

    (void) snprintf (text, ROLLOUT_REASON, "no node can be retried: the rollout is %s",
                     wire_phase_word (rollout->machine.phase));
    for (size_t i = 0; i < request->n_nodes; i++) {
        uint32_t index = deploy_rollout_find (rollout, request->nodes[i]);
        if (index == ROLLOUT_NOBODY)
            (void) snprintf (text, ROLLOUT_REASON, "%s is not a node of rollout %s", request->nodes[i],
                             rollout->state.id);
        else if (rollout_command (&rollout->machine, WIRE_COMMAND_RETRY, index, now_ms, why) != 0)
            (void) snprintf (text, ROLLOUT_REASON, "%.64s: %.180s", request->nodes[i], why);
        else
            done++;
    }
    for (uint32_t i = 0; request->n_nodes == 0 && i < rollout->machine.n_members; i++)
        done += rollout_command (&rollout->machine, WIRE_COMMAND_RETRY, i, now_ms, why) == 0;
    return done ? 0 : -EINVAL;
}

/*  Returns another rollout that has not ended and has a node of this one; NULL: none. *ret_node: that
    node. */
static const struct deploy_rollout *
rollout_overlap (struct deploy *deploy, const struct deploy_rollout *rollout, const char **ret_node)
{
    for (uint32_t i = 0; i < rollout->machine.n_members; i++) {
        uint32_t index;
        if (rollout->machine.members[i].state == WIRE_MEMBER_TAKEN)
            continue;
        const struct deploy_rollout *other =
            deploy_rollout_of (deploy, rollout->members[i].id, rollout->machine.spec.application, &index);
        if (other && other != rollout) {
            *ret_node = rollout->members[i].id;
            return other;
        }
    }
    return NULL;
}

/*  The command continues updates: checks that the release can be served. Returns as steer_check. */
static int steer_check_release (struct deploy *deploy, const struct deploy_rollout *rollout,
                                struct wire_steered *answer, struct base_error *error)
{
    base_cleanup (records_release_deinit) struct records_release release = {.serial = 0};
    char unserved[DEPLOY_BLOBS_TEXT];
    int r = records_release_get (deploy->records, &rollout->machine.spec.release, &release, error);

    if (r < 0 && r != -ENOENT)
        return r;
    if (r == -ENOENT || release.withdrawn)
        return refusal_code (wire_answer_set (answer, WIRE_STATUS_GONE,
                                              "its release was withdrawn: nodectl rollout abort or revert %s",
                                              rollout->state.id));
    if (deploy->ops->serve_check (deploy->context, &release.document, &release.digest, unserved) ==
        DEPLOY_E_UNSERVED)
        return refusal_code (wire_answer_set (answer, WIRE_STATUS_REFUSED, "%s", unserved));
    return 0;
}

/*  Checks that a command can be carried out. Returns 0, -errno or DEPLOY_E_REFUSED. */
static int steer_check (struct deploy *deploy, struct deploy_rollout *rollout,
                        const struct wire_steer_rollout *request, struct wire_steered *answer,
                        struct base_error *error)
{
    const struct deploy_rollout *other;
    const char *node;
    uint32_t approves = rollout_approves (&rollout->machine);

    if (request->command == WIRE_COMMAND_NULL)
        return refusal_code (
            wire_answer_set (answer, WIRE_STATUS_INVALID, "the request has no command for the rollout"));
    if (request->command == WIRE_COMMAND_APPROVE && request->wave && approves != ROLLOUT_NOBODY &&
        request->wave != approves + 1)
        return refusal_code (wire_answer_set (
            answer, WIRE_STATUS_REFUSED, "wave %u of rollout %s waits for approval, not wave %llu",
            approves + 1, rollout->state.id, (unsigned long long) request->wave));
    if (request->command == WIRE_COMMAND_RESUME || request->command == WIRE_COMMAND_RETRY ||
        request->command == WIRE_COMMAND_APPROVE)
        return steer_check_release (deploy, rollout, answer, error);
    if (request->command == WIRE_COMMAND_REVERT && rollout_is_over (&rollout->machine) &&
        (other = rollout_overlap (deploy, rollout, &node)))
        return refusal_code (wire_answer_set (answer, WIRE_STATUS_BUSY,
                                              "node %s is in rollout %s, which has not ended", node,
                                              other->state.id));
    return 0;
}

int deploy_request_steer (struct deploy *deploy, const struct wire_steer_rollout *request,
                          struct wire_steered *answer, struct base_error *error)
{
    base_assert (deploy && request && answer);
    char key[KEY_SIZE];
    struct asked asked = {.deploy = deploy,
                          .key = request->key ? key_format ("steer", request->key, key) : NULL,
                          .record = &wire_steered_record,
                          .answer = answer,
                          .status = &answer->status,
                          .rollout = &answer->rollout};
    struct deploy_steering by = {
        .command = request->command, .user = request->user, .end = asked_end, .context = &asked};
    struct deploy_rollout *rollout = NULL;
    uint64_t now_ms = deploy_now_ms (deploy);
    char text[ROLLOUT_REASON] = "", nodes[ROLLOUT_REASON] = "";
    int r = asked.key ? records_answer_get (deploy->records, key, asked.record, answer, error) : -ENOENT;

    if (r != -ENOENT)
        return r;
    r = deploy_rollout_get (deploy, request->rollout, &rollout, error);
    if (r == -ENOENT)
        return deploy_rollout_unknown (answer, request->rollout);
    if (r < 0)
        return r;
    r = steer_check (deploy, rollout, request, answer, error);
    if (r)
        return r == DEPLOY_E_REFUSED ? 0 : r;
    if (request->command == WIRE_COMMAND_RETRY) {
        r = members_retry (rollout, request, now_ms, text);
        for (size_t i = 0; i < request->n_nodes; i++)
            (void) snprintf (nodes + strlen (nodes), sizeof nodes - strlen (nodes), "%s%s", i ? ", " : "",
                             request->nodes[i]);
        by.reason = request->n_nodes ? nodes : "all nodes that can be retried";
    } else
        r = rollout_command (&rollout->machine, request->command, ROLLOUT_NOBODY, now_ms, text);
    if (r < 0)
        return wire_answer_set (answer, WIRE_STATUS_REFUSED, "%s", text);
    r = deploy_rollout_advance (deploy, rollout, &by, error);
    if (r < 0)
        deploy_rollout_broken (deploy, rollout);
    return r;
}
