/*  broker/private.h - what the files of the running broker share; nobody else includes it */

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
#include "origin/origin.h"

enum {
    BROKER_SETTLE_MS = 5000, /* how long a result that is missing may still be on its way */
    BROKER_TRIAL_HINT_MS =
        2000 /* a node on trial that asks without having heard a hint gets one this often */
};

struct broker {
    struct bus_loop *loop;
    int root, lock;
    struct broker_store *store;
    struct broker_content *content; /* NULL with no_content */
    struct broker_registry registry;
    struct broker_pace invented;   /* ids that were never heard of before */
    struct broker_pace told;       /* events of nodes that came and went */
    uint64_t foreign;              /* registry.foreign, as it was logged last */
    unsigned new_nodes;            /* a minute */
    uint64_t ended[BUS_END_COUNT]; /* connections, as it was logged last */
    struct broker_hints hints;
    struct broker_waiters waiters;
    struct origin *origin;
    struct bus_socket *events;
    uint64_t revision; /* of the last change */
    uint64_t heartbeat_ms;
    uint64_t tick_ms;
    int tick;
    struct base_log_limit log, orders_log;
    struct broker_round round;
    struct broker_backup *backup; /* that is being made; NULL: none */
    struct broker_copies *copies; /* that were made; NULL: none */
    struct broker_rollouts rollouts;
    struct broker_plans plans;
    struct {
        bool is_counted;
        uint64_t changes;  /* of the contents, when it was */
        uint64_t releases; /* that cannot be served */
    } serving;
    bool is_rescued;  /* what was in records that were lost is saved */
    uint64_t notices; /* events of that kind */
};

/*  records.c: what changes in the record of a node */

/*  A node's record changed: gives it the next revision and wakes who waits for it. */
void broker_node_changed (struct broker *broker, struct broker_node *node);

/*  Notices that the records were removed or replaced, and saves what they were: once. */
void broker_records_look (struct broker *broker);

/*  What a node tells of an application, beside what the record said before. */
struct broker_application_news {
    bool changed;    /* its state or release is another one */
    bool damaged;    /* damage on its disk that was not known, or is another one */
    bool known;      /* the node has told of it before */
    bool believed;   /* no epoch was told that nobody gave out */
    uint64_t before; /* the highest epoch of the record */
};

/*  Brings an application's record up to what the node tells. */
int broker_application_tell (struct broker *broker, const char *node, const struct wire_application *told,
                             struct broker_application_news *ret_news, struct base_error *error);

/*  Tells of what a node found damaged on its disk. */
void broker_damage_told (struct broker *broker, struct broker_node *node,
                         const struct wire_application *told);

/*  A result that the node should have reported and has not: gives it some time, and has the node looked at
    again then. */
void broker_settle_check (struct broker *broker, struct broker_node *node, const char *name);

/*  nodes.c: what nodes ask */

int broker_on_ask (void *context, const struct bus_peer *peer, const struct wire_ask *ask,
                   struct wire_desired *answer);
int broker_on_match (void *context, const struct bus_peer *peer, const struct wire_match *match,
                     struct wire_matched *answer);

/*  reports.c: what nodes report */

int broker_on_report (void *context, const struct bus_peer *peer, const struct wire_report *report,
                      struct wire_noted *noted);

/*  sessions.c: who comes, lives and goes */

/*  A session was heard of. Returns its node; NULL: it has to say hello first. */
struct broker_node *broker_hear (struct broker *broker, const struct bus_peer *peer, const char *id,
                                 const char *session);

int broker_on_hello (void *context, const struct bus_peer *peer, const struct wire_hello *hello,
                     struct wire_welcome *answer);
void broker_on_heartbeat (void *context, const struct bus_peer *peer, const struct wire_heartbeat *heartbeat);
void broker_on_bye (void *context, const struct bus_peer *peer, const struct wire_bye *bye);
void broker_on_subscription (void *context, const char *topic, bool subscribed);

extern const struct broker_registry_ops broker_registry_ops;

/*  operator.c: what operators ask for */

int broker_on_request (void *context, const struct bus_peer *peer, const struct wire_request *request,
                       struct wire_answer *answer);

/*  Answers a request that waited; see broker/waiters.h. */
bool broker_waiter_look (void *context, const struct broker_waiter *waiter, bool over);

/*  collect.c */

/*  Contents of a release that was withdrawn. */
int broker_contents_collect_of (struct broker *broker, const struct base_digest *release,
                                struct base_error *error);

/*  Contents that nothing uses any more and that nobody is about to publish go into the trash. */
void broker_contents_collect (struct broker *broker);

/*  announce.c */

/*  Hints to these nodes, on as few topics as reach them. epoch: the highest that was ordered. */
void broker_announce (struct broker *broker, struct broker_node *const *nodes, size_t count,
                      const char *application, uint64_t epoch);

/*  events.c */

/*  Tells an event. application, transaction, step and reason may be NULL. */
void broker_event (struct broker *broker, enum wire_event event, struct broker_node *node,
                   const struct wire_application *application, const char *transaction, const char *step,
                   const char *reason);

/*  Tells everybody what is wrong at the broker itself. */
void broker_event_notice (struct broker *broker, const char *reason);

/*  The same for a step that a rollout took. */
void broker_event_turn (struct broker *broker, struct broker_rollout *rollout, const struct wire_turn *turn);

#endif
