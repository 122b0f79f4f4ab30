/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rollouts_carry.h - writes the actions of a rollout's machine, and sends them when they are on
    disk */

#ifndef BROKER_ROLLOUTS_CARRY_H
#define BROKER_ROLLOUTS_CARRY_H

#include "broker/rollout.h"

enum {
    BROKER_ROLLOUT_ORDERS = 256, /* in one transaction */
    BROKER_ROLLOUT_TURNS = 32    /* in one transaction */
};

/*  The request of an operator, which is written with its consequences. */
struct broker_steering {
    enum wire_command command; /* 0: the rollout starts */
    const char *place, *reason;
    /*  Called in the transaction, before the first action. Returns 0 or -errno. */
    int (*begin) (void *context, struct broker_rollout *rollout, struct base_error *error);
    /*  Called in the transaction, when only the commit is left to do. */
    int (*end) (void *context, struct broker_rollout *rollout, struct base_error *error);
    void *context;
};

/*  Writes and sends the actions of the machine. by may be NULL. Returns 0, or -errno: nothing has happened,
    and the machine must be loaded again. due_ms is the time of the next check. */
int broker_rollout_carry (struct broker *broker, struct broker_rollout *rollout,
                          const struct broker_steering *by, struct base_error *error);

#endif
