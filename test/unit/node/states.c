/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/states.c - a node sends its list and the states of its applications until they are answered */

#include "session_rig.h"

static struct {
    unsigned count;
    uint64_t serial; /* of the last one */
    char damage[32];
    enum wire_status status; /* of the answers; 0: none is sent */
} described[N_APPLICATIONS];
static unsigned lists, reports;
static struct base_digest listed; /* the names of the last list */
static bool reports_are_held;
static enum wire_status list_status;
static struct wire_noted held; /* texts of the test */

static const char *damage; /* of web */

static void on_describe (void *context, struct wire_application *ret_application)
{
    subject_describe (context, ret_application);
    if (context == &subjects[WEB])
        ret_application->damage = damage;
}

static const struct node_subject_ops subject_ops = {.describe = on_describe, .desired = subject_desired};

static void described_send (size_t i, uint64_t serial, enum wire_status status)
{
    struct wire_described answer = {.application = names[i], .serial = serial, .status = status};
    cr_assert_eq (bus_send (control, &node, &wire_described_record, &answer), 0);
}

static void describe_take (const struct wire_describe *describe)
{
    size_t i = application_index (describe->application->name);
    cr_expect_str_eq (describe->node, "n1");
    cr_expect_gt (describe->serial, described[i].serial);
    described[i].count++;
    described[i].serial = describe->serial;
    (void) snprintf (described[i].damage, sizeof described[i].damage, "%s",
                     describe->application->damage ? describe->application->damage : "");
    if (described[i].status)
        described_send (i, describe->serial, described[i].status);
}

static void list_take (const struct wire_list *list)
{
    struct wire_listed answer = {.status = list_status,
                                 .list = wire_list_digest (list->names, list->n_names)};
    lists++;
    listed = answer.list;
    if (list_status)
        (void) bus_send (control, &node, &wire_listed_record, &answer);
}

static void report_take (const struct wire_report *report)
{
    reports++;
    held = (struct wire_noted){.application = "web",
                               .epoch = report->epoch,
                               .attempt = report->attempt,
                               .step = "hold",
                               .outcome = report->outcome,
                               .status = WIRE_STATUS_OK};
    if (!reports_are_held)
        (void) bus_send (control, &node, &wire_noted_record, &held);
}

static void on_message (const struct bus_message *message)
{
    if (message->record == &wire_describe_record)
        describe_take (message->body);
    else if (message->record == &wire_list_record)
        list_take (message->body);
    else if (message->record == &wire_report_record)
        report_take (message->body);
    bus_loop_stop (loop);
}

static void setup (void)
{
    list_status = described[NODED].status = described[WEB].status = WIRE_STATUS_OK;
    session_rig_setup (50, on_message);
    session_make (&subject_ops, N_APPLICATIONS);
}

TestSuite (states, .init = setup, .fini = session_rig_teardown);

static void run_until_described (unsigned noded, unsigned web)
{
    while (described[NODED].count < noded || described[WEB].count < web)
        rig_run ();
}

static void report_put (uint64_t epoch)
{
    struct wire_application application = {.name = "web", .state = WIRE_STATE_IDLE};
    struct wire_report report = {.epoch = epoch,
                                 .attempt = 1,
                                 .step = "hold",
                                 .outcome = WIRE_OUTCOME_PASSED,
                                 .application = &application};
    cr_assert_eq (node_session_report (session, &report), 0);
}

Test (states, each_state_is_sent_once_if_it_is_answered)
{
    node_session_open (session);
    run_until_described (1, 1);
    rig_run_for (300);
    cr_expect_eq (described[NODED].count, 1);
    cr_expect_eq (described[WEB].count, 1);
    cr_expect_eq (lists, 0, "the origin did not ask for the list");
}

Test (states, a_state_without_an_answer_is_sent_again_as_it_is_by_then)
{
    described[WEB].status = WIRE_STATUS_NULL;
    node_session_open (session);
    run_until_described (1, 1);
    uint64_t first = described[WEB].serial;
    damage = "stable is damaged";
    run_until_described (1, 2);
    cr_expect_str_eq (described[WEB].damage, damage);
    cr_expect_eq (described[NODED].count, 1);
    described_send (WEB, first, WIRE_STATUS_OK); /* of the state before */
    run_until_described (1, 3);
    described[WEB].status = WIRE_STATUS_OK;
    run_until_described (1, 4);
    rig_run_for (400);
    cr_expect_eq (described[WEB].count, 4);
}

Test (states, a_state_that_was_not_stored_is_sent_again_and_one_that_is_invalid_is_not)
{
    described[WEB].status = WIRE_STATUS_FAILED;
    described[NODED].status = WIRE_STATUS_INVALID;
    node_session_open (session);
    run_until_described (1, 3);
    cr_expect_eq (described[NODED].count, 1);
    described[WEB].status = WIRE_STATUS_OK;
    run_until_described (1, 4);
    rig_run_for (400);
    cr_expect_eq (described[WEB].count, 4);
    cr_expect_eq (hellos, 1);
}

Test (states, a_refused_state_causes_a_hello_and_all_states_again)
{
    described[WEB].status = WIRE_STATUS_REFUSED;
    node_session_open (session);
    run_until_described (1, 1);
    described[WEB].status = WIRE_STATUS_OK;
    run_until_described (2, 2);
    cr_expect_eq (hellos, 2);
}

Test (states, a_change_without_a_report_is_sent_for_that_application_only)
{
    node_session_open (session);
    run_until_described (1, 1);
    rig_run_for (20);
    damage = "previous is damaged";
    node_subject_changed (&subjects[WEB]);
    run_until_described (1, 2);
    cr_expect_str_eq (described[WEB].damage, damage);
    rig_run_for (300);
    cr_expect_eq (described[NODED].count, 1);
    cr_expect_eq (described[WEB].count, 2);
    cr_expect_eq (hellos, 1);
}

Test (states, a_change_while_the_session_is_closed_is_sent_when_it_is_opened)
{
    damage = "previous is damaged";
    node_subject_changed (&subjects[WEB]);
    node_session_open (session);
    run_until_described (1, 1);
    cr_expect_str_eq (described[WEB].damage, damage);
}

Test (states, a_state_is_sent_again_behind_reports_that_are_older_than_it)
{
    reports_are_held = true;
    report_put (1);
    node_session_open (session);
    run_until_described (1, 1);
    while (reports < 1)
        rig_run ();
    rig_run_for (20);
    cr_expect_eq (described[WEB].count, 1);
    cr_assert_eq (bus_send (control, &node, &wire_noted_record, &held), 0);
    run_until_described (2, 2);
    rig_run_for (300);
    cr_expect_eq (described[WEB].count, 2);
    report_put (2); /* a report that nothing has overtaken needs none */
    reports_are_held = false;
    while (reports < 2)
        rig_run ();
    rig_run_for (300);
    cr_expect_eq (described[WEB].count, 2);
}

Test (states, a_restarted_origin_gets_the_states_even_if_no_hello_was_due)
{
    node_session_open (session);
    run_until_described (1, 1);
    welcome.instance = "another origin";
    welcome_send (); /* as the answer to a hello about the journal */
    run_until_described (2, 2);
}

/*  The origin may have forgotten the session, and what it knew of the node, without the node noticing. */
Test (states, each_welcome_is_followed_by_all_states)
{
    node_session_open (session);
    run_until_described (1, 1);
    node_session_hello_again (session);
    run_until_described (2, 2);
    cr_expect_eq (hellos, 2);
}

Test (states, the_list_is_sent_if_welcome_asks_until_it_is_answered)
{
    struct base_digest wanted = wire_list_digest (names, N_APPLICATIONS);
    welcome.list = true;
    list_status = WIRE_STATUS_NULL;
    node_session_open (session);
    while (lists < 2)
        rig_run ();
    cr_expect (base_digest_equal (&listed, &wanted));
    list_status = WIRE_STATUS_FAILED;
    while (lists < 3)
        rig_run ();
    list_status = WIRE_STATUS_OK;
    while (lists < 4)
        rig_run ();
    rig_run_for (500);
    cr_expect_eq (lists, 4);
}

Test (states, the_digest_of_a_list_does_not_depend_on_order_and_repetition)
{
    static const char *const same[] = {"web", "noded", "web"}, *const other[] = {"noded"};
    struct base_digest wanted = base_digest_of ("noded\nweb\n", 10), digest;
    digest = wire_list_digest (same, 3);
    cr_expect (base_digest_equal (&digest, &wanted));
    digest = wire_list_digest (other, 1);
    cr_expect_not (base_digest_equal (&digest, &wanted));
    digest = wire_list_digest (NULL, 0);
    wanted = base_digest_of ("", 0);
    cr_expect (base_digest_equal (&digest, &wanted));
}
