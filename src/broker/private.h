/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/private.h - shared by the files of the running broker; not included anywhere else */

#ifndef BROKER_PRIVATE_H
#define BROKER_PRIVATE_H

#include "base/log.h"
#include "broker/broker.h"
#include "broker/content.h"
#include "broker/hints.h"
#include "broker/registry.h"
#include "broker/rollout.h"
#include "broker/rollouts_plan.h"
#include "broker/round.h"
#include "broker/store.h"
#include "broker/waiters.h"
#include "bus/refusals.h"
#include "origin/origin.h"

enum {
    BROKER_SETTLE_MS = 5000, /* how long a missing result may still arrive */
    /* A node on trial that asks and has not heard a hint gets at most one in this time. */
    BROKER_TRIAL_HINT_MS = 2000
};

struct broker {
    struct bus_loop *loop;
    int root, lock;
    struct broker_store *store;
    struct broker_content *content; /* NULL with no_content */
    struct broker_registry registry;
    struct broker_pace invented;   /* limits how fast unknown node ids are accepted */
    struct broker_pace told;       /* limits events of nodes that go online or offline */
    uint64_t foreign;              /* registry.foreign in the last log line */
    unsigned new_nodes;            /* a minute */
    uint64_t ended[BUS_END_COUNT]; /* closed connections by reason, in the last log line */
    struct broker_hints hints;
    struct broker_waiters waiters;
    struct origin *origin;
    struct bus_socket *events;
    uint64_t revision; /* of the last change */
    uint64_t heartbeat_ms;
    uint64_t tick_ms;
    int tick;
    struct base_log_limit log, orders_log;
    struct bus_refusals refusals; /* messages against the protocol: who was logged */
    struct broker_round round;
    struct broker_backup *backup; /* in progress; NULL: none */
    struct broker_copies *copies; /* finished; NULL: none yet */
    struct broker_rollouts rollouts;
    struct broker_plans plans;
    struct {
        bool is_counted;
        uint64_t changes;  /* broker_content_changes () at the last count */
        uint64_t releases; /* that cannot be served */
    } serving;
    bool is_rescued;  /* a copy of lost records was made, or tried */
    uint64_t notices; /* sequence number of the last notice event */
};

/*  refusals.c: logs a message that is against the protocol, once a peer and minute. */
void broker_on_refused (void *context, const char *channel, const struct bus_refusal *refusal);

/*  records.c: changes of a node's record */

/*  Gives the changed record of a node the next revision, and wakes requests that wait for a change. */
void broker_node_changed (struct broker *broker, struct broker_node *node);

/*  Notices that the records were removed or replaced, and saves a copy of them, once. */
void broker_records_look (struct broker *broker);

/*  How a node's report on an application differs from the record before. */
struct broker_application_news {
    bool changed;    /* the state or the release differs */
    bool damaged;    /* reports damage on its disk that the record does not have */
    bool known;      /* the node has reported this application before */
    bool believed;   /* no reported epoch is too high to have been issued */
    uint64_t before; /* the highest epoch of the record */
};

/*  Updates the record of an application from a node's report. */
int broker_application_tell (struct broker *broker, const char *node, const struct wire_application *told,
                             struct broker_application_news *ret_news, struct base_error *error);

/*  Logs the damage that a node found on its disk, and sends an event. */
void broker_damage_told (struct broker *broker, struct broker_node *node,
                         const struct wire_application *told);

/*  If a result that the node should have reported is missing: has the node checked again after
    BROKER_SETTLE_MS. */
void broker_settle_check (struct broker *broker, struct broker_node *node, const char *name);

/*  nodes.c: requests of nodes */

int broker_on_ask (void *context, const struct bus_peer *peer, const struct wire_ask *ask,
                   struct wire_desired *answer);
int broker_on_match (void *context, const struct bus_peer *peer, const struct wire_match *match,
                     struct wire_matched *answer);

/*  reports.c: reports of nodes */

int broker_on_report (void *context, const struct bus_peer *peer, const struct wire_report *report,
                      struct wire_noted *noted);

/*  sessions.c: nodes that connect, live and disconnect */

/*  A message of a session arrived. Returns its node; NULL: the session must say hello first. */
struct broker_node *broker_hear (struct broker *broker, const struct bus_peer *peer, const char *id,
                                 const char *session);

int broker_on_hello (void *context, const struct bus_peer *peer, const struct wire_hello *hello,
                     struct wire_welcome *answer);
void broker_on_heartbeat (void *context, const struct bus_peer *peer, const struct wire_heartbeat *heartbeat);
void broker_on_bye (void *context, const struct bus_peer *peer, const struct wire_bye *bye);
void broker_on_subscription (void *context, const char *topic, bool subscribed);

extern const struct broker_registry_ops broker_registry_ops;

/*  operator.c: requests of operators */

int broker_on_request (void *context, const struct bus_peer *peer, const struct wire_request *request,
                       struct wire_answer *answer);

/*  Answers a waiting request; see broker/waiters.h. */
bool broker_waiter_look (void *context, const struct broker_waiter *waiter, bool over);

/*  collect.c: blobs that nothing needs */

/*  Moves the blobs of a withdrawn release that nothing needs any more to the trash. */
int broker_contents_collect_of (struct broker *broker, const struct base_digest *release,
                                struct base_error *error);

/*  Moves blobs that nothing needs to the trash, except those that were uploaded within a day: somebody may
    be about to publish them. */
void broker_contents_collect (struct broker *broker);

/*  announce.c: hints to nodes */

/*  Sends hints to these nodes, on as few topics as reach them. epoch: the highest that was ordered. */
void broker_announce (struct broker *broker, struct broker_node *const *nodes, size_t count,
                      const char *application, uint64_t epoch);

/*  events.c: events for subscribers */

/*  Sends an event. application, transaction, step and reason may be NULL. */
void broker_event (struct broker *broker, enum wire_event event, struct broker_node *node,
                   const struct wire_application *application, const char *transaction, const char *step,
                   const char *reason);

/*  Sends an event about a fault of the broker itself. */
void broker_event_notice (struct broker *broker, const char *reason);

/*  Sends an event about a transition of a rollout. */
void broker_event_turn (struct broker *broker, struct broker_rollout *rollout, const struct wire_turn *turn);

#endif
