/* SPDX-License-Identifier: MPL-2.0 */
/*  node/manager.c - noded itself as an application: a rehearsal probes a candidate, and the launcher starts a
    version after this process has ended */

#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "node/application.h"
#include "rehearsal/rehearsal.h"
#include "root/manifest.h"
#include "update/verdict.h"
#include "root/workspace.h"

struct manager {
    struct rehearsal *rehearsal;    /* NULL: none runs */
    struct rehearsal *ending;       /* an aborted rehearsal, until none of its processes runs */
    struct rehearsal_result blamed; /* the candidate's result, while this version rehearses itself */
    unsigned tries;                 /* rehearsals of the candidate that were started */
    bool control;                   /* `rehearsal` is this version's own */
    bool probe_waits;               /* probing starts when `ending` has ended */
};

static void manager_check (const struct manager *own)
{
    base_assert (own);
    base_assert (own->tries <= UPDATE_VERDICT_TRIES + 1);
    base_assert (!own->rehearsal || (!own->ending && own->tries > 0));
    base_assert (!own->control || own->rehearsal);
    base_assert (!own->probe_waits || own->ending);
}

/*  space */

static uint64_t envelope_bytes (const struct wire_envelope *envelope)
{
    uint64_t size = envelope->size;
    for (size_t i = 0; i < envelope->n_files; i++)
        size += envelope->files[i].size;
    return size;
}

/*  Files of a workspace, and of the root around it, that its envelope does not list. */
enum { OWN_FILES = 24 };

static uint64_t envelope_files (const struct wire_envelope *envelope)
{
    return envelope->n_files + OWN_FILES;
}

/*  Returns the size of a rehearsal, in bytes or in files. A scratch root holds a copy of the candidate, each
    version that the candidate makes from the offer, and the scratch root in which the candidate rehearses
    that version. */
static uint64_t rehearsal_size (uint64_t candidate, uint64_t offered, int depth)
{
    uint64_t times = depth == IDENTITY_DEPTH_MINTED ? 2 : 1; /* it hands over twice: rehearsal/rehearsal.h */
    return candidate + (depth > 0 ? times * offered + rehearsal_size (offered, candidate, depth - 1) : 0);
}

static int rehearsal_depth (const struct node_application *app)
{
    int depth = app->process->config->depth;
    return depth == IDENTITY_DEPTH_SERVICE ? IDENTITY_DEPTH_MINTED : depth - 1;
}

static void manager_probe_space (const struct node_application *app, const struct wire_envelope *envelope,
                                 uint64_t *ret_bytes, uint64_t *ret_files)
{
    const struct wire_envelope *runs = app->running->installed.envelope;
    base_assert (envelope && runs && ret_bytes && ret_files);
    int depth = rehearsal_depth (app);
    *ret_bytes = rehearsal_size (envelope_bytes (envelope), envelope_bytes (runs), depth);
    *ret_files =
        envelope_files (envelope) + rehearsal_size (envelope_files (envelope), envelope_files (runs), depth);
}

/*  the rehearsal of a candidate */

static void on_rehearsed (void *context, const struct rehearsal_result *found);

static int rehearsal_start (struct node_application *app, const char *workspace)
{
    struct manager *own = app->own;
    base_assert (!own->rehearsal && !own->ending && *workspace);
    struct rehearsal_spec spec = {.loop = app->process->loop,
                                  .config = app->process->config,
                                  .root = app->root,
                                  .self = &app->process->self,
                                  .candidate = workspace,
                                  .depth = rehearsal_depth (app)};
    return rehearsal_new (&spec, on_rehearsed, app, &own->rehearsal);
}

/*  Returns whether the candidate's files are still those that were staged; true if that cannot be
    determined. */
static bool candidate_is_intact (const struct node_application *app, struct base_error *error)
{
    base_cleanup (base_close_p) int fd = -1;
    int r = root_workspace_open (app->root, app->order.workspace, &fd);
    if (r)
        return true;
    r = root_manifest_verify (app->root, fd, error);
    return r != ROOT_E_DAMAGED && r != ROOT_E_NONE;
}

static struct update_rehearsed rehearsed_of (const struct rehearsal_outcome *end)
{
    return (struct update_rehearsed){.passed = end->passed,
                                     .host = end->host,
                                     .killed = end->killed,
                                     .late = end->late,
                                     .slowest_ms = end->slowest_ms};
}

static enum update_verdict verdict_of (const struct rehearsal_result *result, unsigned tries)
{
    struct update_rehearsed candidate = rehearsed_of (&result->end);
    return update_verdict_candidate (&candidate, tries);
}

/*  Verifies the candidate's files after a rehearsal, whatever its result: a copy of them has rehearsed. If
    they have changed, the result is that host or disk is at fault. */
static void candidate_verify (struct node_application *app, struct rehearsal_result *result)
{
    struct base_error damage = {.code = 0};
    if (result->end.host || candidate_is_intact (app, &damage))
        return;
    result->end = (struct rehearsal_outcome){.host = true};
    (void) base_text_copy (result->step, sizeof result->step, "files");
    (void) snprintf (result->reason, sizeof result->reason,
                     "the candidate's files changed since they were staged: %.300s", damage.text);
}

/*  Ends the step as failed. failed: the result of the candidate's rehearsal. why: to be appended to its
    reason; may be empty. */
static void probe_fail (struct node_application *app, const struct rehearsal_result *failed,
                        enum update_event event, const char *why)
{
    base_assert (event == UPDATE_EVENT_BLAMED || event == UPDATE_EVENT_UNFIT);
    (void) snprintf (app->order.step, sizeof app->order.step, "%s/%s", wire_state_word (WIRE_STATE_PROBING),
                     failed->step);
    node_fail (app, event, "%.*s%s%s", *why ? 200 : BASE_ERROR_SIZE, failed->reason, *why ? "; " : "", why);
}

/*  The running version has rehearsed itself: decides whether the candidate is to blame. */
static void on_control (struct node_application *app, const struct rehearsal_result *control)
{
    const struct manager *own = app->own;
    const struct rehearsal_result *failed = &own->blamed;
    uint64_t step_ms = app->process->config->rehearsal_step_ms;
    char why[BASE_ERROR_SIZE] = "";
    struct update_rehearsed candidate = rehearsed_of (&failed->end), runs = rehearsed_of (&control->end);
    bool blamed = update_verdict_control (&candidate, &runs, step_ms) == UPDATE_VERDICT_BLAMED;
    if (!control->end.passed)
        (void) snprintf (
            why, sizeof why,
            "the running version fails its own rehearsal, too (%s: %.200s): the host or the origin is "
            "at fault",
            control->step, control->reason);
    else if (!blamed)
        (void) snprintf (why, sizeof why,
                         "the running version took %llu of %llu ms for a step, too: this host is slow, "
                         "and the release is not quarantined",
                         (unsigned long long) control->end.slowest_ms, (unsigned long long) step_ms);
    probe_fail (app, failed, blamed ? UPDATE_EVENT_BLAMED : UPDATE_EVENT_UNFIT, why);
}

static void on_candidate (struct node_application *app, struct rehearsal_result *result)
{
    struct manager *own = app->own;
    enum update_verdict verdict = verdict_of (result, own->tries);
    const char *workspace = verdict == UPDATE_VERDICT_AGAIN ? app->order.workspace : app->running->workspace;
    if (verdict != UPDATE_VERDICT_AGAIN) {
        candidate_verify (app, result);
        verdict = verdict_of (result, own->tries);
    }
    if (verdict == UPDATE_VERDICT_AGAIN || verdict == UPDATE_VERDICT_CONTROL) {
        own->control = verdict == UPDATE_VERDICT_CONTROL;
        own->blamed = *result;
        own->tries++;
        base_log (BASE_LOG_WARNING, "%s: the candidate %s its rehearsal (%s: %s); %s", app->order.transaction,
                  result->end.killed ? "was killed, or lacked resources, in"
                  : result->end.late ? "was late in"
                                     : "failed",
                  result->step, result->reason,
                  own->control ? "rehearsing the running version" : "trying it once more");
        int r = rehearsal_start (app, workspace);
        if (r == 0)
            return;
        own->control = false;
        verdict = UPDATE_VERDICT_UNFIT;
    }
    app->order_state.probes = 0; /* saved with the result of the order */
    if (verdict != UPDATE_VERDICT_PASSED) {
        probe_fail (app, result, UPDATE_EVENT_UNFIT, "");
        return;
    }
    base_log (BASE_LOG_INFO, "%s: the rehearsal passed in %llu ms", app->order.transaction,
              (unsigned long long) result->took_ms);
    node_event (app, UPDATE_EVENT_DONE);
}

static void on_rehearsed (void *context, const struct rehearsal_result *found)
{
    struct node_application *app = context;
    struct manager *own = app->own;
    struct rehearsal_result result = *found;
    bool control = own->control;
    manager_check (own);
    base_assert (own->rehearsal && app->procedure.state == WIRE_STATE_PROBING);
    own->rehearsal = rehearsal_free (own->rehearsal);
    own->control = false;
    if (!control) {
        on_candidate (app, &result);
        return;
    }
    app->order_state.probes = 0;
    on_control (app, &result);
}

static void probe_begin (struct node_application *app)
{
    struct manager *own = app->own;
    manager_check (own);
    base_assert (app->procedure.state == WIRE_STATE_PROBING && *app->order.workspace);
    if (own->ending) { /* two rehearsals at once could disturb each other; the state has its deadline */
        own->probe_waits = true;
        return;
    }
    app->order_state.probes++;
    own->tries = 1;
    node_order_state_save (app);
    int r = rehearsal_start (app, app->order.workspace);
    if (r < 0)
        node_fail (app, UPDATE_EVENT_FAILED, "out of memory");
}

static void on_rehearsal_ended (void *context, const struct rehearsal_result *result)
{
    struct node_application *app = context;
    struct manager *own = app->own;
    (void) result;
    manager_check (own);
    base_assert (own->ending);
    own->ending = rehearsal_free (own->ending);
    bool waits = own->probe_waits;
    own->probe_waits = false;
    if (waits)
        probe_begin (app);
}

static void manager_probe_abort (struct node_application *app)
{
    struct manager *own = app->own;
    own->probe_waits = own->control = false;
    if (!own->rehearsal)
        return;
    base_assert (!own->ending);
    own->ending = own->rehearsal;
    own->rehearsal = NULL;
    rehearsal_end (own->ending, on_rehearsal_ended, app);
}

/*  A signal ends this process, so the candidate did not: its rehearsal does not count as started. */
static void manager_stopping (struct node_application *app)
{
    const struct manager *own = app->own;
    if (!own->rehearsal || !app->order_state.probes)
        return;
    app->order_state.probes--;
    node_order_state_save (app);
}

/*  the restart */

static void manager_restart (struct node_application *app)
{
    node_process_leave (app->process);
}

static void manager_confirmed (struct node_application *app)
{
    node_process_notify_launcher (app->process, "confirmed\n");
}

static void manager_close (struct node_application *app)
{
    struct manager *own = app->own;
    own->rehearsal = rehearsal_free (own->rehearsal);
    own->ending = rehearsal_free (own->ending);
}

static const struct node_kind_ops manager_ops = {
    .probe_space = manager_probe_space,
    .probe = probe_begin,
    .probe_abort = manager_probe_abort,
    .restart = manager_restart,
    .prove = node_trial_begin,
    .prove_end = node_trial_end,
    .confirmed = manager_confirmed,
    .stopping = manager_stopping,
    .close = manager_close,
};

const struct node_kind node_kind_manager = {
    .application = "noded", .is_manager = true, .own_size = sizeof (struct manager), .ops = &manager_ops};
