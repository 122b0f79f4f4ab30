/*  root/record.h - what a node keeps in var/: journal, quarantine, trial, standing

    Commentary and caches: nothing here decides whether a start succeeds. A file that cannot be parsed is
    set aside under its name plus ".damaged" and counts as missing. */

#ifndef ROOT_RECORD_H
#define ROOT_RECORD_H

#include "root/outcome.h"
#include "wire/wire.h"

/*  Appends to var/journal; serial, time and before (root/chain.h) are filled in, serial and before for the
    caller too. Rotates at 1 MiB to var/journal.1, which it replaces. */
int root_journal_append (const struct root *root, struct wire_entry *entry, struct base_error *error);

/*  The last most entries, oldest first; lines that cannot be parsed are counted in *ret_damaged. The
    caller frees entries[i] and the array: root_journal_free. */
int root_journal_read (const struct root *root, size_t most, struct wire_entry **ret_entries,
                       size_t *ret_count, size_t *ret_damaged, struct base_error *error);
void root_journal_free (struct wire_entry *entries, size_t count);

/*  Makes a directory below var/, and var/ itself, where they are missing; what is in the way is set aside. */
int root_cache_make (const struct root *root, const char *path, struct base_error *error);

/*  Writes a file below var/; what is in the way is set aside. */
int root_cache_put (const struct root *root, const char *path, mode_t mode, const void *data, size_t size,
                    struct base_error *error);

/*  What a trial that the launcher ended says of its release, for a person; what is not known of the order is made up.
    The caller owns it. Returns 0 or -ENOMEM. */
int root_failed_describe (const struct root *root, const struct root_outcome *outcome,
                          struct wire_failure *ret_failure);
/*  The newest note of a release. Returns 0 or ROOT_E_NONE. */
int root_failed_find (const struct root *root, const struct base_digest *release,
                      struct root_outcome *ret_outcome);
/*  Removes all of a release. */
void root_failed_forget (const struct root *root, const struct base_digest *release);

/*  var/quarantine/RELEASE, a wire_failure as JSON. What is found and listed are these, and the launcher's notes
    (root/outcome.h) but for those that blame nobody or are being judged: a release that failed its trial is not
    tried again where var/ was lost. Clearing removes both. */
int root_quarantine_add (const struct root *root, const struct wire_failure *failure,
                         struct base_error *error);
/*  Returns 0 (the caller owns the failure) or ROOT_E_NONE. */
int root_quarantine_find (const struct root *root, const struct base_digest *release,
                          struct wire_failure *ret_failure);
/*  All of them, newest first; free with root_quarantine_free. */
int root_quarantine_list (const struct root *root, struct wire_failure **ret_failures, size_t *ret_count,
                          struct base_error *error);
void root_quarantine_free (struct wire_failure *failures, size_t count);
/*  One release, or all where release is NULL. *ret_count: how many went. */
int root_quarantine_clear (const struct root *root, const struct base_digest *release, unsigned *ret_count,
                           struct base_error *error);

/*  var/trial and var/standing. Read returns 0 (the caller owns the message) or ROOT_E_NONE. */
int root_trial_note (const struct root *root, const struct wire_trial *trial, struct base_error *error);
int root_trial_recall (const struct root *root, struct wire_trial *ret_trial);
int root_trial_forget (const struct root *root);
/*  var/reverted: a person went back on this host, which the next manager takes up: it holds, whatever the one
    that runs has written last, and tells. */
int root_reverted_note (const struct root *root, const struct wire_entry *entry, struct base_error *error);
int root_reverted_recall (const struct root *root, struct wire_entry *ret_entry);
int root_reverted_forget (const struct root *root);
int root_standing_write (const struct root *root, const struct wire_standing *standing,
                         struct base_error *error);
int root_standing_read (const struct root *root, struct wire_standing *ret_standing);

#endif
