/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/deploy/owner.h - rollouts with real records, and an owner that the test plays through deploy_ops */

#ifndef TEST_DEPLOY_OWNER_H
#define TEST_DEPLOY_OWNER_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/time.h"
#include "deploy/deploy.h"
#include "disk/disk.h"

enum { OWNER_NODES = 300 /* more than fit into one transaction */ };

static struct owner {
    char root[64], path[96];
    struct records *records;
    struct deploy deploy;
    char ids[OWNER_NODES][16];
    size_t n_nodes;
    uint64_t epoch; /* of the last order */
    uint64_t delay_ms;

    /* what the test answers */
    enum wire_outcome outcome;
    bool missing;
    int verified; /* of serve_verify */

    /* what was called */
    unsigned ordered, announced, announcements, changes, transitions, settled;
    char rechecked[16];
    uint64_t recheck_ms;
    enum wire_phase phase; /* of the last change */
    bool paused;
    char reason[256]; /* of the last transition */
} owner;
static struct base_error error;

/*  SQLite has no transaction within a transaction. */
static inline bool owner_writes (void)
{
    bool within = records_begin (owner.records, NULL) != 0;

    if (!within)
        records_rollback (owner.records);
    return within;
}

static inline bool owner_node (void *context, const char *id, struct deploy_node *ret_node)
{
    (void) context;
    for (size_t i = 0; i < owner.n_nodes; i++)
        if (strcmp (owner.ids[i], id) == 0) {
            *ret_node = (struct deploy_node){
                .id = owner.ids[i], .platform = "linux/amd64", .online = true, .labels = owner.ids[i]};
            return true;
        }
    return false;
}

static inline int owner_nodes (void *context, deploy_node_each *each, void *each_context)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < owner.n_nodes; i++) {
        struct deploy_node node;
        (void) owner_node (context, owner.ids[i], &node);
        r = each (each_context, &node);
    }
    return r;
}

static inline const char *owner_label (const void *node, const char *name)
{
    return strcmp (name, "id") == 0 ? node : NULL;
}

static inline void owner_recheck (void *context, const char *node, uint64_t at_ms)
{
    (void) context;
    (void) snprintf (owner.rechecked, sizeof owner.rechecked, "%s", node);
    owner.recheck_ms = at_ms;
}

static inline int owner_order (void *context, const struct deploy_order *order,
                               struct wire_order_result *ret_ordered, uint64_t *ret_epoch,
                               struct base_error *why)
{
    (void) context;
    (void) why;
    cr_expect (owner_writes (), "an order is written in the transaction of the rollout");
    *ret_epoch = ++owner.epoch;
    *ret_ordered = (struct wire_order_result){.node = strdup (order->node),
                                              .status = WIRE_STATUS_OK,
                                              .epoch = owner.epoch,
                                              .transaction = strdup ("t-1")};
    owner.ordered++;
    return 0;
}

static inline int owner_result (void *context, const struct records_application *application,
                                const struct deploy_issued *issued, bool may_come,
                                struct wire_node *ret_shown, bool *ret_missing, struct base_error *why)
{
    (void) context;
    (void) application;
    (void) issued;
    (void) may_come;
    (void) why;
    ret_shown->outcome = owner.outcome;
    if (owner.outcome == WIRE_OUTCOME_FAILED)
        ret_shown->outcome_step = strdup ("fetching");
    *ret_missing = owner.missing;
    return 0;
}

static inline bool owner_held (const struct records_application *application)
{
    (void) application;
    return false;
}

static inline bool owner_quarantined (void *context, const struct records_application *application,
                                      const struct base_digest *release)
{
    (void) context;
    (void) application;
    (void) release;
    return false;
}

static inline int owner_serve_check (void *context, const struct wire_release *release,
                                     const struct base_digest *digest, char text[DEPLOY_BLOBS_TEXT])
{
    (void) context;
    (void) release;
    (void) digest;
    (void) text;
    return 0;
}

static inline int owner_serve_verify (void *context, const struct base_digest *release, const char *platform,
                                      struct base_digest *ret_blob)
{
    (void) context;
    (void) platform;
    *ret_blob = *release;
    return owner.verified;
}

static inline void owner_announce (void *context, const char *const *nodes, size_t n_nodes,
                                   const char *application, uint64_t epoch)
{
    (void) context;
    (void) nodes;
    cr_expect_not (owner_writes (), "orders are announced when they are on disk");
    cr_expect_str_eq (application, "noded");
    if (n_nodes == 0)
        return;
    cr_expect_eq (epoch, owner.epoch, "the highest");
    owner.announced += (unsigned) n_nodes;
    owner.announcements++;
}

static inline void owner_changed (void *context, struct deploy_rollout *rollout,
                                  const struct wire_transition *transitions, size_t n_transitions)
{
    (void) context;
    cr_expect_not (owner_writes (), "a change is published when it is on disk");
    owner.changes++;
    owner.transitions += (unsigned) n_transitions;
    owner.phase = rollout->state.phase;
    owner.paused = rollout->state.paused;
    if (n_transitions > 0 && transitions[n_transitions - 1].reason)
        (void) snprintf (owner.reason, sizeof owner.reason, "%s", transitions[n_transitions - 1].reason);
}

static inline uint64_t owner_revision (void *context)
{
    (void) context;
    return 0;
}

static inline void owner_settle (void *context)
{
    (void) context;
    owner.settled++;
}

static inline int owner_wake (void *context, uint64_t delay_ms)
{
    (void) context;
    owner.delay_ms = delay_ms;
    return 0;
}

static const struct deploy_ops owner_ops = {.node = owner_node,
                                            .nodes = owner_nodes,
                                            .label = owner_label,
                                            .recheck = owner_recheck,
                                            .order = owner_order,
                                            .result = owner_result,
                                            .held = owner_held,
                                            .quarantined = owner_quarantined,
                                            .serve_check = owner_serve_check,
                                            .serve_verify = owner_serve_verify,
                                            .announce = owner_announce,
                                            .changed = owner_changed,
                                            .revision = owner_revision,
                                            .settle = owner_settle,
                                            .wake = owner_wake};

static inline void owner_init (void)
{
    (void) snprintf (owner.root, sizeof owner.root, "/tmp/deploy.XXXXXX");
    cr_assert_not_null (mkdtemp (owner.root));
    (void) snprintf (owner.path, sizeof owner.path, "%s/broker.db", owner.root);
    cr_assert_eq (records_open (owner.path, &owner.records, &error), 0, "%s", error.text);
    deploy_init (&owner.deploy, &owner_ops, NULL);
    deploy_set_times (&owner.deploy, &(struct deploy_times){.heartbeat_ms = 15000, .liveness_ms = 45000});
}

static inline void owner_deinit (void)
{
    deploy_deinit (&owner.deploy);
    owner.records = records_free (owner.records);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, owner.root, NULL);
}

/*  Records a rollout of one wave that is updating nodes n-000 and so on, of which none was ordered. */
static inline void owner_rollout_put (size_t count)
{
    struct wire_wave wave = {.percent = 100};
    struct wire_rollout spec = {.application = "noded",
                                .release = base_digest_of ("2", 1),
                                .waves = &wave,
                                .n_waves = 1,
                                .budget = 1000,
                                .wave_budget = 1000,
                                .node_deadline_ms = 600 * 1000,
                                .wave_deadline_ms = 600 * 1000};
    struct wire_wave_state state = {.count = count};
    uint64_t clock_ms;
    struct records_rollout row = {.live = true};

    rollout_set_defaults (&spec);
    cr_assert_eq (records_clock_get (owner.records, &clock_ms, &error), 0, "%s", error.text);
    row.phase_ms = row.wave_ms = clock_ms;
    row.state = (struct wire_rollout_state){.id = "r-1",
                                            .spec = &spec,
                                            .plan = base_digest_of ("p", 1),
                                            .started = "2026-11-22T15:00:00.000000000Z",
                                            .since = "2026-11-22T15:00:00.000000000Z",
                                            .phase = WIRE_PHASE_UPDATING,
                                            .wave = 1,
                                            .waves = &state,
                                            .n_waves = 1,
                                            .revision = 1};
    cr_assert_eq (records_rollout_add (owner.records, &row, &error), 0, "%s", error.text);
    cr_assert_eq (records_begin (owner.records, &error), 0);
    for (size_t i = 0; i < count; i++) {
        (void) snprintf (owner.ids[i], sizeof owner.ids[i], "n-%03u", (unsigned) (i % 1000));
        struct records_member member = {.index = (uint32_t) i,
                                        .node = owner.ids[i],
                                        .state = WIRE_MEMBER_WAITING,
                                        .since_ms = clock_ms,
                                        .start_ms = clock_ms,
                                        .revision = 1};
        cr_assert_eq (records_member_put (owner.records, row.serial, &member, &error), 0, "%s", error.text);
    }
    cr_assert_eq (records_commit (owner.records, &error), 0);
    owner.n_nodes = count;
}

/*  Records what a node last reported. */
static inline void owner_application_put (const char *node, enum wire_state state, uint64_t epoch)
{
    struct records_application application = {.epoch = epoch, .is_reported = true};

    (void) snprintf (application.node, sizeof application.node, "%s", node);
    (void) snprintf (application.name, sizeof application.name, "noded");
    application.reported.name = "noded";
    application.reported.state = state;
    application.reported.epoch = epoch;
    application.reported.release = base_digest_of ("1", 1);
    cr_assert_eq (records_application_put (owner.records, &application, &error), 0, "%s", error.text);
}

static inline void owner_load (void)
{
    cr_assert_eq (deploy_load (&owner.deploy, owner.records, &error), 0, "%s", error.text);
    cr_assert_eq (owner.deploy.n_live, 1);
}

/*  Changes the database beside the records. */
static inline void owner_execute (const char *sql)
{
    sqlite3 *database;

    cr_assert_eq (sqlite3_open (owner.path, &database), SQLITE_OK);
    cr_assert_eq (sqlite3_exec (database, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg (database));
    sqlite3_close (database);
}

/*  A member as it is recorded. */
static inline int owner_member_take (void *context, const struct records_member *row)
{
    *(enum wire_member *) context = row->state;
    return 1;
}

static inline enum wire_member owner_member (uint32_t index)
{
    enum wire_member state = WIRE_MEMBER_NULL;

    cr_assert_eq (records_members (owner.records, 1, index, 0, owner_member_take, &state, &error), 1);
    return state;
}

#endif
