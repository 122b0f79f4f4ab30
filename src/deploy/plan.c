/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/plan.c - plans a rollout from the current records */

#include "deploy/plan.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "deploy/rollout.h"
#include "rollout/selector.h"
#include "wire/envelope.h"
#include "wire/text.h"

enum { TYPICAL_MS = 5000, SIZES_MOST = 64 };

/*  A plan under construction. */
struct planning {
    struct deploy *deploy;
    struct wire_rollout spec; /* owned */
    struct records_release release;
    struct rollout_selector *selector;
    struct wire_answer *refusal;
    struct base_error *error;
    struct deploy_planned *planned;
    uint32_t capacity; /* of planned->facts */
    /*  Bytes to download to get from one release to the new one. */
    struct {
        struct base_digest from;
        char platform[RECORDS_ID_SIZE];
        uint64_t size;
    } sizes[SIZES_MOST];
    size_t n_sizes;
};

static void planning_deinit (struct planning *planning)
{
    wire_rollout_deinit (&planning->spec);
    records_release_deinit (&planning->release);
    (void) rollout_selector_free (planning->selector);
}

void deploy_planned_deinit (struct deploy_planned *planned)
{
    base_assert (planned);
    rollout_plan_deinit (&planned->plan);
    free (planned->facts);
    free (planned->version);
    *planned = (struct deploy_planned){.n_facts = 0};
}

/*  Refuses to make a plan. Returns DEPLOY_E_REFUSED or -ENOMEM. */
__attribute__ ((format (printf, 3, 4))) static int
plan_refuse (struct wire_answer *refusal, enum wire_status status, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    refusal->status = status;
    refusal->reason = wire_reason_v (format, arguments);
    va_end (arguments);
    return refusal->reason ? DEPLOY_E_REFUSED : -ENOMEM;
}

/*  The release. */

enum { RELEASE_FOUND = 1 /* ends the search */ };

static int newest_take (void *context, const struct records_release *release)
{
    struct planning *planning = context;

    if (release->withdrawn)
        return 0;
    if (wire_copy (&wire_release_record, &release->document, &planning->release.document) != 0)
        return -ENOMEM;
    planning->release.digest = release->digest;
    return RELEASE_FOUND;
}

/*  Returns 0, -errno or DEPLOY_E_REFUSED. */
static int release_find (struct planning *planning)
{
    struct wire_rollout *spec = &planning->spec;
    struct records *records = planning->deploy->records;
    char digest[BASE_DIGEST_TEXT];
    int r;

    if (base_digest_is_null (&spec->release)) {
        r = records_releases (records, spec->application, 0, newest_take, planning, planning->error);
        if (r < 0)
            return r;
        if (r != RELEASE_FOUND)
            return plan_refuse (planning->refusal, WIRE_STATUS_NONE,
                                "no release of %s: publish one with nodectl publish", spec->application);
        spec->release = planning->release.digest;
        return 0;
    }
    (void) base_digest_format (&spec->release, digest);
    r = records_release_get (records, &spec->release, &planning->release, planning->error);
    if (r == -ENOENT)
        return plan_refuse (planning->refusal, WIRE_STATUS_NONE, "no release %s: nodectl releases lists them",
                            digest);
    if (r < 0)
        return r;
    if (strcmp (planning->release.document.application, spec->application) != 0)
        return plan_refuse (planning->refusal, WIRE_STATUS_NONE, "release %s belongs to %s, not to %s",
                            digest, planning->release.document.application, spec->application);
    if (planning->release.withdrawn)
        return plan_refuse (planning->refusal, WIRE_STATUS_GONE,
                            "release %s was withdrawn: roll out another one", digest);
    return 0;
}

/*  Sizes. */

static bool envelope_has (const struct wire_envelope *envelope, const struct base_digest *digest)
{
    if (!envelope)
        return false;
    if (base_digest_equal (&envelope->binary, digest))
        return true;
    for (size_t i = 0; i < envelope->n_files; i++)
        if (base_digest_equal (&envelope->files[i].digest, digest))
            return true;
    return false;
}

/*  Returns the bytes of the files that one envelope has and the other lacks. A file that is listed twice is
    downloaded once, but counted twice: the size is an upper limit. */
static uint64_t size_between (const struct wire_envelope *from, const struct wire_envelope *to)
{
    uint64_t size = envelope_has (from, &to->binary) ? 0 : to->size;

    for (size_t i = 0; i < to->n_files; i++)
        if (!envelope_has (from, &to->files[i].digest))
            size += to->files[i].size;
    return size;
}

static int size_find (struct planning *planning, const struct base_digest *running, const char *platform,
                      const struct wire_envelope *envelope, uint64_t *ret_size)
{
    base_assert (running && envelope && ret_size);
    base_cleanup (records_release_deinit) struct records_release release = {.serial = 0};
    int r = -ENOENT;

    for (size_t i = 0; i < planning->n_sizes; i++)
        if (base_digest_equal (&planning->sizes[i].from, running) &&
            strcmp (planning->sizes[i].platform, platform) == 0) {
            *ret_size = planning->sizes[i].size;
            return 0;
        }
    if (!base_digest_is_null (running))
        r = records_release_get (planning->deploy->records, running, &release, planning->error);
    if (r < 0 && r != -ENOENT)
        return r;
    *ret_size = size_between (r == 0 ? wire_release_match (&release.document, platform) : NULL, envelope);
    base_assert (planning->n_sizes <= SIZES_MOST);
    if (planning->n_sizes < SIZES_MOST) {
        planning->sizes[planning->n_sizes].from = *running;
        (void) snprintf (planning->sizes[planning->n_sizes].platform, RECORDS_ID_SIZE, "%s", platform);
        planning->sizes[planning->n_sizes++].size = *ret_size;
    }
    return 0;
}

/*  Facts. */

static int fact_fill (struct planning *planning, const struct deploy_node *node, struct rollout_fact *fact)
{
    base_assert (planning->planned && fact);
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    const struct deploy_ops *ops = planning->deploy->ops;
    const struct wire_rollout *spec = &planning->spec;
    const struct wire_envelope *envelope = wire_release_match (&planning->release.document, node->platform);
    uint32_t index;
    const struct deploy_rollout *other =
        deploy_rollout_before (planning->deploy, NULL, node->id, spec->application, &index);
    bool waits = other && (spec->queue || (spec->supersede && rollout_gives (&other->machine)));
    int r = records_application_get (planning->deploy->records, node->id, spec->application, &application,
                                     planning->error);

    if (r < 0 && r != -ENOENT)
        return r;
    *fact = (struct rollout_fact){
        .id = node->id,
        .failure_domain = spec->failure_domain ? ops->label (node->labels, spec->failure_domain) : NULL,
        .online = node->online,
        .lacks = r == -ENOENT || !application.is_reported,
        .fits = envelope != NULL,
        .busy = other && !waits,
        .held = ops->held (&application),
        .quarantined = ops->quarantined (planning->deploy->context, &application, &spec->release)};
    if (application.is_reported && !waits) /* else another rollout may change what it runs */
        fact->running = application.reported.release;
    return envelope ? size_find (planning, &fact->running, node->platform, envelope, &fact->size) : 0;
}

static int fact_add (void *context, const struct deploy_node *node)
{
    struct planning *planning = context;
    struct deploy_planned *planned = planning->planned;

    if (!rollout_selector_fits (planning->selector, planning->deploy->ops->label, node->labels))
        return 0;
    base_assert (planned->n_facts <= planning->capacity);
    if (planned->n_facts == planning->capacity) {
        uint32_t capacity = planning->capacity ? 2 * planning->capacity : 64;
        struct rollout_fact *facts = reallocarray (planned->facts, capacity, sizeof *facts);
        if (!facts)
            return -ENOMEM;
        planned->facts = facts;
        planning->capacity = capacity;
    }
    return fact_fill (planning, node, &planned->facts[planned->n_facts++]);
}

static int facts_gather (struct planning *planning, struct deploy_planned *planned)
{
    planning->planned = planned;
    return planning->deploy->ops->nodes (planning->deploy->context, fact_add, planning);
}

/*  Returns 0, -errno or DEPLOY_E_REFUSED. */
static int plan_make (struct planning *planning, struct deploy_planned *planned)
{
    base_assert (!planning->selector && planned->n_facts == 0);
    struct deploy *deploy = planning->deploy;
    struct base_error wrong = {.code = 0};
    uint64_t typical_ms = 0;
    char unserved[DEPLOY_BLOBS_TEXT];
    int r = rollout_selector_parse (planning->spec.selector ? planning->spec.selector : "",
                                    &planning->selector, &wrong);

    if (r == -EINVAL)
        return plan_refuse (planning->refusal, WIRE_STATUS_INVALID, "%s", wrong.text);
    if (r < 0)
        return r;
    r = release_find (planning);
    if (r)
        return r;
    r = deploy->ops->serve_check (deploy->context, &planning->release.document, &planning->spec.release,
                                  unserved);
    if (r == DEPLOY_E_UNSERVED)
        return plan_refuse (planning->refusal, WIRE_STATUS_REFUSED, "%s", unserved);
    r = facts_gather (planning, planned);
    if (r < 0)
        return r;
    r = records_members_took (planning->deploy->records, &typical_ms, planning->error);
    if (r < 0)
        return r;
    r = rollout_plan_make (&planning->spec, planned->facts, planned->n_facts,
                           typical_ms ? typical_ms : TYPICAL_MS, &planned->plan, &wrong);
    if (r == -EINVAL)
        return plan_refuse (planning->refusal, WIRE_STATUS_INVALID, "%s", wrong.text);
    if (r < 0)
        return r;
    if (planning->release.document.version &&
        !(planned->version = strdup (planning->release.document.version)))
        return -ENOMEM;
    return 0;
}

int deploy_plan_make (struct deploy *deploy, const struct wire_rollout *spec,
                      struct deploy_planned *ret_planned, struct wire_answer *ret_refusal,
                      struct base_error *error)
{
    base_assert (deploy && spec && ret_planned && ret_refusal);
    base_cleanup (planning_deinit) struct planning planning = {
        .deploy = deploy, .refusal = ret_refusal, .error = error};
    base_cleanup (deploy_planned_deinit) struct deploy_planned planned = {.n_facts = 0};
    int r;

    if (!wire_application_is_valid (spec->application))
        return plan_refuse (ret_refusal, WIRE_STATUS_INVALID, "the name of the application is not valid");
    r = wire_copy (&wire_rollout_record, spec, &planning.spec);
    if (r < 0)
        return r;
    r = plan_make (&planning, &planned);
    if (r)
        return r;
    *ret_planned = planned;
    planned = (struct deploy_planned){.n_facts = 0};
    return 0;
}

/*  Plans as messages and texts. */

const char *deploy_plan_skipped (struct deploy *deploy, const struct deploy_planned *planned, uint32_t index,
                                 char text[DEPLOY_SKIPPED_TEXT])
{
    base_assert (deploy && planned && index < planned->plan.n_skipped);
    const struct rollout_skipped *skipped = &planned->plan.skipped[index];
    base_assert (skipped->fact < planned->n_facts);
    const struct deploy_rollout *rollout = NULL;
    uint32_t member;

    if (skipped->why == ROLLOUT_EXCLUDED_BUSY)
        rollout = deploy_rollout_before (deploy, NULL, planned->facts[skipped->fact].id,
                                         planned->plan.spec.application, &member);
    if (rollout)
        (void) snprintf (text, DEPLOY_SKIPPED_TEXT, "rollout %s has this node and has not ended: --queue%s",
                         rollout->state.id,
                         rollout_gives (&rollout->machine) ? " waits for it, --supersede takes over the node"
                                                           : " waits for it");
    else
        (void) snprintf (text, DEPLOY_SKIPPED_TEXT, "%s", rollout_exclusion_text (skipped->why));
    return text;
}

static void plan_free_p (struct wire_plan **plan)
{
    if (*plan)
        wire_plan_deinit (*plan);
    free (*plan);
}

int deploy_plan_show (const struct deploy_planned *planned, struct wire_plan **ret_plan)
{
    base_assert (planned && ret_plan);
    base_cleanup (plan_free_p) struct wire_plan *shown = calloc (1, sizeof *shown);
    const struct rollout_plan *plan = &planned->plan;

    if (!shown)
        return -ENOMEM;
    shown->hash = plan->hash;
    shown->updated = plan->n_candidates;
    shown->skipped = plan->n_skipped;
    shown->bytes = plan->bytes < WIRE_SIZE_MOST ? plan->bytes : WIRE_SIZE_MOST;
    shown->expected_ms = plan->expected_ms < WIRE_SPAN_MOST ? plan->expected_ms : WIRE_SPAN_MOST;
    shown->spec = calloc (1, sizeof *shown->spec);
    shown->waves = calloc (plan->spec.n_waves + 1, sizeof *shown->waves);
    if (!shown->spec || !shown->waves ||
        (planned->version && !(shown->version = strdup (planned->version))) ||
        wire_copy (&wire_rollout_record, &plan->spec, shown->spec) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < plan->spec.n_waves; i++)
        shown->waves[i] =
            (struct wire_wave_state){.count = plan->sizes[i], .approval = plan->spec.waves[i].approval};
    shown->n_waves = plan->spec.n_waves;
    *ret_plan = base_take (shown);
    return 0;
}

/*  Adds the members of waves, then the skipped nodes. Returns 0 or -ENOMEM. */
static int plan_members_keep (struct deploy *deploy, struct deploy_plan *kept,
                              const struct deploy_planned *planned)
{
    char why[DEPLOY_SKIPPED_TEXT];
    const struct rollout_plan *plan = &planned->plan;
    kept->members = calloc ((size_t) plan->n_candidates + plan->n_skipped + 1, sizeof *kept->members);
    if (!kept->members)
        return -ENOMEM;
    for (uint32_t i = 0; i < plan->n_candidates + plan->n_skipped; i++) {
        bool in = i < plan->n_candidates;
        uint32_t at = in ? i : i - plan->n_candidates;
        uint32_t fact = in ? plan->facts[at] : plan->skipped[at].fact;
        base_assert (fact < planned->n_facts);
        struct wire_member_state *member = &kept->members[kept->n_members++];
        *member = (struct wire_member_state){.state = in ? WIRE_MEMBER_WAITING : WIRE_MEMBER_EXCLUDED,
                                             .wave = in ? plan->candidates[at].wave + 1 : 0,
                                             .node = strdup (planned->facts[fact].id)};
        if (!in)
            member->reason = strdup (deploy_plan_skipped (deploy, planned, at, why));
        if (!member->node || (!in && !member->reason))
            return -ENOMEM;
    }
    return 0;
}

int deploy_plan_keep (struct deploy *deploy, const struct deploy_planned *planned)
{
    base_assert (deploy && planned);
    base_cleanup (deploy_plan_deinit) struct deploy_plan kept = {.hash = planned->plan.hash};
    int r;

    if (deploy_plans_find (&deploy->plans, &kept.hash))
        return 0;
    r = plan_members_keep (deploy, &kept, planned);
    if (r < 0)
        return r;
    deploy_plans_add (&deploy->plans, &kept);
    return 0;
}
