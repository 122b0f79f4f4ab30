/*  broker/rollouts.h - the rollouts at work: the machine of room rollout, bound to records, orders and bus

    What nodes tell is on disk before it goes into a machine. What a machine then wants is written together
    with the orders that it leads to, in one transaction; only after that come hints, events and answers. A
    transaction that fails leaves the machine ahead of the disk: it is thrown away, and loaded again. A
    transaction holds so many orders at most, so that a fleet that is reverted does not starve the channels;
    what is still to be ordered is in the records, too. */

#ifndef BROKER_ROLLOUTS_H
#define BROKER_ROLLOUTS_H

#include "base/time.h"
#include "broker/registry.h"
#include "broker/store_rollouts.h"
#include "rollout/plan.h"

struct broker;

enum {
    BROKER_ROLLOUT_ORDERS = 256,    /* in one transaction */
    BROKER_ROLLOUT_TURNS = 32,      /* the same */
    BROKER_ROLLOUTS_PAGE = 64,      /* in one answer */
    BROKER_ROLLOUT_PLANS = 4,       /* that were made last, for members */
    BROKER_ROLLOUT_ID = 2 + 12 + 1, /* "r-" and 12 hexadecimal digits */
    BROKER_ROLLOUT_RETRY_MS = 1000, /* after a transaction that failed */
    BROKER_ROLLOUT_SWEEP_MS = 1000  /* from a node that changed to the count of those that are no members */
};

/*  What the broker knows of a member beside what the machine does. Owns its texts. */
struct broker_member {
    char *id;
    uint64_t epoch; /* of the last order; 0: none */
    enum wire_verb verb;
    char *transaction;
    uint64_t ordered_ms, took_ms;
    char *step, *reason;
    uint64_t revision;
    uint64_t settle_ms; /* since boot: until then its result may still come; 0: none is missing */
    enum { BROKER_LOOK_NONE, BROKER_LOOK_UPDATED, BROKER_LOOK_OTHER } look; /* at the last round */
    uint64_t restarts;                                                      /* at the last round */
    bool queued;                                                            /* to be looked at */
};

struct broker_rollout {
    uint64_t serial;
    struct rollout machine;
    struct broker_member *members; /* owned; as many as the machine has, in its order */
    uint32_t *by_id;               /* owned; their indices, sorted by id */
    uint32_t *queue;               /* owned; indices of those who told something */
    uint32_t n_queue;
    const char **values; /* owned; of the neighbours' label, by number; texts below */
    char *value_texts;
    struct rollout_neighbours *others; /* owned; who is no member, as the machine was told */
    struct wire_rollout_state state;   /* owned; as it was written last */
    uint64_t sequences[WIRE_PHASE_END];
    uint64_t due_ms; /* real time; when it has to be looked at */
    uint64_t compared_ms;
    bool live, broken; /* broken: it is to be loaded again */
    bool older;        /* than a node of it: to be paused */
    bool doubted;      /* it was, since this broker runs: who has resumed it has looked */
};

/*  A plan that was made, so that its members can be listed. */
struct broker_plan {
    struct base_digest hash;
    struct wire_member_state *members; /* owned */
    size_t n_members;
};

struct broker_rollouts {
    struct broker_rollout **live; /* owned; in the order in which they were begun */
    size_t n_live;
    struct broker_plan plans[BROKER_ROLLOUT_PLANS];
    unsigned next_plan;
    int timer;
    uint64_t timer_ms; /* real time; when it fires */
    bool others_changed;
    uint64_t swept_ms;
};

/*  rollouts.c: at work */

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
/*  A node is no longer known, or its labels have changed. */
void broker_rollouts_others (struct broker *broker);

/*  The rollout that has a node and has not ended with it; NULL: none. *ret_index: of its member. */
struct broker_rollout *broker_rollouts_of (struct broker *broker, const char *node, const char *application,
                                           uint32_t *ret_index);

/*  The rollout of an id, which stays the broker's; loads it where only the records have it. Returns 0,
    -ENOENT without a sentence, or another -errno. */
int broker_rollouts_get (struct broker *broker, const char *id, struct broker_rollout **ret_rollout,
                         struct base_error *error);
/*  Has the timer fire by at_ms of the real time. */
void broker_rollouts_wake (struct broker *broker, uint64_t at_ms);

static inline uint64_t broker_rollouts_now_ms (void)
{
    return base_time_real_ns () / 1000000;
}

/*  Takes over one that was begun; it is freed by the broker. Returns 0 or -ENOMEM. */
int broker_rollouts_add (struct broker *broker, struct broker_rollout *rollout);
/*  It was not begun after all: frees it. */
void broker_rollouts_drop (struct broker *broker, struct broker_rollout *rollout);
/*  Has it loaded again: the machine has gone ahead of the disk. */
void broker_rollouts_broken (struct broker *broker, struct broker_rollout *rollout);

/*  A release was withdrawn: who brings it, halts. */
void broker_rollouts_withdrawn (struct broker *broker, const struct base_digest *release);

/*  rollouts_carry.c: what the machine wants */

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
    and the machine is to be loaded again. */
int broker_rollout_carry (struct broker *broker, struct broker_rollout *rollout,
                          const struct broker_steering *by, struct base_error *error);

/*  rollouts_load.c: in memory */

/*  From its row and its members. *ret_rollout is for the caller. Returns 0, -EBADMSG where they contradict
    each other, or another -errno. */
int broker_rollout_load (struct broker *broker, const struct broker_rollout_row *row,
                         struct broker_rollout **ret_rollout, struct base_error *error);
/*  Accepts NULL, and one that is loaded in part. Returns NULL. */
struct broker_rollout *broker_rollout_free (struct broker_rollout *rollout);
/*  Indexes members and neighbours; members have their ids. Returns 0 or -ENOMEM. */
int broker_rollout_index (struct broker *broker, struct broker_rollout *rollout);
/*  The index of a member, or ROLLOUT_NOBODY. */
uint32_t broker_rollout_find (const struct broker_rollout *rollout, const char *id);
/*  Tells the machine how many nodes there are that are no members, and how many of them are silent. */
void broker_rollout_count_others (struct broker *broker, struct broker_rollout *rollout);

/*  rollouts_results.c: what nodes tell, as the machine understands it */

/*  Takes into the machine what a member has told of its order. Nothing is written yet. */
void broker_rollout_look (struct broker *broker, struct broker_rollout *rollout, uint32_t index,
                          uint64_t now_ms);
/*  Compares updated members with the others; to be called once in a while. */
void broker_rollout_compare (struct broker *broker, struct broker_rollout *rollout, uint64_t now_ms);

/*  rollouts_state.c: how it stands, for people */

/*  Brings rollout->state up to date with the machine. now_ms: real time. Returns 0 or -ENOMEM. */
int broker_rollout_describe (struct broker_rollout *rollout, uint64_t now_ms);

/*  rollouts_request.c: what operators ask for. What is refused is told in the answer's status and reason, and
    is 0; -errno is for what could not be read or written. */

int broker_rollout_plan (struct broker *broker, const struct wire_request *request,
                         struct wire_answer *answer, struct base_error *error);
int broker_rollout_start (struct broker *broker, const struct wire_request *request,
                          struct wire_answer *answer, struct base_error *error);
int broker_rollout_steer (struct broker *broker, const struct wire_request *request,
                          struct wire_answer *answer, struct base_error *error);
int broker_list_rollouts (struct broker *broker, const struct wire_request *request,
                          struct wire_answer *answer, struct base_error *error);
int broker_list_members (struct broker *broker, const struct wire_request *request,
                         struct wire_answer *answer, struct base_error *error);
int broker_list_turns (struct broker *broker, const struct wire_request *request, struct wire_answer *answer,
                       struct base_error *error);

#endif
