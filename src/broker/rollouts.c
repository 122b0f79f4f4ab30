/*  broker/rollouts.c - rollouts at work */

#include "broker/rollouts.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/labels.h"
#include "broker/orders.h"
#include "broker/private.h"
#include "broker/rollouts_plan.h"

enum { TIMER_MOST_MS = 10 * 1000, COMPARE_LEAST_MS = 10 * 1000 };

static uint64_t now_real_ms (void)
{
    return base_time_real_ns () / 1000000;
}

static const char *time_text (uint64_t ms, char text[BASE_TIME_TEXT])
{
    return base_time_format (ms * 1000000, text);
}

/*  --- what is loaded ------------------------------------------------------------------------------------- */

struct broker_rollout *broker_rollout_free (struct broker_rollout *rollout)
{
    if (!rollout)
        return NULL;
    for (uint32_t i = 0; rollout->members && i < rollout->machine.n_members; i++) {
        struct broker_member *member = &rollout->members[i];
        free (member->id);
        free (member->transaction);
        free (member->step);
        free (member->reason);
    }
    free (rollout->members);
    free (rollout->by_id);
    free (rollout->queue);
    free (rollout->values);
    free (rollout->value_texts);
    free (rollout->others);
    rollout_deinit (&rollout->machine);
    wire_rollout_state_deinit (&rollout->state);
    free (rollout);
    return NULL;
}

static void rollout_free_p (struct broker_rollout **rollout)
{
    broker_rollout_free (*rollout);
}

static int compare_by_id (const void *a, const void *b, void *context)
{
    const struct broker_member *members = context;

    return strcmp (members[*(const uint32_t *) a].id, members[*(const uint32_t *) b].id);
}

uint32_t broker_rollout_find (const struct broker_rollout *rollout, const char *id)
{
    uint32_t low = 0, high = rollout->machine.n_members;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp (rollout->members[rollout->by_id[middle]].id, id);
        if (order == 0)
            return rollout->by_id[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return ROLLOUT_NOBODY;
}

/*  The value by which a node belongs to those who lose their broker together. */
static const char *neighbours_value (const struct broker_rollout *rollout, const struct broker_node *node)
{
    const char *label = rollout->machine.spec.neighbours;
    const char *value = label && node ? broker_node_label (node, label) : NULL;

    return value ? value : "";
}

static int compare_texts (const void *a, const void *b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static uint32_t value_number (const struct broker_rollout *rollout, const char *value)
{
    const char **found = bsearch (&value, rollout->values, rollout->machine.n_neighbours,
                                  sizeof *rollout->values, compare_texts);

    return found ? (uint32_t) (found - rollout->values) : ROLLOUT_NOBODY;
}

/*  Numbers the values of the neighbours' label that members have. They are copied: labels change. */
static int values_index (struct broker *broker, struct broker_rollout *rollout)
{
    uint32_t n = rollout->machine.n_members, count = 0;
    size_t bytes = 0;
    char *at;

    rollout->values = calloc (n, sizeof *rollout->values);
    if (!rollout->values)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        rollout->values[i] =
            neighbours_value (rollout, broker_registry_find (&broker->registry, rollout->members[i].id));
    qsort (rollout->values, n, sizeof *rollout->values, compare_texts);
    for (uint32_t i = 0; i < n; i++)
        if (count == 0 || strcmp (rollout->values[count - 1], rollout->values[i]) != 0)
            rollout->values[count++] = rollout->values[i];
    for (uint32_t i = 0; i < count; i++)
        bytes += strlen (rollout->values[i]) + 1;
    rollout->value_texts = at = malloc (bytes);
    rollout->others = calloc (count, sizeof *rollout->others);
    if (!at || !rollout->others)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = strlen (rollout->values[i]) + 1;
        memcpy (at, rollout->values[i], size);
        rollout->values[i] = at;
        at += size;
    }
    rollout->machine.n_neighbours = count;
    return 0;
}

int broker_rollout_index (struct broker *broker, struct broker_rollout *rollout)
{
    uint32_t n = rollout->machine.n_members;

    rollout->by_id = calloc (n, sizeof *rollout->by_id);
    rollout->queue = calloc (n, sizeof *rollout->queue);
    if (!rollout->by_id || !rollout->queue)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        rollout->by_id[i] = i;
    qsort_r (rollout->by_id, n, sizeof *rollout->by_id, compare_by_id, rollout->members);
    return values_index (broker, rollout);
}

struct loading {
    struct broker *broker;
    struct broker_rollout *rollout;
    uint32_t capacity;
    struct base_error *error;
};

static int text_give (char **field, const char *text)
{
    if (!text)
        return 0;
    *field = strdup (text);
    return *field ? 0 : -ENOMEM;
}

static int member_load (void *context, const struct broker_member_row *row)
{
    struct loading *loading = context;
    struct broker_rollout *rollout = loading->rollout;
    struct rollout *machine = &rollout->machine;
    struct broker_member *member;

    if (row->member.state == WIRE_MEMBER_EXCLUDED)
        return 0;
    if (row->index != machine->n_members || row->member.wave >= ROLLOUT_WAVES ||
        row->member.state == WIRE_MEMBER_NULL)
        return base_error_set (loading->error, -EBADMSG,
                               "the members of a rollout in the database are not as they were written");
    if (machine->n_members == loading->capacity) {
        uint32_t capacity = loading->capacity ? 2 * loading->capacity : 64;
        struct rollout_member *members = reallocarray (machine->members, capacity, sizeof *members);
        struct broker_member *more;
        if (members)
            machine->members = members;
        more = reallocarray (rollout->members, capacity, sizeof *more);
        if (more)
            rollout->members = more;
        if (!members || !more)
            return -ENOMEM;
        loading->capacity = capacity;
    }
    member = &rollout->members[machine->n_members];
    *member = (struct broker_member){.epoch = row->epoch,
                                     .verb = row->verb,
                                     .ordered_ms = row->ordered_ms,
                                     .took_ms = row->took_ms,
                                     .revision = row->revision};
    machine->members[machine->n_members++] = row->member;
    if (text_give (&member->id, row->node) != 0 || text_give (&member->transaction, row->transaction) != 0 ||
        text_give (&member->step, row->step) != 0 || text_give (&member->reason, row->reason) != 0)
        return -ENOMEM;
    return 0;
}

/*  Lays the waves over the members, as they were begun with. */
static int waves_load (struct rollout *machine)
{
    for (uint32_t i = 0; i < machine->n_members; i++) {
        struct rollout_wave *wave = &machine->waves[machine->members[i].wave];
        if (wave->count++ == 0)
            wave->first = i;
        if (i > 0 && machine->members[i].wave < machine->members[i - 1].wave)
            return -EBADMSG;
    }
    machine->n_waves = machine->n_members ? machine->members[machine->n_members - 1].wave + 1 : 0;
    return machine->n_waves == 0 || machine->n_waves > machine->spec.n_waves ||
                   machine->wave >= machine->n_waves
               ? -EBADMSG
               : 0;
}

/*  Who lives is known only once it is heard of. */
static int machine_wake (struct broker *broker, struct broker_rollout *rollout, uint64_t now_ms)
{
    struct rollout *machine = &rollout->machine;
    int r = broker_rollout_index (broker, rollout);

    machine->neighbours = r == 0 ? calloc (machine->n_neighbours, sizeof *machine->neighbours) : NULL;
    if (!machine->neighbours)
        return -ENOMEM;
    for (uint32_t i = 0; i < machine->n_members; i++) {
        const struct broker_node *node = broker_registry_find (&broker->registry, rollout->members[i].id);
        struct rollout_member *member = &machine->members[i];
        member->neighbours = value_number (rollout, neighbours_value (rollout, node));
        member->online = node && node->online;
        member->dark_ms = member->online ? 0 : now_ms;
    }
    machine->settle_ms = 2 * broker->registry.liveness_ms;
    rollout_resume (machine);
    return 0;
}

static int rollout_load (struct broker *broker, const struct broker_rollout_row *row,
                         struct broker_rollout **ret_rollout, struct base_error *error)
{
    base_cleanup (rollout_free_p) struct broker_rollout *rollout = calloc (1, sizeof *rollout);
    struct loading loading = {.broker = broker, .rollout = rollout, .error = error};
    struct rollout *machine;
    int r;

    if (!rollout)
        return -ENOMEM;
    rollout->serial = row->serial;
    rollout->live = row->live;
    machine = &rollout->machine;
    *machine = (struct rollout){.wave = row->wave,
                                .phase = row->state.phase,
                                .paused = row->state.paused,
                                .phase_ms = row->phase_ms,
                                .wave_ms = row->wave_ms,
                                .stopped_ms = row->stopped_ms,
                                .stop_ms = row->stop_ms,
                                .evidence = row->evidence};
    if (row->state.reason)
        (void) snprintf (machine->reason, sizeof machine->reason, "%s", row->state.reason);
    r = wire_copy (&wire_rollout_record, row->state.spec, &machine->spec);
    if (r == 0)
        r = wire_copy (&wire_rollout_state_record, &row->state, &rollout->state);
    if (r == 0)
        r = broker_store_members (broker->store, row->serial, 0, 0, member_load, &loading, error);
    if (r == 0)
        r = waves_load (machine);
    if (r == 0)
        r = machine_wake (broker, rollout, now_real_ms ());
    if (r == 0)
        *ret_rollout = base_take (rollout);
    return r;
}

/*  What nodes told of their orders while nobody listened, or was lost with the machine. */
static void look_at_all (struct broker *broker, struct broker_rollout *rollout)
{
    uint64_t now_ms = now_real_ms ();

    for (uint32_t i = 0; i < rollout->machine.n_members; i++)
        broker_rollout_look (broker, rollout, i, now_ms);
}

/*  --- the others ----------------------------------------------------------------------------------------- */

/*  Tells the machine how many nodes there are that are no members, and how many of them are silent. */
static void count_others (struct broker *broker, struct broker_rollout *rollout)
{
    struct rollout *machine = &rollout->machine;
    base_cleanup (base_free_p) struct rollout_neighbours *now = calloc (machine->n_neighbours, sizeof *now);

    for (size_t i = 0; now && i < broker->registry.n_nodes; i++) {
        const struct broker_node *node = broker->registry.nodes[i];
        uint32_t number = value_number (rollout, neighbours_value (rollout, node));
        if (number == ROLLOUT_NOBODY || broker_rollout_find (rollout, node->id) != ROLLOUT_NOBODY)
            continue;
        now[number].others++;
        now[number].others_dark += !node->online;
    }
    for (uint32_t i = 0; now && i < machine->n_neighbours; i++) {
        struct rollout_neighbours *then = &rollout->others[i];
        rollout_other (machine, i, (int) (now[i].others - then->others),
                       (int) (now[i].others_dark - then->others_dark));
        *then = now[i];
    }
}

/*  --- the clock ------------------------------------------------------------------------------------------ */

static void on_timer (void *context);

/*  Has the timer fire by at_ms of the real time. */
static void wake_by (struct broker *broker, uint64_t at_ms)
{
    struct broker_rollouts *rollouts = &broker->rollouts;
    uint64_t now_ms = now_real_ms (), delay_ms = at_ms > now_ms ? at_ms - now_ms : 0;

    if (delay_ms > TIMER_MOST_MS) /* the clock may be set meanwhile */
        delay_ms = TIMER_MOST_MS;
    if (rollouts->timer > 0 && rollouts->timer_ms <= now_ms + delay_ms)
        return;
    bus_timer_cancel (broker->loop, rollouts->timer > 0 ? rollouts->timer : 0);
    rollouts->timer_ms = now_ms + delay_ms;
    rollouts->timer = bus_timer_start (broker->loop, delay_ms, on_timer, broker);
}

static void make_due (struct broker *broker, struct broker_rollout *rollout, uint64_t at_ms)
{
    rollout->due_ms = at_ms;
    wake_by (broker, at_ms);
}

static void drop (struct broker *broker, size_t at)
{
    struct broker_rollouts *rollouts = &broker->rollouts;

    broker_rollout_free (rollouts->live[at]);
    rollouts->n_live--;
    memmove (&rollouts->live[at], &rollouts->live[at + 1], (rollouts->n_live - at) * sizeof *rollouts->live);
}

void broker_rollouts_drop (struct broker *broker, struct broker_rollout *rollout)
{
    for (size_t i = 0; i < broker->rollouts.n_live; i++)
        if (broker->rollouts.live[i] == rollout) {
            drop (broker, i);
            return;
        }
}

void broker_rollouts_broken (struct broker *broker, struct broker_rollout *rollout)
{
    rollout->broken = true;
    make_due (broker, rollout, now_real_ms () + BROKER_ROLLOUT_RETRY_MS);
}

static int load_again (struct broker *broker, size_t at, struct base_error *error)
{
    base_cleanup (broker_rollout_row_deinit) struct broker_rollout_row row = {.serial = 0};
    struct broker_rollout *old = broker->rollouts.live[at], *rollout;
    int r = broker_store_rollout_get (broker->store, old->state.id, &row, error);

    if (r == 0)
        r = rollout_load (broker, &row, &rollout, error);
    if (r != 0)
        return r;
    memcpy (rollout->sequences, old->sequences, sizeof rollout->sequences);
    broker_rollout_free (old);
    broker->rollouts.live[at] = rollout;
    count_others (broker, rollout);
    look_at_all (broker, rollout);
    return 0;
}

/*  What nodes told since the last time. */
static void look_at_queued (struct broker *broker, struct broker_rollout *rollout, uint64_t now_ms)
{
    for (uint32_t i = 0; i < rollout->n_queue; i++) {
        rollout->members[rollout->queue[i]].queued = false;
        broker_rollout_look (broker, rollout, rollout->queue[i], now_ms);
    }
    rollout->n_queue = 0;
}

static int attend (struct broker *broker, size_t at, uint64_t now_ms, struct base_error *error)
{
    struct broker_rollout *rollout = broker->rollouts.live[at];
    uint64_t every_ms = broker->heartbeat_ms > COMPARE_LEAST_MS ? broker->heartbeat_ms : COMPARE_LEAST_MS;
    int r = rollout->broken ? load_again (broker, at, error) : 0;

    if (r != 0)
        return r;
    rollout = broker->rollouts.live[at];
    look_at_queued (broker, rollout, now_ms);
    if (rollout->machine.spec.false_halt && now_ms - rollout->compared_ms >= every_ms) {
        broker_rollout_compare (broker, rollout, now_ms);
        rollout->compared_ms = now_ms;
    }
    r = broker_rollout_carry (broker, rollout, NULL, error);
    if (r == 0 && rollout->machine.spec.false_halt && !rollout_is_over (&rollout->machine) &&
        rollout->due_ms > now_ms + every_ms)
        rollout->due_ms = now_ms + every_ms;
    return r;
}

static void on_timer (void *context)
{
    struct broker *broker = context;
    struct broker_rollouts *rollouts = &broker->rollouts;
    uint64_t now_ms = now_real_ms (), next_ms = UINT64_MAX;
    bool sweep = rollouts->others_changed && now_ms - rollouts->swept_ms >= BROKER_ROLLOUT_SWEEP_MS;

    rollouts->timer = 0;
    broker_round_settle (broker);
    if (sweep) {
        rollouts->others_changed = false;
        rollouts->swept_ms = now_ms;
    }
    for (size_t i = 0; i < rollouts->n_live; i++) {
        struct base_error error = {.code = 0};
        struct broker_rollout *rollout = rollouts->live[i];
        if (sweep)
            count_others (broker, rollout);
        if (rollout->due_ms > now_ms)
            continue;
        if (attend (broker, i, now_ms, &error) != 0) {
            base_log_limited (&broker->log, BASE_LOG_ERROR, "rollout %s: %s", rollouts->live[i]->state.id,
                              error.text[0] ? error.text : "out of memory");
            broker_rollouts_broken (broker, rollouts->live[i]);
        }
    }
    for (size_t i = rollouts->n_live; i > 0; i--) {
        struct broker_rollout *rollout = rollouts->live[i - 1];
        if (!rollout->live && !rollout->broken)
            drop (broker, i - 1);
        else if (rollout->due_ms < next_ms)
            next_ms = rollout->due_ms;
    }
    if (rollouts->others_changed && rollouts->n_live > 0 &&
        rollouts->swept_ms + BROKER_ROLLOUT_SWEEP_MS < next_ms)
        next_ms = rollouts->swept_ms + BROKER_ROLLOUT_SWEEP_MS;
    if (next_ms != UINT64_MAX)
        wake_by (broker, next_ms);
}

/*  --- carrying out ---------------------------------------------------------------------------------------- */

/*  What one transaction has written and is told once it is on disk. */
struct batch {
    struct {
        uint32_t member;
        uint64_t epoch;
        enum wire_verb verb;
    } orders[BROKER_ROLLOUT_ORDERS];
    struct wire_turn turns[BROKER_ROLLOUT_TURNS]; /* owned */
    unsigned n_orders, n_turns;
    bool wrote, more;
    uint64_t until_ms;
};

static void batch_free_p (struct batch **batch)
{
    for (unsigned i = 0; *batch && i < (*batch)->n_turns; i++)
        wire_turn_deinit (&(*batch)->turns[i]);
    free (*batch);
}

static int member_write (struct broker *broker, struct broker_rollout *rollout, uint32_t index,
                         struct base_error *error)
{
    struct broker_member *member = &rollout->members[index];
    struct rollout_member *state = &rollout->machine.members[index];
    struct broker_member_row row = {.index = index,
                                    .node = member->id,
                                    .member = *state,
                                    .epoch = member->epoch,
                                    .verb = member->verb,
                                    .transaction = member->transaction,
                                    .ordered_ms = member->ordered_ms,
                                    .took_ms = member->took_ms,
                                    .step = member->step,
                                    .reason = member->reason};
    int r = broker_store_revision_next (broker->store, &member->revision, error);

    row.revision = member->revision;
    if (r == 0)
        r = broker_store_member_put (broker->store, rollout->serial, &row, error);
    if (r == 0)
        state->kept = true;
    return r;
}

static int text_set (char **field, const char *text)
{
    char *copy = text ? strdup (text) : NULL;

    if (text && !copy)
        return -ENOMEM;
    free (*field);
    *field = copy;
    return 0;
}

/*  How a member stands, as it tells. Where it has told nothing, ret_application is null. */
static int standing (struct broker *broker, const struct broker_rollout *rollout, uint32_t index,
                     struct broker_application *ret_application, struct base_error *error)
{
    int r = broker_store_application_get (broker->store, rollout->members[index].id,
                                          rollout->machine.spec.application, ret_application, error);

    return r == -ENOENT ? 0 : r;
}

/*  No order could be made. That a person holds the node, or updates it, says nothing of the release. */
static int not_given (struct broker *broker, struct broker_rollout *rollout, uint32_t index,
                      enum rollout_kind kind, const struct wire_ordered *ordered, uint64_t now_ms,
                      struct base_error *error)
{
    base_cleanup (broker_application_deinit) struct broker_application application = {.epoch = 0};
    struct broker_member *member = &rollout->members[index];
    int r = standing (broker, rollout, index, &application, error);
    bool skip = ordered->status == WIRE_STATUS_BUSY || broker_order_held (&application);

    if (r != 0)
        return r;

    if (kind == ROLLOUT_CANCEL) /* it has ended, or has switched: what comes of it will be told */
        return 0;
    if (text_set (&member->step, "order") != 0 || text_set (&member->reason, ordered->reason) != 0)
        return -ENOMEM;
    member->epoch = 0;
    rollout_ended (&rollout->machine, index, skip ? ROLLOUT_SKIPPED : ROLLOUT_FAILED, now_ms);
    return 0;
}

/*  Whether a member that is to go back runs something else already: it was never updated, as what it ran was
    the same, or somebody was faster. */
static int is_back (struct broker *broker, const struct broker_rollout *rollout, uint32_t index,
                    bool *ret_back, struct base_error *error)
{
    base_cleanup (broker_application_deinit) struct broker_application application = {.epoch = 0};
    int r = standing (broker, rollout, index, &application, error);

    *ret_back = r == 0 && application.is_told &&
                !base_digest_equal (&application.told.release, &rollout->machine.spec.release) &&
                (application.told.state == WIRE_STATE_IDLE || application.told.state == WIRE_STATE_UNFIT);
    return r;
}

static int note_given (struct broker *broker, const struct broker_rollout *rollout, uint32_t index,
                       enum wire_verb verb, const struct wire_ordered *ordered, uint64_t now_ms,
                       struct base_error *error)
{
    char time[BASE_TIME_TEXT];
    struct broker_given given = {.node = rollout->members[index].id,
                                 .application = rollout->machine.spec.application,
                                 .epoch = ordered->epoch,
                                 .verb = verb,
                                 .transaction = ordered->transaction,
                                 .rollout = rollout->state.id,
                                 .wave = rollout->machine.members[index].wave + 1,
                                 .time = time_text (now_ms, time)};

    return broker_store_given_put (broker->store, &given, error);
}

static int given (struct broker *broker, struct broker_rollout *rollout, uint32_t index, enum wire_verb verb,
                  const struct wire_ordered *ordered, uint64_t epoch, struct batch *batch, uint64_t now_ms,
                  struct base_error *error)
{
    struct broker_member *member = &rollout->members[index];

    if (verb != WIRE_VERB_CANCEL) {
        member->epoch = ordered->epoch;
        member->verb = verb;
        member->settle_ms = 0;
        if (text_set (&member->step, NULL) != 0 || text_set (&member->reason, NULL) != 0)
            return -ENOMEM;
    }
    if (verb == WIRE_VERB_UPDATE) {
        member->ordered_ms = now_ms;
        member->took_ms = 0;
        if (text_set (&member->transaction, ordered->transaction) != 0)
            return -ENOMEM;
    }
    if (epoch == 0) /* it was under way already, and is told again */
        return 0;
    batch->orders[batch->n_orders].member = index;
    batch->orders[batch->n_orders].epoch = epoch;
    batch->orders[batch->n_orders].verb = verb;
    batch->n_orders++;
    return note_given (broker, rollout, index, verb, ordered, now_ms, error);
}

static int give (struct broker *broker, struct broker_rollout *rollout, uint32_t index,
                 enum rollout_kind kind, struct batch *batch, uint64_t now_ms, struct base_error *error)
{
    const struct broker_node *node = broker_registry_find (&broker->registry, rollout->members[index].id);
    base_cleanup (wire_ordered_deinit) struct wire_ordered ordered = {.epoch = 0};
    struct broker_order order = {.verb = kind == ROLLOUT_ORDER  ? WIRE_VERB_UPDATE
                                         : kind == ROLLOUT_BACK ? WIRE_VERB_REVERT
                                                                : WIRE_VERB_CANCEL,
                                 .application = rollout->machine.spec.application,
                                 .release = &rollout->machine.spec.release,
                                 .node = rollout->members[index].id,
                                 .platform = node ? node->platform : "",
                                 .online = node && node->online,
                                 .no_hold = true,
                                 .now_ms = now_ms};
    uint64_t epoch = 0;
    bool back = false;
    int r = kind == ROLLOUT_BACK ? is_back (broker, rollout, index, &back, error) : 0;

    if (r != 0)
        return r;
    if (back) {
        rollout->members[index].epoch = 0;
        rollout_ended (&rollout->machine, index, ROLLOUT_REVERTED, now_ms);
        return 0;
    }
    r = broker_order_make (broker->store, &order, &ordered, &epoch, error);
    if (r != 0)
        return r;
    return ordered.status == WIRE_STATUS_OK
               ? given (broker, rollout, index, order.verb, &ordered, epoch, batch, now_ms, error)
               : not_given (broker, rollout, index, kind, &ordered, now_ms, error);
}

static int wave_time (char **field, uint64_t now_ms)
{
    char text[BASE_TIME_TEXT];

    return *field ? 0 : text_set (field, time_text (now_ms, text));
}

/*  When waves began and were left. */
static int waves_time (struct broker_rollout *rollout, uint64_t now_ms)
{
    const struct rollout *machine = &rollout->machine;
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < rollout->state.n_waves; i++) {
        struct wire_wave_state *wave = &rollout->state.waves[i];
        bool current = i == machine->wave;
        if (i < machine->wave || (current && machine->members[machine->waves[i].first].start_ms))
            r = wave_time (&wave->begun, current && machine->wave_ms ? machine->wave_ms : now_ms);
        if (r == 0 && (i < machine->wave || (current && machine->phase == WIRE_PHASE_DONE)))
            r = wave_time (&wave->ended, now_ms);
    }
    return r;
}

/*  Notes a turn where the rollout stands elsewhere than it was said to, or where a person has done
    something. */
static int turn_write (struct broker *broker, struct broker_rollout *rollout,
                       const struct broker_steering *by, struct batch *batch, uint64_t now_ms,
                       struct base_error *error)
{
    const struct rollout *machine = &rollout->machine;
    struct wire_rollout_state *state = &rollout->state;
    bool moved = state->phase != machine->phase || state->wave != machine->wave + 1 ||
                 state->paused != machine->paused;
    char time[BASE_TIME_TEXT];
    const char *reason = by && by->reason ? by->reason : machine->reason[0] && moved ? machine->reason : NULL;
    struct wire_turn turn = {.rollout = state->id,
                             .time = (char *) time_text (now_ms, time),
                             .phase = machine->phase,
                             .wave = machine->wave + 1,
                             .paused = machine->paused,
                             .command = by ? by->command : WIRE_COMMAND_NULL,
                             .place = by ? (char *) by->place : NULL,
                             .reason = (char *) reason};
    int r;

    if (!moved && !by)
        return 0;
    r = broker_store_turn_add (broker->store, rollout->serial, &turn, error);
    if (r == 0)
        r = wire_copy (&wire_turn_record, &turn, &batch->turns[batch->n_turns]);
    if (r != 0)
        return r;
    batch->n_turns++;
    state->phase = machine->phase;
    state->wave = machine->wave + 1;
    state->paused = machine->paused;
    return waves_time (rollout, now_ms);
}

static int action_write (struct broker *broker, struct broker_rollout *rollout,
                         const struct rollout_action *action, struct batch *batch, uint64_t now_ms,
                         struct base_error *error)
{
    int r = 0;

    batch->wrote = true;
    if (action->kind == ROLLOUT_TURN)
        return turn_write (broker, rollout, NULL, batch, now_ms, error);
    if (action->kind != ROLLOUT_KEEP)
        r = give (broker, rollout, action->member, action->kind, batch, now_ms, error);
    return r == 0 ? member_write (broker, rollout, action->member, error) : r;
}

/*  What did not find room in this transaction is not forgotten. */
static int pending_write (struct broker *broker, struct broker_rollout *rollout, struct base_error *error)
{
    const struct rollout *machine = &rollout->machine;
    int r = 0;

    for (uint32_t i = machine->pending_first; r == 0 && i != ROLLOUT_NOBODY;
         i = machine->members[i].pending_next)
        if (!machine->members[i].kept)
            r = member_write (broker, rollout, i, error);
    return r;
}

/*  Whether something may still come of it, so that it has to be listened to: a node that was on its way when
    it ended, and is wanted back. */
static bool is_live (const struct broker_rollout *rollout)
{
    const struct rollout *machine = &rollout->machine;

    if (!rollout_is_over (machine) || machine->under_way > 0 || machine->pending_first != ROLLOUT_NOBODY)
        return true;
    if (machine->phase != WIRE_PHASE_REVERTED)
        return false;
    for (uint32_t i = 0; i < machine->n_members; i++)
        if (machine->members[i].state == WIRE_MEMBER_OVERDUE ||
            machine->members[i].state == WIRE_MEMBER_STUCK)
            return true;
    return false;
}

static int state_write (struct broker *broker, struct broker_rollout *rollout, uint64_t now_ms,
                        struct base_error *error)
{
    const struct rollout *machine = &rollout->machine;
    struct broker_rollout_row row = {.serial = rollout->serial,
                                     .wave = machine->wave,
                                     .phase_ms = machine->phase_ms,
                                     .wave_ms = machine->wave_ms,
                                     .stopped_ms = machine->stopped_ms,
                                     .stop_ms = machine->stop_ms,
                                     .evidence = machine->evidence};
    int r;

    rollout->live = row.live = is_live (rollout);
    r = broker_rollout_describe (rollout, now_ms);
    if (r == 0)
        r = broker_store_revision_next (broker->store, &rollout->state.revision, error);
    row.state = rollout->state;
    return r == 0 ? broker_store_rollout_put (broker->store, &row, error) : r;
}

/*  In a transaction. */
static int all_write (struct broker *broker, struct broker_rollout *rollout, const struct broker_steering *by,
                      struct batch *batch, uint64_t now_ms, struct base_error *error)
{
    int r = by && by->begin ? by->begin (by->context, rollout, error) : 0;

    if (r == 0 && by) {
        batch->wrote = true;
        r = turn_write (broker, rollout, by, batch, now_ms, error);
    }
    while (r == 0) {
        struct rollout_action action;
        if (batch->n_orders == BROKER_ROLLOUT_ORDERS || batch->n_turns == BROKER_ROLLOUT_TURNS) {
            batch->more = true;
            break;
        }
        action = rollout_next (&rollout->machine, now_ms);
        if (action.kind == ROLLOUT_WAIT) {
            batch->until_ms = action.until_ms;
            break;
        }
        r = action_write (broker, rollout, &action, batch, now_ms, error);
    }
    if (r == 0 && batch->more)
        r = pending_write (broker, rollout, error);
    if (r == 0 && batch->wrote)
        r = state_write (broker, rollout, now_ms, error);
    if (r == 0 && by && by->end)
        r = by->end (by->context, rollout, error);
    return r;
}

static void batch_tell (struct broker *broker, struct broker_rollout *rollout, const struct batch *batch)
{
    struct broker_node *nodes[BROKER_ROLLOUT_ORDERS];
    size_t n_nodes = 0;
    uint64_t highest = 0;

    for (unsigned i = 0; i < batch->n_turns; i++) {
        const struct wire_turn *turn = &batch->turns[i];
        base_log (BASE_LOG_INFO, "rollout %s: %s%s, wave %llu of %zu%s%s", rollout->state.id,
                  wire_phase_word (turn->phase), turn->paused ? ", paused" : "",
                  (unsigned long long) turn->wave, rollout->state.n_waves, turn->reason ? ": " : "",
                  turn->reason ? turn->reason : "");
        broker_event_turn (broker, rollout, turn);
    }
    for (unsigned i = 0; i < batch->n_orders; i++) {
        const struct broker_member *member = &rollout->members[batch->orders[i].member];
        struct broker_node *node = broker_registry_find (&broker->registry, member->id);
        base_log (BASE_LOG_DEBUG, "rollout %s: node %s: %s ordered, epoch %llu", rollout->state.id,
                  member->id, wire_verb_word (batch->orders[i].verb),
                  (unsigned long long) batch->orders[i].epoch);
        if (!node)
            continue;
        broker_node_changed (broker, node);
        nodes[n_nodes++] = node;
        if (batch->orders[i].epoch > highest)
            highest = batch->orders[i].epoch;
    }
    broker_announce (broker, nodes, n_nodes, rollout->machine.spec.application, highest);
    if (batch->wrote) {
        if (rollout->state.revision > broker->revision)
            broker->revision = rollout->state.revision;
        broker_waiters_wake (&broker->waiters);
    }
}

int broker_rollout_carry (struct broker *broker, struct broker_rollout *rollout,
                          const struct broker_steering *by, struct base_error *error)
{
    base_cleanup (batch_free_p) struct batch *batch = calloc (1, sizeof *batch);
    uint64_t now_ms = now_real_ms ();
    int r;

    if (!batch)
        return -ENOMEM;
    broker_round_settle (broker);
    r = broker_store_begin (broker->store, error);
    if (r == 0)
        r = all_write (broker, rollout, by, batch, now_ms, error);
    if (r == 0)
        r = broker_store_commit (broker->store, error);
    if (r != 0) {
        broker_store_rollback (broker->store);
        return r;
    }
    batch_tell (broker, rollout, batch);
    rollout->due_ms = batch->more ? 0 : batch->until_ms;
    wake_by (broker, rollout->due_ms);
    return 0;
}

/*  --- what happens to nodes ------------------------------------------------------------------------------- */

void broker_rollouts_others (struct broker *broker)
{
    broker->rollouts.others_changed = true;
    if (broker->rollouts.n_live > 0)
        wake_by (broker, broker->rollouts.swept_ms + BROKER_ROLLOUT_SWEEP_MS);
}

/*  Not at once: what the node told may be in a transaction that is still open. */
void broker_rollouts_node (struct broker *broker, const struct broker_node *node)
{
    uint64_t now_ms = now_real_ms ();

    for (size_t i = 0; i < broker->rollouts.n_live; i++) {
        struct broker_rollout *rollout = broker->rollouts.live[i];
        uint32_t index = broker_rollout_find (rollout, node->id);
        if (index == ROLLOUT_NOBODY)
            continue;
        rollout_heard (&rollout->machine, index, node->online, now_ms);
        if (!rollout->members[index].queued) {
            rollout->members[index].queued = true;
            rollout->queue[rollout->n_queue++] = index;
        }
        make_due (broker, rollout, 0);
    }
    broker_rollouts_others (broker);
}

struct broker_rollout *broker_rollouts_of (struct broker *broker, const char *node, const char *application,
                                           uint32_t *ret_index)
{
    for (size_t i = broker->rollouts.n_live; i > 0; i--) {
        struct broker_rollout *rollout = broker->rollouts.live[i - 1];
        uint32_t index;
        if (strcmp (rollout->machine.spec.application, application) != 0)
            continue;
        if (rollout_is_over (&rollout->machine) && rollout->machine.under_way == 0)
            continue;
        index = broker_rollout_find (rollout, node);
        if (index == ROLLOUT_NOBODY)
            continue;
        *ret_index = index;
        return rollout;
    }
    return NULL;
}

void broker_rollouts_withdrawn (struct broker *broker, const struct base_digest *release)
{
    for (size_t i = 0; i < broker->rollouts.n_live; i++) {
        struct broker_rollout *rollout = broker->rollouts.live[i];
        if (!base_digest_equal (&rollout->machine.spec.release, release))
            continue;
        rollout_halt (&rollout->machine, "its release was withdrawn", now_real_ms ());
        make_due (broker, rollout, 0);
    }
}

/*  --- all of them ----------------------------------------------------------------------------------------- */

int broker_rollouts_add (struct broker *broker, struct broker_rollout *rollout)
{
    struct broker_rollouts *rollouts = &broker->rollouts;
    struct broker_rollout **live = reallocarray (rollouts->live, rollouts->n_live + 1, sizeof *live);

    if (!live)
        return -ENOMEM;
    rollouts->live = live;
    rollouts->live[rollouts->n_live++] = rollout;
    count_others (broker, rollout);
    return 0;
}

int broker_rollouts_get (struct broker *broker, const char *id, struct broker_rollout **ret_rollout,
                         struct base_error *error)
{
    base_cleanup (broker_rollout_row_deinit) struct broker_rollout_row row = {.serial = 0};
    struct broker_rollout *rollout;
    int r;

    for (size_t i = 0; i < broker->rollouts.n_live; i++) {
        if (strcmp (broker->rollouts.live[i]->state.id, id) != 0)
            continue;
        if (broker->rollouts.live[i]->broken) {
            r = load_again (broker, i, error);
            if (r != 0)
                return r;
        }
        *ret_rollout = broker->rollouts.live[i];
        return 0;
    }
    r = broker_store_rollout_get (broker->store, id, &row, error);
    if (r == 0)
        r = rollout_load (broker, &row, &rollout, error);
    if (r != 0)
        return r;
    r = broker_rollouts_add (broker, rollout);
    if (r != 0)
        broker_rollout_free (rollout);
    else {
        make_due (broker, rollout, 0);
        *ret_rollout = rollout;
    }
    return r;
}

static int live_load (void *context, const struct broker_rollout_row *row)
{
    struct loading *loading = context;
    struct broker_rollout *rollout;
    int r = rollout_load (loading->broker, row, &rollout, loading->error);

    if (r != 0) { /* the others go on */
        base_log (BASE_LOG_ERROR, "ignoring rollout %s: %s", row->state.id,
                  loading->error->text[0] ? loading->error->text : strerror (-r));
        return r == -ENOMEM ? r : 0;
    }
    r = broker_rollouts_add (loading->broker, rollout);
    if (r != 0)
        broker_rollout_free (rollout);
    return r;
}

int broker_rollouts_load (struct broker *broker, struct base_error *error)
{
    struct loading loading = {.broker = broker, .error = error};
    struct broker_rollouts *rollouts = &broker->rollouts;
    int r = broker_store_rollouts (broker->store, 0, 0, true, live_load, &loading, error);

    if (r != 0)
        return r;
    for (size_t i = 0; i < rollouts->n_live / 2; i++) { /* they came newest first */
        struct broker_rollout *swap = rollouts->live[i];
        rollouts->live[i] = rollouts->live[rollouts->n_live - 1 - i];
        rollouts->live[rollouts->n_live - 1 - i] = swap;
    }
    for (size_t i = 0; i < rollouts->n_live; i++) {
        base_log (BASE_LOG_INFO, "rollout %s: goes on: %s, wave %u of %u", rollouts->live[i]->state.id,
                  wire_phase_word (rollouts->live[i]->machine.phase), rollouts->live[i]->machine.wave + 1,
                  rollouts->live[i]->machine.n_waves);
        look_at_all (broker, rollouts->live[i]);
        make_due (broker, rollouts->live[i], 0);
    }
    return 0;
}

void broker_rollouts_deinit (struct broker *broker)
{
    struct broker_rollouts *rollouts = &broker->rollouts;

    bus_timer_cancel (broker->loop, rollouts->timer > 0 ? rollouts->timer : 0);
    for (size_t i = 0; i < rollouts->n_live; i++)
        broker_rollout_free (rollouts->live[i]);
    free (rollouts->live);
    for (unsigned i = 0; i < BROKER_ROLLOUT_PLANS; i++)
        broker_plan_deinit (&rollouts->plans[i]);
    *rollouts = (struct broker_rollouts){.live = NULL};
}
