/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/rollouts.c - rollouts in a broker in this process, with nodes that the test plays

    A trigger in the database makes the writes fail that a test forbids. */

#include "fixture.h"

#include <sqlite3.h>

#include "broker/rollouts_carry.h"

enum { MANY = 300 }; /* more than fit into one transaction */

static struct fixture fixture;
static struct peer *operator;
static struct node nodes[MANY];
static char ids[MANY][16];
static struct base_digest release;

static void set_up (void)
{
    fixture_init (&fixture);
    operator= fixture_control (&fixture);
    release = fixture_publish (&fixture, operator, "2.0.0");
}

static void nodes_leave (void)
{
    for (unsigned i = 0; i < MANY; i++)
        nodes[i].control = nodes[i].control ? peer_free (nodes[i].control) : NULL;
}

static void tear_down (void)
{
    operator= peer_free (operator);
    nodes_leave ();
    fixture_deinit (&fixture);
}

TestSuite (rollouts, .init = set_up, .fini = tear_down, .timeout = 600);

static void nodes_hello (unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void) snprintf (ids[i], sizeof ids[i], "n-%03u", i);
        if (!nodes[i].id) {
            nodes[i] = (struct node){.id = ids[i], .binary = digest_of ("2.0.0")};
            nodes[i].application = (struct wire_application){.name = (char *) "noded",
                                                             .state = WIRE_STATE_IDLE,
                                                             .version = (char *) "1.0.0",
                                                             .release = digest_of ("1.0.0"),
                                                             .previous_version = (char *) "0.9.0",
                                                             .previous_release = digest_of ("0.9.0")};
        }
        (void) base_random_hex (nodes[i].session, 16);
        if (nodes[i].control)
            peer_free (nodes[i].control);
        nodes[i].control = fixture_control (&fixture);
        node_hello (&nodes[i]);
    }
}

static void fixture_restart (unsigned count)
{
    operator= peer_free (operator);
    nodes_leave ();
    fixture_stop (&fixture);
    fixture_start (&fixture);
    operator= fixture_control (&fixture);
    nodes_hello (count);
}

/*  --- the database, read and changed beside the broker -------------------------------------------------- */

static void database_execute (const char *sql)
{
    char path[96], *message = NULL;
    sqlite3 *database;

    (void) snprintf (path, sizeof path, "%s/broker.db", fixture.root);
    cr_assert_eq (sqlite3_open (path, &database), SQLITE_OK);
    cr_assert_eq (sqlite3_exec (database, sql, NULL, NULL, &message), SQLITE_OK, "%s", message);
    sqlite3_close (database);
}

static int count_take (void *context, int columns, char **values, char **names)
{
    (void) columns;
    (void) names;
    *(int *) context = (int) strtol (values[0], NULL, 10);
    return 0;
}

static int count_of (const char *sql)
{
    char path[96];
    sqlite3 *database;
    int count = -1;

    (void) snprintf (path, sizeof path, "%s/broker.db", fixture.root);
    cr_assert_eq (sqlite3_open (path, &database), SQLITE_OK);
    cr_assert_eq (sqlite3_exec (database, sql, count_take, &count, NULL), SQLITE_OK);
    sqlite3_close (database);
    return count;
}

/*  --- requests of an operator --------------------------------------------------------------------------- */

static struct wire_wave waves[2] = {{.count = 1}, {.count = 0}};
static struct wire_rollout spec = {
    .application = (char *) "noded", .waves = waves, .n_waves = 2, .budget = 0, .soak_ms = 0};

static struct wire_answer rollout_start (const char *key)
{
    struct wire_request request = {
        .verb = WIRE_VERB_START, .key = (char *) key, .spec = &spec, .place = (char *) "me@here"};

    return operator_ask (operator, & request);
}

static char *rollout_start_ok (void)
{
    struct wire_answer answer = rollout_start (NULL);
    char *id;

    cr_assert_eq (answer.status, WIRE_STATUS_OK, "%s", answer.reason);
    cr_assert_eq (answer.n_rollouts, 1);
    id = strdup (answer.rollouts[0].id);
    wire_answer_deinit (&answer);
    return id;
}

static enum wire_phase phase_of (const char *id, struct wire_rollout_state *ret_state)
{
    struct wire_request request = {.verb = WIRE_VERB_ROLLOUTS, .rollout = (char *) id};
    struct wire_answer answer = operator_ask (operator, & request);
    enum wire_phase phase;

    cr_assert_eq (answer.status, WIRE_STATUS_OK, "%s", answer.reason);
    cr_assert_eq (answer.n_rollouts, 1);
    phase = answer.rollouts[0].phase;
    if (ret_state) {
        *ret_state = answer.rollouts[0];
        answer.rollouts[0] = (struct wire_rollout_state){.id = NULL};
    }
    wire_answer_deinit (&answer);
    return phase;
}

static void until_phase (const char *id, enum wire_phase phase)
{
    uint64_t until_ms = base_time_boot_ms () + FIXTURE_DEADLINE_MS;

    while (phase_of (id, NULL) != phase)
        cr_assert (base_time_boot_ms () < until_ms, "the phase is not %s but %s", wire_phase_word (phase),
                   wire_phase_word (phase_of (id, NULL)));
}

static void until_waits (const char *id, const char *what)
{
    uint64_t until_ms = base_time_boot_ms () + FIXTURE_DEADLINE_MS;
    bool waits;

    do {
        struct wire_rollout_state state;
        (void) phase_of (id, &state);
        waits = state.waits && strstr (state.waits, what);
        cr_assert (waits || base_time_boot_ms () < until_ms, "the rollout waits for %s", state.waits);
        wire_rollout_state_deinit (&state);
    } while (!waits);
}

static void until_cause (const char *id, const char *reason)
{
    uint64_t until_ms = base_time_boot_ms () + FIXTURE_DEADLINE_MS;
    bool is;

    do {
        struct wire_rollout_state state;
        (void) phase_of (id, &state);
        is = state.n_causes > 0 && strcmp (state.causes[0].reason, reason) == 0;
        cr_assert (is || base_time_boot_ms () < until_ms, "the cause is: %s",
                   state.n_causes ? state.causes[0].reason : "nothing");
        wire_rollout_state_deinit (&state);
    } while (!is);
}

static enum wire_status rollout_steer (const char *id, enum wire_command command)
{
    struct wire_request request = {.verb = WIRE_VERB_STEER, .rollout = (char *) id, .command = command};
    struct wire_answer answer = operator_ask (operator, & request);
    enum wire_status status = answer.status;

    wire_answer_deinit (&answer);
    return status;
}

/*  --- nodes --------------------------------------------------------------------------------------------- */

/*  Returns the epoch of the update, or of the revert, that the node has to carry out; 0: there is none. */
static uint64_t node_pending (struct node *node, bool back)
{
    struct wire_desired desired = node_ask (node);
    uint64_t epoch = back ? desired.revert_epoch : desired.release_epoch;

    cr_expect_not (desired.held);
    wire_desired_deinit (&desired);
    return epoch > node->application.epoch ? epoch : 0;
}

static void node_obey (struct node *node, uint64_t epoch, bool back)
{
    node->application.epoch = node->application.seen_epoch = epoch;
    node->application.release = back ? digest_of ("1.0.0") : release;
    cr_assert_eq (node_report (node, epoch, "t", back ? "revert" : "trial",
                               back ? WIRE_OUTCOME_REVERTED : WIRE_OUTCOME_CONFIRMED, NULL),
                  WIRE_STATUS_OK);
}

static unsigned nodes_pending (unsigned count)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++)
        n += node_pending (&nodes[i], false) != 0;
    return n;
}

/*  Lets all nodes that have an order carry it out. Returns how many did. */
static unsigned nodes_obey (unsigned count, bool back)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++) {
        uint64_t epoch = node_pending (&nodes[i], back);
        if (!epoch)
            continue;
        node_obey (&nodes[i], epoch, back);
        n++;
    }
    return n;
}

Test (rollouts, proceed_wave_by_wave_and_record_their_transitions)
{
    struct wire_request request = {.verb = WIRE_VERB_HISTORY};
    struct wire_rollout_state state;
    struct wire_answer answer;
    char *id;

    nodes_hello (3);
    id = rollout_start_ok ();
    cr_expect_eq (nodes_pending (3), 1, "the canary alone");
    while (phase_of (id, NULL) != WIRE_PHASE_DONE)
        (void) nodes_obey (3, false);
    (void) phase_of (id, &state);
    cr_expect (state.over);
    cr_expect_eq (state.waves[0].updated + state.waves[1].updated, 3);
    cr_expect_not_null (state.waves[1].ended);
    wire_rollout_state_deinit (&state);
    request.rollout = id;
    answer = operator_ask (operator, & request);
    cr_assert_geq (answer.n_turns, 5);
    cr_expect_str_eq (answer.turns[0].place, "me@here");
    cr_expect_eq (answer.turns[answer.n_turns - 1].phase, WIRE_PHASE_DONE);
    cr_expect_eq (count_of ("SELECT count(*) FROM given WHERE rollout IS NOT NULL"), 3);
    wire_answer_deinit (&answer);
    free (id);
}

Test (rollouts, are_started_once_by_all_requests_with_one_key)
{
    struct wire_answer first, again;

    nodes_hello (2);
    first = rollout_start ("key");
    again = rollout_start ("key");
    cr_assert_eq (first.status, WIRE_STATUS_OK, "%s", first.reason);
    cr_assert_eq (again.status, WIRE_STATUS_OK, "%s", again.reason);
    cr_expect_str_eq (first.rollouts[0].id, again.rollouts[0].id);
    cr_expect_eq (count_of ("SELECT count(*) FROM rollouts"), 1);
    wire_answer_deinit (&first);
    wire_answer_deinit (&again);
    again = rollout_start ("another");
    cr_expect_eq (again.status, WIRE_STATUS_BUSY);
    wire_answer_deinit (&again);
}

/*  The plan that a client has shown may be out of date when the client sends the start request. */
Test (rollouts, are_started_as_they_were_planned_or_not_at_all)
{
    struct wire_request request = {.verb = WIRE_VERB_PLAN, .spec = &spec};
    struct wire_answer answer;

    nodes_hello (2);
    answer = operator_ask (operator, & request);
    cr_assert_eq (answer.status, WIRE_STATUS_OK, "%s", answer.reason);
    request.plan = answer.plan->hash;
    wire_answer_deinit (&answer);
    nodes_hello (3); /* one node more */
    request.verb = WIRE_VERB_START;
    answer = operator_ask (operator, & request);
    cr_expect_eq (answer.status, WIRE_STATUS_REFUSED);
    cr_expect (answer.reason && strstr (answer.reason, "has changed"), "%s", answer.reason);
    cr_assert_not_null (answer.plan);
    request.plan = answer.plan->hash;
    wire_answer_deinit (&answer);
    cr_expect_eq (count_of ("SELECT count(*) FROM rollouts"), 0);
    answer = operator_ask (operator, & request);
    cr_expect_eq (answer.status, WIRE_STATUS_OK, "%s", answer.reason);
    wire_answer_deinit (&answer);
}

Test (rollouts, that_cannot_be_recorded_are_not_started)
{
    struct wire_answer answer;
    char *id;

    nodes_hello (2);
    database_execute ("CREATE TRIGGER full BEFORE INSERT ON given BEGIN SELECT RAISE (FAIL, 'full'); END");
    answer = rollout_start (NULL);
    cr_expect_eq (answer.status, WIRE_STATUS_FAILED);
    wire_answer_deinit (&answer);
    cr_expect_eq (count_of ("SELECT count(*) FROM rollouts"), 0);
    cr_expect_eq (nodes_obey (2, false), 0, "no node has an order");
    database_execute ("DROP TRIGGER full");
    id = rollout_start_ok ();
    cr_expect_eq (nodes_pending (2), 1);
    free (id);
}

Test (rollouts, continue_once_they_can_be_recorded_again_and_order_no_node_twice)
{
    char *id;

    nodes_hello (3);
    id = rollout_start_ok ();
    database_execute ("CREATE TRIGGER full BEFORE INSERT ON given BEGIN SELECT RAISE (FAIL, 'full'); END");
    cr_expect_eq (nodes_obey (3, false), 1);
    for (int i = 0; i < 50; i++) /* the next wave is tried, and cannot be recorded */
        cr_expect_eq (nodes_obey (3, false), 0);
    cr_expect_eq (rollout_steer (id, WIRE_COMMAND_PAUSE), WIRE_STATUS_OK, "a pause orders no node");
    cr_expect_eq (rollout_steer (id, WIRE_COMMAND_RESUME), WIRE_STATUS_FAILED);
    database_execute ("DROP TRIGGER full");
    while (rollout_steer (id, WIRE_COMMAND_RESUME) != WIRE_STATUS_OK)
        continue;
    while (phase_of (id, NULL) != WIRE_PHASE_DONE)
        (void) nodes_obey (3, false);
    cr_expect_eq (count_of ("SELECT count(*) FROM given"), 3);
    free (id);
}

Test (rollouts, continue_after_a_restart_with_the_same_orders)
{
    uint64_t epoch, before;
    char *id;

    nodes_hello (1);
    id = rollout_start_ok ();
    before = node_pending (&nodes[0], false);
    cr_assert (before);
    fixture_restart (1);
    epoch = node_pending (&nodes[0], false);
    cr_expect_eq (epoch, before);
    node_obey (&nodes[0], epoch, false);
    until_phase (id, WIRE_PHASE_DONE);
    cr_expect_eq (node_pending (&nodes[0], false), 0);
    free (id);
}

/*  The path of a file in the broker's root: of the records, or beside them. */
static const char *root_path (const char *name, char path[96])
{
    (void) snprintf (path, 96, "%s/%s", fixture.root, name);
    return path;
}

static void records_set_back (const char *copy)
{
    char from[96], to[96];

    operator= peer_free (operator);
    nodes_leave ();
    fixture_stop (&fixture);
    (void) unlink (root_path ("broker.db-wal", to));
    (void) unlink (root_path ("broker.db-shm", to));
    (void) unlink (root_path ("records.mark", to)); /* as when the whole root is set back */
    cr_assert_eq (rename (root_path (copy, from), root_path ("broker.db", to)), 0);
    fixture_start (&fixture);
    operator= fixture_control (&fixture);
}

/*  The rollout was aborted with one node of the second wave updated. The copy knows only the canary. */
Test (rollouts, pause_for_an_operator_when_the_records_are_older_than_a_node)
{
    struct wire_rollout_state state;
    char *id, *sql;

    spec.concurrency = 1;
    nodes_hello (3);
    id = rollout_start_ok ();
    cr_assert_gt (asprintf (&sql, "VACUUM INTO '%s/copy'", fixture.root), 0);
    database_execute (sql);
    free (sql);
    for (unsigned i = 0, done = 0; done < 2; i = (i + 1) % 3) {
        uint64_t epoch = node_pending (&nodes[i], false);
        if (!epoch)
            continue;
        node_obey (&nodes[i], epoch, false);
        done++;
    }
    cr_assert_eq (rollout_steer (id, WIRE_COMMAND_ABORT), WIRE_STATUS_OK);

    records_set_back ("copy");
    nodes_hello (3);
    for (int i = 0; i < 50; i++)
        cr_expect_eq (nodes_pending (3), 0);
    (void) phase_of (id, &state);
    cr_expect (state.paused);
    cr_expect (state.reason && strstr (state.reason, "an older copy"), "%s", state.reason);
    wire_rollout_state_deinit (&state);
    cr_assert_eq (rollout_steer (id, WIRE_COMMAND_RESUME), WIRE_STATUS_OK);
    while (phase_of (id, &state) != WIRE_PHASE_DONE) {
        wire_rollout_state_deinit (&state);
        (void) nodes_obey (3, false);
    }
    cr_expect_null (state.reason);
    wire_rollout_state_deinit (&state);
    free (id);
}

/*  The nodes with an order stay away for longer than the liveness time. */
Test (rollouts, wait_after_a_restart_for_nodes_that_reconnect_late)
{
    bool ordered[3];
    char *id;

    fixture.heartbeat_ms = load_deadline_ms (100);
    fixture.liveness_ms = load_deadline_ms (300);
    nodes_hello (3);
    id = rollout_start_ok ();
    for (unsigned i = 0; i < 3; i++)
        ordered[i] = node_pending (&nodes[i], false) != 0;
    fixture_restart (0);
    for (unsigned i = 0; i < 3; i++) {
        nodes[i].control = fixture_control (&fixture);
        if (!ordered[i])
            node_hello (&nodes[i]);
    }
    for (uint64_t until_ms = base_time_boot_ms () + load_deadline_ms (1500);
         base_time_boot_ms () < until_ms;) {
        for (unsigned i = 0; i < 3; i++) {
            struct wire_heartbeat beat = {.sender = nodes[i].session, .node = ids[i]};
            if (!ordered[i])
                peer_send (nodes[i].control, &wire_heartbeat_record, &beat);
        }
        (void) peer_wait (nodes[0].control, &wire_chunk_record, 50);
    }
    cr_assert_eq (phase_of (id, NULL), WIRE_PHASE_UPDATING);
    nodes_hello (3);
    while (phase_of (id, NULL) != WIRE_PHASE_DONE)
        (void) nodes_obey (3, false);
    free (id);
}

Test (rollouts, revert_every_node_once_when_the_broker_dies_meanwhile)
{
    char *id;

    spec.n_waves = 1;
    waves[0].count = 0;
    nodes_hello (MANY);
    id = rollout_start_ok ();
    for (unsigned done = 0; done < MANY;)
        done += nodes_obey (MANY, false);
    until_phase (id, WIRE_PHASE_DONE);
    database_execute (
        "CREATE TRIGGER full BEFORE INSERT ON given WHEN (SELECT count(*) FROM given WHERE verb ="
        " 'revert') >= 280 BEGIN SELECT RAISE (FAIL, 'full'); END");
    cr_assert_eq (rollout_steer (id, WIRE_COMMAND_REVERT), WIRE_STATUS_OK,
                  "as many as fit into one transaction");
    cr_expect_eq (count_of ("SELECT count(*) FROM given WHERE verb = 'revert'"), BROKER_ROLLOUT_ORDERS);
    fixture_restart (MANY);
    database_execute ("DROP TRIGGER full");
    fixture_restart (MANY);
    for (unsigned done = 0; done < MANY;)
        done += nodes_obey (MANY, true);
    until_phase (id, WIRE_PHASE_REVERTED);
    cr_expect_eq (count_of ("SELECT count(*) FROM given WHERE verb = 'revert'"), MANY);
    cr_expect_eq (count_of ("SELECT count(DISTINCT node) FROM given WHERE verb = 'revert'"), MANY);
    cr_expect_eq (count_of ("SELECT count(*) FROM members WHERE state = 'reverted'"), MANY);
    free (id);
}

Test (rollouts, take_an_unreported_result_from_the_state_of_the_node)
{
    uint64_t epoch;
    char *id;

    nodes_hello (1);
    id = rollout_start_ok ();
    epoch = node_pending (&nodes[0], false);
    nodes[0].application.epoch = nodes[0].application.seen_epoch = epoch;
    nodes[0].application.release = release;
    nodes_hello (1);
    cr_expect_eq (phase_of (id, NULL), WIRE_PHASE_UPDATING, "its report may still arrive");
    until_phase (id, WIRE_PHASE_DONE);
    free (id);
}

Test (rollouts, halt_when_an_updated_node_runs_another_release_again)
{
    struct wire_rollout_state state;
    char *id;

    spec.soak_ms = 3600 * 1000;
    nodes_hello (1);
    id = rollout_start_ok ();
    cr_expect_eq (nodes_obey (1, false), 1);
    until_phase (id, WIRE_PHASE_SOAKING);
    nodes[0].application.release = digest_of ("1.0.0");
    nodes_hello (1);
    until_phase (id, WIRE_PHASE_HALTED);
    (void) phase_of (id, &state);
    cr_assert_eq (state.n_causes, 1);
    cr_expect_str_eq (state.causes[0].nodes[0], "n-000");
    wire_rollout_state_deinit (&state);
    free (id);
}

Test (rollouts, report_why_an_update_failed_that_ended_after_its_deadline)
{
    struct wire_rollout_state state;
    struct wire_desired desired;
    char *id;

    spec.node_deadline_ms =
        load_deadline_ms (4000); /* for the revert, too; longer than a session of a node lives on */
    spec.on_halt = WIRE_ON_HALT_REVERT;
    nodes_hello (1);
    id = rollout_start_ok ();
    desired = node_ask (&nodes[0]);
    nodes[0].application.seen_epoch = desired.release_epoch;
    nodes[0].application.state = WIRE_STATE_TRIAL;
    nodes_hello (1);
    until_phase (id, WIRE_PHASE_REVERTING);
    nodes[0].application.state = WIRE_STATE_IDLE;
    nodes[0].application.epoch = nodes[0].application.seen_epoch = node_pending (&nodes[0], true);
    cr_assert_neq (nodes[0].application.epoch, 0);
    nodes[0].application.last_error = &(struct wire_failure){.transaction = desired.transaction,
                                                             .step = (char *) "trial",
                                                             .reason = (char *) "on trial it hung",
                                                             .time = (char *) "2026-01-01T00:00:00Z"};
    nodes_hello (1);
    cr_assert_eq (
        node_report (&nodes[0], nodes[0].application.epoch, "t", "revert", WIRE_OUTCOME_NOTHING, NULL),
        WIRE_STATUS_OK);
    until_cause (id, "on trial it hung"); /* the revert may have been too slow, too */
    cr_expect_eq (phase_of (id, &state), WIRE_PHASE_REVERTED);
    cr_assert_eq (state.n_causes, 1);
    cr_expect_str_eq (state.causes[0].step, "trial");
    wire_rollout_state_deinit (&state);
    wire_desired_deinit (&desired);
    free (id);
}

static void node_forget (struct node *node)
{
    struct wire_bye bye = {.node = (char *) node->id, .session = node->session};
    struct wire_ordered ordered;
    bool refused = true;

    peer_send (node->control, &wire_bye_record, &bye);
    while (refused) { /* until the broker has processed the goodbye */
        ordered = operator_order (operator, WIRE_VERB_FORGET, node->id, NULL);
        refused = ordered.status == WIRE_STATUS_REFUSED;
        cr_assert (refused || ordered.status == WIRE_STATUS_OK, "%s", ordered.reason);
        wire_ordered_deinit (&ordered);
    }
}

/*  Forgets a node that waits for its wave and one that is under way; a queued rollout loses both. */
Test (rollouts, skip_forgotten_nodes_and_end_without_them)
{
    struct wire_rollout_state state;
    unsigned canary;
    char *first, *second;

    nodes_hello (3);
    first = rollout_start_ok ();
    spec.selector = (char *) "n-000 or n-001 or n-002";
    spec.queue = true;
    second = rollout_start_ok ();
    cr_expect_eq (phase_of (second, NULL), WIRE_PHASE_QUEUED);
    canary = node_pending (&nodes[0], false) ? 0 : node_pending (&nodes[1], false) ? 1 : 2;
    node_forget (&nodes[(canary + 1) % 3]);
    node_obey (&nodes[canary], node_pending (&nodes[canary], false), false);
    while (!node_pending (&nodes[(canary + 2) % 3], false))
        cr_assert_neq (phase_of (first, NULL), WIRE_PHASE_HALTED);
    node_forget (&nodes[(canary + 2) % 3]);
    until_phase (first, WIRE_PHASE_DONE);
    (void) phase_of (first, &state);
    cr_expect_eq (state.waves[0].updated, 1);
    cr_expect_eq (state.waves[1].updated + state.waves[1].bad + state.waves[1].already_bad, 0);
    wire_rollout_state_deinit (&state);
    while (phase_of (second, NULL) != WIRE_PHASE_DONE && phase_of (second, NULL) != WIRE_PHASE_HALTED) {
        uint64_t epoch = node_pending (&nodes[canary], false);
        if (epoch)
            node_obey (&nodes[canary], epoch, false);
    }
    (void) phase_of (second, &state);
    cr_expect_eq (state.waves[0].bad + state.waves[0].already_bad, 0);
    wire_rollout_state_deinit (&state);
    free (first);
    free (second);
}

/*  The host of the first node cannot rehearse. */
Test (rollouts, show_an_unfit_host_and_its_next_try_and_charge_no_failure_over_a_restart_too)
{
    struct wire_request members = {.verb = WIRE_VERB_MEMBERS};
    struct wire_rollout_state state;
    struct wire_answer answer;
    struct wire_desired desired;
    struct wire_failure failure = {.step = (char *) "probing/free",
                                   .reason = (char *) "no scratch root",
                                   .time = (char *) "2026-01-01T00:00:00Z"};
    char *id;

    spec.node_deadline_ms =
        load_deadline_ms (8000); /* longer than the sessions of both nodes live on, as they do under load */
    waves[0].count = 0;
    spec.n_waves = 1;
    nodes_hello (2);
    id = rollout_start_ok ();
    desired = node_ask (&nodes[0]);
    failure.transaction = desired.transaction;
    nodes[0].application.seen_epoch = desired.release_epoch;
    nodes[0].application.state = WIRE_STATE_UNFIT;
    nodes[0].application.transaction = desired.transaction;
    nodes[0].application.last_error = &failure;
    nodes[0].application.retry = (char *) "2026-01-01T00:05:00Z";
    node_obey (&nodes[1], node_pending (&nodes[1], false), false);
    nodes_hello (2);
    until_waits (id, "n-000: probing/free: no scratch root; next try at 2026-01-01T00:05:00Z");
    fixture_restart (2);
    until_waits (id, "2026-01-01T00:05:00Z");
    until_phase (id, WIRE_PHASE_DONE);
    members.rollout = id;
    answer = operator_ask (operator, & members);
    cr_assert_eq (answer.n_members, 2);
    for (size_t i = 0; i < answer.n_members; i++) {
        const struct wire_member_state *member = &answer.members[i];
        if (strcmp (member->node, "n-000") != 0)
            continue;
        cr_expect_eq (member->state, WIRE_MEMBER_LEFT);
        cr_expect_str_eq (member->step, "unfit");
        cr_expect (
            strstr (member->reason, "no scratch root; unfit until its deadline: nodectl rollout retry r-"),
            "%s", member->reason);
    }
    wire_answer_deinit (&answer);
    (void) phase_of (id, &state);
    cr_expect_eq (state.waves[0].bad, 0);
    cr_expect_eq (state.waves[0].updated, 1);
    wire_rollout_state_deinit (&state);
    wire_desired_deinit (&desired);
    free (id);
}

Test (rollouts, halt_when_their_release_is_withdrawn)
{
    struct wire_request request = {.verb = WIRE_VERB_WITHDRAW, .release = release};
    struct wire_answer answer;
    char *id;

    nodes_hello (2);
    id = rollout_start_ok ();
    answer = operator_ask (operator, & request);
    wire_answer_deinit (&answer);
    until_phase (id, WIRE_PHASE_HALTED);
    cr_expect_eq (rollout_steer (id, WIRE_COMMAND_RESUME), WIRE_STATUS_GONE);
    cr_expect_eq (rollout_steer (id, WIRE_COMMAND_ABORT), WIRE_STATUS_OK);
    free (id);
}

/*  --- several rollouts ---------------------------------------------------------------------------------- */

static char *rollout_start_on (const char *selector, bool queue, bool supersede)
{
    spec.selector = (char *) selector;
    spec.queue = queue;
    spec.supersede = supersede;
    return rollout_start_ok ();
}

static void expect_waits (const char *id, const char *for_id, const char *node)
{
    struct wire_rollout_state state;

    cr_expect_eq (phase_of (id, &state), WIRE_PHASE_QUEUED);
    cr_expect (state.waits && strstr (state.waits, for_id) && strstr (state.waits, node), "%s: %s, %s",
               for_id, node, state.waits);
    wire_rollout_state_deinit (&state);
}

static void until_taken (const char *id, uint64_t taken)
{
    uint64_t until_ms = base_time_boot_ms () + FIXTURE_DEADLINE_MS, n;

    do {
        struct wire_rollout_state state;
        (void) phase_of (id, &state);
        n = 0;
        for (size_t i = 0; i < state.n_waves; i++)
            n += state.waves[i].taken;
        wire_rollout_state_deinit (&state);
        cr_assert (base_time_boot_ms () < until_ms, "%u taken", (unsigned) n);
    } while (n != taken);
}

static void node_fail (struct node *node)
{
    node->application.epoch = node->application.seen_epoch = node_pending (node, false);
    cr_assert_neq (node->application.epoch, 0);
    cr_assert_eq (
        node_report (node, node->application.epoch, "t", "trial", WIRE_OUTCOME_FAILED, "it crashed"),
        WIRE_STATUS_OK);
}

Test (rollouts, that_are_queued_start_in_the_order_of_their_requests_over_a_restart_too)
{
    struct wire_answer answer;
    char *first, *second, *third;

    waves[0].count = 0;
    spec.n_waves = 1;
    spec.soak_ms = 3600 * 1000;
    nodes_hello (3);
    first = rollout_start_on ("n-000 or n-001", false, false);
    spec.selector = (char *) "n-001 or n-002";
    answer = rollout_start (NULL);
    cr_expect_eq (answer.status, WIRE_STATUS_BUSY);
    cr_expect (strstr (answer.reason, first) && strstr (answer.reason, "--queue"), "%s", answer.reason);
    wire_answer_deinit (&answer);
    second = rollout_start_on ("n-001 or n-002", true, false);
    third = rollout_start_on ("n-002", true, false);
    cr_expect_eq (nodes_pending (3), 2, "a queued rollout orders no node");
    fixture_restart (3);
    cr_expect_eq (nodes_pending (3), 2);
    expect_waits (second, first, "n-001");
    expect_waits (third, second, "n-002");
    cr_expect_eq (nodes_obey (3, false), 2);
    until_phase (first, WIRE_PHASE_SOAKING);
    cr_expect_eq (rollout_steer (first, WIRE_COMMAND_ABORT), WIRE_STATUS_OK);
    until_phase (second, WIRE_PHASE_UPDATING);
    expect_waits (third, second, "n-002");
    cr_expect_eq (nodes_obey (3, false), 2);
    until_phase (second, WIRE_PHASE_SOAKING);
    cr_expect_eq (rollout_steer (second, WIRE_COMMAND_ABORT), WIRE_STATUS_OK);
    until_phase (third, WIRE_PHASE_UPDATING);
    cr_expect_eq (nodes_obey (3, false), 1);
    free (first);
    free (second);
    free (third);
}

Test (rollouts, that_are_halted_or_paused_hand_their_nodes_over_in_the_order_of_the_queue)
{
    char *first, *second, *third;

    spec.soak_ms = 3600 * 1000;
    nodes_hello (3);
    first = rollout_start_on (NULL, false, false);
    node_fail (node_pending (&nodes[0], false)   ? &nodes[0]
               : node_pending (&nodes[1], false) ? &nodes[1]
                                                 : &nodes[2]);
    until_phase (first, WIRE_PHASE_HALTED);
    waves[0].count = 0;
    spec.n_waves = 1;
    second = rollout_start_on ("n-002", true, false);
    expect_waits (second, first, "n-002");
    third = rollout_start_on (NULL, true, true);
    until_phase (first, WIRE_PHASE_SUPERSEDED);
    until_taken (first, 3);
    until_phase (second, WIRE_PHASE_UPDATING);
    expect_waits (third, second, "n-002");
    cr_expect_eq (nodes_obey (3, false), 1);
    until_phase (second, WIRE_PHASE_SOAKING);
    fixture_restart (3);
    expect_waits (third, second, "n-002");
    cr_expect_eq (rollout_steer (second, WIRE_COMMAND_PAUSE), WIRE_STATUS_OK);
    until_phase (second, WIRE_PHASE_SUPERSEDED);
    until_phase (third, WIRE_PHASE_UPDATING);
    cr_expect_eq (nodes_obey (3, false), 3);
    cr_expect_eq (rollout_steer (first, WIRE_COMMAND_REVERT), WIRE_STATUS_REFUSED);
    until_phase (third, WIRE_PHASE_SOAKING);
    free (first);
    free (second);
    free (third);
}

Test (rollouts, keep_a_node_under_way_until_its_update_has_ended_over_a_restart_too)
{
    char *first, *second;

    waves[0].count = 0;
    spec.n_waves = 1;
    spec.soak_ms = 3600 * 1000;
    nodes_hello (2);
    first = rollout_start_on (NULL, false, false);
    node_fail (&nodes[0]);
    until_phase (first, WIRE_PHASE_HALTED);
    second = rollout_start_on (NULL, false, true);
    until_taken (first, 1);
    expect_waits (second, first, "n-001");
    fixture_restart (2);
    until_taken (first, 1);
    expect_waits (second, first, "n-001");
    node_obey (&nodes[1], node_pending (&nodes[1], false), false);
    until_phase (first, WIRE_PHASE_SUPERSEDED);
    until_phase (second, WIRE_PHASE_UPDATING);
    cr_expect_eq (nodes_obey (2, false), 2);
    until_phase (second, WIRE_PHASE_SOAKING);
    free (first);
    free (second);
}
