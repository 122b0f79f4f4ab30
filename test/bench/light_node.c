/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bench/light_node.c - a node without a disk */

#include "bench/light_node.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "wire/envelope.h"
#include "wire/list.h"

enum { CHUNK_SIZE = 64 * 1024 };

static const char failure_time[] = "2026-01-01T00:00:00.000000000Z";

static void light_act (struct light_node *node, const struct update_result *result,
                       enum update_action action);

static void take_event (struct light_node *node, enum update_event event)
{
    if (node->n_events < LIGHT_EVENTS_MOST)
        node->events[node->n_events++] = event;
    if (node->busy)
        return;
    node->busy = true;
    while (node->n_events) {
        enum update_event next = node->events[0];
        node->n_events--;
        memmove (node->events, node->events + 1, node->n_events * sizeof *node->events);
        struct update_result result = update_procedure_step (&node->procedure, next);
        for (size_t i = 0; i < UPDATE_ACTIONS_MOST && result.actions[i]; i++)
            light_act (node, &result, result.actions[i]);
    }
    node->busy = false;
}

static void light_fail (struct light_node *node, enum update_event event, const char *reason)
{
    node->failure = reason;
    take_event (node, event);
}

static void timer_arm (struct light_node *node, int *timer, uint64_t ms, bus_handler *handler)
{
    bus_timer_cancel (node->setting->loop, *timer);
    *timer = bus_timer_start (node->setting->loop, ms, handler, node);
}

static void timer_disarm (struct light_node *node, int *timer)
{
    bus_timer_cancel (node->setting->loop, *timer);
    *timer = 0;
}

/*  reports */

static size_t light_quarantine_list (void *context, const struct wire_failure **ret_failures)
{
    static struct wire_failure quarantine[LIGHT_QUARANTINE_MOST]; /* valid until the next call */
    const struct light_node *node = context;
    for (size_t i = 0; i < node->n_quarantine; i++)
        quarantine[i] = (struct wire_failure){.transaction = node->quarantine[i].transaction,
                                              .release = node->quarantine[i].release,
                                              .version = node->quarantine[i].version,
                                              .step = "probing/readiness",
                                              .reason = "the candidate did not announce readiness",
                                              .time = failure_time};
    *ret_failures = quarantine;
    return node->n_quarantine;
}

static void light_describe (void *context, struct wire_application *ret_application)
{
    struct light_node *node = context;
    const struct wire_failure *quarantine;
    size_t n_quarantine = light_quarantine_list (node, &quarantine);
    *ret_application = (struct wire_application){
        .name = "noded",
        .state = node->procedure.state,
        .version = node->running.name,
        .release = node->running.release,
        .binary = node->running.binary,
        .epoch = node->order_state.epoch,
        .seen_epoch = node->order_state.seen_epoch,
        .held = node->order_state.held,
        .transaction = *node->transaction ? node->transaction : node->last_transaction,
        .quarantined = n_quarantine,
        .quarantine_digest = wire_quarantine_digest (quarantine, n_quarantine)};
    if (*node->previous.name) {
        ret_application->previous_version = node->previous.name;
        ret_application->previous_release = node->previous.release;
    }
}

static void light_report (struct light_node *node, uint64_t epoch, const char *step,
                          enum wire_outcome outcome, const char *reason)
{
    struct wire_application application;
    light_describe (node, &application);
    struct wire_report report = {.transaction = *node->transaction ? node->transaction : NULL,
                                 .epoch = epoch,
                                 .attempt = 1,
                                 .step = step,
                                 .outcome = outcome,
                                 .reason = reason,
                                 .release = node->candidate.release,
                                 .version = *node->candidate.name ? node->candidate.name : NULL,
                                 .application = &application};
    if (node->session)
        (void) node_session_report (node->session, &report);
}

static void report_end (struct light_node *node, const struct update_result *result)
{
    bool final = result->outcome != WIRE_OUTCOME_STARTED;
    bool confirmed = result->outcome == WIRE_OUTCOME_CONFIRMED;
    enum wire_state state = confirmed ? WIRE_STATE_TRIAL : final ? result->from : result->to;
    node->confirmed += confirmed;
    node->failed += result->outcome == WIRE_OUTCOME_FAILED;
    node->refused += result->outcome == WIRE_OUTCOME_REFUSED;
    light_report (node, node->epoch, wire_state_word (state), result->outcome,
                  final && !confirmed ? node->failure : NULL);
}

/*  simulated steps */

static void step_over (void *context)
{
    struct light_node *node = context;
    node->step = 0;
    if (node->next == UPDATE_EVENT_BLAMED)
        node->failure = "the candidate did not announce readiness within 10000 ms";
    take_event (node, node->next);
}

static void take_time (struct light_node *node, enum update_event next)
{
    const struct light_setting *setting = node->setting;
    uint64_t ms = setting->step_least + base_random_below (setting->step_most - setting->step_least + 1);
    node->next = next;
    timer_arm (node, &node->step, ms, step_over);
}

static void deadline_over (void *context)
{
    struct light_node *node = context;
    node->deadline = 0;
    light_fail (node, UPDATE_EVENT_DEADLINE, "the step took too long");
}

static void start_deadline (struct light_node *node)
{
    uint64_t ms = update_procedure_deadline_ms (&node->procedure, &update_limits_default);
    timer_disarm (node, &node->deadline);
    if (ms)
        timer_arm (node, &node->deadline, ms, deadline_over);
}

/*  on trial */

static void on_matched (void *context, const struct wire_matched *matched);
static const struct node_content_ops content_ops;

static void ask_for_match (struct light_node *node, const struct base_digest *release, const char *prefix)
{
    char transaction[80];
    (void) snprintf (transaction, sizeof transaction, "%s%.50s", prefix, node->transaction);
    struct wire_match match = {
        .application = "noded", .release = *release, .transaction = transaction, .attempt = 1};
    (void) node_match_begin (&node->match, node->session, &match, on_matched, node);
}

static uint64_t chunk_size (const struct light_node *node)
{
    return node->running.size < CHUNK_SIZE ? node->running.size : CHUNK_SIZE;
}

static void trial_prove (void *context)
{
    struct light_node *node = context;
    node->proving = 0;
    if (node->procedure.state != WIRE_STATE_TRIAL)
        return;
    uint64_t left = update_proof_left_ms (&node->proof, base_time_boot_ms ());
    if (left == 0) {
        take_event (node, UPDATE_EVENT_DONE);
        return;
    }
    if (left == UINT64_MAX) {
        struct wire_get get = {.digest = node->running.binary, .length = (uint32_t) chunk_size (node)};
        if (!node->proof.announced)
            node_subject_ask (&node->subject);
        if (!node->proof.fetched)
            node_content_get (&node->user, &get);
        left = node->config.resend_ms;
    }
    timer_arm (node, &node->proving, left, trial_prove);
}

static void proof_show (struct light_node *node, bool *what)
{
    if (node->procedure.state != WIRE_STATE_TRIAL || *what)
        return;
    *what = true;
    if (!update_proof_is_complete (&node->proof))
        return;
    node->proof.since_ms = base_time_boot_ms ();
    timer_arm (node, &node->proving, node->proof.soak_ms, trial_prove);
}

static void begin_trial (struct light_node *node)
{
    node->proof = (struct update_proof){.soak_ms = node->config.soak_ms};
    node_content_leave (&node->user);
    node_content_join (node->content, &node->user, &content_ops, node);
    ask_for_match (node, &node->running.release, "trial-");
    trial_prove (node);
}

/*  switch, restart, rollback and revert */

static void clear_order (struct light_node *node)
{
    node->epoch = 0;
    *node->transaction = '\0';
    node->candidate = (struct light_version){.size = 0};
    node->failure = NULL;
}

static int open_session (struct light_node *node, struct base_error *error);

/*  A real node would continue here in a new process. */
static void come_up (struct light_node *node)
{
    struct base_error error = {.code = 0};
    update_procedure_init (&node->procedure);
    if (open_session (node, &error)) {
        base_log (BASE_LOG_ERROR, "node %s is lost: %s", node->config.id, error.text);
        return;
    }
    if (node->on_trial)
        take_event (node, UPDATE_EVENT_TRIAL);
    else {
        node->order_state.epoch = node->epoch;
        node->order_state.held |= node->by_order;
        node->reverted += node->by_order;
        light_report (node, node->epoch, node->by_order ? "revert" : "trial",
                      node->by_order ? WIRE_OUTCOME_REVERTED : WIRE_OUTCOME_ROLLED_BACK, node->failure);
        clear_order (node);
    }
    node_session_open (node->session);
}

static void restart_over (void *context)
{
    struct light_node *node = context;
    node->step = 0;
    node->session = node_session_free (node->session);
    come_up (node);
}

static void roll_back (struct light_node *node, bool by_order)
{
    struct light_version left = node->running;
    node->running = node->previous;
    node->previous = left;
    node->by_order = by_order;
    node->on_trial = false;
    if (by_order) { /* the order names no release, and has no transaction */
        *node->transaction = '\0';
        node->candidate = (struct light_version){.size = 0};
        node->failure = NULL;
    }
    take_event (node, UPDATE_EVENT_DONE);
}

static void light_quarantine (struct light_node *node)
{
    if (node->n_quarantine == LIGHT_QUARANTINE_MOST)
        memmove (node->quarantine, node->quarantine + 1, --node->n_quarantine * sizeof *node->quarantine);
    struct light_failure *failure = &node->quarantine[node->n_quarantine++];
    failure->release = node->candidate.release;
    (void) base_text_copy (failure->transaction, sizeof failure->transaction, node->transaction);
    (void) base_text_copy (failure->version, sizeof failure->version, node->candidate.name);
}

static bool is_quarantined (const struct light_node *node, const struct base_digest *release)
{
    for (size_t i = 0; i < node->n_quarantine; i++)
        if (base_digest_equal (&node->quarantine[i].release, release))
            return true;
    return false;
}

static void light_act (struct light_node *node, const struct update_result *result, enum update_action action)
{
    switch (action) {
    case UPDATE_ACTION_DEADLINE:
        start_deadline (node);
        break;
    case UPDATE_ACTION_MATCH:
        if (is_quarantined (node, &node->candidate.release))
            light_fail (node, UPDATE_EVENT_REFUSED, "quarantined");
        else
            ask_for_match (node, &node->candidate.release, "");
        break;
    case UPDATE_ACTION_FETCH:
    case UPDATE_ACTION_STAGE:
        take_time (node, UPDATE_EVENT_DONE);
        break;
    case UPDATE_ACTION_PROBE:
        take_time (node, node->fails && strncmp (node->candidate.name, "bad", 3) == 0 ? UPDATE_EVENT_BLAMED
                                                                                      : UPDATE_EVENT_DONE);
        break;
    case UPDATE_ACTION_SWITCH:
        node->previous = node->running;
        node->running = node->candidate;
        node->on_trial = true;
        take_time (node, UPDATE_EVENT_DONE);
        break;
    case UPDATE_ACTION_RESTART: /* later: the session must not be freed within a call from it */
        timer_arm (node, &node->step, 0, restart_over);
        break;
    case UPDATE_ACTION_PROVE:
        begin_trial (node);
        break;
    case UPDATE_ACTION_CONFIRM:
        timer_disarm (node, &node->proving);
        node->on_trial = false;
        take_event (node, UPDATE_EVENT_DONE);
        break;
    case UPDATE_ACTION_REVERT:
        roll_back (node, result->outcome == WIRE_OUTCOME_STARTED);
        break;
    case UPDATE_ACTION_ABORT:
        node_match_cancel (&node->match);
        node_content_leave (&node->user);
        timer_disarm (node, &node->step);
        break;
    case UPDATE_ACTION_QUARANTINE:
        light_quarantine (node);
        break;
    case UPDATE_ACTION_REPORT:
        report_end (node, result);
        break;
    case UPDATE_ACTION_ENDED:
        if (node->epoch > node->order_state.epoch)
            node->order_state.epoch = node->epoch;
        memcpy (node->last_transaction, node->transaction, sizeof node->transaction);
        break;
    case UPDATE_ACTION_ASK:
        clear_order (node);
        node_subject_ask (&node->subject);
        break;
    case UPDATE_ACTION_LATER:
    case UPDATE_ACTION_LOG:
    case UPDATE_ACTION_NONE:
        break;
    }
}

/*  calls from the session */

/*  Carries out the parts of an order that need no update; as node/orders.c. */
static void obey_in_passing (struct light_node *node, const struct wire_desired *desired,
                             const struct update_order *order)
{
    struct wire_order_state *order_state = &node->order_state;
    if (order->hold) {
        order_state->held = desired->held;
        order_state->hold_epoch = desired->hold_epoch;
    }
    if (order->clear) {
        node->n_quarantine = 0;
        order_state->clear_epoch = desired->clear_epoch;
    }
    uint64_t epochs[] = {
        order_state->hold_epoch, order_state->clear_epoch, order->cancel_nothing ? desired->cancel_epoch : 0,
        order->revert_nothing ? desired->revert_epoch : 0, order->update_held ? desired->release_epoch : 0};
    if (update_order_at_rest (node->procedure.state) && !order->update && !order->revert)
        for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++)
            if (epochs[i] > order_state->epoch)
                order_state->epoch = epochs[i];
    if (order->hold)
        light_report (node, desired->hold_epoch, "hold", WIRE_OUTCOME_PASSED, NULL);
    if (order->clear)
        light_report (node, desired->clear_epoch, "clear", WIRE_OUTCOME_PASSED, NULL);
    if (order->cancel_nothing)
        light_report (node, desired->cancel_epoch, "cancel", WIRE_OUTCOME_PASSED, NULL);
    if (order->revert_nothing)
        light_report (node, desired->revert_epoch, "revert", WIRE_OUTCOME_NOTHING, NULL);
    if (order->update_held)
        light_report (node, desired->release_epoch, "matching", WIRE_OUTCOME_REFUSED, "the node is held");
}

static void take_up (struct light_node *node, const struct wire_desired *desired)
{
    clear_order (node);
    node->taken++;
    node->epoch = desired->release_epoch;
    node->candidate.release = desired->release;
    (void) base_text_copy (node->transaction, sizeof node->transaction,
                           desired->transaction ? desired->transaction : "unnamed");
    take_event (node, UPDATE_EVENT_ORDER);
}

static void revert_take (struct light_node *node, const struct wire_desired *desired)
{
    if (node->procedure.state != WIRE_STATE_TRIAL)
        clear_order (node);
    node->epoch = desired->revert_epoch;
    take_event (node, UPDATE_EVENT_REVERT);
}

static void on_desired (void *context, const struct wire_desired *desired)
{
    struct light_node *node = context;
    node->setting->ops->desired (node->context);
    if (desired->status != WIRE_STATUS_OK)
        return;
    struct update_order order = update_order_choose (desired, &node->order_state, node->procedure.state,
                                                     node->epoch, &node->running.release);
    if (order.older || order.other)
        return;
    node->order_state.seen_epoch = desired->epoch;
    node->order_state.seen_digest = update_order_digest (desired);
    obey_in_passing (node, desired, &order);
    if (order.cancel)
        light_fail (node, UPDATE_EVENT_CANCEL, "cancelled by order");
    if (order.revert)
        revert_take (node, desired);
    else if (order.update)
        take_up (node, desired);
}

static void on_matched (void *context, const struct wire_matched *matched)
{
    struct light_node *node = context;
    struct wire_get get = {.digest = matched->release, .length = matched->size};
    if (node->procedure.state == WIRE_STATE_TRIAL) {
        proof_show (node, &node->proof.matched);
        return;
    }
    if (node->procedure.state != WIRE_STATE_MATCHING)
        return;
    if (matched->status != WIRE_STATUS_OK || !matched->size) {
        light_fail (node, UPDATE_EVENT_REFUSED, "the origin has nothing for this node");
        return;
    }
    node_content_leave (&node->user);
    node_content_join (node->content, &node->user, &content_ops, node);
    node_content_get (&node->user, &get);
}

/*  The release document of these fleets is one chunk. */
static void take_document (struct light_node *node, const void *payload, size_t size)
{
    struct wire_release release;
    struct base_digest digest = base_digest_of (payload, size);
    node_content_leave (&node->user);
    if (!base_digest_equal (&digest, &node->candidate.release) ||
        wire_release_unpack (payload, size, &release, NULL)) {
        light_fail (node, UPDATE_EVENT_FAILED, "the release document cannot be used");
        return;
    }
    const struct wire_envelope *envelope = &release.envelopes[0];
    node->candidate.binary = envelope->binary;
    node->candidate.size = envelope->size;
    (void) base_text_copy (node->candidate.name, sizeof node->candidate.name, envelope->version);
    wire_release_deinit (&release);
    bool same = base_digest_equal (&node->candidate.release, &node->running.release);
    take_event (node, same ? UPDATE_EVENT_SAME : UPDATE_EVENT_DONE);
}

static void on_chunk (void *context, const struct wire_chunk *chunk, const void *payload, size_t size)
{
    struct light_node *node = context;
    if (chunk->status != WIRE_STATUS_OK)
        return;
    if (node->procedure.state == WIRE_STATE_MATCHING) {
        take_document (node, payload, size);
        return;
    }
    if (size != chunk_size (node))
        return;
    proof_show (node, &node->proof.fetched);
    node_content_leave (&node->user);
}

static const struct node_content_ops content_ops = {.chunk = on_chunk};

static void on_hint (void *context, const struct wire_update *update)
{
    struct light_node *node = context;
    (void) update;
    node->setting->ops->hint (node->context);
    proof_show (node, &node->proof.announced);
}

static void on_welcome (void *context, const struct wire_welcome *welcome)
{
    const struct light_node *node = context;
    (void) welcome;
    node->setting->ops->welcome (node->context);
}

static void on_hello (void *context, struct wire_hello *hello)
{
    const struct light_node *node = context;
    hello->trial = node->procedure.state == WIRE_STATE_TRIAL;
}

static void on_lost (void *context)
{
    (void) context;
}

static int open_session (struct light_node *node, struct base_error *error)
{
    static const struct node_session_ops ops = {.hello = on_hello, .welcome = on_welcome, .lost = on_lost};
    static const struct node_subject_ops subject_ops = {.describe = light_describe,
                                                        .quarantine = light_quarantine_list,
                                                        .hint = on_hint,
                                                        .desired = on_desired};
    int r = node_session_new (node->setting->loop, &node->config, &ops, node, &node->session, error);
    if (r < 0)
        return r;
    node_subject_add (node->session, &node->subject, "noded", &subject_ops, node);
    return 0;
}

int light_node_start (struct light_node *node, struct base_error *error)
{
    update_procedure_init (&node->procedure);
    node->content = node_content_new (node->setting->loop, &node->config);
    int r = node->content ? open_session (node, error) : -ENOMEM;
    if (r < 0)
        return r;
    node_session_open (node->session);
    return 0;
}

void light_node_stop (struct light_node *node)
{
    timer_disarm (node, &node->step);
    timer_disarm (node, &node->deadline);
    timer_disarm (node, &node->proving);
    node->session = node_session_free (node->session);
    node_content_leave (&node->user);
    node->content = node_content_free (node->content);
    identity_config_deinit (&node->config);
}
