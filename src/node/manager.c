/* SPDX-License-Identifier: MPL-2.0 */
/*  node/manager.c - noded itself as an application: it is probed by a rehearsal, and started by the launcher after
    this process has ended */

#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "node/application.h"
#include "rehearsal/rehearsal.h"
#include "root/manifest.h"
#include "update/verdict.h"
#include "root/workspace.h"

struct manager {
    struct rehearsal *rehearsal;
    struct rehearsal *ending;       /* an aborted rehearsal, until none of its processes runs */
    struct rehearsal_result blamed; /* the candidate's result, while this version rehearses itself */
    unsigned tries;                 /* rehearsals of the candidate that were started */
    bool control;                   /* the current rehearsal is this version's own */
    bool probe_waits;               /* probing waits until `ending` ends */
};

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
static bool files_are_intact (const struct node_application *app, struct base_error *error)
{
    base_cleanup (base_close_p) int fd = -1;
    if (root_workspace_open (app->root, app->order.workspace, &fd))
        return true;
    int rc = root_manifest_verify (app->root, fd, error);
    return rc != ROOT_E_DAMAGED && rc != ROOT_E_NONE;
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

/*  For passed and failed rehearsals: only a copy of the candidate's files has rehearsed. */
static void files_check (struct node_application *app, struct rehearsal_result *result)
{
    struct base_error damage = {.code = 0};
    if (result->end.host || files_are_intact (app, &damage))
        return;
    result->end = (struct rehearsal_outcome){.host = true};
    (void) base_text_copy (result->step, sizeof result->step, "files");
    (void) snprintf (result->reason, sizeof result->reason,
                     "the candidate's files changed since they were staged: %.300s", damage.text);
}

/*  Ends the step as failed. blame: the result of the candidate's rehearsal. */
static void probe_fail (struct node_application *app, const struct rehearsal_result *blame,
                        enum update_event event, const char *why)
{
    (void) snprintf (app->order.step, sizeof app->order.step, "%s/%s", wire_state_word (WIRE_STATE_PROBING),
                     blame->step);
    node_fail (app, event, "%.*s%s%s", *why ? 200 : BASE_ERROR_SIZE, blame->reason, *why ? "; " : "", why);
}

static void on_control (struct node_application *app, const struct rehearsal_result *control)
{
    const struct manager *own = app->own;
    const struct rehearsal_result *blame = &own->blamed;
    uint64_t step_ms = app->process->config->rehearsal_step_ms;
    char why[BASE_ERROR_SIZE] = "";
    struct update_rehearsed candidate = rehearsed_of (&blame->end), runs = rehearsed_of (&control->end);
    bool blamed = update_verdict_control (&candidate, &runs, step_ms) == UPDATE_VERDICT_BLAMED;
    if (!control->end.passed)
        (void) snprintf (
            why, sizeof why,
            "the running version fails its own rehearsal too (%s: %.200s): the host or the origin is "
            "at fault",
            control->step, control->reason);
    else if (!blamed)
        (void) snprintf (why, sizeof why,
                         "the running version took %llu of %llu ms for a step, too: this host is slow, "
                         "and the release is not quarantined",
                         (unsigned long long) control->end.slowest_ms, (unsigned long long) step_ms);
    probe_fail (app, blame, blamed ? UPDATE_EVENT_BLAMED : UPDATE_EVENT_UNFIT, why);
}

static void on_candidate (struct node_application *app, struct rehearsal_result *result)
{
    struct manager *own = app->own;
    enum update_verdict verdict = verdict_of (result, own->tries);
    const char *workspace = verdict == UPDATE_VERDICT_AGAIN ? app->order.workspace : app->running->workspace;
    if (verdict != UPDATE_VERDICT_AGAIN) {
        files_check (app, result);
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
        if (!rehearsal_start (app, workspace))
            return;
        own->control = false;
        verdict = UPDATE_VERDICT_UNFIT;
    }
    app->standing.probes = 0; /* saved with the result of the order */
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
    own->rehearsal = rehearsal_free (own->rehearsal);
    own->control = false;
    if (!control) {
        on_candidate (app, &result);
        return;
    }
    app->standing.probes = 0;
    on_control (app, &result);
}

static void probe_begin (struct node_application *app)
{
    struct manager *own = app->own;
    if (own->ending) { /* two rehearsals at once could disturb each other; the state has its deadline */
        own->probe_waits = true;
        return;
    }
    app->standing.probes++;
    own->tries = 1;
    node_standing_save (app);
    if (rehearsal_start (app, app->order.workspace))
        node_fail (app, UPDATE_EVENT_FAILED, "out of memory");
}

static void on_rehearsal_ended (void *context, const struct rehearsal_result *result)
{
    struct node_application *app = context;
    struct manager *own = app->own;
    (void) result;
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
    own->ending = own->rehearsal;
    own->rehearsal = NULL;
    rehearsal_end (own->ending, on_rehearsal_ended, app);
}

/*  The end of this process was not caused by the candidate. */
static void manager_stopping (struct node_application *app)
{
    const struct manager *own = app->own;
    if (!own->rehearsal || !app->standing.probes)
        return;
    app->standing.probes--;
    node_standing_save (app);
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
