/*  Every order is carried out once and comes to its end, whatever interrupts it. */

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "node/manager.h"

#define RUNNING "2026-01-02T00:00:00.000000000Z"
#define CANDIDATE "2026-01-03T00:00:00.000000000Z"
#define BEFORE "2026-01-01T00:00:00.000000000Z"

static char directory[] = "/tmp/noded-test-XXXXXX";
static struct node_config config;
static struct node_manager node;
static struct wire_envelope envelope;
static const struct base_digest runs = {{1}}, wanted = {{2}};

static void describe (void *context, struct wire_application *ret_application)
{
    node_describe (context, ret_application);
}

static const struct node_session_ops ops = {.describe = describe};

/*  A manager whose origin does not answer. */
static void setup (void)
{
    struct base_error error = {.code = 0};
    cr_assert_not_null (mkdtemp (directory));
    cr_assert_eq (node_config_init (&config, directory), 0);
    cr_assert_eq (node_config_set (&config, "node/id", "n1", NULL), 0);
    snprintf (config.endpoints.announce, BUS_ENDPOINT_SIZE, "ipc://%s/announce", directory);
    snprintf (config.endpoints.control, BUS_ENDPOINT_SIZE, "ipc://%s/control", directory);
    snprintf (config.endpoints.content, BUS_ENDPOINT_SIZE, "ipc://%s/content", directory);
    node = (struct node_manager){.act = node_act, .config = &config, .launcher = -1, .loop = bus_loop_new ()};
    node.contents.fd = -1;
    cr_assert_eq (root_make (&disk_system, directory, &node.root, NULL), 0);
    envelope = (struct wire_envelope){
        .application = (char *) "noded", .version = (char *) "1", .binary = {{3}}, .size = 1};
    node.self.installed = (struct wire_installed){.release = runs, .envelope = &envelope};
    cr_assert_eq (base_text_copy (node.self.workspace, ROOT_NAME_SIZE, RUNNING), 0);
    update_procedure_init (&node.procedure);
    cr_assert_eq (node_session_new (node.loop, &config, &ops, &node, &node.session, &error), 0, "%s",
                  error.text);
}

static void teardown (void)
{
    int timers[] = {node.deadline, node.proving};
    for (size_t i = 0; i < 2; i++)
        bus_timer_cancel (node.loop, timers[i]);
    (void) bus_work_free (node.unsharing);
    node_order_clear (&node);
    wire_standing_deinit (&node.standing);
    root_quarantine_free (node.quarantine, node.n_quarantine);
    wire_installed_deinit (&node.previous);
    (void) node_session_free (node.session);
    (void) bus_loop_free (node.loop);
    root_deinit (&node.root);
    node_config_deinit (&config);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, directory, NULL);
}

TestSuite (orders, .init = setup, .fini = teardown);

static struct wire_desired desired_update (uint64_t epoch)
{
    return (struct wire_desired){.application = (char *) "noded",
                                 .status = WIRE_STATUS_OK,
                                 .epoch = epoch,
                                 .release = wanted,
                                 .release_epoch = epoch,
                                 .transaction = (char *) "t-1"};
}

static struct wire_standing on_disk (void)
{
    struct wire_standing standing = {.epoch = 0};
    (void) root_standing_read (&node.root, &standing);
    return standing;
}

/*  Lines of the journal with that step. */
static size_t told (const char *step)
{
    struct wire_entry *entries = NULL;
    size_t count = 0, damaged = 0, found = 0;
    cr_assert_eq (root_journal_read (&node.root, 100, &entries, &count, &damaged, NULL), 0);
    for (size_t i = 0; i < count; i++)
        found += strcmp (entries[i].step, step) == 0;
    root_journal_free (entries, count);
    return found;
}

/*  The outcome of the last line with that step, and its reason in a static buffer. */
static enum wire_outcome told_last (const char *step, const char **ret_reason)
{
    static char reason[600];
    struct wire_entry *entries = NULL;
    size_t count = 0, damaged = 0;
    enum wire_outcome outcome = WIRE_OUTCOME_NULL;
    *reason = '\0';
    cr_assert_eq (root_journal_read (&node.root, 100, &entries, &count, &damaged, NULL), 0);
    for (size_t i = 0; i < count; i++)
        if (strcmp (entries[i].step, step) == 0) {
            outcome = entries[i].outcome;
            (void) snprintf (reason, sizeof reason, "%s", entries[i].reason ? entries[i].reason : "");
        }
    root_journal_free (entries, count);
    *ret_reason = reason;
    return outcome;
}

static void put (const char *path)
{
    int fd = openat (node.root.fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    cr_assert_geq (fd, 0);
    close (fd);
}

/*  As little of a workspace as a link may point to. */
static void make_workspace (const char *name)
{
    static const char *const files[] = {"noded.sh", "start", "manifest"};
    char path[100];
    cr_assert_eq (mkdirat (node.root.fd, name, 0755), 0);
    for (size_t i = 0; i < 3; i++) {
        snprintf (path, sizeof path, "%s/%s", name, files[i]);
        put (path);
    }
}

static void note_trial (void)
{
    struct wire_trial trial = {.transaction = (char *) "t-1",
                               .epoch = 5,
                               .attempt = 1,
                               .release = wanted,
                               .version = (char *) "2",
                               .workspace = (char *) CANDIDATE,
                               .previous = (char *) RUNNING};
    cr_assert_eq (root_trial_note (&node.root, &trial, NULL), 0);
}

Test (orders, a_revert_that_comes_during_an_update_is_not_forgotten_with_it)
{
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&node, &desired);
    cr_assert_eq (node.procedure.state, WIRE_STATE_MATCHING);
    desired.epoch = desired.revert_epoch = desired.hold_epoch = 6;
    desired.revert_from = runs;
    desired.held = true;
    node_orders_desired (&node, &desired);
    cr_assert_eq (node.procedure.state, WIRE_STATE_IDLE, "the update has ended");
    cr_expect_eq (node.standing.epoch, 5, "the revert has not");
    node_orders_desired (&node, &desired);
    cr_expect_gt (told (wire_state_word (WIRE_STATE_REVERTING)), 0, "it was taken up");
}

Test (orders, an_update_that_waits_is_not_forgotten_by_a_later_hold)
{
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&node, &desired);
    desired = desired_update (6);
    desired.epoch = desired.hold_epoch = 7;
    node_orders_desired (&node, &desired);
    node_fail (&node, UPDATE_EVENT_FAILED, "for the test");
    cr_expect_eq (node.standing.epoch, 5);
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_MATCHING);
    cr_expect_eq (node.order.epoch, 6);
    node_fail (&node, UPDATE_EVENT_FAILED, "for the test");
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.standing.epoch, 7, "the hold has come to its end behind it");
}

Test (orders, what_cancels_an_update_that_a_restart_has_interrupted_ends_once)
{
    struct wire_desired desired = desired_update (5);
    node.standing.under_way = 5;
    node.standing.attempt = 1;
    desired.epoch = desired.cancel_epoch = 6;
    for (unsigned i = 0; i < 3; i++)
        node_orders_desired (&node, &desired);
    cr_expect_eq (node.standing.epoch, 6);
    cr_expect_eq (node.standing.under_way, 0);
    cr_expect_eq (told ("cancel"), 1);
}

Test (orders, a_cancellation_says_what_it_has_done)
{
    const char *reason;
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&node, &desired);
    desired.epoch = desired.cancel_epoch = 6;
    for (unsigned i = 0; i < 3; i++)
        node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (told_last ("cancel", &reason), WIRE_OUTCOME_PASSED);
    cr_expect (strstr (reason, "was ended"), "%s", reason);
    desired.epoch = desired.cancel_epoch = 7;
    node_orders_desired (&node, &desired);
    cr_expect_eq (told_last ("cancel", &reason), WIRE_OUTCOME_PASSED);
    cr_expect_str_eq (reason, "nothing is under way");
}

Test (orders, a_cancellation_behind_the_switch_is_refused_when_the_update_has_ended)
{
    const char *reason;
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&node, &desired);
    node.procedure.state = WIRE_STATE_CONFIRMED;
    desired.epoch = desired.cancel_epoch = 6;
    node_orders_desired (&node, &desired);
    cr_expect_eq (told ("cancel"), 0);
    node_event (&node, UPDATE_EVENT_DONE);
    cr_assert_eq (node.procedure.state, WIRE_STATE_IDLE);
    for (unsigned i = 0; i < 3; i++)
        node_orders_desired (&node, &desired);
    cr_expect_eq (told ("cancel"), 1);
    cr_expect_eq (told_last ("cancel", &reason), WIRE_OUTCOME_REFUSED);
    cr_expect (strstr (reason, "too late"), "%s", reason);
    cr_expect_eq (node.standing.epoch, 6);
}

/*  The order of a revert as a broker gives it, which holds. */
static struct wire_desired desired_revert (uint64_t epoch)
{
    struct wire_desired desired = desired_update (epoch - 1);
    desired.epoch = desired.revert_epoch = desired.hold_epoch = epoch;
    desired.revert_from = runs;
    desired.held = true;
    return desired;
}

Test (orders, a_revert_that_fails_says_why_and_holds_nothing)
{
    const char *reason;
    struct wire_desired desired = desired_revert (6);
    make_workspace (RUNNING);
    cr_assert_eq (root_stable_set (&node.root, RUNNING, NULL), 0);
    for (unsigned i = 0; i < 3; i++)
        node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (told_last (wire_state_word (WIRE_STATE_REVERTING), &reason), WIRE_OUTCOME_FAILED);
    cr_expect (strstr (reason, "not held"), "%s", reason);
    cr_expect_eq (told ("hold"), 0);
    cr_expect_not (node.standing.held);
    cr_expect_eq (node.standing.epoch, 6);
    desired.release = wanted;
    desired.epoch = desired.release_epoch = 7;
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_MATCHING, "the update that mends it is taken");
}

Test (orders, a_revert_that_fails_leaves_a_node_held_that_was)
{
    const char *reason;
    struct wire_desired desired = desired_revert (6);
    node.standing.held = true;
    node_orders_desired (&node, &desired);
    cr_expect_eq (told_last (wire_state_word (WIRE_STATE_REVERTING), &reason), WIRE_OUTCOME_FAILED);
    cr_expect (strstr (reason, "held as before"), "%s", reason);
    cr_expect (node.standing.held);
}

Test (orders, a_revert_that_finds_another_release_holds_all_the_same)
{
    struct wire_desired desired = desired_revert (6);
    desired.revert_from = wanted;
    node_orders_desired (&node, &desired);
    cr_expect (node.standing.held);
    cr_expect_eq (told ("revert"), 1);
}

Test (orders, a_revert_on_the_host_is_the_end_of_the_update_that_was_under_way)
{
    struct wire_desired desired = desired_update (5);
    struct wire_entry entry = {.application = (char *) "noded",
                               .step = (char *) "revert",
                               .time = (char *) "2026-01-01T00:00:00Z",
                               .outcome = WIRE_OUTCOME_REVERTED,
                               .reason = (char *) "by a person"};
    node.standing = (struct wire_standing){
        .epoch = 4, .seen_epoch = 5, .under_way = 5, .attempt = 1, .transaction = strdup ("t-1")};
    cr_assert_eq (root_reverted_note (&node.root, &entry, NULL), 0);
    node_orders_resume (&node);
    cr_expect (node.standing.held);
    cr_expect_eq (node.standing.epoch, 5);
    node_orders_desired (&node, &desired);
    cr_expect_eq (told (wire_state_word (WIRE_STATE_MATCHING)), 0, "it is not refused, having ended");
}

Test (orders, a_hold_ends_at_rest_and_once)
{
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&node, &desired);
    desired.epoch = desired.hold_epoch = 6;
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.standing.hold_epoch, 6);
    cr_expect_lt (node.standing.epoch, 5, "an interrupted update would be forgotten otherwise");
    node_fail (&node, UPDATE_EVENT_FAILED, "for the test");
    for (unsigned i = 0; i < 3; i++)
        node_orders_desired (&node, &desired);
    cr_expect_eq (node.standing.epoch, 6);
    cr_expect_eq (told ("hold"), 2, "obeyed during the update, ended after it");
}

Test (orders, after_a_revert_of_a_trial_later_orders_come_to_their_end)
{
    struct wire_desired desired = {
        .application = (char *) "noded", .status = WIRE_STATUS_OK, .epoch = 7, .hold_epoch = 7};
    node.standing = (struct wire_standing){.epoch = 4,
                                           .hold_epoch = 6,
                                           .under_way = 5,
                                           .attempt = 1,
                                           .revert_epoch = 6,
                                           .revert_from = strdup (CANDIDATE)};
    note_trial ();
    node_orders_resume (&node);
    cr_expect_eq (node.standing.epoch, 6);
    cr_expect (node.standing.held);
    cr_expect_eq (root_quarantine_find (&node.root, &wanted, &(struct wire_failure){0}), ROOT_E_NONE,
                  "a trial that was ended by order is held against nobody");
    node_orders_desired (&node, &desired);
    struct wire_standing standing = on_disk ();
    cr_expect_eq (standing.epoch, 7);
    cr_expect_not (standing.held);
    wire_standing_deinit (&standing);
}

Test (orders, a_revert_that_came_without_a_hold_leaves_the_node_free)
{
    node.standing = (struct wire_standing){
        .epoch = 4, .hold_epoch = 3, .revert_epoch = 6, .revert_from = strdup (CANDIDATE)};
    node_orders_resume (&node);
    cr_expect_eq (node.standing.epoch, 6);
    cr_expect_not (node.standing.held);
}

Test (orders, a_host_that_went_down_before_the_switch_blames_nobody)
{
    struct wire_failure failure;
    make_workspace (RUNNING);
    cr_assert_eq (root_stable_set (&node.root, RUNNING, NULL), 0);
    node.standing.under_way = 5;
    node.standing.attempt = 1;
    note_trial ();
    node_orders_resume (&node);
    cr_expect_eq (root_quarantine_find (&node.root, &wanted, &failure), ROOT_E_NONE);
    cr_expect_eq (node.standing.epoch, 0);
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_MATCHING, "it is taken up again");
    cr_expect_eq (node.order.attempt, 2);
}

Test (orders, a_version_that_crashed_on_trial_is_quarantined)
{
    struct root_outcome outcome = {.workspace = CANDIDATE, .cause = ROOT_CAUSE_CRASHED, .text = "ended \xff"};
    struct wire_failure failure = {.transaction = NULL};
    make_workspace (RUNNING);
    cr_assert_eq (root_stable_set (&node.root, RUNNING, NULL), 0);
    cr_assert_eq (root_outcome_write (&node.root, &outcome, NULL), 0);
    note_trial ();
    node_orders_resume (&node);
    cr_assert_eq (root_quarantine_find (&node.root, &wanted, &failure), 0);
    cr_expect_str_eq (failure.reason, "on trial it crashed: ended ?");
    cr_expect_eq (node.standing.epoch, 5);
    wire_failure_deinit (&failure);
}

Test (orders, who_is_not_known_to_be_to_blame_is_not_quarantined)
{
    static const enum root_cause causes[] = {ROOT_CAUSE_INTERRUPTED, ROOT_CAUSE_LOST, ROOT_CAUSE_ROTTEN};
    make_workspace (RUNNING);
    cr_assert_eq (root_stable_set (&node.root, RUNNING, NULL), 0);
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        struct root_outcome outcome = {.workspace = CANDIDATE, .cause = causes[i], .text = "why"};
        struct wire_failure failure;
        cr_assert_eq (root_outcome_write (&node.root, &outcome, NULL), 0);
        note_trial ();
        node_orders_resume (&node);
        cr_expect_eq (root_quarantine_find (&node.root, &wanted, &failure), ROOT_E_NONE, "%s",
                      root_cause_word (causes[i]));
        cr_expect_eq (node.standing.epoch, 5, "the order has come to its end");
        cr_expect_not_null (node.standing.last_error);
    }
}

/*  The launcher's note, and nothing of the order: var/ went with the trial. */
static void note_failed (enum root_cause cause)
{
    struct root_outcome outcome = {.workspace = CANDIDATE, .cause = cause, .text = "why", .release = wanted};
    make_workspace (RUNNING);
    cr_assert_eq (root_stable_set (&node.root, RUNNING, NULL), 0);
    cr_assert_eq (root_failed_write (&node.root, &outcome, NULL), 0);
}

Test (orders, a_trial_that_failed_is_known_without_any_record_of_its_order)
{
    const char *reason;
    struct wire_desired desired = desired_update (5);
    struct wire_application application;
    note_failed (ROOT_CAUSE_CRASHED);
    node_orders_resume (&node);
    cr_expect_eq (told_last (wire_state_word (WIRE_STATE_TRIAL), &reason), WIRE_OUTCOME_WENT_BACK);
    node_describe (&node, &application);
    cr_expect_eq (application.n_quarantine, 1);
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_IDLE, "it is not tried again");
    cr_expect_eq (told_last (wire_state_word (WIRE_STATE_MATCHING), &reason), WIRE_OUTCOME_REFUSED);
    cr_expect (strstr (reason, "quarantined since") && strstr (reason, "on trial it crashed: why"), "%s",
               reason);
    cr_expect_eq (node.standing.epoch, 5, "and the order has come to its end");
    node_orders_resume (&node);
    cr_expect_eq (told (wire_state_word (WIRE_STATE_TRIAL)), 1, "it is told once");
}

Test (orders, without_a_place_for_records_a_failed_trial_is_not_begun_anew)
{
    struct wire_desired desired = desired_update (5);
    note_failed (ROOT_CAUSE_HUNG);
    char *command = base_text_printf ("%s/var", directory);
    cr_assert_eq (disk_tree_remove (&disk_system, AT_FDCWD, command, NULL), 0);
    cr_assert_eq (symlink ("/nowhere/at/all", command), 0);
    for (unsigned i = 0; i < 3; i++) {
        node_orders_resume (&node);
        node_orders_desired (&node, &desired);
        cr_expect_eq (node.procedure.state, WIRE_STATE_IDLE);
        wire_standing_deinit (&node.standing);
        node.standing = (struct wire_standing){.epoch = 0}; /* as a manager that starts finds it */
    }
    free (command);
}

Test (orders, where_nobody_is_to_blame_an_order_that_is_not_known_is_refused_once)
{
    const char *reason;
    struct root_outcome outcome;
    struct wire_desired desired = desired_update (5);
    note_failed (ROOT_CAUSE_LOST);
    node_orders_resume (&node);
    node_orders_desired (&node, &desired);
    cr_expect_eq (told_last (wire_state_word (WIRE_STATE_MATCHING), &reason), WIRE_OUTCOME_REFUSED);
    cr_expect_not_null (strstr (reason, "order it again"), "%s", reason);
    cr_expect_eq (root_failed_find (&node.root, &wanted, &outcome), ROOT_E_NONE);
    desired = desired_update (6);
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_MATCHING, "and taken when it is ordered again");
}

Test (orders, a_revert_on_the_host_that_was_cut_short_holds_all_the_same)
{
    struct wire_desired desired = desired_update (5);
    make_workspace (RUNNING);
    cr_assert_eq (root_stable_set (&node.root, RUNNING, NULL), 0);
    cr_assert_eq (symlinkat (RUNNING, node.root.fd, ROOT_REVERT), 0);
    node.standing = (struct wire_standing){
        .epoch = 4, .seen_epoch = 5, .under_way = 5, .attempt = 1, .transaction = strdup ("t-1")};
    note_trial ();
    node_orders_resume (&node);
    cr_expect (node.standing.held);
    cr_expect_eq (node.standing.epoch, 5);
    cr_expect_eq (told ("revert"), 1);
    cr_expect_neq (faccessat (node.root.fd, ROOT_REVERT, F_OK, AT_SYMLINK_NOFOLLOW), 0);
    node_orders_desired (&node, &desired);
    cr_expect_eq (told (wire_state_word (WIRE_STATE_MATCHING)), 0);
    node.standing.held = false;
    cr_assert_eq (symlinkat (BEFORE, node.root.fd, ROOT_REVERT), 0);
    node_orders_resume (&node);
    cr_expect_not (node.standing.held, "one that never came to its switch is forgotten");
    cr_expect_neq (faccessat (node.root.fd, ROOT_REVERT, F_OK, AT_SYMLINK_NOFOLLOW), 0);
}

Test (orders, a_revert_that_fails_on_trial_leaves_the_trial_as_it_was)
{
    make_workspace (BEFORE); /* its manifest fits nothing */
    make_workspace (RUNNING);
    cr_assert_eq (root_stable_set (&node.root, BEFORE, NULL), 0);
    cr_assert_eq (root_switch (&node.root, RUNNING, &root_limits_default, NULL), 0);
    put (BEFORE "/stray");
    node_orders_resume (&node);
    cr_assert_eq (node.procedure.state, WIRE_STATE_TRIAL);
    struct wire_desired desired = desired_update (5);
    desired.release = runs;
    desired.epoch = desired.revert_epoch = 6;
    desired.revert_from = runs;
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_TRIAL);
    cr_expect_eq (node.standing.epoch, 6);
    cr_expect_eq (node.standing.revert_epoch, 0);
    cr_assert_not_null (node.standing.last_error);
    cr_expect (strstr (node.standing.last_error->reason, "cannot revert"));
}

Test (orders, an_order_that_is_refused_at_once_asks_nobody)
{
    struct wire_desired desired = desired_update (5);
    node.standing.under_way = 5;
    node.standing.probes = 2;
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (node.standing.epoch, 5);
    cr_expect (strstr (node.standing.last_error->reason, "2 times"));
}

Test (orders, a_step_that_goes_on_is_told_in_the_journal_once)
{
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&node, &desired);
    for (unsigned i = 0; i < 100; i++)
        node_report_progress (&node, NULL);
    cr_expect_eq (told ("matching"), 1);
}

Test (orders, a_description_names_what_a_revert_would_go_back_to_and_what_is_quarantined)
{
    struct wire_failure failure = {.transaction = (char *) "t",
                                   .release = wanted,
                                   .step = (char *) "trial",
                                   .reason = (char *) "crashed",
                                   .time = (char *) "2026-01-01T00:00:00Z"};
    cr_assert_eq (root_quarantine_add (&node.root, &failure, NULL), 0);
    struct wire_application application;
    node_describe (&node, &application);
    cr_expect_eq (application.n_quarantine, 1);
    cr_expect_null (application.previous_version);
}

Test (orders, what_is_no_utf8_never_gets_into_a_message)
{
    char text[] = "a\xff"
                  "b\xc3\xa9"
                  "c\xe2\x82";
    base_text_clean (text);
    cr_expect_str_eq (text, "a?b\xc3\xa9"
                            "c??");
}

Test (orders, an_origin_that_was_set_back_is_not_obeyed_and_a_second_meaning_is_told_once)
{
    struct wire_desired desired = desired_update (5), second = desired_update (5), older = desired_update (4);
    node_orders_desired (&node, &desired);
    node_fail (&node, UPDATE_EVENT_FAILED, "for the test");
    cr_assert_eq (node.standing.epoch, 5);
    second.release = runs;
    for (unsigned i = 0; i < 3; i++) {
        node_orders_desired (&node, &second);
        node_orders_desired (&node, &older);
    }
    cr_expect_eq (node.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (node.standing.seen_epoch, 5);
    cr_expect_eq (told ("order"), 1);
    desired = desired_update (6);
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_MATCHING);
}

/*  The order goes as far as its rehearsal, and the host is found unfit. */
static void find_unfit (uint64_t epoch)
{
    struct wire_desired desired = desired_update (epoch);
    node_orders_desired (&node, &desired);
    cr_assert_eq (node.procedure.state, WIRE_STATE_MATCHING);
    node.procedure.state = WIRE_STATE_PROBING;
    node_fail (&node, UPDATE_EVENT_UNFIT, "this host is short of everything");
    cr_assert_eq (node.procedure.state, WIRE_STATE_UNFIT);
}

/*  What of it is on disk. */
static struct wire_standing kept (void)
{
    struct wire_standing standing = on_disk ();
    struct wire_standing copy = {.epoch = standing.epoch, .unfit = standing.unfit};
    wire_standing_deinit (&standing);
    return copy;
}

/*  As another process of this root would. */
static void start_anew (void)
{
    bus_timer_cancel (node.loop, node.deadline);
    node.deadline = 0;
    node_order_clear (&node);
    update_procedure_init (&node.procedure);
    wire_standing_deinit (&node.standing);
    node.standing = on_disk ();
    node_orders_resume (&node);
}

Test (orders, one_that_found_the_host_unfit_is_kept_and_tried_again)
{
    struct wire_application application;
    struct wire_desired desired = desired_update (5);
    find_unfit (5);
    cr_expect_eq (node.standing.epoch, 0, "it has not come to its end");
    node_describe (&node, &application);
    cr_expect_not_null (application.retry);
    cr_expect_not_null (application.last_error);
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_UNFIT, "not before its time");
    for (unsigned i = 0; i < 8; i++) { /* however often */
        node_event (&node, UPDATE_EVENT_DEADLINE);
        cr_assert_eq (node.procedure.state, WIRE_STATE_IDLE);
        find_unfit (5);
        cr_expect_eq (kept ().unfit, i + 2);
    }
    node_describe (&node, &application);
    cr_expect_eq (application.n_quarantine, 0);
}

Test (orders, a_restart_does_not_forget_what_is_to_be_tried_again_nor_when)
{
    struct wire_desired desired = desired_update (5);
    find_unfit (5);
    node_event (&node, UPDATE_EVENT_DEADLINE);
    find_unfit (5);
    char *retry = strdup (node.standing.retry);
    start_anew ();
    cr_assert_eq (node.procedure.state, WIRE_STATE_UNFIT);
    cr_expect_eq (node.procedure.unfit, 2);
    cr_expect_str_eq (node.standing.retry, retry);
    cr_expect_leq (node_later_left_ms (&node), 5 * config.limits.unfit_ms);
    cr_expect_gt (node_later_left_ms (&node), config.limits.unfit_ms);
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_UNFIT, "not before its time");
    free (retry);

    free (node.standing.retry); /* the clock was set, or the host was off */
    node.standing.retry = strdup ("2020-01-01T00:00:00.000000000Z");
    node_standing_save (&node);
    start_anew ();
    cr_assert_eq (node.procedure.state, WIRE_STATE_IDLE);
    find_unfit (5);
    cr_expect_eq (node.procedure.unfit, 3);
    free (node.standing.retry);
    node.standing.retry = strdup ("2999-01-01T00:00:00.000000000Z");
    cr_expect_leq (node_later_left_ms (&node), 15 * config.limits.unfit_ms);
}

Test (orders, a_newer_one_takes_the_place_of_one_that_is_to_be_tried_again)
{
    struct wire_desired desired = desired_update (6);
    find_unfit (5);
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_MATCHING);
    cr_expect_eq (node.order.epoch, 6);
    cr_expect_eq (node.procedure.unfit, 0);
    cr_expect_eq (kept ().unfit, 0);
}

Test (orders, one_that_is_to_be_tried_again_can_be_cancelled_and_a_hold_ends_it)
{
    struct wire_desired desired = desired_update (5);
    find_unfit (5);
    desired.epoch = desired.cancel_epoch = 6;
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (kept ().epoch, 5);
    cr_expect_eq (kept ().unfit, 0);

    desired = desired_update (7);
    find_unfit (7);
    desired.epoch = desired.hold_epoch = 8;
    desired.held = true;
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_IDLE);
    cr_expect (node.standing.held);
    cr_expect_eq (kept ().unfit, 0);
}

Test (orders, clearing_the_quarantine_does_not_forget_what_is_to_be_tried_again)
{
    struct wire_desired desired = desired_update (5);
    find_unfit (5);
    desired.epoch = desired.clear_epoch = 6;
    node_orders_desired (&node, &desired);
    cr_expect_eq (node.procedure.state, WIRE_STATE_UNFIT);
    cr_expect_eq (node.standing.epoch, 0);
    cr_expect_eq (told ("clear"), 1);
}
