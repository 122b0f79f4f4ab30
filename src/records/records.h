/* SPDX-License-Identifier: MPL-2.0 */
/*  records/records.h - the fleet's records: releases, nodes, reports, orders, rollouts

    The interface is made of plain operations, so that more than one kind of database can be behind it; this
    header names none. The driver today is SQLite (sqlite*.c): one database with a write-ahead log and
    synchronous=FULL. records/driver.h says what another driver has to provide.

    A call outside of a transaction has its change on disk when it returns 0, a transaction when its commit
    returns 0. Everything that is announced or answered was committed before. The database has a version of
    its layout; an older layout is migrated at open.

    Calls return 0, or -errno with the error filled, or -ENOENT without a text if there is no such record.
    The caller owns the records that a call returns. Calls that visit records stop at a non-zero return of
    `each`, and return it: -errno, or RECORDS_E_STOP. What is passed to `each` is valid during that call
    only. */

#ifndef RECORDS_RECORDS_H
#define RECORDS_RECORDS_H

#include "wire/wire.h"

enum {
    RECORDS_ID_SIZE = 65,            /* a node id, an application name, a transaction, with its NUL */
    RECORDS_REPORTS_MOST = 2000,     /* reports that are kept a node; the oldest are deleted first */
    RECORDS_HEADS_MOST = 65536,      /* merges into the fleet's head that are kept */
    RECORDS_ANSWERS_MOST = 4096,     /* answers that are kept for repeated orders */
    RECORDS_APPLICATIONS_MOST = 128, /* applications a node */
    RECORDS_ROLLOUTS_MOST = 256,     /* rollouts that are kept; the oldest finished ones are deleted first */
    RECORDS_ISSUED_MOST = 500,       /* orders that are kept a node and application */
    RECORDS_KEYS_A_NAME = 16,        /* active keys of a name, except of a node: 1 */
    RECORDS_KEYS_MOST = 262144       /* keys that are kept, revoked ones included */
};

/*  The errors of this room that its callers handle. */
enum {
    RECORDS_E_STOP = 1, /* `each` has found what it looks for: the visit ends early */
    RECORDS_E_KEY       /* a rule about keys forbids it; the error says which */
};

struct records;

/*  What to do about records that cannot be used. */
#define RECORDS_REMEDY                                                                                       \
    "noded-broker --root DIR --restore FILE restores a backup after the records were moved away, or"         \
    " noded-broker recover --root DIR rebuilds the records from DIR/releases"

/*  Opens or creates the database at path. A database that is damaged or lacks tables is refused. */
int records_open (const char *path, struct records **ret_records, struct base_error *error);
struct records *records_free (struct records *records);

/*  Returns 0; or -ESTALE with a text once the file of the database was removed or replaced since it was opened.
    That is final. Every transaction checks this at its start and after its commit. */
int records_is_lost (struct records *records, struct base_error *error);

/*  The mark: the random identity of these records, and the number of transactions that changed something.
    The last mark, kept elsewhere, shows whether records lost their end or are an older copy. */
struct records_mark {
    uint64_t identity; /* 0: none yet */
    uint64_t count;
};
int records_mark_get (struct records *records, struct records_mark *ret_mark, struct base_error *error);
/*  Counts from now on, and calls changed after the commit of each transaction that changed something. Makes an
    identity if there is none. *ret_mark: the mark now. */
typedef void records_mark_changed (void *context, const struct records_mark *mark);
int records_mark_follow (struct records *records, records_mark_changed *changed, void *context,
                         struct records_mark *ret_mark, struct base_error *error);
/*  Ends the calls of changed. */
void records_mark_leave (struct records *records);

/*  A transaction over several calls. A rollback without a transaction does nothing. */
int records_begin (struct records *records, struct base_error *error);
int records_commit (struct records *records, struct base_error *error);
void records_rollback (struct records *records);
/*  A part of a transaction that can be undone alone; one at a time. It ends when it is kept or undone; both
    return -EIO if the whole transaction is lost. */
int records_savepoint (struct records *records, struct base_error *error);
int records_savepoint_keep (struct records *records);
int records_savepoint_undo (struct records *records);

/*  Returns the number of the next change to a node. It grows across restarts: numbers are reserved on disk
    in blocks, and the rest of a block is skipped after a crash. */
int records_revision_next (struct records *records, uint64_t *ret_revision, struct base_error *error);

/*  releases */

struct records_release {
    struct base_digest digest;
    uint64_t serial; /* in the order of publishing */
    char time[40];
    bool withdrawn;
    struct wire_release document;
};
void records_release_deinit (struct records_release *release);

/*  Stores a release and the blobs that it uses. A release that is known stays as it is. */
int records_release_put (struct records *records, const struct base_digest *digest,
                         const struct wire_release *document, const char *time, struct base_error *error);
int records_release_get (struct records *records, const struct base_digest *digest,
                         struct records_release *ret_release, struct base_error *error);
int records_release_withdraw (struct records *records, const struct base_digest *digest,
                              struct base_error *error);

/*  Calls each for the releases of an application (NULL: of all), newest first, with a serial below `before`
    (0: all). */
typedef int records_release_each (void *context, const struct records_release *release);
int records_releases (struct records *records, const char *application, uint64_t before,
                      records_release_each *each, void *context, struct base_error *error);

/*  Calls each for every blob of a release that nothing needs any more: no offered release uses it, and no
    node runs, or could revert to, a release that uses it. */
typedef int records_digest_each (void *context, const struct base_digest *blob);
int records_blobs_unused (struct records *records, const struct base_digest *release,
                          records_digest_each *each, void *context, struct base_error *error);

/*  Returns whether a recorded release that is still needed uses a blob. */
int records_blob_used (struct records *records, const struct base_digest *blob, bool *ret_used,
                       struct base_error *error);

/*  nodes and their applications */

struct records_node {
    const char *id;
    const char *host_pid; /* may be NULL */
    const char *software; /* may be NULL */
    const char *platform;
    const char *last_seen;
    const char *kernel; /* may be NULL */
    uint64_t restarts;
};

int records_node_put (struct records *records, const struct records_node *node, struct base_error *error);
int records_node_seen (struct records *records, const char *id, const char *last_seen,
                       struct base_error *error);

/*  Removes a node with its applications, reports and labels. */
int records_node_remove (struct records *records, const char *id, struct base_error *error);
typedef int records_node_each (void *context, const struct records_node *node);
int records_nodes (struct records *records, records_node_each *each, void *context, struct base_error *error);

/*  labels of nodes, by name; a label that an operator set precedes the node's own of that name */

typedef int records_label_each (void *context, const struct wire_label *label);
int records_labels (struct records *records, const char *node, records_label_each *each, void *context,
                    struct base_error *error);
/*  Stores a label, or removes it if it has no value. */
int records_label_put (struct records *records, const char *node, const struct wire_label *label,
                       struct base_error *error);
/*  Removes the labels that a node has set on itself. */
int records_labels_forget_own (struct records *records, const char *node, struct base_error *error);

/*  journals of nodes */

/*  What a node reported of its journal. Null value: nothing. */
struct records_journal {
    uint64_t serial; /* of the last line; 0: none was reported */
    struct base_digest head;
    char *fault; /* the mismatch that was found; owned */
};
void records_journal_deinit (struct records_journal *journal);

/*  Returns -ENOENT if the node is not known. */
int records_journal_get (struct records *records, const char *node, struct records_journal *ret_journal,
                         struct base_error *error);
int records_journal_put (struct records *records, const char *node, const struct records_journal *journal,
                         struct base_error *error);

/*  Merges a node's head into the head of the fleet. The new head is the SHA-256 of: the fleet's head
    before, the node's id, a NUL byte, the serial in 8 bytes, high byte first, and the node's head. The
    newest RECORDS_HEADS_MOST merges are kept. */
int records_head_merge (struct records *records, const char *node, uint64_t serial,
                        const struct base_digest *head, const char *time, struct base_error *error);

/*  Returns the fleet's head, and how many merges have led to it; 0: none. */
int records_fleet_head (struct records *records, uint64_t *ret_merges, struct base_digest *ret_head,
                        struct base_error *error);

/*  An application on a node: the last report of the node, and the desired state. */
struct records_application {
    char node[RECORDS_ID_SIZE];
    char name[RECORDS_ID_SIZE];
    uint64_t epoch;       /* the highest that was issued here or reported by the node */
    enum wire_order verb; /* of the last order; 0: none */
    bool is_reported;
    struct wire_application reported;
    bool is_desired;
    struct wire_desired desired;
    struct base_digest quarantine; /* of the stored list of quarantined releases; null: there is none */
};
void records_application_deinit (struct records_application *application);

int records_application_get (struct records *records, const char *node, const char *name,
                             struct records_application *ret_application, struct base_error *error);
/*  Stores everything but the quarantine. */
int records_application_put (struct records *records, const struct records_application *application,
                             struct base_error *error);

/*  The releases that are quarantined for an application of a node, in the order of the node. */

/*  Replaces the stored list and its digest; within a transaction. -ENOENT: there is no record of the
    application. */
int records_quarantine_put (struct records *records, const char *node, const char *application,
                            const struct base_digest *digest, const struct wire_failure *failures,
                            size_t n_failures, struct base_error *error);
/*  Finds one; -ENOENT: it is not quarantined. */
int records_quarantine_find (struct records *records, const char *node, const char *application,
                             const struct base_digest *release, struct wire_failure *ret_failure,
                             struct base_error *error);
/*  Calls each for those behind release `after` (NULL: all). */
typedef int records_failure_each (void *context, const struct wire_failure *failure);
int records_quarantine (struct records *records, const char *node, const char *application,
                        const struct base_digest *after, records_failure_each *each, void *context,
                        struct base_error *error);

/*  For a node's applications that are not among names: deletes those without a desired state, and clears
    state and quarantine of the others. *ret_dropped: how many had a state. */
int records_applications_keep (struct records *records, const char *node, const char *const *names,
                               size_t n_names, size_t *ret_dropped, struct base_error *error);

/*  The digest of the list of a node's applications that have a state here: wire/list.h. */
int records_applications_list (struct records *records, const char *node, struct base_digest *ret_list,
                               struct base_error *error);
int records_applications_count (struct records *records, const char *node, uint64_t *ret_count,
                                struct base_error *error);

/*  Returns whether the node reported that one of its applications is on trial. */
int records_node_on_trial (struct records *records, const char *node, bool *ret_trial,
                           struct base_error *error);

/*  reports */

/*  Stores a report; the key is (node, application, epoch, attempt, step). *ret_news: there was no report
    with this key and the same content. */
int records_report_put (struct records *records, const struct wire_report *report, bool *ret_news,
                        struct base_error *error);

/*  Calls each for the reports of a node with a serial above `after`, oldest first, with the rollout or
    operator that gave the order. application NULL: of all applications. */
typedef int records_report_each (void *context, const struct wire_stored_report *stored);
int records_reports (struct records *records, const char *node, const char *application, uint64_t after,
                     records_report_each *each, void *context, struct base_error *error);

/*  The same for one order, newest first, without who gave it. */
int records_reports_of (struct records *records, const char *node, const char *application, uint64_t epoch,
                        records_report_each *each, void *context, struct base_error *error);

/*  answers to requests that change something: a repeated one gets the same answer. record: of the answer. The
    key is unique for each kind of request. */

int records_answer_put (struct records *records, const char *key, const struct wire_record *record,
                        const void *answer, struct base_error *error);
int records_answer_get (struct records *records, const char *key, const struct wire_record *record,
                        void *ret_answer, struct base_error *error);

/*  rollouts, their members and their transitions, and the orders that were given */

enum { RECORDS_BETS = 4, RECORDS_WAVES_MOST = 32 /* as in schemas/rollout.def */ };

/*  The evidence of a rollout that compares updated nodes with the others. */
struct records_evidence {
    double logs[RECORDS_BETS];
    uint64_t samples, updated, updated_failed, others, others_failed;
};

/*  A rollout. Everything that is shown of it, with its spec and its reason, is in state. */
struct records_rollout {
    uint64_t serial; /* in the order in which they were created */
    bool live;       /* something may still happen to it: it is loaded at the start */
    uint32_t wave;   /* counts from 0 */
    uint64_t phase_ms, wave_ms, stopped_ms, stop_ms; /* of the clock below */
    struct records_evidence evidence;
    struct wire_rollout_state state; /* owned */
};
void records_rollout_deinit (struct records_rollout *row);

/*  Adds a rollout and sets its serial. */
int records_rollout_add (struct records *records, struct records_rollout *row, struct base_error *error);
int records_rollout_put (struct records *records, const struct records_rollout *row,
                         struct base_error *error);
int records_rollout_get (struct records *records, const char *id, struct records_rollout *ret_row,
                         struct base_error *error);

/*  Calls each for rollouts, newest first: those with a serial below `before` (0: all) that changed after
    revision `since`. */
typedef int records_rollout_each (void *context, const struct records_rollout *row);
enum records_liveness { RECORDS_ALL, RECORDS_LIVE };
int records_rollouts (struct records *records, uint64_t before, uint64_t since, enum records_liveness which,
                      records_rollout_each *each, void *context, struct base_error *error);

/*  Deletes the oldest finished rollouts, so that there is room for one more. */
int records_rollouts_prune (struct records *records, struct base_error *error);

/*  A member, or a selected node that is skipped; skipped nodes follow the members. Texts are the caller's;
    NULL: none. */
struct records_member {
    uint32_t index;
    const char *node;
    uint32_t wave; /* counts from 0 */
    enum wire_member state;
    uint64_t since_ms;    /* when it entered its state */
    uint64_t start_ms;    /* not started before this time */
    uint64_t revert_ms;   /* duration of its rehearsed revert; 0: none yet */
    bool confirmed;       /* it runs the release */
    bool lost_before;     /* it had lost contact when its wave began */
    bool charged;         /* to the budgets */
    uint64_t pending;     /* number of the action that it waits for; 0: none. The writer gives it a meaning */
    uint64_t epoch;       /* of the last order; 0: none */
    enum wire_order verb; /* of that order: update or revert */
    const char *transaction; /* of the last update */
    uint64_t ordered_ms,
        took_ms;      /* when that was ordered, and how long it took to be confirmed; 0: unknown */
    uint64_t real_ms; /* since 1970: when it entered its state, for people */
    const char *step, *reason;
    uint64_t revision;
};
int records_member_put (struct records *records, uint64_t rollout, const struct records_member *row,
                        struct base_error *error);

/*  Calls each for the members from `index` on that changed after revision `since`. */
typedef int records_member_each (void *context, const struct records_member *row);
int records_members (struct records *records, uint64_t rollout, uint64_t index, uint64_t since,
                     records_member_each *each, void *context, struct base_error *error);

/*  Returns how long the last updates of rollouts took on average; 0: there was none. */
int records_members_took (struct records *records, uint64_t *ret_ms, struct base_error *error);

/*  The clock of rollouts, in ms, as it was last saved. A put never sets it back. */
int records_clock_get (struct records *records, uint64_t *ret_ms, struct base_error *error);
int records_clock_put (struct records *records, uint64_t ms, struct base_error *error);
/*  If the clock is missing, sets it to the latest time of it in the records, but at least to one day. */
int records_clock_repair (struct records *records, struct base_error *error);

/*  Adds a transition of a rollout, and sets its serial. */
int records_transition_add (struct records *records, uint64_t rollout, struct wire_transition *transition,
                            struct base_error *error);
typedef int records_transition_each (void *context, const struct wire_transition *transition);
int records_transitions (struct records *records, uint64_t rollout, uint64_t after,
                         records_transition_each *each, void *context, struct base_error *error);

/*  An order that was given, for nodectl why. */
struct records_issued {
    const char *node, *application;
    uint64_t epoch;
    enum wire_order verb;
    const char *transaction; /* may be NULL */
    const char *rollout;     /* NULL: an operator gave it */
    uint64_t wave;           /* counts from 1 */
    const char *user;        /* the operator, with host; may be NULL */
    const char *time;        /* RFC 3339 */
};
int records_issued_put (struct records *records, const struct records_issued *issued,
                        struct base_error *error);

/*  keys of nodes, programs and people

    A key belongs to one name for ever, and a revoked key never becomes active again: nothing here removes a
    key. A node has at most one active key, and no other key has its name. */

/*  Adds an active key; within a transaction. The caller states fingerprint and created; state and revoked do
    not matter. An active key that is there already with the same role, name and applications stays as it is.
    Returns 0, RECORDS_E_KEY or -errno. */
int records_key_add (struct records *records, const struct wire_key *key, struct base_error *error);

/*  Revokes a key; time: RFC 3339. One that is revoked already stays as it is. Returns 0, -ENOENT or another
    -errno. */
int records_key_revoke (struct records *records, const struct base_digest *fingerprint, const char *time,
                        struct base_error *error);

/*  The caller owns ret_key. */
int records_key_get (struct records *records, const struct base_digest *fingerprint, struct wire_key *ret_key,
                     struct base_error *error);

/*  Calls each for the keys of a name (NULL: of all), in the order in which they were added, with a serial above
    `after`. */
typedef int records_key_each (void *context, uint64_t serial, const struct wire_key *key);
int records_keys (struct records *records, const char *name, uint64_t after, records_key_each *each,
                  void *context, struct base_error *error);

#endif
