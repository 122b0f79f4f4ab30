/* SPDX-License-Identifier: MPL-2.0 */
/*  root/record.h - the records of a node in var/: journal, quarantine, trial, order state

    Nothing here decides whether a start succeeds. A file that cannot be parsed is renamed to its name plus
    ".damaged" and counts as missing. */

#ifndef ROOT_RECORD_H
#define ROOT_RECORD_H

#include "root/outcome.h"
#include "wire/wire.h"

/*  Appends to var/journal. Sets serial, time and before (root/chain.h), and returns serial and before in
    *entry. At 1 MiB, renames the journal to var/journal.1, which is replaced. */
int root_journal_append (const struct root *root, struct wire_entry *entry, struct base_error *error);

/*  The last most entries, oldest first. *ret_damaged: number of lines that cannot be parsed. Free
    with root_journal_free. */
int root_journal_read (const struct root *root, size_t most, struct wire_entry **ret_entries,
                       size_t *ret_count, size_t *ret_damaged, struct base_error *error);
void root_journal_free (struct wire_entry *entries, size_t count);

/*  Makes a directory below var/, and var/ itself, if they are missing. Anything else with that name is
    set aside. */
int root_cache_make (const struct root *root, const char *path, struct base_error *error);

/*  Writes a file below var/. A directory with that name is set aside. */
int root_cache_put (const struct root *root, const char *path, mode_t mode, const void *data, size_t size,
                    struct base_error *error);

/*  Describes a trial that the launcher ended, for people. Unknown fields get placeholders. The caller owns
    the failure. Returns 0 or -ENOMEM. */
int root_failed_describe (const struct root *root, const struct root_outcome *outcome,
                          struct wire_failure *ret_failure);
/*  The newest note about a release. Returns 0 or ROOT_E_NONE. */
int root_failed_find (const struct root *root, const struct base_digest *release,
                      struct root_outcome *ret_outcome);
/*  Removes all notes about a release. */
void root_failed_forget (const struct root *root, const struct base_digest *release);

/*  var/quarantine/RELEASE: a wire_failure as JSON. find and list also return the launcher's notes
    (root/outcome.h), so that a release that failed its trial is not tried again if var/ was lost; except
    notes judged innocent or still in the blame check. clear removes both. At most WIRE_QUARANTINE_MOST records are
    kept: add removes the oldest, whose release may be tried again. */
int root_quarantine_add (const struct root *root, const struct wire_failure *failure,
                         struct base_error *error);
/*  Returns 0 (the caller owns the failure) or ROOT_E_NONE. */
int root_quarantine_find (const struct root *root, const struct base_digest *release,
                          struct wire_failure *ret_failure);
/*  The newest WIRE_QUARANTINE_MOST, newest first, equal times by release. Free with root_quarantine_free. */
int root_quarantine_list (const struct root *root, struct wire_failure **ret_failures, size_t *ret_count,
                          struct base_error *error);
void root_quarantine_free (struct wire_failure *failures, size_t count);
/*  Clears one release, or all if release is NULL. *ret_count: number of cleared releases. */
int root_quarantine_clear (const struct root *root, const struct base_digest *release, unsigned *ret_count,
                           struct base_error *error);

/*  var/trial and var/order-state. Reading returns 0 (the caller owns the message) or ROOT_E_NONE. */
int root_trial_note (const struct root *root, const struct wire_trial *trial, struct base_error *error);
int root_trial_recall (const struct root *root, struct wire_trial *ret_trial);
int root_trial_forget (const struct root *root);
/*  var/reverted: a revert by command on this host. The next manager reads it, enforces it whatever the
    running manager writes last, and reports it. */
int root_reverted_note (const struct root *root, const struct wire_entry *entry, struct base_error *error);
int root_reverted_recall (const struct root *root, struct wire_entry *ret_entry);
int root_reverted_forget (const struct root *root);
int root_order_state_write (const struct root *root, const struct wire_order_state *order_state,
                            struct base_error *error);
int root_order_state_read (const struct root *root, struct wire_order_state *ret_order_state);

#endif
