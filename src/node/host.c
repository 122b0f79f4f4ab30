/* SPDX-License-Identifier: MPL-2.0 */
/*  node/host.c - the commands on a host itself */

#include "node/host.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "node/reach.h"
#include "node/scrub.h"
#include "identity/settings.h"
#include "root/lock.h"
#include "root/links.h"
#include "root/record.h"
#include "root/workspace.h"
#include "wire/text.h"
#include "wire/wire.h"

enum { ENTRIES_MOST = 1000 };

/*  Reads what is installed where a link points to. Returns 0 or ROOT_E_NONE. */
static int read_link (const struct root *root, const char *link, char name[ROOT_NAME_SIZE],
                      struct wire_installed *installed)
{
    *installed = (struct wire_installed){.envelope = NULL};
    if (root_link (root, link, name))
        return ROOT_E_NONE;
    return root_workspace_read (root, name, installed, NULL) ? ROOT_E_NONE : 0;
}

/*  Returns whether an order that found this host unfit is kept. */
static bool will_retry (const struct wire_standing *standing)
{
    return standing->unfit && standing->retry && standing->under_way > standing->epoch;
}

static void application_describe (struct wire_application *application, const struct wire_installed *stable,
                                  const struct wire_installed *previous, const struct wire_standing *standing,
                                  const struct root_trial *trial)
{
    *application = (struct wire_application){.name = "noded",
                                             .state = trial->on_trial ? WIRE_STATE_TRIAL : WIRE_STATE_IDLE,
                                             .epoch = standing->epoch,
                                             .seen_epoch = standing->seen_epoch,
                                             .held = standing->held,
                                             .transaction = standing->transaction,
                                             .retry = will_retry (standing) ? standing->retry : NULL,
                                             .last_error = standing->last_error};
    if (stable->envelope) {
        application->version = stable->envelope->version;
        application->release = stable->release;
        application->binary = stable->envelope->binary;
    }
    if (previous->envelope) {
        application->previous_version = previous->envelope->version;
        application->previous_release = previous->release;
    }
}

/*  A release determines versions, reasons and last lines. Nothing in them may control a terminal. */
static void print_json (const char *json)
{
    base_cleanup (base_free_p) char *plain = base_text_plain_json (json);
    fputs (plain ? plain : "", stdout);
}

static void print_release (const char *what, const char *name, const struct wire_installed *installed,
                           const char *note)
{
    char release[BASE_DIGEST_TEXT];
    if (installed->envelope)
        base_log_print (stdout, "%-10s %s  release %.12s  %s%s", what, installed->envelope->version,
                        base_digest_format (&installed->release, release), name, note);
    else
        base_log_print (stdout, "%-10s %s cannot be read: noded verify shows why%s", what, name, note);
}

/*  What status prints of a root. stable and previous are what is installed where the links point to, runs is
    what the manager runs. */
struct standing {
    const struct root *root;
    struct base_error lost; /* why stable is dangling; empty: it is not */
    struct root_trial trial;
    char previous_name[ROOT_NAME_SIZE];
    char runs_name[ROOT_NAME_SIZE]; /* empty: no manager runs, or it is not visible */
    pid_t pid;
    bool served;
    char damage[NODE_SCRUB_TEXT]; /* empty: none is known */
    struct wire_installed stable, previous, runs;
    struct wire_standing remembered;
};

static void standing_deinit (struct standing *standing)
{
    wire_installed_deinit (&standing->stable);
    wire_installed_deinit (&standing->previous);
    wire_installed_deinit (&standing->runs);
    wire_standing_deinit (&standing->remembered);
}

static int standing_read (const struct root *root, struct standing *standing, struct base_error *error)
{
    int rc = root_stable_check (root, &standing->lost);
    rc = rc == 0 ? root_trial_read (root, &standing->trial, error) : rc < 0 ? rc : 0;
    if (rc)
        return *error->text ? rc : base_error_set (error, rc, "%s", standing->lost.text);
    standing->root = root;
    (void) read_link (root, ROOT_STABLE, standing->trial.stable, &standing->stable);
    (void) read_link (root, ROOT_PREVIOUS, standing->previous_name, &standing->previous);
    (void) root_order_state_read (root, &standing->remembered);
    if (!node_scrub_read (root, standing->damage))
        *standing->damage = '\0';
    standing->served = root_lock_is_held (root);
    if (standing->served && !root_lock_runs (root, &standing->pid, standing->runs_name))
        (void) root_workspace_read (root, standing->runs_name, &standing->runs, NULL);
    return 0;
}

static bool runs_stable (const struct standing *standing)
{
    return !*standing->runs_name ||
           (!*standing->lost.text && strcmp (standing->runs_name, standing->trial.stable) == 0);
}

static void print_previous (const struct standing *standing)
{
    char name[ROOT_NAME_SIZE];
    struct base_error error = {.code = 0};
    const char *known = standing->remembered.previous;
    int rc = root_link (standing->root, ROOT_PREVIOUS, name);
    if (rc == ROOT_E_NONE && root_previous_check (standing->root, known, name, NULL) == ROOT_E_NONE)
        base_log_print (stdout,
                        "%-10s is missing; it pointed to %s: a running manager or noded revert restores it",
                        ROOT_PREVIOUS, known);
    else if (rc == ROOT_E_NONE)
        base_log_print (stdout, "%-10s none", ROOT_PREVIOUS);
    else if (rc)
        base_log_print (stdout, "%-10s points to no workspace: a revert is not possible", ROOT_PREVIOUS);
    else if (root_startable (standing->root, name, &error))
        base_log_print (stdout, "%-10s %s: a revert to it is not possible: %s", ROOT_PREVIOUS, name,
                        error.text);
    else
        print_release (ROOT_PREVIOUS, name, &standing->previous,
                       !*standing->lost.text && strcmp (name, standing->trial.stable) == 0
                           ? ", same as stable: a revert is not possible"
                           : "");
}

static void print_manager (const struct standing *standing)
{
    const char *version = standing->runs.envelope ? standing->runs.envelope->version : "a version";
    if (!standing->served)
        base_log_print (stdout, "%-10s does not run", "manager");
    else if (!*standing->runs_name)
        base_log_print (stdout, "%-10s runs", "manager");
    else if (runs_stable (standing))
        base_log_print (stdout, "%-10s runs %s (pid %d)", "manager", version, (int) standing->pid);
    else
        base_log_print (stdout, "%-10s runs %s from %s (pid %d), which is not stable%s", "manager", version,
                        standing->runs_name, (int) standing->pid,
                        *standing->lost.text ? "" : ": stable starts when it ends");
}

static void print_standing (const struct standing *standing)
{
    char **wrong;
    if (*standing->lost.text)
        base_log_print (stdout, "%-10s is dangling", ROOT_STABLE);
    else
        print_release (ROOT_STABLE, standing->trial.stable, &standing->stable, "");
    print_previous (standing);
    if (*standing->damage)
        base_log_print (stdout, "%-10s %s; noded verify --root %s lists all damage", "damage",
                        standing->damage, standing->root->path);
    bool unusable = identity_settings_faults (standing->root->path, &wrong, NULL) != 0;
    for (size_t i = 0; wrong && wrong[i]; i++)
        base_log_print (stdout, "%-10s %s", "settings", wrong[i]);
    base_list_free (wrong);
    if (unusable)
        ;
    else if (identity_settings_given_up (standing->root->path))
        base_log_print (stdout,
                        "%-10s %s/" ROOT_SETTINGS " reached no broker: using the last settings that did",
                        "settings", standing->root->path);
    print_manager (standing);
    if (standing->served)
        node_reach_print (standing->root);
    if (standing->trial.on_trial)
        base_log_print (stdout, "%-10s stable is on trial, %u starts left; a rollback returns to %s", "trial",
                        standing->trial.tokens, standing->trial.back);
    base_log_print (stdout, "%-10s %s", "held",
                    standing->remembered.held ? "yes: no update until nodectl unhold" : "no");
    if (will_retry (&standing->remembered))
        base_log_print (stdout, "%-10s this host was found unfit %u times: the update is retried at %s",
                        "next try", (unsigned) standing->remembered.unfit, standing->remembered.retry);
    const struct wire_failure *last = standing->remembered.last_error;
    if (last)
        base_log_print (stdout, "%-10s %s %s: %s", "last error", last->time, last->step, last->reason);
}

int node_host_status (const struct root *root, bool json, struct base_error *error)
{
    base_cleanup (standing_deinit) struct standing standing = {.pid = 0};
    struct wire_application application;
    int rc = standing_read (root, &standing, error);
    if (rc)
        return rc;
    if (json) {
        application_describe (&application, runs_stable (&standing) ? &standing.stable : &standing.runs,
                              &standing.previous, &standing.remembered, &standing.trial);
        application.damage = *standing.damage ? standing.damage : NULL;
        base_cleanup (base_free_p) char *text =
            wire_json (&wire_application_record, &application, WIRE_JSON_PRETTY);
        if (!text)
            return -ENOMEM;
        print_json (text);
    } else
        print_standing (&standing);
    if (!*standing.lost.text)
        return 0;
    return base_error_set (error, ROOT_E_DAMAGED,
                           "%.250s: %s; `noded revert --root %s` points it to the previous version, "
                           "`ln -sfnT WORKSPACE %s/" ROOT_STABLE "` to another",
                           standing.lost.text,
                           standing.served ? "the running manager restores it"
                                           : "init cannot start a manager",
                           root->path, root->path);
}

int node_host_why (const struct root *root, bool json, struct base_error *error)
{
    struct wire_entry *entries = NULL;
    size_t count = 0, damaged = 0;
    int rc = root_journal_read (root, ENTRIES_MOST, &entries, &count, &damaged, error);
    if (rc)
        return rc;
    if (json) {
        base_cleanup (base_free_p) char *text =
            wire_json_array (&wire_entry_record, entries, count, WIRE_JSON_PRETTY);
        print_json (text ? text : "[]\n");
        root_journal_free (entries, count);
        return 0;
    }
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
    root_journal_free (entries, count);
    return 0;
}

/*  Records a revert. Returns whether the hold was recorded. *ret_noted: whether the note for the manager was
    written. */
static bool note_revert (const struct root *root, bool *ret_noted)
{
    char previous[ROOT_NAME_SIZE];
    base_cleanup (wire_standing_deinit) struct wire_standing standing = {.epoch = 0};
    if (root_order_state_read (root, &standing))
        standing = (struct wire_standing){.epoch = 0};
    standing.held = true;
    if (root_link (root, ROOT_PREVIOUS, previous) == 0) {
        wire_text_give (&standing.previous, strdup (previous));
    }
    bool held = !root_order_state_write (root, &standing, NULL);
    (void) root_trial_forget (root);
    struct wire_entry entry = {.application = "noded",
                               .step = "revert",
                               .outcome = WIRE_OUTCOME_REVERTED,
                               .reason = "by noded revert on this host; held until it is released"};
    (void) root_journal_append (root, &entry, NULL);
    /* a running manager may write its order state once more before it is notified */
    char now[BASE_TIME_TEXT];
    entry.time = base_time_format (base_time_real_ns (), now);
    *ret_noted = !root_reverted_note (root, &entry, NULL);
    return held;
}

/*  Restores previous if that is possible. If it is not, the revert itself reports that. */
static void mend_previous (const struct root *root)
{
    char name[ROOT_NAME_SIZE];
    struct base_error lost = {.code = 0};
    base_cleanup (wire_standing_deinit) struct wire_standing standing = {.epoch = 0};
    if (root_order_state_read (root, &standing))
        standing = (struct wire_standing){.epoch = 0};
    if (root_previous_check (root, standing.previous, name, &lost) > 0 &&
        root_previous_repair (root, standing.previous, NULL) == 0)
        base_log_print (stdout, "%s: restored, it points to %s", lost.text, standing.previous);
}

int node_host_revert (const struct root *root, char ret_name[ROOT_NAME_SIZE], bool *ret_running,
                      bool *ret_held, struct base_error *error)
{
    struct base_error lost = {.code = 0};
    bool again, noted;
    mend_previous (root);
    (void) root_stable_check (root, &lost);
    int moved = root_revert_ordered (root, ret_name, &again, error);
    if (moved && moved != ROOT_E_UNSYNCED)
        return moved;
    if (*lost.text)
        base_log_print (stdout, "%s: it now points to the version that the revert returns to", lost.text);
    if (again)
        base_log_print (stdout, "an earlier revert to %s is not complete: completing it", ret_name);
    *ret_held = note_revert (root, &noted);
    if (*ret_held && noted) /* otherwise the version that starts next completes it */
        (void) root_revert_done (root);
    *ret_running = root_lock_is_held (root);
    int rc = *ret_running ? root_lock_signal (root, SIGUSR2) : 0;
    return rc ? base_error_errno (
                    error, rc,
                    "stable now points to %s, but the manager that serves %s could not be notified: it "
                    "detects that within a heartbeat if it runs",
                    ret_name, root->path)
              : moved;
}

int node_host_quarantine_list (const struct root *root, bool json, struct base_error *error)
{
    struct wire_failure *failures = NULL;
    size_t count = 0;
    int rc = root_quarantine_list (root, &failures, &count, error);
    if (rc)
        return rc;
    if (json) {
        base_cleanup (base_free_p) char *text =
            wire_json_array (&wire_failure_record, failures, count, WIRE_JSON_PRETTY);
        print_json (text ? text : "[]\n");
    } else
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
    if (!release)
        return root_quarantine_clear (root, NULL, ret_count, error);
    struct wire_failure *failures = NULL;
    size_t count = 0, matches = 0, found = 0;
    int rc = root_quarantine_list (root, &failures, &count, error);
    if (rc)
        return rc;
    size_t length = strlen (release);
    for (size_t i = 0; i < count; i++) {
        char name[BASE_DIGEST_TEXT];
        if (length >= 6 && strncmp (base_digest_format (&failures[i].release, name), release, length) == 0) {
            matches++;
            found = i;
        }
    }
    if (matches == 1)
        rc = root_quarantine_clear (root, &failures[found].release, ret_count, error);
    else
        rc = base_error_set (
            error, ROOT_E_NONE,
            "%s names %zu quarantined releases: give at least 6 hexadecimal characters of one that "
            "noded quarantine list shows",
            release, matches);
    root_quarantine_free (failures, count);
    return rc;
}
