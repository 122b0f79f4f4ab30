/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/fixture.h - a node manager in a fresh root, whose origin does not answer */

#ifndef TEST_NODE_FIXTURE_H
#define TEST_NODE_FIXTURE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/text.h"
#include "node/application.h"
#include "root/links.h"
#include "root/workspace.h"
#include "wire/envelope.h"
#include "test/lib/load.h"

#pragma GCC diagnostic ignored "-Wunused-function"

#define RUNNING "2026-01-02T00:00:00.000000000Z"
#define CANDIDATE "2026-01-03T00:00:00.000000000Z"
#define BEFORE "2026-01-01T00:00:00.000000000Z"

static char directory[] = "/tmp/noded-test-XXXXXX";
static struct identity_config config;
static struct node_process process;
static struct node_application app;
static struct wire_envelope envelope;
static const struct base_digest runs = {{1}}, wanted = {{2}};

static void on_describe (void *context, struct wire_application *ret_application)
{
    node_describe (context, ret_application);
}

static const struct node_session_ops ops = {.welcome = NULL};
static const struct node_subject_ops subject_ops = {.describe = on_describe};

/*  A manager whose origin does not answer. */
static void fixture_setup (void)
{
    struct base_error error = {.code = 0};
    cr_assert_not_null (mkdtemp (directory));
    cr_assert_eq (identity_config_init (&config, directory), 0);
    cr_assert_eq (identity_config_set (&config, "node/id", "n1", NULL), 0);
    snprintf (config.endpoints.announce, BUS_ENDPOINT_SIZE, "ipc://%s/announce", directory);
    snprintf (config.endpoints.control, BUS_ENDPOINT_SIZE, "ipc://%s/control", directory);
    snprintf (config.endpoints.content, BUS_ENDPOINT_SIZE, "ipc://%s/content", directory);
    process = (struct node_process){.config = &config,
                                    .launcher = -1,
                                    .loop = bus_loop_new (),
                                    .applications = &app,
                                    .n_applications = 1};
    process.content = node_content_new (process.loop, &config);
    app = (struct node_application){.name = "noded",
                                    .kind = &node_kind_manager,
                                    .own = calloc (1, node_kind_manager.own_size),
                                    .process = &process,
                                    .act = node_act,
                                    .root = &process.root,
                                    .running = &process.self.running};
    app.blobs.fd = app.opened.fd = -1;
    cr_assert_eq (root_make (&disk_system, directory, &process.root, NULL), 0);
    envelope = (struct wire_envelope){.application = "noded", .version = "1", .binary = {{3}}, .size = 1};
    process.self.running.installed = (struct wire_installed){.release = runs, .envelope = &envelope};
    cr_assert_eq (base_text_copy (process.self.running.workspace, ROOT_NAME_SIZE, RUNNING), 0);
    update_procedure_init (&app.procedure);
    cr_assert_eq (node_session_new (process.loop, &config, &ops, &process, &process.session, &error), 0, "%s",
                  error.text);
    node_subject_add (process.session, &app.subject, app.name, &subject_ops, &app);
}

static void fixture_teardown (void)
{
    (void) node_session_free (process.session);
    node_application_close (&app);
    (void) node_content_free (process.content);
    (void) bus_loop_free (process.loop);
    root_deinit (&process.root);
    identity_config_deinit (&config);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, directory, NULL);
}

static struct wire_desired desired_update (uint64_t epoch)
{
    return (struct wire_desired){.application = "noded",
                                 .status = WIRE_STATUS_OK,
                                 .epoch = epoch,
                                 .release = wanted,
                                 .release_epoch = epoch,
                                 .transaction = "t-1"};
}

static struct wire_order_state order_state_read (void)
{
    struct wire_order_state order_state = {.epoch = 0};
    (void) root_order_state_read (&process.root, &order_state);
    return order_state;
}

/*  Returns the number of journal lines with this step. */
static size_t journal_count (const char *step)
{
    struct wire_entry *entries = NULL;
    size_t count = 0, damaged = 0, found = 0;
    cr_assert_eq (root_journal_read (&process.root, 100, &entries, &count, &damaged, NULL), 0);
    for (size_t i = 0; i < count; i++)
        found += strcmp (entries[i].step, step) == 0;
    root_journal_free (entries, count);
    return found;
}

/*  Returns the outcome of the last journal line with this step, and its reason in a static buffer. */
static enum wire_outcome journal_last (const char *step, const char **ret_reason)
{
    static char reason[600];
    struct wire_entry *entries = NULL;
    size_t count = 0, damaged = 0;
    enum wire_outcome outcome = WIRE_OUTCOME_NULL;
    *reason = '\0';
    cr_assert_eq (root_journal_read (&process.root, 100, &entries, &count, &damaged, NULL), 0);
    for (size_t i = 0; i < count; i++)
        if (strcmp (entries[i].step, step) == 0) {
            outcome = entries[i].outcome;
            (void) snprintf (reason, sizeof reason, "%s", entries[i].reason ? entries[i].reason : "");
        }
    root_journal_free (entries, count);
    *ret_reason = reason;
    return outcome;
}

static void file_put (const char *path)
{
    int fd = openat (process.root.fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    cr_assert_geq (fd, 0);
    close (fd);
}

/*  Makes the smallest workspace that a link may point to. */
static void workspace_make (const char *name)
{
    static const char *const files[] = {"noded.sh", "start", "manifest"};
    char path[100];
    cr_assert_eq (mkdirat (process.root.fd, name, 0755), 0);
    for (size_t i = 0; i < 3; i++) {
        snprintf (path, sizeof path, "%s/%s", name, files[i]);
        file_put (path);
    }
}

/*  Makes an intact workspace with the name BEFORE, RUNNING or CANDIDATE; the newest last. */
static void workspace_seal (const char *name)
{
    static const char program[] = "program";
    const uint64_t first = UINT64_C (1767225600), day = 86400; /* 2026-01-01T00:00:00Z */
    struct base_error error = {.code = 0};
    char made[ROOT_NAME_SIZE];
    uint64_t days = (uint64_t) (name[sizeof "2026-01-0" - 1] - '1');
    struct wire_envelope sealed = {.application = "noded",
                                   .version = name,
                                   .binary = base_digest_of (program, sizeof program),
                                   .size = sizeof program};
    base_cleanup (base_buffer_deinit) struct base_buffer document = {.size = 0};
    cr_assert_eq (wire_envelope_pack_release (&sealed, &document, &error), 0, "%s", error.text);
    struct wire_installed installed = {.release = base_digest_of (document.data, document.size),
                                       .transaction = "t-seal",
                                       .envelope = &sealed};
    base_cleanup (root_draft_deinit) struct root_draft draft = {.fd = -1};
    int r = root_draft_begin (&process.root, (first + days * day) * 1000000000, &draft, &error);
    if (r == 0)
        r = root_draft_write (&draft, ROOT_PROGRAM, 0755, program, sizeof program, &error);
    if (r == 0)
        r = root_draft_start_files (&draft, "launcher", 8, &error);
    if (r == 0)
        r = root_draft_describe (&draft, &installed, &document, &error);
    if (r == 0)
        r = root_draft_seal (&draft, &installed, made, &error);
    cr_assert_eq (r, 0, "%s", error.text);
    cr_assert_str_eq (made, name);
}

static bool link_is (const char *link, const char *name)
{
    char found[ROOT_NAME_SIZE];
    return root_link (&process.root, link, found) == 0 && strcmp (found, name) == 0;
}

static void trial_note (void)
{
    struct wire_trial trial = {.transaction = "t-1",
                               .epoch = 5,
                               .attempt = 1,
                               .release = wanted,
                               .version = "2",
                               .workspace = CANDIDATE,
                               .previous = RUNNING};
    cr_assert_eq (root_trial_note (&process.root, &trial, NULL), 0);
}

/*  A kind that only counts what is asked of it, so that an update is tested without a rehearsal or a restart.
    Its probe ends with an event of the test. */
static struct {
    unsigned probes, aborts, restarts, proves, prove_ends, confirmations;
} calls;

static void count_probe (struct node_application *application)
{
    (void) application;
    calls.probes++;
}

static void count_abort (struct node_application *application)
{
    (void) application;
    calls.aborts++;
}

static void count_restart (struct node_application *application)
{
    (void) application;
    calls.restarts++;
    bus_loop_stop (process.loop);
}

static void count_prove (struct node_application *application)
{
    (void) application;
    calls.proves++;
}

static void count_prove_end (struct node_application *application)
{
    (void) application;
    calls.prove_ends++;
}

static void count_confirmed (struct node_application *application)
{
    (void) application;
    calls.confirmations++;
}

static const struct node_kind_ops counting_ops = {.probe = count_probe,
                                                  .probe_abort = count_abort,
                                                  .restart = count_restart,
                                                  .prove = count_prove,
                                                  .prove_end = count_prove_end,
                                                  .confirmed = count_confirmed};
static const struct node_kind counting_kind = {
    .application = "noded", .is_manager = true, .own_size = 1, .ops = &counting_ops};

/*  Carries out an action, and lets the test look at what came of it. */
static void act_and_stop (struct node_application *application, const struct update_result *result,
                          enum update_action action)
{
    node_act (application, result, action);
    bus_loop_stop (process.loop);
}

static void deadline_pass (void *context)
{
    (void) context;
    cr_assert_fail ("the test's deadline has passed");
}

/*  The same set-up, with the kind that counts. A test that takes too long fails. */
static void fixture_setup_counting (void)
{
    fixture_setup ();
    free (app.own);
    app.own = calloc (1, counting_kind.own_size);
    app.kind = &counting_kind;
    app.act = act_and_stop;
    (void) bus_timer_start (process.loop, load_deadline_ms (20000), deadline_pass, NULL);
}

/*  Runs until the procedure is in that state. */
static void run_until_state (enum wire_state state)
{
    while (app.procedure.state != state)
        cr_assert_eq (bus_loop_run (process.loop), 0);
}

#endif
