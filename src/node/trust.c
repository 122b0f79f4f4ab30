/* SPDX-License-Identifier: MPL-2.0 */
/*  node/trust.c - does the signed metadata allow a release?

    A check is a run of two machines of room trust: a refresh of the metadata, then one search for the release, and one
    for the running release. Here their actions are carried out: files are read from and written to the store of root
    (root/metadata.h), and fetched from the origin (node/metadata.h). One check runs at a time, and its memory exists only
    while it runs. */

#include "node/trust.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "base/version.h"
#include "node/application.h"
#include "node/metadata.h"
#include "root/metadata.h"
#include "trust/refresh.h"
#include "trust/search.h"
#include "wire/text.h"

enum run_step { RUN_REFRESH, RUN_RELEASE, RUN_RUNNING };

struct node_trust_run {
    struct root_metadata files;
    struct trust_client client;
    struct trust_refresh refresh;
    struct trust_search search;
    enum run_step step;
    struct node_metadata fetch;
    char waits_for[TRUST_FILE_TEXT + 32];
    struct trust_custom custom; /* of the release */
    uint64_t floor;
    int starting; /* timer */
};

uint64_t node_trust_now (void)
{
    uint64_t now = base_time_real_ns () / 1000000000;
    return now > base_built ? now : base_built;
}

bool node_trust_is_on (const struct node_process *process)
{
    base_assert (process);
    return root_metadata_is_pinned (&process->root);
}

static void run_check (const struct node_trust *trust)
{
    const struct node_trust_run *run = trust->run;
    base_assert (trust->app && trust->done);
    base_assert (run && trust->app->process->trust == trust);
    base_assert (run->step == RUN_REFRESH || run->client.phase == TRUST_PHASE_READY);
}

static void run_free (struct node_trust *trust)
{
    struct node_trust_run *run = trust->run;
    if (!run)
        return;
    bus_timer_cancel (trust->app->process->loop, run->starting);
    node_metadata_cancel (&run->fetch);
    trust_search_deinit (&run->search);
    trust_refresh_deinit (&run->refresh);
    trust_client_deinit (&run->client);
    free (run);
    trust->run = NULL;
}

static void check_start (struct node_trust *trust);

/*  Ends a check and starts the one that waits for it. */
static void check_remove (struct node_trust *trust)
{
    struct node_process *process = trust->app->process;
    struct node_trust **link = &process->trust;
    while (*link != trust)
        link = &(*link)->next;
    *link = trust->next;
    run_free (trust);
    *trust = (struct node_trust){.app = NULL};
    if (process->trust && !process->trust->run)
        check_start (process->trust);
}

void node_trust_cancel (struct node_trust *trust)
{
    base_assert (trust);
    if (trust->app)
        check_remove (trust);
}

/*  Remembers why a check failed, until one of this application passes. Failures of this are logged: a check is not
    changed by what cannot be remembered. */
static void fault_keep (const struct node_trust *trust, const char *reason)
{
    struct node_application *app = trust->app;
    char now[BASE_TIME_TEXT];
    struct base_error error = {.code = 0};
    struct wire_trust_fault fault = {.time = base_time_format (base_time_real_ns (), now),
                                     .application = app->name,
                                     .release = trust->release,
                                     .reason = reason,
                                     .workspace = trust->on_trial ? app->running->workspace : NULL};
    if (root_fault_write (&trust->run->files, &fault, &error) < 0)
        base_log_limited (&app->process->log, BASE_LOG_WARNING,
                          "cannot record why a release was not verified, ignoring: %s", error.text);
    if (app->process->session)
        node_session_hello_again (app->process->session);
}

static void fault_clear (const struct node_trust *trust)
{
    struct node_application *app = trust->app;
    struct wire_trust_fault fault;
    if (root_fault_read (&trust->run->files, app->name, &fault))
        return;
    wire_trust_fault_deinit (&fault);
    (void) root_fault_remove (&trust->run->files, app->name);
    if (app->process->session)
        node_session_hello_again (app->process->session);
}

static void run_answer (struct node_trust *trust, const struct node_trust_answer *answer)
{
    node_trust_done *done = trust->done;
    void *context = trust->context;
    check_remove (trust);
    done (context, answer);
}

/*  code: of errors.h or -errno. */
__attribute__ ((format (printf, 3, 4))) static void run_fail (struct node_trust *trust, int code,
                                                              const char *format, ...)
{
    char reason[BASE_ERROR_SIZE];
    base_assert (code != 0);
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (reason, sizeof reason, format, arguments);
    va_end (arguments);
    base_text_clean (reason);
    fault_keep (trust, reason);
    struct node_trust_answer answer = {.verdict = code > 0 ? NODE_TRUST_REFUSED : NODE_TRUST_FAILED,
                                       .reason = reason};
    run_answer (trust, &answer);
}

/*  What a person can do, as the end of a sentence. */
static const char *code_advice (int code)
{
    switch (code) {
    case TRUST_E_EXPIRED:
        return ": sign it again";
    case TRUST_E_THRESHOLD:
        return ": sign it with the keys that its root names; if these are lost, pin another root with noded trust pin";
    case TRUST_E_VERSION:
        return ": publish metadata with a higher version";
    case TRUST_E_UNAVAILABLE:
        return ": publish the signed metadata to the broker";
    default:
        return "";
    }
}

/*  The machine of the step has failed. */
static void machine_fail (struct node_trust *trust, int code, const struct base_error *error)
{
    run_fail (trust, code, "the signed metadata cannot be used: %.340s%s", error->text, code_advice (code));
}

static void counter_refuse (struct node_trust *trust, uint64_t least, const char *whose)
{
    run_fail (trust, TRUST_E_VERSION,
              "the release has the release-counter %" PRIu64 ", and %s %" PRIu64
              ": to downgrade on purpose, sign the older release with a higher release-counter",
              trust->run->custom.counter, whose, least);
}

/*  the end of a search */

/*  Returns whether the check goes on; if not, it has ended. */
static bool release_judge (struct node_trust *trust)
{
    struct node_trust_run *run = trust->run;
    const struct trust_target *target = &run->search.target;
    struct base_error error = {.code = 0};
    struct base_digest digest;
    char name[BASE_DIGEST_TEXT];
    if (!target->path) {
        run_fail (
            trust, TRUST_E_NO_TARGET,
            "the release %s of %s is not listed in the signed targets: sign it, or order one that is signed",
            base_digest_format (&trust->release, name), trust->app->name);
        return false;
    }
    int r = trust_release_of_target (target, &run->custom, &digest, &error);
    if (r) {
        run_fail (trust, r, "what the signed targets say about the release cannot be used: %.400s",
                  error.text);
        return false;
    }
    if (!base_digest_equal (&digest, &trust->release) ||
        strcmp (run->custom.application, trust->app->name) != 0) {
        run_fail (trust, TRUST_E_NO_TARGET, "the signed targets name another release in its place");
        return false;
    }
    if (*trust->version && strcmp (run->custom.version, trust->version) != 0) {
        run_fail (trust, TRUST_E_FORMAT,
                  "the signed targets name version %s, and the release is version %s: sign it again",
                  run->custom.version, trust->version);
        return false;
    }
    if (trust->size && trust->size != target->length) {
        run_fail (trust, TRUST_E_LENGTH,
                  "the release document has %" PRIu64 " bytes at the origin, and %" PRIu64
                  " in the signed targets",
                  trust->size, target->length);
        return false;
    }
    if (run->custom.counter < run->floor) {
        counter_refuse (trust, run->floor, "a release that was confirmed here has");
        return false;
    }
    return true;
}

/*  A running release that is not listed, or not signed properly, sets no limit: the least counter of this node does. */
static bool running_judge (struct node_trust *trust)
{
    struct node_trust_run *run = trust->run;
    struct trust_custom running;
    struct base_digest digest;
    if (!run->search.target.path || trust_release_of_target (&run->search.target, &running, &digest, NULL) ||
        running.counter <= run->custom.counter)
        return true;
    counter_refuse (trust, running.counter, "the running release has");
    return false;
}

/*  Begins to search a release. Returns whether the check goes on. */
static bool search_begin (struct node_trust *trust, enum run_step step, const struct base_digest *release)
{
    struct node_trust_run *run = trust->run;
    char path[TRUST_RELEASE_PATH_TEXT];
    struct base_error error = {.code = 0};
    trust_search_deinit (&run->search);
    run->step = step;
    int r = trust_search_init (&run->search, &run->client,
                               trust_release_path (trust->app->name, release, path), &error);
    if (r)
        machine_fail (trust, r, &error);
    return r == 0;
}

/*  The machine of the step is done: goes on to the next step. Returns false if the check has ended. */
static bool step_end (struct node_trust *trust)
{
    struct node_trust_run *run = trust->run;
    if (run->step == RUN_REFRESH)
        return search_begin (trust, RUN_RELEASE, &trust->release);
    if (run->step == RUN_RELEASE && !release_judge (trust))
        return false;
    if (run->step == RUN_RUNNING && !running_judge (trust))
        return false;
    if (run->step == RUN_RELEASE && !base_digest_is_null (&trust->running))
        return search_begin (trust, RUN_RUNNING, &trust->running);
    struct trust_custom custom = run->custom;
    struct node_trust_answer answer = {.verdict = NODE_TRUST_VERIFIED, .custom = &custom};
    fault_clear (trust);
    run_answer (trust, &answer);
    return false;
}

/*  actions */

static void action_next (const struct node_trust_run *run, struct trust_action *ret_action)
{
    if (run->step == RUN_REFRESH)
        trust_refresh_next (&run->refresh, ret_action);
    else
        trust_search_next (&run->search, ret_action);
}

static void answer_bytes (struct node_trust_run *run, const struct base_buffer *bytes)
{
    if (run->step == RUN_REFRESH)
        trust_refresh_bytes (&run->refresh, bytes->data, bytes->size);
    else
        trust_search_bytes (&run->search, bytes->data, bytes->size);
}

static void answer_absent (struct node_trust_run *run)
{
    if (run->step == RUN_REFRESH)
        trust_refresh_absent (&run->refresh);
    else
        trust_search_absent (&run->search);
}

static void answer_failed (struct node_trust_run *run, int code, const char *reason)
{
    if (run->step == RUN_REFRESH)
        trust_refresh_failed (&run->refresh, code, reason);
    else
        trust_search_failed (&run->search, code, reason);
}

/*  Also for a drop, which only a refresh has. r: 0 or -errno. */
static void answer_done (struct node_trust_run *run, int r, const struct base_error *error)
{
    if (r < 0)
        answer_failed (run, r, *error->text ? error->text : strerror (-r));
    else if (run->step == RUN_REFRESH)
        trust_refresh_done (&run->refresh);
    else
        trust_search_done (&run->search);
}

/*  Whether the client has made use of a stored timestamp or snapshot. Other files may also be older than those that are
    named now, which is no damage. */
static bool stored_is_used (const struct node_trust_run *run, const char *role)
{
    return strcmp (role, "timestamp") == 0  ? run->client.has_timestamp
           : strcmp (role, "snapshot") == 0 ? run->client.has_snapshot
                                            : true;
}

static void action_load (struct node_trust_run *run, const struct trust_action *action)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    int r = root_metadata_read_role (&run->files, action->file, action->most, &bytes);
    if (r == 0)
        answer_bytes (run, &bytes);
    else
        answer_absent (run);
    if (r == ROOT_E_DAMAGED || r < 0 ||
        (r == 0 && run->step == RUN_REFRESH && !stored_is_used (run, action->role)))
        base_log (BASE_LOG_WARNING,
                  "the stored %s is damaged, or of keys that were removed: it is fetched again",
                  action->file);
}

static void action_store (struct node_trust_run *run, const struct trust_action *action)
{
    struct base_error error = {.code = 0};
    int r = run->step == RUN_REFRESH && strcmp (action->role, "root") == 0
                ? root_metadata_write_root (&run->files, run->client.root.common.version, action->data,
                                            action->size, &error)
                : root_metadata_write_role (&run->files, action->file, action->data, action->size, &error);
    answer_done (run, r, &error);
}

static void run_continue (struct node_trust *trust);

static void on_fetched (void *context, enum node_metadata_result result, const struct base_buffer *bytes,
                        const char *reason)
{
    struct node_trust *trust = context;
    run_check (trust);
    struct node_trust_run *run = trust->run;
    struct trust_action action;
    action_next (run, &action);
    *run->waits_for = '\0';
    if (result == NODE_METADATA_HERE)
        answer_bytes (run, bytes);
    else if (result == NODE_METADATA_ABSENT && strcmp (action.role, "timestamp") == 0)
        answer_failed (run, TRUST_E_UNAVAILABLE, "the origin has no signed metadata");
    else if (result == NODE_METADATA_ABSENT)
        answer_absent (run);
    else
        answer_failed (run, result == NODE_METADATA_TOO_LARGE ? TRUST_E_TOO_LARGE : -EPROTO, reason);
    run_continue (trust);
}

static void action_fetch (struct node_trust *trust, const struct trust_action *action)
{
    struct node_trust_run *run = trust->run;
    (void) snprintf (run->waits_for, sizeof run->waits_for, "waiting for %s from the origin", action->file);
    node_metadata_begin (&run->fetch, trust->app->process->session, action->role, action->version,
                         action->most, on_fetched, trust);
}

/*  Carries out actions until the origin has to answer, or the check has ended. */
static void run_continue (struct node_trust *trust)
{
    for (;;) {
        run_check (trust);
        struct node_trust_run *run = trust->run;
        struct trust_action action;
        struct base_error error = {.code = 0};
        action_next (run, &action);
        switch (action.kind) {
        case TRUST_LOAD:
            action_load (run, &action);
            break;
        case TRUST_FETCH:
            action_fetch (trust, &action);
            return;
        case TRUST_STORE:
            action_store (run, &action);
            break;
        case TRUST_DROP:
            answer_done (run, root_metadata_remove_role (&run->files, action.file, &error), &error);
            break;
        case TRUST_DONE:
            if (!step_end (trust))
                return;
            break;
        case TRUST_FAILED:
            if (run->step == RUN_REFRESH)
                machine_fail (trust, run->refresh.code, &run->refresh.error);
            else
                machine_fail (trust, run->search.code, &run->search.error);
            return;
        }
    }
}

/*  the beginning of a check */

/*  Verifies the stored successors of the pinned root, one by the other, and begins with the last. What is damaged ends the
    chain: it is fetched again. */
static int chain_walk (struct node_trust_run *run, struct base_buffer *root, struct base_error *error)
{
    struct trust_limits limits = trust_limits_default;
    base_cleanup (trust_client_deinit) struct trust_client chain = {.phase = TRUST_PHASE_NULL};
    limits.roots = UINT32_MAX;
    int r = trust_client_init (&chain, &limits, node_trust_now (), root->data, root->size, error);
    if (r)
        return r;
    for (;;) {
        base_cleanup (base_buffer_deinit) struct base_buffer next = {0};
        struct base_error damage = {.code = 0};
        uint64_t version = chain.root.common.version + 1;
        r = root_metadata_read_root (&run->files, version, limits.root, &next);
        if (r == ROOT_E_NONE)
            break;
        if (r == 0)
            r = trust_client_root (&chain, next.data, next.size, &damage);
        if (r) {
            base_log (BASE_LOG_WARNING,
                      "the stored root of version %" PRIu64 " is damaged, and is fetched again: %s", version,
                      *damage.text ? damage.text : "it cannot be read");
            break;
        }
        struct base_buffer last = *root;
        *root = next;
        next = last;
    }
    return trust_client_init (&run->client, NULL, node_trust_now (), root->data, root->size, error);
}

static void on_start (void *context)
{
    struct node_trust *trust = context;
    struct node_process *process = trust->app->process;
    base_cleanup (base_buffer_deinit) struct base_buffer root = {0};
    struct base_error error = {.code = 0};
    bool lost = false;
    run_check (trust);
    struct node_trust_run *run = trust->run;
    run->starting = 0;
    int r = root_metadata_open (&process->root, &run->files, &root, &error);
    if (r) { /* nothing can be recorded beside it */
        struct node_trust_answer answer = {.verdict = NODE_TRUST_REFUSED, .reason = error.text};
        node_session_hello_again (process->session);
        run_answer (trust, &answer);
        return;
    }
    r = chain_walk (run, &root, &error);
    if (r) {
        run_fail (trust, r, "the pinned trust root cannot be used: %.300s: pin it again with noded trust pin",
                  error.text);
        return;
    }
    r = root_floor_read (&run->files, trust->app->name, &run->floor, &lost, &error);
    if (r < 0) {
        run_fail (trust, r, "%s", error.text);
        return;
    }
    if (lost)
        base_log (
            BASE_LOG_WARNING,
            "the least release-counters of this node are damaged: only that of the running release counts "
            "until another one is confirmed");
    trust_refresh_init (&run->refresh, &run->client);
    run_continue (trust);
}

static void check_start (struct node_trust *trust)
{
    base_assert (!trust->run && trust->app->process->trust == trust);
    struct node_trust_run *run = calloc (1, sizeof *run);
    trust->run = run;
    if (run)
        run->starting = bus_timer_start (trust->app->process->loop, 0, on_start, trust);
    if (!run || run->starting < 0)
        base_log (BASE_LOG_ERROR, "a release is not verified before the deadline of its step: out of memory");
}

void node_trust_begin (struct node_trust *trust, struct node_application *app,
                       const struct node_trust_question *question, node_trust_done *done, void *context)
{
    base_assert (trust && app && app->process && app->process->loop && app->process->session);
    base_assert (question && question->release && done);
    node_trust_cancel (trust);
    *trust = (struct node_trust){.app = app,
                                 .release = *question->release,
                                 .size = question->size,
                                 .on_trial = question->on_trial,
                                 .done = done,
                                 .context = context};
    if (question->version)
        (void) base_text_copy (trust->version, sizeof trust->version, question->version);
    if (!base_digest_equal (&app->running->installed.release, question->release))
        trust->running = app->running->installed.release;
    struct node_trust **link = &app->process->trust;
    while (*link)
        link = &(*link)->next;
    *link = trust;
    if (app->process->trust == trust)
        check_start (trust);
}

const char *node_trust_waits_for (const struct node_trust *trust)
{
    base_assert (trust);
    if (!trust->app)
        return NULL;
    if (!trust->run)
        return "waiting for the check of another application";
    return *trust->run->waits_for ? trust->run->waits_for : NULL;
}

bool node_trust_fits (const struct trust_custom *custom, const struct wire_release *release,
                      struct base_error *error)
{
    struct trust_custom own;
    base_assert (custom && release);
    int r = trust_custom_of_release (release, custom->counter, &own, error);
    if (r == 0 && trust_custom_fits (custom, &own))
        return true;
    (void) base_error_set (
        error, TRUST_E_FORMAT,
        "the signed targets describe the release as version %s of %s, and its document is version %s of "
        "%s, or has other platforms: sign the release again",
        custom->version, custom->application, release->version, release->application);
    return false;
}

/*  what is remembered */

/*  Opens the files of the pinned root. Returns whether there is one. */
static bool files_open (const struct node_process *process, struct root_metadata *ret_files)
{
    base_cleanup (base_buffer_deinit) struct base_buffer pinned = {0};
    return root_metadata_open (&process->root, ret_files, &pinned, NULL) == 0;
}

void node_trust_note (struct node_application *app, const struct base_digest *release, uint64_t counter)
{
    struct root_metadata files;
    struct base_error error = {.code = 0};
    base_assert (app && release);
    if (files_open (app->process, &files) &&
        root_floor_note (&files, app->name, release, counter, &error) < 0)
        base_log (BASE_LOG_WARNING, "cannot note the release-counter of %s, ignoring: %s", app->name,
                  error.text);
}

void node_trust_confirmed (struct node_application *app)
{
    struct root_metadata files;
    struct base_error error = {.code = 0};
    base_assert (app && app->running);
    if (files_open (app->process, &files) &&
        root_floor_raise (&files, app->name, &app->running->installed.release, &error) < 0)
        base_log (BASE_LOG_WARNING, "cannot raise the least release-counter of %s, ignoring: %s", app->name,
                  error.text);
}

bool node_trust_failed_on_trial (const struct node_application *app, const char *workspace)
{
    struct root_metadata files;
    struct wire_trust_fault fault;
    base_assert (app && workspace);
    if (!files_open (app->process, &files) || root_fault_read (&files, app->name, &fault))
        return false;
    bool its = fault.workspace && strcmp (fault.workspace, workspace) == 0;
    wire_trust_fault_deinit (&fault);
    return its;
}

void node_trust_describe (struct node_process *process, struct wire_hello *hello)
{
    base_cleanup (base_buffer_deinit) struct base_buffer pinned = {0};
    struct root_metadata files;
    struct base_error error = {.code = 0};
    base_assert (process && hello);
    free (process->trust_fault);
    process->trust_fault = NULL;
    int r = root_metadata_open (&process->root, &files, &pinned, &error);
    if (r == ROOT_E_NONE)
        return;
    if (r == 0)
        hello->trust_pinned = files.pinned;
    else
        process->trust_fault = wire_reason ("%s", error.text);
    for (size_t i = 0; r == 0 && i < process->n_applications && !process->trust_fault; i++) {
        struct wire_trust_fault fault;
        if (root_fault_read (&files, process->applications[i].name, &fault))
            continue;
        process->trust_fault = wire_reason ("%s: %s", fault.application, fault.reason);
        wire_trust_fault_deinit (&fault);
    }
    hello->trust_fault = process->trust_fault;
}
