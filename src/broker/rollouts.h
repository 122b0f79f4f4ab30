/*  broker/rollouts.h - the rollouts at work: the machine of room rollout, bound to records, orders and bus

    What nodes tell is on disk before it goes into a machine. What a machine then wants is written together
    with the orders that it leads to, in one transaction; only after that come hints, events and answers. A
    transaction that fails leaves the machine ahead of the disk: it is thrown away, and loaded again. A
    transaction holds so many orders at most, so that a fleet that is reverted does not starve the channels;
    what is still to be ordered is in the records, too. */

#ifndef BROKER_ROLLOUTS_H
#define BROKER_ROLLOUTS_H

#include "broker/rollout.h"

struct broker_node;
struct broker_steering;

/*  Loads those of which something may still come. One that cannot be read is told of and left; the others go
    on. Returns 0 or -errno. */
int broker_rollouts_load (struct broker *broker, struct base_error *error);
void broker_rollouts_deinit (struct broker *broker);

/*  A node came, went, reported, or its result is missing for so long that it can be told from how it
    stands. */
void broker_rollouts_node (struct broker *broker, const struct broker_node *node);
/*  A node has seen orders of an application that the records do not know: what its rollout has done since is
    not known either, and it is paused. Only its own, as a node may say what is not so. */
void broker_rollouts_older (struct broker *broker, const struct broker_node *node, const char *application);
/*  A node was forgotten: rollouts leave it out. */
void broker_rollouts_forgotten (struct broker *broker, const char *node);
/*  A node is no longer known, or its labels have changed. */
void broker_rollouts_others (struct broker *broker);

/*  The rollout of an id, which stays the broker's; loads it where only the records have it. Returns 0,
    -ENOENT without a sentence, or another -errno. */
int broker_rollouts_get (struct broker *broker, const char *id, struct broker_rollout **ret_rollout,
                         struct base_error *error);

/*  Takes over one that was begun; it is freed by the broker. Returns 0 or -ENOMEM. */
int broker_rollouts_add (struct broker *broker, struct broker_rollout *rollout);
/*  Has one go on, with what a person asked for (NULL: nobody did), and attends to it again when it is due.
    Returns 0 or -errno: as broker_rollout_carry. */
int broker_rollouts_advance (struct broker *broker, struct broker_rollout *rollout,
                             const struct broker_steering *by, struct base_error *error);
/*  It was not begun after all: frees it. */
void broker_rollouts_drop (struct broker *broker, struct broker_rollout *rollout);
/*  Has it loaded again: the machine has gone ahead of the disk. */
void broker_rollouts_broken (struct broker *broker, struct broker_rollout *rollout);

/*  A release was withdrawn: who brings it, halts. */
void broker_rollouts_withdrawn (struct broker *broker, const struct base_digest *release);

#endif
