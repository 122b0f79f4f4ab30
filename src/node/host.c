#include "node/host.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "node/settings.h"
#include "root/lock.h"
#include "root/record.h"
#include "root/workspace.h"
#include "wire/wire.h"

enum { ENTRIES_MOST = 1000 };

/*  What is installed where a link points to. Returns 0 or ROOT_E_NONE. */
static int read_link (const struct root *root, const char *link, char name[ROOT_NAME_SIZE],
                      struct wire_installed *installed)
{
    *installed = (struct wire_installed){.envelope = NULL};
    if (root_link (root, link, name))
        return ROOT_E_NONE;
    return root_workspace_read (root, name, installed, NULL) ? ROOT_E_NONE : 0;
}

static void describe (struct wire_application *application, const struct wire_installed *stable,
                      const struct wire_installed *previous, const struct wire_standing *standing,
                      const struct root_trial *trial)
{
    *application = (struct wire_application){.name = (char *) "noded",
                                             .state = trial->on_trial ? WIRE_STATE_TRIAL : WIRE_STATE_IDLE,
                                             .epoch = standing->epoch,
                                             .seen_epoch = standing->seen_epoch,
                                             .held = standing->held,
                                             .transaction = standing->transaction,
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

static void print_link (const char *what, const char *name, const struct wire_installed *installed)
{
    char release[BASE_DIGEST_TEXT];
    if (!installed->envelope)
        printf ("%-10s none\n", what);
    else
        printf ("%-10s %s  release %.12s  %s\n", what, installed->envelope->version,
                base_digest_format (&installed->release, release), name);
}

int node_host_status (const struct root *root, bool json, struct base_error *error)
{
    char stable_name[ROOT_NAME_SIZE] = "", previous_name[ROOT_NAME_SIZE] = "";
    base_cleanup (wire_installed_deinit) struct wire_installed stable = {.envelope = NULL};
    base_cleanup (wire_installed_deinit) struct wire_installed previous = {.envelope = NULL};
    base_cleanup (wire_standing_deinit) struct wire_standing standing = {.epoch = 0};
    struct root_trial trial;
    struct wire_application application;
    int rc = root_trial_read (root, &trial, error);
    if (rc)
        return rc;
    if (read_link (root, ROOT_STABLE, stable_name, &stable))
        return base_error_set (error, ROOT_E_DAMAGED,
                               "%s/stable does not lead to a workspace: run noded verify --root %s",
                               root->path, root->path);
    (void) read_link (root, ROOT_PREVIOUS, previous_name, &previous);
    (void) root_standing_read (root, &standing);
    describe (&application, &stable, &previous, &standing, &trial);
    if (json) {
        base_cleanup (base_free_p) char *text =
            wire_json (&wire_application_record, &application, WIRE_JSON_PRETTY);
        if (!text)
            return -ENOMEM;
        fputs (text, stdout);
        return 0;
    }
    bool served = root_lock_is_held (root);
    print_link ("stable", stable_name, &stable);
    print_link ("previous", previous_name, &previous);
    struct base_error wrong = {.code = 0};
    if (node_settings_check (root->path, &wrong))
        printf ("%-10s %s\n", "settings", wrong.text);
    printf ("%-10s %s\n", "manager", served ? "runs" : "does not run");
    if (trial.on_trial)
        printf ("%-10s stable is on trial, %u starts left; it would go back to %s\n", "trial", trial.tokens,
                trial.back);
    printf ("%-10s %s\n", "held", standing.held ? "yes: no update is taken until it is released" : "no");
    if (standing.last_error)
        printf ("%-10s %s %s: %s\n", "last error", standing.last_error->time, standing.last_error->step,
                standing.last_error->reason);
    return 0;
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
        fputs (text ? text : "[]\n", stdout);
        root_journal_free (entries, count);
        return 0;
    }
    const char *transaction = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct wire_entry *entry = &entries[i];
        const char *own = entry->transaction ? entry->transaction : "";
        if (!transaction || strcmp (own, transaction) != 0)
            printf ("%s%s%s\n", i ? "\n" : "", *own ? "update " : "order", own);
        transaction = own;
        printf ("  %.19s  %-22s %-10s%s%s%s%s\n", entry->time, entry->step,
                wire_outcome_word (entry->outcome), entry->version ? " version " : "",
                entry->version ? entry->version : "", entry->reason ? ": " : "",
                entry->reason ? entry->reason : "");
    }
    if (!count)
        printf ("nothing was done here yet\n");
    if (damaged)
        printf ("%zu lines of %s/var/journal cannot be read\n", damaged, root->path);
    root_journal_free (entries, count);
    return 0;
}

/*  Returns whether the hold will be remembered. */
static bool note_revert (const struct root *root)
{
    base_cleanup (wire_standing_deinit) struct wire_standing standing = {.epoch = 0};
    if (root_standing_read (root, &standing))
        standing = (struct wire_standing){.epoch = 0};
    standing.held = true;
    bool held = !root_standing_write (root, &standing, NULL);
    (void) root_trial_forget (root);
    struct wire_entry entry = {.application = (char *) "noded",
                               .step = (char *) "revert",
                               .outcome = WIRE_OUTCOME_REVERTED,
                               .reason = (char *) "by noded revert on this host; held until it is released"};
    (void) root_journal_append (root, &entry, NULL);
    /* a manager that runs may write the standing once more before it is told */
    char now[BASE_TIME_TEXT];
    entry.time = (char *) base_time_format (base_time_real_ns (), now);
    (void) root_reverted_note (root, &entry, NULL);
    return held;
}

int node_host_revert (const struct root *root, char ret_name[ROOT_NAME_SIZE], bool *ret_running,
                      bool *ret_held, struct base_error *error)
{
    int rc = root_revert (root, ret_name, error);
    if (rc)
        return rc;
    *ret_held = note_revert (root);
    *ret_running = root_lock_is_held (root);
    rc = *ret_running ? root_lock_signal (root, SIGUSR2) : 0;
    return rc ? base_error_errno (
                    error, rc,
                    "stable was set back, but the manager that serves %s could not be told: restart it",
                    root->path)
              : 0;
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
        fputs (text ? text : "[]\n", stdout);
    } else
        for (size_t i = 0; i < count; i++) {
            char release[BASE_DIGEST_TEXT];
            printf ("%.12s  %-10s %.19s  %s: %s\n", base_digest_format (&failures[i].release, release),
                    failures[i].version ? failures[i].version : "-", failures[i].time, failures[i].step,
                    failures[i].reason);
        }
    if (!json && !count)
        printf ("no release is quarantined here\n");
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
