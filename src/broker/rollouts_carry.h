/*  broker/rollouts_carry.h - what the machine of a rollout wants: written, and told once it is on disk */

#ifndef BROKER_ROLLOUTS_CARRY_H
#define BROKER_ROLLOUTS_CARRY_H

#include "broker/rollout.h"

enum {
    BROKER_ROLLOUT_ORDERS = 256, /* in one transaction */
    BROKER_ROLLOUT_TURNS = 32    /* the same */
};

/*  What a person asked for, which is written with what it leads to. */
struct broker_steering {
    enum wire_command command; /* 0: the rollout begins */
    const char *place, *reason;
    /*  Called in the transaction, before the machine is asked. Returns 0 or -errno. */
    int (*begin) (void *context, struct broker_rollout *rollout, struct base_error *error);
    /*  The same, once all but the commit is done. */
    int (*end) (void *context, struct broker_rollout *rollout, struct base_error *error);
    void *context;
};

/*  Writes and tells what the machine wants. by may be NULL. Returns 0 or -errno: then nothing has happened,
    and the machine is to be loaded again. When it is to be attended to next, is in due_ms. */
int broker_rollout_carry (struct broker *broker, struct broker_rollout *rollout,
                          const struct broker_steering *by, struct base_error *error);

#endif
