/* SPDX-License-Identifier: MPL-2.0 */
/*  root/quarantine.c - releases that failed here: records in var/quarantine and the launcher's notes */

#include "root/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "root/record_file.h"
#include "root/verified.h"
#include "root/workspace.h"

enum { PATH_SIZE = 96 };

static const char *record_path (const struct base_digest *release, char path[PATH_SIZE])
{
    char text[BASE_DIGEST_TEXT];
    (void) snprintf (path, PATH_SIZE, ROOT_QUARANTINE "/%s", base_digest_format (release, text));
    return path;
}

static int record_add (const struct root *root, const struct wire_failure *failure, struct base_error *error)
{
    char path[PATH_SIZE];
    int r = root_record_make_directory (root, ROOT_VAR, error);
    if (r == 0)
        r = root_record_make_directory (root, ROOT_QUARANTINE, error);
    if (r < 0)
        return r;
    return root_record_write (root, record_path (&failure->release, path), &wire_failure_record, failure,
                              error);
}

static int record_find (const struct root *root, const struct base_digest *release,
                        struct wire_failure *ret_failure)
{
    char path[PATH_SIZE];
    struct wire_failure failure;
    int r = root_record_read (root, record_path (release, path), &wire_failure_record, &failure);
    if (r)
        return r;
    if (!base_digest_equal (&failure.release, release)) { /* the record of another release */
        wire_failure_deinit (&failure);
        root_record_set_aside (root, path);
        return ROOT_E_NONE;
    }
    *ret_failure = failure;
    return 0;
}

/*  Collects the releases that have a record. Names are collected first, because reading may set a
    file aside. */
static int releases_recorded (const struct root *root, struct base_buffer *ret_digests)
{
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root->fd, ROOT_QUARANTINE, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    for (;;) {
        struct base_digest digest;
        errno = 0;
        const struct dirent *entry = readdir (directory);
        if (!entry)
            return -errno;
        if (base_digest_parse (entry->d_name, &digest) < 0)
            continue;
        int r = base_buffer_append (ret_digests, &digest, sizeof digest);
        if (r < 0)
            return r;
    }
}

/*  Finds the record with the lowest time among these releases, other than `kept`. */
static bool record_oldest (const struct root *root, const struct base_buffer *digests,
                           const struct base_digest *kept, struct base_digest *ret_oldest)
{
    char oldest[BASE_TIME_TEXT] = "";
    for (size_t i = 0; i < digests->size; i += sizeof (struct base_digest)) {
        struct wire_failure failure;
        struct base_digest digest;
        memcpy (&digest, digests->data + i, sizeof digest);
        if (base_digest_equal (&digest, kept) || record_find (root, &digest, &failure))
            continue;
        if (!*oldest || strcmp (failure.time, oldest) < 0) {
            *ret_oldest = digest;
            (void) snprintf (oldest, sizeof oldest, "%s", failure.time);
        }
        wire_failure_deinit (&failure);
    }
    return *oldest;
}

/*  Removes the oldest record if there are too many. What cannot be removed stays: one record too many does no
    harm. */
static void records_bound (const struct root *root, const struct base_digest *kept)
{
    base_cleanup (base_buffer_deinit) struct base_buffer digests = {0};
    struct base_digest oldest;
    char path[PATH_SIZE];
    if (releases_recorded (root, &digests) < 0 ||
        digests.size / sizeof (struct base_digest) <= WIRE_QUARANTINE_MOST ||
        !record_oldest (root, &digests, kept, &oldest))
        return;
    (void) disk_unlink (root->disk, root->fd, record_path (&oldest, path));
}

int root_quarantine_add (const struct root *root, const struct wire_failure *failure,
                         struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (failure);
    if (base_digest_is_null (&failure->release))
        return base_error_set (error, -EINVAL, "cannot quarantine: the failure has no release");
    int r = record_add (root, failure, error);
    if (root_verified_make_room (root, r))
        r = record_add (root, failure, error);
    if (r == 0)
        records_bound (root, &failure->release);
    return r;
}

/*  the launcher's notes */

static bool outcome_is_blamed (const struct root_outcome *outcome)
{
    return !base_digest_is_null (&outcome->release) &&
           (outcome->judged == ROOT_JUDGED_NONE || outcome->judged == ROOT_JUDGED_GUILTY);
}

int root_failed_find (const struct root *root, const struct base_digest *release,
                      struct root_outcome *ret_outcome)
{
    base_assert (root_is_open (root));
    base_assert (release);
    base_assert (ret_outcome);
    char **names = NULL;
    int r = ROOT_E_NONE;
    if (root_failed_list (root, &names))
        return ROOT_E_NONE;
    for (size_t i = 0; names[i] && r; i++) {
        struct root_outcome outcome;
        if (root_failed_read (root, names[i], &outcome) || !base_digest_equal (&outcome.release, release))
            continue;
        *ret_outcome = outcome;
        r = 0;
    }
    (void) base_list_free (names);
    return r;
}

void root_failed_forget (const struct root *root, const struct base_digest *release)
{
    base_assert (root_is_open (root));
    base_assert (release);
    struct root_outcome outcome;
    for (unsigned i = 0; i < ROOT_FAILED_MOST && root_failed_find (root, release, &outcome) == 0; i++)
        if (root_failed_remove (root, outcome.workspace))
            return;
}

int root_failed_describe (const struct root *root, const struct root_outcome *outcome,
                          struct wire_failure *ret_failure)
{
    base_assert (root_is_open (root));
    base_assert (outcome);
    base_assert (ret_failure);
    static const char *const ends[] = {
        [ROOT_CAUSE_NONE] = "failed",
        [ROOT_CAUSE_CRASHED] = "crashed",
        [ROOT_CAUSE_HUNG] = "hung",
        [ROOT_CAUSE_UNCONFIRMED] = "never confirmed itself",
        [ROOT_CAUSE_DAMAGED] = "was damaged",
        [ROOT_CAUSE_CORRUPT] = "was damaged before it ever ran",
        [ROOT_CAUSE_INTERRUPTED] = "was interrupted each time",
        [ROOT_CAUSE_LOST] = "lost stable",
        [ROOT_CAUSE_STOPPED] = "was stopped repeatedly",
    };
    enum { N_ENDS = sizeof ends / sizeof *ends };
    base_cleanup (wire_installed_deinit) struct wire_installed installed = {.transaction = NULL};
    bool known = root_workspace_read (root, outcome->workspace, &installed, NULL) == 0 &&
                 base_digest_equal (&installed.release, &outcome->release);
    char *reason = base_text_printf (
        "on trial it %s: %s",
        (unsigned) outcome->cause < N_ENDS ? ends[outcome->cause] : ends[ROOT_CAUSE_NONE], outcome->text);
    struct wire_failure failure = {
        .release = outcome->release,
        .transaction = strdup (known && installed.transaction ? installed.transaction : "unknown"),
        .version = known && installed.envelope ? strdup (installed.envelope->version) : NULL,
        .step = strdup (wire_state_word (WIRE_STATE_TRIAL)),
        .reason = reason,
        .time = strdup (*outcome->time ? outcome->time : outcome->workspace), /* both name a time */
    };
    if (!failure.transaction || !failure.step || !failure.reason || !failure.time) {
        wire_failure_deinit (&failure);
        return -ENOMEM;
    }
    base_text_clean (reason);
    *ret_failure = failure;
    return 0;
}

int root_quarantine_find (const struct root *root, const struct base_digest *release,
                          struct wire_failure *ret_failure)
{
    base_assert (root_is_open (root));
    base_assert (release);
    base_assert (ret_failure);
    struct root_outcome outcome;
    int r = record_find (root, release, ret_failure);
    if (r != ROOT_E_NONE || root_failed_find (root, release, &outcome) || !outcome_is_blamed (&outcome))
        return r;
    return root_failed_describe (root, &outcome, ret_failure) ? ROOT_E_NONE : 0;
}

static bool digests_have (const struct base_buffer *digests, const struct base_digest *digest)
{
    for (size_t i = 0; i < digests->size; i += sizeof *digest)
        if (memcmp (digests->data + i, digest, sizeof *digest) == 0)
            return true;
    return false;
}

enum noted { NOTED_BLAMED, NOTED_ALL };

/*  Adds the releases that have only a note: those that are blamed, or all. */
static int releases_noted (const struct root *root, enum noted which, struct base_buffer *digests)
{
    base_cleanup (base_list_free_p) char **names = NULL;
    int r = root_failed_list (root, &names);
    if (r < 0)
        return r;
    for (size_t i = 0; names[i]; i++) {
        struct root_outcome outcome;
        if (root_failed_read (root, names[i], &outcome) ||
            (which == NOTED_BLAMED && !outcome_is_blamed (&outcome)) ||
            digests_have (digests, &outcome.release))
            continue;
        r = base_buffer_append (digests, &outcome.release, sizeof outcome.release);
        if (r < 0)
            return r;
    }
    return 0;
}

/*  All releases that have a record or a note. */
static int releases_all (const struct root *root, struct base_buffer *digests)
{
    int r = releases_recorded (root, digests);
    if (r < 0)
        return r;
    return releases_noted (root, NOTED_ALL, digests);
}

static int failures_compare_newest (const void *a, const void *b)
{
    const struct wire_failure *left = a, *right = b;
    int order = strcmp (right->time, left->time);
    return order ? order : memcmp (&left->release, &right->release, sizeof left->release);
}

int root_quarantine_list (const struct root *root, struct wire_failure **ret_failures, size_t *ret_count,
                          struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (ret_failures && ret_count);
    base_cleanup (base_buffer_deinit) struct base_buffer digests = {0};
    int r = releases_recorded (root, &digests);
    if (r < 0)
        return base_error_errno (error, r, "cannot read %s/" ROOT_QUARANTINE, root->path);
    r = releases_noted (root, NOTED_BLAMED, &digests);
    if (r < 0)
        return base_error_errno (error, r, "cannot read the notes about failed trials in %s", root->path);
    size_t most = digests.size / sizeof (struct base_digest), count = 0;
    struct wire_failure *failures = calloc (most + 1, sizeof *failures);
    if (!failures)
        return base_error_errno (error, -ENOMEM, "cannot read %s/" ROOT_QUARANTINE, root->path);
    for (size_t i = 0; i < most; i++) {
        struct base_digest digest;
        memcpy (&digest, digests.data + i * sizeof digest, sizeof digest);
        char path[PATH_SIZE];
        r = root_quarantine_find (root, &digest, &failures[count]);
        if (r == 0)
            count++;
        else if (r > 0 && faccessat (root->fd, record_path (&digest, path), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            r = -EIO; /* it is there, but was not read */
        if (r < 0) {  /* not the same as a list without it */
            root_quarantine_free (failures, count);
            return base_error_errno (error, r, "cannot read %s/" ROOT_QUARANTINE, root->path);
        }
    }
    qsort (failures, count, sizeof *failures, failures_compare_newest);
    while (count > WIRE_QUARANTINE_MOST)
        wire_failure_deinit (&failures[--count]);
    *ret_failures = failures;
    *ret_count = count;
    return 0;
}

void root_quarantine_free (struct wire_failure *failures, size_t count)
{
    for (size_t i = 0; failures && i < count; i++)
        wire_failure_deinit (&failures[i]);
    free (failures);
}

int root_quarantine_clear (const struct root *root, const struct base_digest *release, unsigned *ret_count,
                           struct base_error *error)
{
    base_assert (root_is_open (root));
    base_cleanup (base_buffer_deinit) struct base_buffer digests = {0};
    int r = release ? base_buffer_append (&digests, release, sizeof *release) : releases_all (root, &digests);
    if (r < 0)
        return base_error_errno (error, r, "cannot read %s/" ROOT_QUARANTINE, root->path);
    unsigned count = 0;
    for (size_t i = 0; i < digests.size; i += sizeof (struct base_digest)) {
        struct base_digest digest;
        char path[PATH_SIZE];
        memcpy (&digest, digests.data + i, sizeof digest);
        r = disk_unlink (root->disk, root->fd, record_path (&digest, path));
        if (r == -EISDIR || r == -EPERM)
            r = disk_tree_remove (root->disk, root->fd, path, NULL);
        if (r && r != -ENOENT && r != -ENOTDIR)
            return base_error_errno (error, r, "cannot remove %s/%s", root->path, path);
        struct root_outcome outcome;
        bool noted = root_failed_find (root, &digest, &outcome) == 0;
        if (noted)
            root_failed_forget (root, &digest);
        if (noted && root_failed_find (root, &digest, &outcome) == 0)
            return base_error_set (error, -EIO, "cannot remove %s/" ROOT_FAILED ".%s", root->path,
                                   outcome.workspace);
        count += r == 0 || (noted && outcome_is_blamed (&outcome));
    }
    if (ret_count)
        *ret_count = count;
    return 0;
}
