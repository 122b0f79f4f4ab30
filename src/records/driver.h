/* SPDX-License-Identifier: MPL-2.0 */
/*  records/driver.h - what a driver provides besides records/records.h and records/backup.h

    A driver is a set of files that keeps the records in one kind of database: sqlite*.c. It implements
    every operation of records.h and backup.h, except those of the files without a driver's name (heads.c,
    releases.c, applications.c, reports.c, rollouts.c, keys.c, renew.c). Those contain what is the same for every
    database: which values are combined, which limits hold, which loaded values are refused. They call the
    operations below. Nothing outside of this room includes this file.

    Results are as in records.h. Calls that change several rows are within the caller's transaction. */

#ifndef RECORDS_DRIVER_H
#define RECORDS_DRIVER_H

#include "records/backup.h"
#include "records/records.h"

/*  pack.c: messages as they are stored. Each returns 0, -EBADMSG if the message does not match its schema,
    or -ENOMEM. */
int records_pack (const struct wire_record *record, const void *message, struct base_buffer *buffer,
                  struct base_error *error);
int records_unpack (const struct wire_record *record, const void *data, size_t size, void *ret_message,
                    struct base_error *error);

/*  releases */

/*  Adds a release without its blobs. A release that is known stays as it is. */
int records_release_add (struct records *records, const struct base_digest *digest,
                         const struct wire_release *document, const struct base_buffer *packed,
                         const char *time, struct base_error *error);
/*  Adds a blob of a release; a known one stays as it is. */
int records_blob_add (struct records *records, const struct base_digest *release,
                      const struct base_digest *blob, uint64_t size, struct base_error *error);
/*  Marks a release as withdrawn. Returns 0, -ENOENT or another -errno. */
int records_release_mark_withdrawn (struct records *records, const struct base_digest *digest,
                                    struct base_error *error);

/*  applications */

/*  Calls each for the names of a node's applications that have a report. */
typedef int records_name_each (void *context, const char *name);
int records_applications_reported (struct records *records, const char *node, records_name_each *each,
                                   void *context, struct base_error *error);
/*  Deletes an application that has no desired state; clears the report of one that has. */
int records_application_drop (struct records *records, const char *node, const char *name,
                              struct base_error *error);

/*  reports; packed: of stored, with serial 0 */

/*  *ret_known: the report with this key is stored with the same content. */
int records_report_is_known (struct records *records, const struct wire_stored_report *stored,
                             const struct base_buffer *packed, bool *ret_known, struct base_error *error);
/*  Stores a report under a new serial, in the place of one with the same key. Deletes the oldest reports of
    the node beyond `most`. */
int records_report_add (struct records *records, const struct wire_stored_report *stored,
                        const struct base_buffer *packed, uint64_t most, struct base_error *error);

/*  the fleet's head */

/*  The head of a node's journal, and the head of the fleet into which it was merged. */
struct records_head {
    const char *node;
    uint64_t serial;
    const struct base_digest *head;
    struct base_digest fleet;
    const char *time;
};
/*  Adds a merge; its number is one above the last. Deletes all up to number `until`; 0: none. */
int records_head_add (struct records *records, const struct records_head *merged, uint64_t until,
                      struct base_error *error);

/*  keys */

/*  Adds an active key under a new serial. A known fingerprint is an error. */
int records_key_insert (struct records *records, const struct wire_key *key, struct base_error *error);
/*  Counts all keys; and of the keys of a name: those of nodes, active or not; those of others; and the active
    ones. */
struct records_key_counts {
    uint64_t all, of_node, of_others, active;
};
int records_key_count (struct records *records, const char *name, struct records_key_counts *ret_counts,
                       struct base_error *error);

/*  rollouts.c: the evidence as text, which is read back exactly */

enum { RECORDS_EVIDENCE_TEXT = 256 };
const char *records_evidence_print (const struct records_evidence *evidence,
                                    char text[RECORDS_EVIDENCE_TEXT]);
/*  text may be NULL. Returns 0 or -EBADMSG. */
int records_evidence_parse (const char *text, struct records_evidence *ret_evidence);
/*  Returns 0, or -EBADMSG with a text if a loaded rollout has values that no broker writes. */
int records_rollout_check (const struct records_rollout *rollout, struct base_error *error);

/*  renewal */

/*  Returns when the copy was made from which these records came, in ms since 1970; 0: they are no copy. */
int records_copied_get (struct records *records, uint64_t *ret_copied_ms, struct base_error *error);
/*  Removes that time. Skips revision numbers that clients may have seen. */
int records_revisions_skip (struct records *records, struct base_error *error);
/*  Sets the time at which members under way of live rollouts entered their state. */
int records_members_restart (struct records *records, uint64_t since_ms, struct base_error *error);
int records_counts_get (struct records *records, uint64_t *ret_nodes, uint64_t *ret_releases,
                        struct base_error *error);
/*  Merges the log into the file of the records, so that this file alone is complete. */
int records_gather (struct records *records, struct base_error *error);

#endif
