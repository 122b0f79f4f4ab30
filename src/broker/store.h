/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store.h - the broker's records on disk

    One SQLite database with a write-ahead log and synchronous=FULL. A call outside of a transaction has its
    change on disk when it returns 0, a transaction when its commit returns 0. Everything that is announced
    or answered was committed before. user_version is the version of the layout; an older layout is migrated
    at open.

    Calls return 0, or -errno with the error filled, or -ENOENT without a text if there is no such record.
    The caller owns the records that a call returns. */

#ifndef BROKER_STORE_H
#define BROKER_STORE_H

#include "wire/wire.h"

enum {
    BROKER_ID_SIZE = 65,           /* a node id, an application name, a transaction, with its NUL */
    BROKER_REPORTS_MOST = 2000,    /* reports that are kept a node; the oldest are deleted first */
    BROKER_HEADS_MOST = 65536,     /* merges into the fleet's head that are kept */
    BROKER_ANSWERS_MOST = 4096,    /* answers that are kept for repeated orders */
    BROKER_APPLICATIONS_MOST = 128 /* applications a node */
};

struct broker_store;

/*  What to do about records that cannot be used. */
#define BROKER_REMEDY                                                                                        \
    "noded-broker --root DIR --restore FILE restores a backup after the records were moved away, or"         \
    " noded-broker recover --root DIR rebuilds the records from DIR/releases"

/*  Opens or creates the database at path. A database that is damaged or lacks tables is refused. */
int broker_store_open (const char *path, struct broker_store **ret_store, struct base_error *error);
struct broker_store *broker_store_free (struct broker_store *store);

/*  Returns -ESTALE with a text if the file of the database was removed or replaced since it was opened, for
    good; else 0. Every transaction checks this at its start and after its commit. */
int broker_store_is_lost (struct broker_store *store, struct base_error *error);

/*  The mark is a number in the database that grows with every transaction that changes something. A small
    file beside the database has it, too. So records that lost their end, or are an older copy, are noticed.
    Attaches the file `name` of the directory; creates it if it is missing. A database with a lower mark
    than the file, or of another identity, is refused with BROKER_E_OLDER, unless `anew`: then the file is
    rewritten. */
int broker_store_mark_attach (struct broker_store *store, int directory, const char *name, bool anew,
                              struct base_error *error);
/*  Makes the mark durable; to be called before an order is acknowledged. A failure is ignored: the mark is
    only a warning. */
void broker_store_mark_sync (struct broker_store *store);

/*  A transaction over several calls. A rollback without a transaction does nothing. */
int broker_store_begin (struct broker_store *store, struct base_error *error);
int broker_store_commit (struct broker_store *store, struct base_error *error);
void broker_store_rollback (struct broker_store *store);
/*  A part of a transaction that can be undone alone; one at a time. mark_end returns -EIO if the whole
    transaction is lost. */
int broker_store_mark (struct broker_store *store, struct base_error *error);
int broker_store_mark_end (struct broker_store *store, bool keep);

/*  Returns the number of the next change to a node. It grows across restarts: numbers are reserved on disk
    in blocks, and the rest of a block is skipped after a crash. */
int broker_store_revision_next (struct broker_store *store, uint64_t *ret_revision, struct base_error *error);

/*  releases */

struct broker_release {
    struct base_digest digest;
    uint64_t serial; /* in the order of publishing */
    char time[40];
    bool withdrawn;
    struct wire_release document;
};
void broker_release_deinit (struct broker_release *release);

/*  Stores a release and the blobs that it uses. A release that is known stays as it is. */
int broker_store_release_put (struct broker_store *store, const struct base_digest *digest,
                              const struct wire_release *document, const char *time,
                              struct base_error *error);
int broker_store_release_get (struct broker_store *store, const struct base_digest *digest,
                              struct broker_release *ret_release, struct base_error *error);
int broker_store_release_withdraw (struct broker_store *store, const struct base_digest *digest,
                                   struct base_error *error);

/*  Calls each for the releases of an application (NULL: of all), newest first, with a serial below `before`
    (0: all). Stops at a non-zero return and returns it. */
typedef int broker_release_each (void *context, const struct broker_release *release);
int broker_store_releases (struct broker_store *store, const char *application, uint64_t before,
                           broker_release_each *each, void *context, struct base_error *error);

/*  Calls each for every blob of a release that nothing needs any more: no offered release uses it, and no
    node runs, or could revert to, a release that uses it. */
typedef int broker_digest_each (void *context, const struct base_digest *content);
int broker_store_contents_unused (struct broker_store *store, const struct base_digest *release,
                                  broker_digest_each *each, void *context, struct base_error *error);

/*  Returns whether a recorded release that is still needed uses a blob. */
int broker_store_content_used (struct broker_store *store, const struct base_digest *content, bool *ret_used,
                               struct base_error *error);

/*  nodes and their applications */

struct broker_node_record {
    const char *id;
    const char *place;    /* may be NULL */
    const char *software; /* may be NULL */
    const char *platform;
    const char *last_seen;
    const char *kernel; /* may be NULL */
    uint64_t restarts;
};

int broker_store_node_put (struct broker_store *store, const struct broker_node_record *node,
                           struct base_error *error);
int broker_store_node_seen (struct broker_store *store, const char *id, const char *last_seen,
                            struct base_error *error);

/*  Removes a node with its applications, reports and labels. */
int broker_store_node_remove (struct broker_store *store, const char *id, struct base_error *error);
typedef int broker_node_each (void *context, const struct broker_node_record *node);
int broker_store_nodes (struct broker_store *store, broker_node_each *each, void *context,
                        struct base_error *error);

/*  labels of nodes, by name; a label that an operator set precedes the node's own of that name */

typedef int broker_label_each (void *context, const struct wire_label *label);
int broker_store_labels (struct broker_store *store, const char *node, broker_label_each *each, void *context,
                         struct base_error *error);
/*  Stores a label, or removes it if it has no value. */
int broker_store_label_put (struct broker_store *store, const char *node, const struct wire_label *label,
                            struct base_error *error);
/*  Removes the labels that a node has set on itself. */
int broker_store_labels_forget_own (struct broker_store *store, const char *node, struct base_error *error);

/*  journals of nodes */

/*  What a node reported of its journal. Null value: nothing. */
struct broker_journal {
    uint64_t serial; /* of the last line; 0: none was reported */
    struct base_digest head;
    char *fault; /* the mismatch that was found; owned */
};
void broker_journal_deinit (struct broker_journal *journal);

/*  Returns -ENOENT if the node is not known. */
int broker_store_journal_get (struct broker_store *store, const char *node,
                              struct broker_journal *ret_journal, struct base_error *error);
int broker_store_journal_put (struct broker_store *store, const char *node,
                              const struct broker_journal *journal, struct base_error *error);

/*  Merges a node's head into the head of the fleet. The new head is the SHA-256 of: the fleet's head
    before, the node's id, a NUL byte, the serial in 8 bytes, high byte first, and the node's head. The
    newest BROKER_HEADS_MOST merges are kept. */
int broker_store_head_turn (struct broker_store *store, const char *node, uint64_t serial,
                            const struct base_digest *head, const char *time, struct base_error *error);

/*  Returns the fleet's head, and how many merges have led to it; 0: none. */
int broker_store_fleet_head (struct broker_store *store, uint64_t *ret_turns, struct base_digest *ret_head,
                             struct base_error *error);

/*  An application on a node: the last report of the node, and the desired state. */
struct broker_application {
    char node[BROKER_ID_SIZE];
    char name[BROKER_ID_SIZE];
    uint64_t epoch;      /* the highest that was issued here or reported by the node */
    enum wire_verb verb; /* of the last order; 0: none */
    bool is_told;
    struct wire_application told;
    bool is_desired;
    struct wire_desired desired;
};
void broker_application_deinit (struct broker_application *application);

int broker_store_application_get (struct broker_store *store, const char *node, const char *name,
                                  struct broker_application *ret_application, struct base_error *error);
int broker_store_application_put (struct broker_store *store, const struct broker_application *application,
                                  struct base_error *error);

/*  For a node's applications that are not among names: deletes those without a desired state, and clears
    the report of the others. */
int broker_store_applications_keep (struct broker_store *store, const char *node, const char *const *names,
                                    size_t n_names, struct base_error *error);
int broker_store_applications_count (struct broker_store *store, const char *node, uint64_t *ret_count,
                                     struct base_error *error);

/*  Returns whether the node reported that one of its applications is on trial. */
int broker_store_node_on_trial (struct broker_store *store, const char *node, bool *ret_trial,
                                struct base_error *error);

/*  reports */

/*  Stores a report; the key is (node, application, epoch, attempt, step). *ret_news: there was no report
    with this key and the same content. */
int broker_store_report_put (struct broker_store *store, const struct wire_report *report, bool *ret_news,
                             struct base_error *error);

/*  Calls each for the reports of a node with a serial above `after`, oldest first, with the rollout or
    operator that gave the order. application NULL: of all applications. */
typedef int broker_told_each (void *context, const struct wire_told *told);
int broker_store_reports (struct broker_store *store, const char *node, const char *application,
                          uint64_t after, broker_told_each *each, void *context, struct base_error *error);

/*  The same for one order, newest first, without who gave it. */
int broker_store_reports_of (struct broker_store *store, const char *node, const char *application,
                             uint64_t epoch, broker_told_each *each, void *context, struct base_error *error);

/*  answers to orders: an order that is repeated gets the same answer */

int broker_store_answer_put (struct broker_store *store, const char *key, const struct wire_answer *answer,
                             struct base_error *error);
int broker_store_answer_get (struct broker_store *store, const char *key, struct wire_answer *ret_answer,
                             struct base_error *error);

#endif
