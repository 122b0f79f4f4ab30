/*  broker/store.h - the broker's records on disk

    One SQLite database, write-ahead log, synchronous=FULL: a call that returned 0 outside of a
    transaction, or whose transaction was committed, has its change on disk. Everything that is announced
    or answered was committed before. The layout is versioned by user_version; an older one is migrated
    when it is opened.

    Calls return 0 or -errno with the error filled, and -ENOENT without a sentence where a record is not
    there. Records that come out are owned by the caller. */

#ifndef BROKER_STORE_H
#define BROKER_STORE_H

#include "wire/wire.h"

enum {
    BROKER_ID_SIZE = 65,           /* a node id, an application name, a transaction, with its NUL */
    BROKER_REPORTS_MOST = 2000,    /* reports that are kept a node; the oldest go first */
    BROKER_HEADS_MOST = 65536,     /* turns of journal heads that are kept */
    BROKER_ANSWERS_MOST = 4096,    /* answers that are kept for orders sent again */
    BROKER_APPLICATIONS_MOST = 128 /* applications a node */
};

struct broker_store;

/*  What to do about records that cannot be used. */
#define BROKER_REMEDY                                                                                        \
    "noded-broker --root DIR --restore FILE puts a backup in the place of records that were moved away,"     \
    " noded-broker recover --root DIR rebuilds them from the releases beside the blobs"

/*  Opens or makes the database at path. One that is damaged, or lacks tables, is refused. */
int broker_store_open (const char *path, struct broker_store **ret_store, struct base_error *error);
struct broker_store *broker_store_free (struct broker_store *store);

/*  Whether the file of the database was removed or replaced since it was opened. It stays so: returns 0, or
    -ESTALE with a sentence. Every transaction asks when it begins, and once it is committed. */
int broker_store_is_lost (struct broker_store *store, struct base_error *error);

/*  The mark is a number in the database that grows with every transaction, and stands in a small file beside
    it, too, so that records which lost their end, or are an older copy, are noticed. Attaches the file `name`
    of the directory, made where it is missing. A database that is behind it is refused with BROKER_E_OLDER,
    unless `anew`: then the file is made to fit. */
int broker_store_mark_attach (struct broker_store *store, int directory, const char *name, bool anew,
                              struct base_error *error);
/*  Makes the mark durable; before an order is acknowledged. Where that fails, it is only not known. */
void broker_store_mark_sync (struct broker_store *store);

/*  A transaction over several calls. Rolling back without one does nothing. */
int broker_store_begin (struct broker_store *store, struct base_error *error);
int broker_store_commit (struct broker_store *store, struct base_error *error);
void broker_store_rollback (struct broker_store *store);
/*  A part of a transaction that can be undone alone; one at a time. mark_end returns -EIO where the whole
    transaction is lost. */
int broker_store_mark (struct broker_store *store, struct base_error *error);
int broker_store_mark_end (struct broker_store *store, bool keep);

/*  The number of the next change to a node. Grows across restarts: blocks of numbers are taken from the
    disk, and what a crash left of a block is skipped. */
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

/*  Stores a release with the contents that it uses. One that is there already stays as it is. */
int broker_store_release_put (struct broker_store *store, const struct base_digest *digest,
                              const struct wire_release *document, const char *time,
                              struct base_error *error);
int broker_store_release_get (struct broker_store *store, const struct base_digest *digest,
                              struct broker_release *ret_release, struct base_error *error);
int broker_store_release_withdraw (struct broker_store *store, const struct base_digest *digest,
                                   struct base_error *error);

/*  Calls each for the releases of an application (NULL: of all), newest first, those published before
    serial `before` (0: from the newest). Stops at a non-zero return and returns it. */
typedef int broker_release_each (void *context, const struct broker_release *release);
int broker_store_releases (struct broker_store *store, const char *application, uint64_t before,
                           broker_release_each *each, void *context, struct base_error *error);

/*  Calls each for every content of a release that nothing needs any more: no release that is offered uses
    it, and no node runs or could revert to a release that does. */
typedef int broker_digest_each (void *context, const struct base_digest *content);
int broker_store_contents_unused (struct broker_store *store, const struct base_digest *release,
                                  broker_digest_each *each, void *context, struct base_error *error);

/*  Whether anything on record uses a content. */
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

/*  labels of nodes, by their names; one that an operator set comes before the node's own of that name */

typedef int broker_label_each (void *context, const struct wire_label *label);
int broker_store_labels (struct broker_store *store, const char *node, broker_label_each *each, void *context,
                         struct base_error *error);
/*  Puts a label, or removes it where it has no value. */
int broker_store_label_put (struct broker_store *store, const char *node, const struct wire_label *label,
                            struct base_error *error);
/*  Forgets the labels that a node has set on itself. */
int broker_store_labels_forget_own (struct broker_store *store, const char *node, struct base_error *error);

/*  journals of nodes */

/*  What a node told of its journal. Null value: nothing. */
struct broker_journal {
    uint64_t serial; /* of the last line; 0: none was told */
    struct base_digest head;
    char *fault; /* what did not fit; owned */
};
void broker_journal_deinit (struct broker_journal *journal);

/*  -ENOENT where the node is not known. */
int broker_store_journal_get (struct broker_store *store, const char *node,
                              struct broker_journal *ret_journal, struct base_error *error);
int broker_store_journal_put (struct broker_store *store, const char *node,
                              const struct broker_journal *journal, struct base_error *error);

/*  Merges a head into the one of the fleet: SHA-256 of the fleet's before, the node's id, a NUL byte, the
    serial in 8 bytes, high one first, and the head. The newest BROKER_HEADS_MOST turns are kept. */
int broker_store_head_turn (struct broker_store *store, const char *node, uint64_t serial,
                            const struct base_digest *head, const char *time, struct base_error *error);

/*  The fleet's head, and how many turns have led to it; 0: none. */
int broker_store_fleet_head (struct broker_store *store, uint64_t *ret_turns, struct base_digest *ret_head,
                             struct base_error *error);

/*  An application on a node: what the node told last, and what is wanted of it. */
struct broker_application {
    char node[BROKER_ID_SIZE];
    char name[BROKER_ID_SIZE];
    uint64_t epoch;      /* the highest that was issued here or told by the node */
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

/*  Forgets what was told of the applications of a node that are not among names, and those of them that
    nothing is wanted of. */
int broker_store_applications_keep (struct broker_store *store, const char *node, const char *const *names,
                                    size_t n_names, struct base_error *error);
int broker_store_applications_count (struct broker_store *store, const char *node, uint64_t *ret_count,
                                     struct base_error *error);

/*  Whether some application of the node told that it is on trial. */
int broker_store_node_on_trial (struct broker_store *store, const char *node, bool *ret_trial,
                                struct base_error *error);

/*  reports */

/*  Stores a report; the key is (node, application, epoch, attempt, step). *ret_news: it says something
    that the one stored under its key did not. */
int broker_store_report_put (struct broker_store *store, const struct wire_report *report, bool *ret_news,
                             struct base_error *error);

/*  Calls each for the reports of a node, oldest first, behind serial `after`, with who gave the order.
    application NULL: of all. */
typedef int broker_told_each (void *context, const struct wire_told *told);
int broker_store_reports (struct broker_store *store, const char *node, const char *application,
                          uint64_t after, broker_told_each *each, void *context, struct base_error *error);

/*  The same for one order, newest first. */
int broker_store_reports_of (struct broker_store *store, const char *node, const char *application,
                             uint64_t epoch, broker_told_each *each, void *context, struct base_error *error);

/*  answers to orders, so that one that is sent again gets the same */

int broker_store_answer_put (struct broker_store *store, const char *key, const struct wire_answer *answer,
                             struct base_error *error);
int broker_store_answer_get (struct broker_store *store, const char *key, struct wire_answer *ret_answer,
                             struct base_error *error);

#endif
