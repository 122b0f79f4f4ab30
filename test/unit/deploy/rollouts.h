/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/deploy/rollouts.h - rollouts in a broker in this process, with nodes that the test plays

    A trigger in the database makes the writes fail that a test forbids. */

#ifndef TEST_DEPLOY_ROLLOUTS_H
#define TEST_DEPLOY_ROLLOUTS_H

#include "../broker/fixture.h"

#include <sqlite3.h>

#include "deploy/apply.h"

enum { MANY = 300 }; /* more than fit into one transaction */

static struct fixture fixture;
static struct peer *operator;
static struct node nodes[MANY];
static char ids[MANY][16];
static struct base_digest release;

static inline void set_up (void)
{
    fixture_init (&fixture);
    operator= fixture_control (&fixture);
    release = fixture_publish (&fixture, operator, "2.0.0");
}

static inline void nodes_leave (void)
{
    for (unsigned i = 0; i < MANY; i++)
        nodes[i].control = nodes[i].control ? peer_free (nodes[i].control) : NULL;
}

static inline void tear_down (void)
{
    operator= peer_free (operator);
    nodes_leave ();
    fixture_deinit (&fixture);
}

static inline void nodes_hello (unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void) snprintf (ids[i], sizeof ids[i], "n-%03u", i);
        if (!nodes[i].id) {
            nodes[i] = (struct node){.id = ids[i], .binary = digest_of ("2.0.0")};
            nodes[i].application = (struct wire_application){.name = "noded",
                                                             .state = WIRE_STATE_IDLE,
                                                             .version = "1.0.0",
                                                             .release = digest_of ("1.0.0"),
                                                             .previous_version = "0.9.0",
                                                             .previous_release = digest_of ("0.9.0")};
        }
        (void) base_random_hex (nodes[i].session, 16);
        if (nodes[i].control)
            peer_free (nodes[i].control);
        nodes[i].control = fixture_control (&fixture);
        node_hello (&nodes[i]);
    }
}

static inline void fixture_restart (unsigned count)
{
    operator= peer_free (operator);
    nodes_leave ();
    fixture_stop (&fixture);
    fixture_start (&fixture);
    operator= fixture_control (&fixture);
    nodes_hello (count);
}

/*  the database, read and changed beside the broker */

static inline void database_execute (const char *sql)
{
    char path[96], *message = NULL;
    sqlite3 *database;

    (void) snprintf (path, sizeof path, "%s/broker.db", fixture.root);
    cr_assert_eq (sqlite3_open (path, &database), SQLITE_OK);
    cr_assert_eq (sqlite3_exec (database, sql, NULL, NULL, &message), SQLITE_OK, "%s", message);
    sqlite3_close (database);
}

static inline int count_take (void *context, int columns, char **values, char **names)
{
    (void) columns;
    (void) names;
    *(int *) context = (int) strtol (values[0], NULL, 10);
    return 0;
}

static inline int count_of (const char *sql)
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

/*  requests of an operator */

static struct wire_wave waves[2] = {{.count = 1}, {.count = 0}};
static struct wire_rollout spec = {
    .application = "noded", .waves = waves, .n_waves = 2, .budget = 0, .soak_ms = 0};

static inline struct wire_started rollout_start (const char *key)
{
    struct wire_start_rollout request = {.key = key, .spec = &spec, .user = "me@here"};

    return operator_ask (operator, start_rollout, started, &request);
}

static inline char *rollout_start_ok (void)
{
    struct wire_started answer = rollout_start (NULL);
    char *id;

    cr_assert_eq (answer.status, WIRE_STATUS_OK, "%s", answer.reason);
    cr_assert_not_null (answer.rollout);
    id = strdup (answer.rollout->id);
    wire_started_deinit (&answer);
    return id;
}

static inline enum wire_phase phase_of (const char *id, struct wire_rollout_state *ret_state)
{
    struct wire_list_rollouts request = {.rollout = id};
    struct wire_rollouts answer = operator_ask (operator, list_rollouts, rollouts, &request);
    enum wire_phase phase;

    cr_assert_eq (answer.status, WIRE_STATUS_OK, "%s", answer.reason);
    cr_assert_eq (answer.n_rollouts, 1);
    phase = answer.rollouts[0].phase;
    if (ret_state) {
        *ret_state = answer.rollouts[0];
        answer.rollouts[0] = (struct wire_rollout_state){.id = NULL};
    }
    wire_rollouts_deinit (&answer);
    return phase;
}

static inline void until_phase (const char *id, enum wire_phase phase)
{
    uint64_t until_ms = base_time_boot_ms () + FIXTURE_DEADLINE_MS;

    while (phase_of (id, NULL) != phase)
        cr_assert (base_time_boot_ms () < until_ms, "the phase is not %s but %s", wire_phase_word (phase),
                   wire_phase_word (phase_of (id, NULL)));
}

static inline void until_waits (const char *id, const char *what)
{
    uint64_t until_ms = base_time_boot_ms () + FIXTURE_DEADLINE_MS;
    bool waiting_for;

    do {
        struct wire_rollout_state state;
        (void) phase_of (id, &state);
        waiting_for = state.waiting_for && strstr (state.waiting_for, what);
        cr_assert (waiting_for || base_time_boot_ms () < until_ms, "the rollout waits for %s",
                   state.waiting_for);
        wire_rollout_state_deinit (&state);
    } while (!waiting_for);
}

static inline void until_cause (const char *id, const char *reason)
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

static inline enum wire_status rollout_steer (const char *id, enum wire_command command)
{
    struct wire_steer_rollout request = {.rollout = id, .command = command};
    struct wire_steered answer = operator_ask (operator, steer_rollout, steered, &request);
    enum wire_status status = answer.status;

    wire_steered_deinit (&answer);
    return status;
}

/*  nodes */

/*  Returns the epoch of the update, or of the revert, that the node has to carry out; 0: there is none. */
static inline uint64_t node_pending (struct node *node, bool back)
{
    struct wire_desired desired = node_ask (node);
    uint64_t epoch = back ? desired.revert_epoch : desired.release_epoch;

    cr_expect_not (desired.held);
    wire_desired_deinit (&desired);
    return epoch > node->application.epoch ? epoch : 0;
}

static inline void node_obey (struct node *node, uint64_t epoch, bool back)
{
    node->application.epoch = node->application.seen_epoch = epoch;
    node->application.release = back ? digest_of ("1.0.0") : release;
    cr_assert_eq (node_report (node, epoch, "t", back ? "revert" : "trial",
                               back ? WIRE_OUTCOME_REVERTED : WIRE_OUTCOME_CONFIRMED, NULL),
                  WIRE_STATUS_OK);
}

static inline unsigned nodes_pending (unsigned count)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++)
        n += node_pending (&nodes[i], false) != 0;
    return n;
}

/*  Lets all nodes that have an order carry it out. Returns how many did. */
static inline unsigned nodes_obey (unsigned count, bool back)
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

#endif
