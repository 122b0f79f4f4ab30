/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/state.h - the running broker, which the files of this room share */

#ifndef BROKER_STATE_H
#define BROKER_STATE_H

#include "base/log.h"
#include "broker/changes.h"
#include "broker/blobs.h"
#include "broker/hints.h"
#include "broker/keys.h"
#include "broker/mark.h"
#include "broker/registry.h"
#include "broker/waiters.h"
#include "bus/refusals.h"
#include "deploy/rollout.h"
#include "origin/origin.h"

struct broker_backup;
struct broker_copies;
struct broker_trust;

/*  The open transaction of broker/commit.h. */
struct broker_write;
struct broker_commit {
    struct broker_write *open; /* BROKER_COMMIT_MOST entries; NULL before the first item */
    size_t count;
    int timer;
};

/*  A quarantine whose pages arrive: broker/quarantine.c. */
struct broker_collecting;
enum { BROKER_COLLECTING_MOST = 64 };

struct broker {
    struct bus_loop *loop;
    uint64_t started_ms, started_ns; /* when it started: since boot, and real time */
    int root, lock;
    struct records *records;
    struct broker_mark *mark; /* follows the records */
    struct broker_keys keys;
    struct broker_blobs *blobs; /* NULL with no_content */
    struct broker_trust *trust; /* signed metadata */
    int trust_timer;            /* renews it */
    struct broker_registry registry;
    struct broker_changes changes; /* revisions, rollouts and events subscribe, in this order */
    struct broker_pace new_ids;    /* limits how fast unknown node ids are accepted */
    struct broker_pace connects;   /* limits events of nodes that go online or offline */
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
    struct base_log_limit log, orders_log, denied_log;
    uint64_t denied;              /* messages that the sender's key does not permit */
    struct bus_refusals refusals; /* messages against the protocol: who was logged */
    struct broker_commit commit;
    struct broker_collecting *collecting[BROKER_COLLECTING_MOST]; /* NULL: an empty slot */
    struct broker_backup *backup;                                 /* in progress; NULL: none */
    struct broker_copies *copies;                                 /* finished; NULL: none yet */
    struct deploy deploy;
    int deploy_timer; /* calls deploy_tick */
    struct {
        bool is_counted;
        uint64_t changes;  /* broker_blobs_changes () at the last count */
        uint64_t releases; /* that are not withdrawn */
        uint64_t missing;  /* of these: they cannot be served */
    } serving;
    bool is_rescued;  /* a copy of lost records was made, or tried */
    uint64_t notices; /* sequence number of the last notice event */
};

#endif
