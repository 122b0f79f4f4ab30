/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/subjects.c - several applications ask, and several matches are under way, in one session */

#include "session_rig.h"

enum { SEEN_MOST = 32 };

static unsigned asks[N_APPLICATIONS], described[N_APPLICATIONS];
static struct base_digest listed; /* in hello */
static bool is_subscribed, holds_answers;
static struct match_seen {
    char application[16], transaction[16];
    uint64_t attempt;
} seen[SEEN_MOST];
static unsigned n_seen;

static unsigned hints[N_APPLICATIONS], states[N_APPLICATIONS];
static uint64_t epochs[N_APPLICATIONS]; /* of the last desired state */

static void on_hint (void *context, const struct wire_update *update)
{
    (void) update;
    hints[(struct node_subject *) context - subjects]++;
    bus_loop_stop (loop);
}

static void on_desired (void *context, const struct wire_desired *desired)
{
    size_t i = (size_t) ((struct node_subject *) context - subjects);
    cr_expect_str_eq (desired->application, names[i]);
    states[i]++;
    epochs[i] = desired->epoch;
    bus_loop_stop (loop);
}

static const struct node_subject_ops subject_ops = {
    .describe = subject_describe, .hint = on_hint, .desired = on_desired};

static void desired_send (const char *application, uint64_t epoch)
{
    struct wire_desired desired = {.application = application, .status = WIRE_STATUS_OK, .epoch = epoch};
    cr_assert_eq (bus_send (control, &node, &wire_desired_record, &desired), 0);
}

static void match_note (const struct wire_match *match)
{
    cr_assert_lt (n_seen, SEEN_MOST);
    struct match_seen *note = &seen[n_seen++];
    cr_expect_str_eq (match->node, "n1");
    cr_expect_not_null (match->platform);
    note->attempt = match->attempt;
    (void) snprintf (note->application, sizeof note->application, "%s", match->application);
    (void) snprintf (note->transaction, sizeof note->transaction, "%s", match->transaction);
}

static void on_message (const struct bus_message *message)
{
    if (message->record == &wire_hello_record) {
        const struct wire_hello *hello = message->body;
        listed = hello->list;
    } else if (message->record == &wire_describe_record) {
        const struct wire_describe *describe = message->body;
        size_t i = application_index (describe->application->name);
        cr_expect_eq (asks[i], 0, "a state comes before the first ask");
        cr_expect (i != NODED || described[WEB], "the state of the node manager comes last");
        described[i]++;
    } else if (message->record == &wire_ask_record) {
        const struct wire_ask *ask = message->body;
        asks[application_index (ask->application)]++;
        if (!holds_answers)
            desired_send (ask->application, 1);
    } else if (message->record == &wire_match_record)
        match_note (message->body);
    bus_loop_stop (loop);
}

static void on_subscription (void *context, const char *topic, bool subscribed)
{
    (void) context;
    is_subscribed |= subscribed && strcmp (topic, "update/all") == 0;
    bus_loop_stop (loop);
}

static void setup (void)
{
    struct bus_socket_options topics = {.on_subscription = on_subscription, .quiet = true};
    session_rig_setup (3600000, on_message); /* nothing is sent again */
    announce = rig_socket (BUS_XPUB, &topics);
    rig_bind (announce, config.endpoints.announce);
    session_make (&subject_ops, N_APPLICATIONS);
}

TestSuite (subjects, .init = setup, .fini = session_rig_teardown);
TestSuite (matches, .init = setup, .fini = session_rig_teardown);

/*  Opens the session, and waits until both applications have their desired state. */
static void session_open (void)
{
    node_session_open (session);
    while (!states[NODED] || !states[WEB] || !is_subscribed)
        rig_run ();
}

/*  Waits until the applications have received that many states. */
static void run_until_states (unsigned noded, unsigned web)
{
    while (states[NODED] < noded || states[WEB] < web)
        rig_run ();
}

static void hint_send (const char *application, const char *const *for_nodes)
{
    static uint64_t sequence;
    struct wire_update update = {.instance = "origin",
                                 .sequence = ++sequence,
                                 .application = application,
                                 .nodes = for_nodes,
                                 .n_nodes = for_nodes ? 1 : 0};
    cr_assert_eq (bus_publish (announce, "update/all", &wire_update_record, &update), 0);
}

Test (subjects, a_session_describes_and_asks_for_each_application)
{
    session_open ();
    cr_expect_eq (described[NODED], 1);
    cr_expect_eq (described[WEB], 1);
    struct base_digest list = wire_list_digest (names, N_APPLICATIONS);
    cr_expect (base_digest_equal (&listed, &list));
    cr_expect_eq (asks[NODED], 1);
    cr_expect_eq (asks[WEB], 1);
}

Test (subjects, a_desired_state_goes_to_its_application)
{
    session_open ();
    desired_send ("elsewhere", 7);
    desired_send ("web", 8);
    run_until_states (1, 2);
    cr_expect_eq (epochs[WEB], 8);
    cr_expect_eq (epochs[NODED], 1);
    cr_expect_eq (states[NODED], 1);
}

Test (subjects, a_hint_that_names_an_application_asks_only_for_that)
{
    session_open ();
    hint_send ("web", NULL);
    run_until_states (1, 2);
    cr_expect_eq (asks[WEB], 2);
    cr_expect_eq (asks[NODED], 1);
    cr_expect_eq (hints[WEB], 1);
    cr_expect_eq (hints[NODED], 0);
}

Test (subjects, a_hint_without_an_application_asks_for_all)
{
    session_open ();
    hint_send (NULL, NULL);
    run_until_states (2, 2);
    cr_expect_eq (hints[NODED], 1);
    cr_expect_eq (hints[WEB], 1);
}

Test (subjects, a_hint_for_other_nodes_is_heard_and_asks_for_nothing)
{
    const char *others[] = {"n2", NULL}, *own[] = {"n1", NULL};
    session_open ();
    hint_send ("web", others);
    hint_send ("noded", own); /* arrives after it */
    run_until_states (2, 1);
    cr_expect_eq (hints[WEB], 1, "it shows that announcements arrive");
    cr_expect_eq (asks[WEB], 1);
}

Test (subjects, a_missed_announcement_makes_all_ask)
{
    session_open ();
    struct wire_heartbeat heartbeat = {.sender = "origin", .sequence = 5, .answer = true};
    (void) bus_send (control, &node, &wire_heartbeat_record, &heartbeat);
    run_until_states (2, 2);
    (void) bus_send (control, &node, &wire_heartbeat_record, &heartbeat);
    desired_send ("web", 9); /* arrives after it */
    run_until_states (2, 3);
    cr_expect_eq (asks[NODED], 2, "the same number is no news");
}

Test (subjects, calls_during_an_ask_ask_once_more_after_it)
{
    session_open ();
    holds_answers = true;
    for (unsigned i = 0; i < 3; i++)
        node_subject_ask (&subjects[WEB]);
    node_subject_ask (&subjects[NODED]);
    while (asks[WEB] < 2 || asks[NODED] < 2)
        rig_run ();
    cr_expect_eq (asks[WEB], 2);
    holds_answers = false;
    desired_send ("web", 2);
    run_until_states (1, 3);
    cr_expect_eq (asks[WEB], 3);
    desired_send ("noded", 2);
    run_until_states (2, 3);
    cr_expect_eq (asks[WEB], 3);
    cr_expect_eq (asks[NODED], 2, "each application counts its own");
}

Test (subjects, an_application_that_left_receives_nothing)
{
    session_open ();
    node_subject_remove (&subjects[WEB]);
    node_subject_remove (&subjects[WEB]); /* again: nothing */
    desired_send ("web", 2);
    hint_send (NULL, NULL);
    run_until_states (2, 1);
    desired_send ("noded", 3);
    run_until_states (3, 1);
    cr_expect_eq (states[WEB], 1);
    cr_expect_eq (hints[WEB], 0);
}

/*  matches */

struct asked {
    struct node_match match;
    unsigned answers;
    uint64_t size; /* of the last answer */
    struct asked *begins;
};
static struct asked one, two, three;

static void match_begin (struct asked *asked, const char *application, const char *transaction,
                         unsigned attempt);

static void on_matched (void *context, const struct wire_matched *matched)
{
    struct asked *asked = context;
    cr_expect_null (asked->match.session, "it is not under way any more");
    asked->answers++;
    asked->size = matched->size;
    if (asked->begins)
        match_begin (asked->begins, "web", "next", 1);
    bus_loop_stop (loop);
}

static void match_begin (struct asked *asked, const char *application, const char *transaction,
                         unsigned attempt)
{
    struct wire_match match = {
        .application = application, .release = {{1}}, .transaction = transaction, .attempt = attempt};
    cr_assert_eq (node_match_begin (&asked->match, session, &match, on_matched, asked), 0);
}

static void matched_send (const char *application, const char *transaction, unsigned attempt, uint64_t size,
                          enum wire_status status)
{
    struct wire_matched matched = {.application = application,
                                   .transaction = transaction,
                                   .attempt = attempt,
                                   .status = status,
                                   .size = size};
    cr_assert_eq (bus_send (control, &node, &wire_matched_record, &matched), 0);
}

static void answer_send (const char *application, const char *transaction, unsigned attempt, uint64_t size)
{
    matched_send (application, transaction, attempt, size, WIRE_STATUS_OK);
}

static void run_until_answers (const struct asked *asked, unsigned count)
{
    while (asked->answers < count)
        rig_run ();
}

static void run_until_seen (unsigned count)
{
    while (n_seen < count)
        rig_run ();
}

Test (matches, several_are_under_way_and_answered_in_any_order)
{
    session_open ();
    match_begin (&one, "noded", "t", 1);
    match_begin (&two, "web", "t", 1);
    match_begin (&three, "noded", "u", 1);
    run_until_seen (3);
    answer_send ("noded", "u", 1, 30);
    run_until_answers (&three, 1);
    answer_send ("noded", "t", 1, 10);
    run_until_answers (&one, 1);
    answer_send ("web", "t", 1, 20);
    run_until_answers (&two, 1);
    cr_expect_eq (one.size, 10);
    cr_expect_eq (two.size, 20);
    cr_expect_eq (three.size, 30);
    cr_expect_eq (one.answers + two.answers + three.answers, 3);
}

Test (matches, an_answer_to_another_attempt_is_ignored)
{
    session_open ();
    match_begin (&one, "noded", "t", 2);
    run_until_seen (1);
    answer_send ("noded", "t", 1, 1);
    answer_send ("noded", "t", 2, 2);
    answer_send ("noded", "t", 2, 3); /* a second answer */
    desired_send ("web", 9);          /* arrives after them */
    run_until_states (1, 2);
    cr_expect_eq (one.answers, 1);
    cr_expect_eq (one.size, 2);
}

Test (matches, a_cancelled_match_is_not_answered)
{
    session_open ();
    match_begin (&one, "noded", "t", 1);
    match_begin (&two, "web", "t", 1);
    run_until_seen (2);
    node_match_cancel (&one.match);
    node_match_cancel (&one.match); /* again: nothing */
    answer_send ("noded", "t", 1, 10);
    answer_send ("web", "t", 1, 20);
    run_until_answers (&two, 1);
    cr_expect_eq (one.answers, 0);
}

Test (matches, a_match_that_begins_again_replaces_the_one_under_way)
{
    session_open ();
    match_begin (&one, "noded", "t", 1);
    match_begin (&one, "noded", "t", 2);
    run_until_seen (2);
    answer_send ("noded", "t", 1, 1);
    answer_send ("noded", "t", 2, 2);
    run_until_answers (&one, 1);
    cr_expect_eq (one.size, 2);
}

Test (matches, two_with_the_same_key_take_an_answer_each)
{
    session_open ();
    match_begin (&one, "noded", "t", 1);
    match_begin (&two, "noded", "t", 1);
    run_until_seen (2);
    answer_send ("noded", "t", 1, 10);
    answer_send ("noded", "t", 1, 10);
    run_until_answers (&one, 1);
    run_until_answers (&two, 1);
    cr_expect_eq (one.answers + two.answers, 2);
}

Test (matches, a_handler_may_begin_another)
{
    session_open ();
    one.begins = &two;
    match_begin (&one, "noded", "t", 1);
    run_until_seen (1);
    answer_send ("noded", "t", 1, 10);
    run_until_seen (2);
    answer_send ("web", "next", 1, 20);
    run_until_answers (&two, 1);
    cr_expect_eq (two.size, 20);
}

Test (matches, a_busy_origin_is_asked_again)
{
    session_open ();
    config.resend_ms = 20;
    match_begin (&one, "noded", "t", 1);
    run_until_seen (1);
    matched_send ("noded", "t", 1, 0, WIRE_STATUS_BUSY);
    matched_send ("noded", "t", 1, 0, WIRE_STATUS_FAILED);
    run_until_seen (3);
    cr_expect_eq (one.answers, 0);
    cr_expect_eq (seen[2].attempt, 1, "a resend keeps the key");
    answer_send ("noded", "t", 1, 10);
    run_until_answers (&one, 1);
}

Test (matches, a_match_from_before_the_welcome_is_sent_then)
{
    match_begin (&one, "noded", "t", 1);
    session_open ();
    run_until_seen (1);
    cr_expect_str_eq (seen[0].transaction, "t");
    answer_send ("noded", "t", 1, 10);
    run_until_answers (&one, 1);
}

Test (matches, the_end_of_the_session_ends_them)
{
    session_open ();
    match_begin (&one, "noded", "t", 1);
    run_until_seen (1);
    session = node_session_free (session);
    cr_expect_null (one.match.session);
    cr_expect_null (subjects[WEB].session);
    node_match_cancel (&one.match);
    cr_expect_eq (one.answers, 0);
}
