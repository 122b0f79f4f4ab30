/* SPDX-License-Identifier: MPL-2.0 */
/*  node/host.c - the commands on a host itself: status, why, revert, quarantine */

#include "node/host.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "node/host_trust.h"
#include "node/later.h"
#include "node/connectivity.h"
#include "node/scrub.h"
#include "identity/settings.h"
#include "root/lock.h"
#include "root/links.h"
#include "root/record.h"
#include "root/workspace.h"
#include "wire/text.h"
#include "wire/wire.h"

enum { ENTRIES_MOST = 1000 };

/*  Reads the name and the envelope of the workspace that a link points to. If one cannot be read, installed
    has no envelope. */
static void link_read (const struct root *root, const char *link, char name[ROOT_NAME_SIZE],
                       struct wire_installed *installed)
{
    *installed = (struct wire_installed){.envelope = NULL};
    int r = root_link (root, link, name);
    if (r == 0)
        (void) root_workspace_read (root, name, installed, NULL);
}

/*  Returns the order state; zero if there is none. The caller owns it. */
static struct wire_order_state order_state_read (const struct root *root)
{
    struct wire_order_state order_state = {.epoch = 0};
    int r = root_order_state_read (root, &order_state);
    return r ? (struct wire_order_state){.epoch = 0} : order_state;
}

/*  Texts in it come from releases, so nothing in them may control a terminal. */
static void json_print (const char *json)
{
    base_cleanup (base_free_p) char *plain = base_text_plain_json (json);
    fputs (plain ? plain : "", stdout);
}

static void release_print (const char *what, const char *name, const struct wire_installed *installed,
                           const char *note)
{
    char release[BASE_DIGEST_TEXT];
    if (installed->envelope)
        base_log_print (stdout, "%-10s %s  release %.12s  %s%s", what, installed->envelope->version,
                        base_digest_format (&installed->release, release), name, note);
    else
        base_log_print (stdout, "%-10s %s cannot be read: noded verify shows why%s", what, name, note);
}

/*  The state of a root, for `noded status`. */
struct status {
    const struct root *root;
    struct base_error lost; /* why stable is dangling; empty: it is not */
    struct root_trial trial;
    char previous_name[ROOT_NAME_SIZE];
    char runs_name[ROOT_NAME_SIZE]; /* of the running manager; empty: none runs, or it is not visible */
    pid_t pid;                      /* of that manager */
    bool served;                    /* a process serves the root */
    char damage[NODE_SCRUB_TEXT];   /* empty: none is known */
    struct wire_installed stable, previous, runs;
    struct wire_order_state order_state;
};

static void status_deinit (struct status *status)
{
    wire_installed_deinit (&status->stable);
    wire_installed_deinit (&status->previous);
    wire_installed_deinit (&status->runs);
    wire_order_state_deinit (&status->order_state);
}

static void application_describe (const struct status *status, const struct wire_installed *runs,
                                  struct wire_application *ret_application)
{
    const struct wire_order_state *order_state = &status->order_state;
    *ret_application =
        (struct wire_application){.name = "noded",
                                  .state = status->trial.on_trial ? WIRE_STATE_TRIAL : WIRE_STATE_IDLE,
                                  .epoch = order_state->epoch,
                                  .seen_epoch = order_state->seen_epoch,
                                  .held = order_state->held,
                                  .transaction = order_state->transaction,
                                  .retry = node_retry_is_kept (order_state) ? order_state->retry : NULL,
                                  .last_error = order_state->last_error,
                                  .damage = *status->damage ? status->damage : NULL};
    if (runs->envelope) {
        ret_application->version = runs->envelope->version;
        ret_application->release = runs->release;
        ret_application->binary = runs->envelope->binary;
    }
    if (status->previous.envelope) {
        ret_application->previous_version = status->previous.envelope->version;
        ret_application->previous_release = status->previous.release;
    }
}

/*  Returns 0, also if stable is dangling, or an error with a sentence. */
static int status_read (const struct root *root, struct status *status, struct base_error *error)
{
    int r = root_stable_check (root, &status->lost);
    if (r < 0)
        return base_error_set (error, r, "%s", status->lost.text);
    if (r == 0) {
        r = root_trial_read (root, &status->trial, error);
        if (r)
            return r;
    }
    status->root = root;
    link_read (root, ROOT_STABLE, status->trial.stable, &status->stable);
    link_read (root, ROOT_PREVIOUS, status->previous_name, &status->previous);
    status->order_state = order_state_read (root);
    if (!node_scrub_read (root, status->damage))
        *status->damage = '\0';
    status->served = root_lock_is_held (root);
    if (status->served && root_lock_runs (root, &status->pid, status->runs_name) == 0)
        (void) root_workspace_read (root, status->runs_name, &status->runs, NULL);
    return 0;
}

static bool manager_runs_stable (const struct status *status)
{
    return !*status->runs_name ||
           (!*status->lost.text && strcmp (status->runs_name, status->trial.stable) == 0);
}

static void previous_print (const struct status *status)
{
    char name[ROOT_NAME_SIZE];
    struct base_error error = {.code = 0};
    const char *known = status->order_state.previous;
    int r = root_link (status->root, ROOT_PREVIOUS, name);
    if (r == ROOT_E_NONE && root_previous_check (status->root, known, name, NULL) == ROOT_E_NONE)
        base_log_print (stdout,
                        "%-10s is missing; it pointed to %s: a running manager or noded revert restores it",
                        ROOT_PREVIOUS, known);
    else if (r == ROOT_E_NONE)
        base_log_print (stdout, "%-10s none", ROOT_PREVIOUS);
    else if (r)
        base_log_print (stdout, "%-10s points to no workspace: a revert is not possible", ROOT_PREVIOUS);
    else if (root_startable (status->root, name, &error))
        base_log_print (stdout, "%-10s %s: a revert to it is not possible: %s", ROOT_PREVIOUS, name,
                        error.text);
    else
        release_print (ROOT_PREVIOUS, name, &status->previous,
                       !*status->lost.text && strcmp (name, status->trial.stable) == 0
                           ? ", same as stable: a revert is not possible"
                           : "");
}

static void manager_print (const struct status *status)
{
    const char *version = status->runs.envelope ? status->runs.envelope->version : "a version";
    if (!status->served)
        base_log_print (stdout, "%-10s does not run", "manager");
    else if (!*status->runs_name)
        base_log_print (stdout, "%-10s runs", "manager");
    else if (manager_runs_stable (status))
        base_log_print (stdout, "%-10s runs %s (pid %d)", "manager", version, (int) status->pid);
    else
        base_log_print (stdout, "%-10s runs %s from %s (pid %d), which is not stable%s", "manager", version,
                        status->runs_name, (int) status->pid,
                        *status->lost.text ? "" : ": stable starts when it ends");
}

static void status_print (const struct status *status)
{
    char **wrong;
    if (*status->lost.text)
        base_log_print (stdout, "%-10s is dangling", ROOT_STABLE);
    else
        release_print (ROOT_STABLE, status->trial.stable, &status->stable, "");
    previous_print (status);
    if (*status->damage)
        base_log_print (stdout, "%-10s %s; noded verify --root %s lists all damage", "damage", status->damage,
                        status->root->path);
    int r = identity_settings_faults (status->root->path, &wrong, NULL);
    for (size_t i = 0; wrong && wrong[i]; i++)
        base_log_print (stdout, "%-10s %s", "settings", wrong[i]);
    base_list_free (wrong);
    if (r == 0 && identity_settings_given_up (status->root->path))
        base_log_print (stdout,
                        "%-10s %s/" ROOT_SETTINGS " reached no broker: using the last settings that did",
                        "settings", status->root->path);
    node_host_trust_print (status->root);
    manager_print (status);
    if (status->served)
        node_connectivity_print (status->root);
    if (status->trial.on_trial)
        base_log_print (stdout, "%-10s stable is on trial, %u starts left; a rollback returns to %s", "trial",
                        status->trial.tokens, status->trial.back);
    base_log_print (stdout, "%-10s %s", "held",
                    status->order_state.held ? "yes: no update until nodectl unhold" : "no");
    if (node_retry_is_kept (&status->order_state))
        base_log_print (stdout, "%-10s this host was found unfit %u times: the update is retried at %s",
                        "next try", (unsigned) status->order_state.unfit, status->order_state.retry);
    const struct wire_failure *last = status->order_state.last_error;
    if (last)
        base_log_print (stdout, "%-10s %s %s: %s", "last error", last->time, last->step, last->reason);
}

static int status_print_json (const struct status *status)
{
    struct wire_application application;
    application_describe (status, manager_runs_stable (status) ? &status->stable : &status->runs,
                          &application);
    base_cleanup (base_free_p) char *text =
        wire_json (&wire_application_record, &application, WIRE_JSON_PRETTY);
    if (!text)
        return -ENOMEM;
    json_print (text);
    return 0;
}

int node_host_status (const struct root *root, bool json, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_cleanup (status_deinit) struct status status = {.pid = 0};
    int r = status_read (root, &status, error);
    if (r)
        return r;
    if (json) {
        r = status_print_json (&status);
        if (r < 0)
            return r;
    } else
        status_print (&status);
    if (!*status.lost.text)
        return 0;
    return base_error_set (error, ROOT_E_DAMAGED,
                           "%.250s: %s; `noded revert --root %s` points it to the previous version, "
                           "`ln -sfnT WORKSPACE %s/" ROOT_STABLE "` to another",
                           status.lost.text,
                           status.served ? "the running manager restores it" : "init cannot start a manager",
                           root->path, root->path);
}

static void array_print_json (const struct wire_record *record, const void *messages, size_t count)
{
    base_cleanup (base_free_p) char *text = wire_json_array (record, messages, count, WIRE_JSON_PRETTY);
    json_print (text ? text : "[]\n");
}

/*  damaged: number of lines that cannot be read. */
static void journal_print (const struct root *root, const struct wire_entry *entries, size_t count,
                           size_t damaged)
{
    const char *transaction = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct wire_entry *entry = &entries[i];
        const char *own = entry->transaction ? entry->transaction : "";
        if (transaction && strcmp (own, transaction) != 0)
            (void) putchar ('\n');
        if (!transaction || strcmp (own, transaction) != 0)
            base_log_print (stdout, "%s%s", *own ? "update " : "outside of an update", own);
        transaction = own;
        base_log_print (stdout, "  %.19s  %-22s %-10s%s%s%s%s", entry->time, entry->step,
                        wire_outcome_word (entry->outcome), entry->version ? " version " : "",
                        entry->version ? entry->version : "", entry->reason ? ": " : "",
                        entry->reason ? entry->reason : "");
    }
    if (!count)
        base_log_print (stdout, "no entries yet");
    if (damaged)
        base_log_print (stdout, "%zu lines of %s/var/journal cannot be read", damaged, root->path);
}

int node_host_why (const struct root *root, bool json, struct base_error *error)
{
    struct wire_entry *entries = NULL;
    size_t count = 0, damaged = 0;
    base_assert (root_is_open (root));
    int r = root_journal_read (root, ENTRIES_MOST, &entries, &count, &damaged, error);
    if (r < 0)
        return r;
    if (json)
        array_print_json (&wire_entry_record, entries, count);
    else
        journal_print (root, entries, count, damaged);
    root_journal_free (entries, count);
    return 0;
}

/*  Records a revert. Returns whether the hold was recorded. *ret_noted: whether the note for the manager was
    written. */
static bool revert_note (const struct root *root, bool *ret_noted)
{
    char previous[ROOT_NAME_SIZE];
    base_cleanup (wire_order_state_deinit) struct wire_order_state order_state = order_state_read (root);
    order_state.held = true;
    if (root_link (root, ROOT_PREVIOUS, previous) == 0)
        wire_text_give (&order_state.previous, strdup (previous));
    bool held = root_order_state_write (root, &order_state, NULL) == 0;
    (void) root_trial_forget (root);
    struct wire_entry entry = {.application = "noded",
                               .step = "revert",
                               .outcome = WIRE_OUTCOME_REVERTED,
                               .reason = "by noded revert on this host; held until it is released"};
    (void) root_journal_append (root, &entry, NULL);
    /* a running manager may write its order state once more before it is notified */
    char now[BASE_TIME_TEXT];
    entry.time = base_time_format (base_time_real_ns (), now);
    *ret_noted = root_reverted_note (root, &entry, NULL) == 0;
    return held;
}

/*  Restores previous if that is possible. If it is not, the revert itself reports that. */
static void previous_repair (const struct root *root)
{
    char name[ROOT_NAME_SIZE];
    struct base_error lost = {.code = 0};
    base_cleanup (wire_order_state_deinit) struct wire_order_state order_state = order_state_read (root);
    if (root_previous_check (root, order_state.previous, name, &lost) > 0 &&
        root_previous_repair (root, order_state.previous, NULL) == 0)
        base_log_print (stdout, "%s: restored, it points to %s", lost.text, order_state.previous);
}

int node_host_revert (const struct root *root, char ret_name[ROOT_NAME_SIZE], bool *ret_running,
                      bool *ret_held, struct base_error *error)
{
    struct base_error lost = {.code = 0};
    bool again, noted;
    base_assert (root_is_open (root));
    base_assert (ret_name && ret_running && ret_held);
    previous_repair (root);
    (void) root_stable_check (root, &lost);
    int moved = root_revert_ordered (root, ret_name, &again, error);
    if (moved && moved != ROOT_E_UNSYNCED)
        return moved;
    if (*lost.text)
        base_log_print (stdout, "%s: it now points to the version that the revert returns to", lost.text);
    if (again)
        base_log_print (stdout, "an earlier revert to %s is not complete: completing it", ret_name);
    *ret_held = revert_note (root, &noted);
    if (*ret_held && noted) /* otherwise the version that starts next completes it */
        (void) root_revert_done (root);
    *ret_running = root_lock_is_held (root);
    if (!*ret_running)
        return moved;
    int r = root_lock_signal (root, SIGUSR2);
    return r < 0 ? base_error_errno (
                       error, r,
                       "stable now points to %s, but the manager that serves %s could not be notified: it "
                       "detects that within a heartbeat if it runs",
                       ret_name, root->path)
                 : moved;
}

int node_host_quarantine_list (const struct root *root, bool json, struct base_error *error)
{
    struct wire_failure *failures = NULL;
    size_t count = 0;
    base_assert (root_is_open (root));
    int r = root_quarantine_list (root, &failures, &count, error);
    if (r < 0)
        return r;
    if (json)
        array_print_json (&wire_failure_record, failures, count);
    else
        for (size_t i = 0; i < count; i++) {
            char release[BASE_DIGEST_TEXT];
            base_log_print (stdout, "%.12s  %-10s %.19s  %s: %s",
                            base_digest_format (&failures[i].release, release),
                            failures[i].version ? failures[i].version : "-", failures[i].time,
                            failures[i].step, failures[i].reason);
        }
    if (!json && !count)
        base_log_print (stdout, "no release is quarantined here");
    root_quarantine_free (failures, count);
    return 0;
}

int node_host_quarantine_clear (const struct root *root, const char *release, unsigned *ret_count,
                                struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (ret_count);
    if (!release)
        return root_quarantine_clear (root, NULL, ret_count, error);
    struct wire_failure *failures = NULL;
    size_t count = 0, matches = 0, found = 0;
    int r = root_quarantine_list (root, &failures, &count, error);
    if (r < 0)
        return r;
    size_t length = strlen (release);
    for (size_t i = 0; i < count; i++) {
        char name[BASE_DIGEST_TEXT];
        if (length >= 6 && strncmp (base_digest_format (&failures[i].release, name), release, length) == 0) {
            matches++;
            found = i;
        }
    }
    if (matches == 1)
        r = root_quarantine_clear (root, &failures[found].release, ret_count, error);
    else
        r = base_error_set (
            error, ROOT_E_NONE,
            "%s names %zu quarantined releases: give at least 6 hexadecimal characters of one that "
            "noded quarantine list shows",
            release, matches);
    root_quarantine_free (failures, count);
    return r;
}
