/* SPDX-License-Identifier: MPL-2.0 */
/*  noded/records.h - what a broker knows, as structs: the records of schemas/

    The members are the fields of the schema, in its order and with its names; `nodectl --json` and the
    functions noded_..._json below print them under the same names. A text that is absent is NULL, a number 0,
    a digest all zero, an enum 0 (also for a word that this version does not know). A list has n_... items.
    Times are RFC 3339, UTC. What a struct points to belongs to the list or object that contains it. */

#ifndef NODED_RECORDS_H
#define NODED_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*  A SHA-256. */
typedef struct noded_digest {
    unsigned char bytes[32];
} noded_digest;

/*  Whether it is absent. Writes it as 64 hexadecimal digits, "" if it is absent; returns text. */
bool noded_digest_is_null (const noded_digest *digest);
const char *noded_digest_text (const noded_digest *digest, char text[65]);

/*  Choices. noded_..._word returns the word on the wire and in JSON; "unknown" for 0. The text is static. */

/*  The state of an application's update procedure. */
enum noded_state {
    NODED_STATE_NULL = 0,
    NODED_STATE_IDLE,       /* "idle": no update under way */
    NODED_STATE_MATCHING,   /* "matching": asking the origin whether the release fits */
    NODED_STATE_FETCHING,   /* "fetching": downloading the release document and the blobs that are missing */
    NODED_STATE_STAGING,    /* "staging": building the workspace */
    NODED_STATE_PROBING,    /* "probing": the candidate carries out the rehearsal */
    NODED_STATE_SWITCHING,  /* "switching": pointing stable to the new workspace */
    NODED_STATE_RESTARTING, /* "restarting": the old version hands over */
    NODED_STATE_TRIAL,      /* "trial": the new version runs and has not confirmed itself */
    NODED_STATE_CONFIRMED,  /* "confirmed": the new version has confirmed itself; idle follows */
    NODED_STATE_REVERTING,  /* "reverting": reverting to the previous version */
    NODED_STATE_UNFIT,      /* "unfit": the running version failed its own rehearsal, so host or origin are at
                          fault; the update is tried again later */
};
const char *noded_state_word (enum noded_state value);

/*  The outcome of a step. */
enum noded_outcome {
    NODED_OUTCOME_NULL = 0,
    NODED_OUTCOME_STARTED,   /* "started": the step started */
    NODED_OUTCOME_PASSED,    /* "passed": the order was carried out; only of hold, clear and cancel */
    NODED_OUTCOME_FAILED,    /* "failed": the step failed; the update has ended, and stable is as before */
    NODED_OUTCOME_REFUSED,   /* "refused": the order was not carried out: held, quarantined, or in progress */
    NODED_OUTCOME_NOTHING,   /* "nothing": the ordered release runs already */
    NODED_OUTCOME_CANCELLED, /* "cancelled": an operator ended the update before the switch */
    NODED_OUTCOME_CONFIRMED, /* "confirmed": the new version runs and has confirmed itself */
    NODED_OUTCOME_REVERTED,  /* "reverted": the node was reverted as ordered; the previous version runs
                               again */
    NODED_OUTCOME_ROLLED_BACK, /* "rolled-back": the new version failed on trial and was rolled back; the
                                previous version runs again */
};
const char *noded_outcome_word (enum noded_outcome value);

/*  The answer to a request. */
enum noded_status {
    NODED_STATUS_NULL = 0,
    NODED_STATUS_OK,      /* "ok": the request was carried out */
    NODED_STATUS_NONE,    /* "none": nothing matches: there is no such release, or it has no envelope for
                          the profile */
    NODED_STATUS_GONE,    /* "gone": the release was withdrawn, or the blob is missing */
    NODED_STATUS_BUSY,    /* "busy": the server is busy: ask again after retry_after_ms */
    NODED_STATUS_REFUSED, /* "refused": the request is valid, but not allowed; see reason */
    NODED_STATUS_INVALID, /* "invalid": the request does not match the schema; see reason */
    NODED_STATUS_FAILED,  /* "failed": the server could not carry out the request; see reason */
};
const char *noded_status_word (enum noded_status value);

/*  What a key may do. admin permits every request of an operator, deployer permits those of observer, too, and
    every other role only its own. */
enum noded_role {
    NODED_ROLE_NULL = 0,
    NODED_ROLE_NODE,      /* "node": speaks for the node that has the key's name, and downloads blobs; permits
                             no request */
    NODED_ROLE_CONTENT,   /* "content": a content peer: downloads blobs; permits no request */
    NODED_ROLE_OBSERVER,  /* "observer": reads */
    NODED_ROLE_DEPLOYER,  /* "deployer": reads; orders nodes, steers rollouts, sets labels */
    NODED_ROLE_PUBLISHER, /* "publisher": uploads, and publishes releases of the applications that are named
                             with the key */
    NODED_ROLE_ADMIN,     /* "admin": everything that an operator may do */
};
const char *noded_role_word (enum noded_role value);

/*  The state of a key. */
enum noded_key_state {
    NODED_KEY_STATE_NULL = 0,
    NODED_KEY_STATE_ACTIVE,  /* "active": its owner is admitted */
    NODED_KEY_STATE_REVOKED, /* "revoked": its owner is refused; a revoked key never becomes active again */
};
const char *noded_key_state_word (enum noded_key_state value);

/*  What nodes are ordered to do. */
enum noded_order_kind {
    NODED_ORDER_NULL = 0,
    NODED_ORDER_UPDATE, /* "update": run a release */
    NODED_ORDER_REVERT, /* "revert": revert to the previous version, and hold it */
    NODED_ORDER_HOLD,   /* "hold": keep the version */
    NODED_ORDER_UNHOLD, /* "unhold": end a hold */
    NODED_ORDER_CANCEL, /* "cancel": end an update that has not switched yet */
    NODED_ORDER_CLEAR,  /* "clear": clear the quarantine */
};
const char *noded_order_word (enum noded_order_kind value);

/*  What happened to a node. */
enum noded_event_kind {
    NODED_EVENT_NULL = 0,
    NODED_EVENT_CONNECTED,    /* "connected": the node connected and said hello */
    NODED_EVENT_DISCONNECTED, /* "disconnected": the node said bye, or lost contact */
    NODED_EVENT_CHANGED,      /* "changed": the state of an application changed */
    NODED_EVENT_UPDATED,      /* "updated": a new version has confirmed itself */
    NODED_EVENT_REVERTED,     /* "reverted": the node was reverted to its previous version as ordered */
    NODED_EVENT_JOURNAL,      /* "journal": the node's journal does not match what the node reported earlier;
                            see reason */
    NODED_EVENT_DAMAGED,      /* "damaged": the node found damage on its disk, in the running version or in
                            the one that a revert needs; the reason says what to do */
    NODED_EVENT_FAILED,       /* "failed": an update failed or was refused; see step and reason */
};
const char *noded_event_word (enum noded_event_kind value);

/*  What happens to updated nodes when the rollout is halted. */
enum noded_on_halt {
    NODED_ON_HALT_NULL = 0,
    NODED_ON_HALT_STAY,   /* "stay": they keep the release */
    NODED_ON_HALT_REVERT, /* "revert": they are reverted, all at the same time */
};
const char *noded_on_halt_word (enum noded_on_halt value);

/*  The phase of a rollout. */
enum noded_phase {
    NODED_PHASE_NULL = 0,
    NODED_PHASE_APPROVAL,   /* "approval": waiting until an operator approves the wave */
    NODED_PHASE_UPDATING,   /* "updating": updating the nodes of the wave */
    NODED_PHASE_SOAKING,    /* "soaking": every node of the wave has finished; they are watched */
    NODED_PHASE_HALTED,     /* "halted": a gate is shut: no further node is started; an operator decides */
    NODED_PHASE_REVERTING,  /* "reverting": reverting the updated nodes */
    NODED_PHASE_DONE,       /* "done": every wave has finished */
    NODED_PHASE_ABORTED,    /* "aborted": ended by an operator; updated nodes keep the release */
    NODED_PHASE_REVERTED,   /* "reverted": the updated nodes were reverted */
    NODED_PHASE_QUEUED,     /* "queued": waiting until none of its nodes is in another rollout; starts then */
    NODED_PHASE_SUPERSEDED, /* "superseded": ended: other rollouts have taken over all of its nodes */
};
const char *noded_phase_word (enum noded_phase value);

/*  What a rollout checks before it proceeds. */
enum noded_gate {
    NODED_GATE_NULL = 0,
    NODED_GATE_WAVE_BUDGET, /* "wave-budget": no more nodes of the wave failed than its budget allows;
                               nodes that had lost contact before the wave began count, too */
    NODED_GATE_BUDGET,      /* "budget": no more nodes of all waves failed than the rollout's budget allows */
    NODED_GATE_COMPARISON,  /* "comparison": updated nodes do not fail more often than the others */
    NODED_GATE_REVERT,      /* "revert": the rehearsed revert of each node of the first wave stays within its
                          limit */
    NODED_GATE_DEADLINE,    /* "deadline": the wave is approved, and finishes, within its deadline */
    NODED_GATE_PROOF,       /* "proof": at least one node of the wave is updated when it ends */
    NODED_GATE_WINDOW,      /* "window": the window is open; outside it no node is started */
};
const char *noded_gate_word (enum noded_gate value);

/*  The state of a node in a rollout. */
enum noded_member_state {
    NODED_MEMBER_NULL = 0,
    NODED_MEMBER_WAITING,      /* "waiting": not started yet */
    NODED_MEMBER_ORDERED,      /* "ordered": ordered to update, and not finished */
    NODED_MEMBER_UPDATED,      /* "updated": runs the release and has confirmed it */
    NODED_MEMBER_FAILED,       /* "failed": its update failed or was rolled back */
    NODED_MEMBER_OVERDUE,      /* "overdue": did not finish within its deadline */
    NODED_MEMBER_LOST_CONTACT, /* "lost-contact": lost contact during or after its update; most other nodes
                                  did not */
    NODED_MEMBER_REVERTING,    /* "reverting": ordered to revert, and not finished */
    NODED_MEMBER_REVERTED,     /* "reverted": runs its previous version again */
    NODED_MEMBER_STUCK,        /* "stuck": ordered to revert, and did not */
    NODED_MEMBER_SKIPPED,      /* "skipped": not updated, and not counted as failed: its wave or the rollout
                          ended first, it is held, its order was cancelled, its host was unfit until its
                          deadline, or it was forgotten */
    NODED_MEMBER_EXCLUDED,     /* "excluded": could not be updated when the rollout was planned; see reason */
    NODED_MEMBER_TAKEN,        /* "taken": another rollout has taken it over; see reason */
};
const char *noded_member_word (enum noded_member_state value);

/*  What an operator orders a rollout to do. */
enum noded_command {
    NODED_COMMAND_NULL = 0,
    NODED_COMMAND_PAUSE,   /* "pause": start no further nodes; nodes under way continue */
    NODED_COMMAND_RESUME,  /* "resume": continue after a pause or a halt; earlier failures no longer count */
    NODED_COMMAND_APPROVE, /* "approve": let the waiting wave begin */
    NODED_COMMAND_ABORT,   /* "abort": end the rollout; updated nodes keep the release */
    NODED_COMMAND_REVERT,  /* "revert": end the rollout and revert the updated nodes */
    NODED_COMMAND_RETRY,   /* "retry": start nodes again that failed or were skipped */
};
const char *noded_command_word (enum noded_command value);

/*  A label of a node, for selectors. */
typedef struct noded_label {
    const char *name;  /* letters, digits, '.', '_', '-', '/' */
    const char *value; /* absent: empty; in an operator's request: remove the label */
    bool own; /* set on the node itself; a label of the same name that an operator set overrides it */
} noded_label;

/*  Why an update failed. */
typedef struct noded_failure {
    const char *transaction; /* of the update */
    noded_digest release;    /* that was to be installed */
    const char *version;     /* of that release */
    const char *step;   /* the state in which it failed; for a rehearsal with its step, as in probing/hand-
                         over */
    const char *reason; /* text for the operator: what failed, on what, and why */
    const char *time;   /* RFC 3339, UTC, of the node's clock */
    noded_digest blob;  /* fetching: the blob whose bytes from the origin do not match its digest; the
                          node is not at fault */
} noded_failure;

/*  An application on a node. */
typedef struct noded_application {
    const char *name;                       /* noded for the node manager itself */
    enum noded_state state;                 /* of its update procedure */
    const char *version;                    /* the running version */
    noded_digest release;                   /* the running release */
    noded_digest binary;                    /* of the running program, read from the process */
    const char *previous_version;           /* the version that a revert returns to */
    noded_digest previous_release;          /* the release that a revert returns to */
    uint64_t epoch;                         /* the highest epoch whose order was carried out or refused */
    uint64_t seen_epoch;                    /* the highest epoch ever received */
    bool held;                              /* no update is accepted until a higher epoch ends the hold */
    const char *transaction;                /* of the current or last update */
    uint64_t done;                          /* bytes of the download that have arrived */
    uint64_t total;                         /* bytes of the download in total */
    const struct noded_failure *last_error; /* of the last update that failed; absent again after a later
                                               one is confirmed */
    uint64_t quarantined;                   /* how many releases are not tried again */
    noded_digest quarantine_digest;         /* of the list of them; absent: there are none */
    bool quarantine_unknown; /* the node cannot read it; the broker keeps the list that it has */
    const char *retry;       /* unfit: when the update is tried again, RFC 3339, UTC, of the node's clock */
    const char *damage;      /* the damage found on its disk, in the running version or in the one that a
                           revert needs, and what to do */
} noded_application;

/*  A node as the broker knows it. */
typedef struct noded_node {
    const char *id;                  /* its id */
    bool online;                     /* a message was received from it within the liveness interval, and its
                                        session has sent the state of noded */
    const char *host_pid;            /* host name and pid, as reported */
    const char *software;            /* version of its node manager */
    const char *platform;            /* OS/ARCH */
    const char *last_seen;           /* RFC 3339, UTC, of the broker's clock */
    uint64_t revision;               /* of the broker's records when this node last changed */
    uint64_t desired_epoch;          /* of the last order for the requested application */
    const char *desired_transaction; /* of that order */
    enum noded_outcome outcome;      /* of that order; absent while it is under way */
    const char *outcome_word;        /* the word of that outcome, for readers that do not know it */
    const char *outcome_step;        /* the step of that outcome */
    const char *outcome_reason;      /* text for the operator */
    const struct noded_application *application; /* the requested application; absent: not reported yet */
    const struct noded_label *labels;            /* sorted by name */
    size_t n_labels;
    const char *kernel;        /* release of its kernel */
    uint64_t restarts;         /* sessions that started without an update and without a bye before, since the
                          broker knows the node */
    uint64_t journal_serial;   /* of the last line of its journal that was reported to the broker */
    noded_digest journal_head; /* digest of that line */
    const char *journal_fault; /* what shows that its journal was changed afterwards */
    const char *rollout;       /* the rollout that includes the node and has not ended */
    uint64_t wave;             /* of that rollout */
} noded_node;

/*  A release in the broker's records. */
typedef struct noded_release {
    noded_digest release;         /* its digest */
    const char *application;      /* its application */
    const char *version;          /* its version */
    const char *const *platforms; /* the platforms that it fits; an empty text: every platform */
    size_t n_platforms;
    const char *time; /* when it was published: RFC 3339, UTC */
    bool withdrawn;   /* not offered any more */
    uint64_t size;    /* of all its blobs, in bytes */
    uint64_t missing; /* how many of its blobs are missing or damaged at the broker; if any, the release
                         cannot be served until it is published again */
} noded_release;

/*  A report in the broker's records. */
typedef struct noded_report {
    const char *node;            /* the node that reported it */
    const char *application;     /* the application */
    uint64_t serial;             /* in the order in which the broker received the reports */
    const char *transaction;     /* of the update */
    uint64_t epoch;              /* of the order */
    uint64_t attempt;            /* counts from 1 */
    const char *step;            /* as reported */
    enum noded_outcome outcome;  /* as reported */
    enum noded_order_kind order; /* what was ordered; absent: the broker did not order it, or no longer
                                    knows it */
    const char *reason;          /* as reported */
    const char *version;         /* of the ordered release */
    noded_digest release;        /* that was ordered */
    const char *rollout;         /* that gave the order; absent: an operator gave it */
    uint64_t wave;               /* of that rollout */
    const char *user;    /* name of the key that gave the order; at a broker without keys: user and host, as
                                nodectl reported them */
    const char *ordered; /* when the order was given, by the broker's clock */
    const char *time;    /* as reported, of the node's clock */
} noded_report;

/*  The result of an order for one node. */
typedef struct noded_order {
    const char *node;         /* its id */
    enum noded_status status; /* ok, or why no order was given */
    const char *reason;       /* if the status is not ok */
    uint64_t epoch;           /* of the order; absent with status ok: there was nothing to order */
    const char *transaction;  /* of the order */
    noded_digest release;     /* that was ordered */
    const char *version;      /* of that release */
} noded_order;

/*  An order that nodectl has followed, for its --json; not part of a message. */
typedef struct noded_followed_order {
    const char *node;        /* the node */
    bool ended;              /* the outcome is known */
    bool succeeded;          /* the order was carried out, or there was nothing to do */
    const char *outcome;     /* an outcome of choices.def, or refused, superseded, unfit, unknown */
    const char *step;        /* the step of that outcome */
    const char *reason;      /* text for the operator */
    uint64_t epoch;          /* of the order */
    const char *transaction; /* of the order */
    noded_digest release;    /* that was ordered */
    const char *version;     /* of that release */
} noded_followed_order;

/*  A copy of the broker's records. */
typedef struct noded_backup {
    noded_digest blob;       /* the blob to download from the broker itself */
    uint64_t size;           /* of that blob, in bytes */
    uint64_t heads;          /* how many journal heads the nodes have reported */
    noded_digest fleet_head; /* all reported heads combined */
} noded_backup;

/*  How many, for one reason. */
typedef struct noded_reason_count {
    const char *reason; /* in words */
    uint64_t count;     /* at least 1 */
} noded_reason_count;

/*  A running broker; what it counts begins at 0 when it starts. */
typedef struct noded_broker {
    const char *instance;      /* random: another one after each start */
    const char *software;      /* its version */
    const char *since;         /* when it started: RFC 3339, UTC, of the broker's clock */
    uint64_t uptime_s;         /* seconds since then, by a clock that nobody can set */
    uint64_t nodes;            /* known nodes */
    uint64_t online;           /* of these: online, as in noded_node */
    uint64_t releases;         /* published releases that are not withdrawn */
    uint64_t releases_missing; /* of these: they cannot be served, because blobs are missing or damaged */
    uint64_t rollouts;         /* rollouts that have not ended */
    uint64_t received;         /* messages that it accepted on all channels; a subscription is one, too */
    const struct noded_reason_count *refused; /* messages that it refused, by reason */
    size_t n_refused;
    const struct noded_reason_count *ended; /* connections that it ended, by reason */
    size_t n_ended;
    uint64_t new_nodes_refused;  /* hellos of unknown nodes that it refused, because more came within a
                                   minute than it accepts */
    uint64_t foreign;            /* messages in the name of a node that arrived on another connection, and
                                   were ignored */
    bool open;                   /* it has no keys: every sender is treated as admin */
    const char *public_key;      /* its own key, 40 characters of Z85; absent: it has none */
    const char *address;         /* where it listens, HOST:PORT of announce; absent: not over TCP */
    uint64_t keys;               /* keys that are active */
    uint64_t denied;             /* messages that it refused because the sender's key does not permit them */
    const char *content_key;     /* public key of the separate content peer, whose key was added last of those
                                   that are active and have an address; absent: there is none */
    const char *content_address; /* the address of that content peer */
} noded_broker;

/*  The key of a node, a program or a person. */
typedef struct noded_key {
    noded_digest fingerprint; /* SHA-256 of the 32 bytes of the public key */
    const char *public_key;   /* 40 characters of Z85 */
    enum noded_role role;     /* what it may do */
    const char *name; /* with role node the id of the node, else the name of the operator or program */
    const char *const *applications; /* with role publisher: the applications whose releases it may publish */
    size_t n_applications;
    enum noded_key_state state; /* whether its owner is admitted */
    const char *created;        /* when it was added: RFC 3339, UTC, of the broker's clock */
    const char *revoked;        /* when it was revoked */
    const char *address;        /* with role content: where nodes and operators reach the content peer */
} noded_key;

/*  A portion of a rollout; it begins only when the gates after the wave before it have passed. */
typedef struct noded_wave {
    uint64_t count;   /* how many nodes; 0: by percent */
    uint64_t percent; /* of the nodes of the rollout that can be updated, rounded up; if count is 0, too:
                         all that are left */
    bool approval;    /* an operator has to approve the wave before it begins */
} noded_wave;

/*  When a rollout may start nodes, by the broker's clock, UTC. */
typedef struct noded_window {
    uint64_t from;  /* minute of the day at which it opens */
    uint64_t until; /* minute of the day at which it closes; if it is not after from: on the next day */
    uint64_t days;  /* days on which it opens, as a sum: 1 Monday, 2 Tuesday, 4 Wednesday and so on; 0:
                      every day */
} noded_window;

/*  The specification of a rollout. */
typedef struct noded_rollout_spec {
    const char *application; /* of the release */
    noded_digest release;    /* to be installed; absent in plan and start: the newest of the application */
    const char *selector;    /* selects the nodes; absent: all */
    const struct noded_wave *waves; /* in order; if they do not cover all nodes, a last wave with the
                                       rest is added */
    size_t n_waves;
    uint64_t concurrency;              /* nodes under way at the same time; 0: all of the wave */
    uint64_t soak_ms;                  /* how long a wave is watched after its last node has finished */
    uint64_t wave_budget;              /* how many nodes of a wave may fail */
    uint64_t budget;                   /* how many nodes may fail in all waves */
    uint64_t node_deadline_ms;         /* for one node, from its order; 0: 30 minutes */
    uint64_t wave_deadline_ms;         /* for a wave, from its start, without pauses and closed windows; 0: 24
                                  hours */
    const struct noded_window *window; /* absent: at any time */
    uint64_t stagger_ms; /* the nodes of a wave are started one after the other, evenly over this time */
    enum noded_on_halt on_halt; /* what happens to the updated nodes; absent: they keep the release */
    bool rehearse_revert;       /* each node of the first wave is updated, reverted, and updated again */
    uint64_t revert_limit_ms;   /* the longest time that such a revert may take; 0: 60 seconds */
    uint64_t significance;      /* the chance, in thousandths, that the comparison of updated nodes with the
                            others halts a good release; 0: no comparison */
    const char *failure_domain; /* a label: nodes with the same value lose contact with the broker together;
                               absent: all nodes do */
    bool queue; /* if another rollout has one of the nodes: start when none has, instead of being refused */
    bool supersede; /* as queue; it also takes over nodes from rollouts that are halted or paused, as
                       soon as none of these nodes is under way */
} noded_rollout_spec;

/*  The state of a wave. */
typedef struct noded_wave_state {
    uint64_t count;       /* its nodes */
    uint64_t under_way;   /* nodes that were ordered to update or to revert, and have not finished */
    uint64_t updated;     /* nodes that run the release and have confirmed it */
    uint64_t reverted;    /* nodes that were reverted as ordered */
    uint64_t failed;      /* nodes that count as failed against its budget */
    uint64_t lost_before; /* nodes that had lost contact before it began; they use its budget up, too */
    uint64_t forgiven;    /* nodes that failed, and no longer count since an operator resumed the rollout */
    uint64_t taken;       /* nodes that another rollout has taken over */
    bool approval;        /* an operator has to approve the wave before it begins */
    const char *started;  /* when it began: RFC 3339, UTC; absent: not yet */
    const char *ended;    /* when it passed its gates */
} noded_wave_state;

/*  A common cause of failure of several nodes of a rollout. */
typedef struct noded_cause {
    const char *step;         /* as reported; absent: nothing was reported */
    const char *reason;       /* as reported by the first of the nodes; numbers and names may differ between
                           nodes */
    uint64_t count;           /* how many nodes */
    const char *const *nodes; /* the first of them */
    size_t n_nodes;
} noded_cause;

/*  A node in a rollout, or in a plan. */
typedef struct noded_member {
    const char *node;              /* its id */
    uint64_t wave;                 /* counts from 1; absent: in no wave */
    enum noded_member_state state; /* its state */
    const char *since;             /* when it entered this state: RFC 3339, UTC */
    const char *step;              /* the step in which it failed, as reported */
    const char *reason;            /* text for the operator: why it failed, or was skipped */
    uint64_t epoch;                /* of the last order that the rollout gave to the node */
    const char *transaction;       /* of the last update that the rollout ordered */
    uint64_t revert_ms;            /* the duration of its rehearsed revert */
    bool charged;                  /* it counts as failed against the budgets */
    bool lost_before;              /* it had lost contact before its wave began */
    bool forgiven;                 /* it failed, and no longer counts since an operator resumed the rollout */
} noded_member;

/*  A rollout as the broker knows it. */
typedef struct noded_rollout {
    const char *id;                        /* its id */
    const struct noded_rollout_spec *spec; /* its specification, with all defaults and waves filled in */
    const char *version;                   /* of the release */
    noded_digest plan;                     /* hash of its plan */
    const char *started;                   /* when it was started: RFC 3339, UTC, of the broker's clock */
    enum noded_phase phase;                /* its phase */
    const char *since;                     /* when it entered this phase */
    bool paused;                           /* no further nodes are started until it is resumed */
    bool over;                             /* it has ended */
    bool unproven;      /* every node of its wave has finished, and none is updated: resume tries them again,
                      approve continues without the wave */
    const char *reason; /* why it was halted, reverted or aborted */
    enum noded_gate gate;                 /* the gate that the reason is about; absent: none */
    const char *waiting_for;              /* text for the operator: what it is waiting for */
    uint64_t wave;                        /* the current wave; counts from 1 */
    const struct noded_wave_state *waves; /* all waves */
    size_t n_waves;
    uint64_t skipped;                 /* nodes that were selected, but excluded when it was planned */
    uint64_t bytes;                   /* on the wire, at most, as planned */
    const struct noded_cause *causes; /* why nodes failed, the most frequent first */
    size_t n_causes;
    uint64_t checks;              /* checks of updated nodes, for the comparison with the others */
    uint64_t checks_failed;       /* of these checks: the node had failed, restarted or lost contact since the
                           check before */
    uint64_t other_checks;        /* checks of nodes that are not updated */
    uint64_t other_checks_failed; /* of these checks: as for checks_failed */
    uint64_t factor;   /* result of the comparison: at most one of N good releases reaches the value N;
                        absent: not compared */
    uint64_t revision; /* of the broker's records when it last changed */
    const struct noded_member *members; /* never in a message: nodectl --json adds all of them here, from
                                           list_members */
    size_t n_members;
} noded_rollout;

/*  What a rollout would do now. */
typedef struct noded_plan {
    noded_digest hash;                     /* of the whole plan; start repeats it */
    const struct noded_rollout_spec *spec; /* the specification, with all defaults and waves filled in */
    const char *version;                   /* of the release */
    uint64_t updated;                      /* nodes that would be updated */
    uint64_t skipped; /* nodes that are selected, but would not be updated: members lists each with its
                          reason */
    const struct noded_wave_state *waves; /* the number of nodes in each wave */
    size_t n_waves;
    uint64_t bytes;                     /* on the wire, at most */
    uint64_t expected_ms;               /* expected duration if nothing fails, without closed windows */
    const struct noded_member *members; /* never in a message: nodectl --json adds all of them here, from
                                           list_members */
    size_t n_members;
} noded_plan;

/*  A transition of a rollout. */
typedef struct noded_transition {
    uint64_t serial;            /* in the order in which they happened */
    const char *rollout;        /* its id */
    const char *time;           /* RFC 3339, UTC, of the broker's clock */
    enum noded_phase phase;     /* after the transition */
    uint64_t wave;              /* after the transition; counts from 1 */
    bool paused;                /* after the transition */
    enum noded_command command; /* the operator's command that caused it */
    const char *user;           /* name of the key that gave it; at a broker without keys: user and host, as
                                   nodectl reported them */
    const char *reason;         /* text for the operator */
} noded_transition;

/*  One event, as JSON. */
typedef struct noded_node_event {
    enum noded_event_kind event; /* what happened */
    const char *instance;        /* of the broker */
    uint64_t sequence;       /* one more than in the previous event of this topic; scoped to the instance */
    const char *time;        /* RFC 3339, UTC, of the broker's clock */
    const char *node;        /* the node */
    const char *application; /* the application */
    const char *transaction; /* of the update */
    enum noded_state state;  /* of the application, after the event */
    const char *version;     /* that runs after the event */
    noded_digest release;    /* that runs after the event */
    const char *step;        /* the step in which an update failed */
    const char *reason;      /* text for the operator */
    const char *rollout;     /* the rollout that includes the node and has not ended */
    uint64_t wave;           /* of that rollout */
} noded_node_event;

/*  A transition of a rollout, as JSON. */
typedef struct noded_rollout_event {
    const char *instance; /* of the broker */
    uint64_t sequence;    /* one more than in the previous event of this topic; scoped to the instance */
    const struct noded_transition *transition; /* the transition */
    const char *application;                   /* of the release */
    const char *version;                       /* of the release */
    noded_digest release;                      /* to be installed */
    const struct noded_wave_state *waves;      /* their state after the transition */
    size_t n_waves;
} noded_rollout_event;

/*  Lists and objects that the functions of noded/client.h return. noded_..._free frees the items and makes a
    list empty; an empty list and NULL are allowed. */
typedef struct noded_nodes {
    noded_node *items;
    size_t count;
    uint64_t revision; /* of the broker's records: pass it as since next time */
} noded_nodes;
void noded_nodes_free (noded_nodes *list);

typedef struct noded_releases {
    noded_release *items;
    size_t count;
} noded_releases;
void noded_releases_free (noded_releases *list);

typedef struct noded_orders {
    noded_order *items;
    size_t count;
} noded_orders;
void noded_orders_free (noded_orders *list);

typedef struct noded_reports {
    noded_report *items;
    size_t count;
} noded_reports;
void noded_reports_free (noded_reports *list);

typedef struct noded_failures {
    noded_failure *items;
    size_t count;
} noded_failures;
void noded_failures_free (noded_failures *list);

typedef struct noded_rollouts {
    noded_rollout *items;
    size_t count;
    uint64_t revision; /* as in noded_nodes */
} noded_rollouts;
void noded_rollouts_free (noded_rollouts *list);

typedef struct noded_members {
    noded_member *items;
    size_t count;
    uint64_t revision; /* as in noded_nodes */
} noded_members;
void noded_members_free (noded_members *list);

typedef struct noded_transitions {
    noded_transition *items;
    size_t count;
} noded_transitions;
void noded_transitions_free (noded_transitions *list);

typedef struct noded_keys {
    noded_key *items;
    size_t count;
} noded_keys;
void noded_keys_free (noded_keys *list);

void noded_broker_free (noded_broker *broker);
void noded_rollout_free (noded_rollout *rollout);
void noded_plan_free (noded_plan *plan);

/*  An event. One of node_event and rollout_event is set; or neither: this version does not know the event. */
typedef struct noded_event {
    char *topic; /* "event/NODE/EVENT", "rollout/ID/PHASE" */
    char *json;  /* as the broker sent it */
    noded_node_event *node_event;
    noded_rollout_event *rollout_event;
} noded_event;
void noded_event_free (noded_event *event);

/*  JSON with every field of the schema; absent ones are null, 0, false or []. An array has one object a line;
    an object is indented. The caller frees the text with free (). NULL if memory is exhausted. */
char *noded_nodes_json (const noded_node *nodes, size_t count);
char *noded_releases_json (const noded_release *releases, size_t count);
char *noded_orders_json (const noded_order *orders, size_t count);
char *noded_reports_json (const noded_report *reports, size_t count);
char *noded_rollouts_json (const noded_rollout *rollouts, size_t count);
char *noded_members_json (const noded_member *members, size_t count);
char *noded_transitions_json (const noded_transition *transitions, size_t count);
char *noded_failures_json (const noded_failure *failures, size_t count);
char *noded_followed_orders_json (const noded_followed_order *orders, size_t count);
char *noded_keys_json (const noded_key *keys, size_t count);
char *noded_node_json (const noded_node *node);
char *noded_rollout_json (const noded_rollout *rollout);
char *noded_plan_json (const noded_plan *plan);
char *noded_backup_json (const noded_backup *backup);
char *noded_broker_json (const noded_broker *broker);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
