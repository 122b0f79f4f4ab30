/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/fixture.h - a node manager in a fresh root, whose origin does not answer */

#ifndef TEST_NODE_FIXTURE_H
#define TEST_NODE_FIXTURE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "node/application.h"
#include "root/workspace.h"
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
    app.contents.fd = app.opened.fd = -1;
    cr_assert_eq (root_make (&disk_system, directory, &process.root, NULL), 0);
    envelope = (struct wire_envelope){
        .application = (char *) "noded", .version = (char *) "1", .binary = {{3}}, .size = 1};
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
    return (struct wire_desired){.application = (char *) "noded",
                                 .status = WIRE_STATUS_OK,
                                 .epoch = epoch,
                                 .release = wanted,
                                 .release_epoch = epoch,
                                 .transaction = (char *) "t-1"};
}

static struct wire_standing standing_read (void)
{
    struct wire_standing standing = {.epoch = 0};
    (void) root_order_state_read (&process.root, &standing);
    return standing;
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

static void trial_note (void)
{
    struct wire_trial trial = {.transaction = (char *) "t-1",
                               .epoch = 5,
                               .attempt = 1,
                               .release = wanted,
                               .version = (char *) "2",
                               .workspace = (char *) CANDIDATE,
                               .previous = (char *) RUNNING};
    cr_assert_eq (root_trial_note (&process.root, &trial, NULL), 0);
}

#endif
