#include "root/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "root/record_file.h"
#include "root/verified.h"

#define QUARANTINE ROOT_VAR "/quarantine"

enum { PATH_SIZE = 96 };

static const char *path_of (const struct base_digest *release, char path[PATH_SIZE])
{
    char text[BASE_DIGEST_TEXT];
    (void) snprintf (path, PATH_SIZE, QUARANTINE "/%s", base_digest_format (release, text));
    return path;
}

static int add (const struct root *root, const struct wire_failure *failure, struct base_error *error)
{
    char path[PATH_SIZE];
    int rc = root_record_make_directory (root, ROOT_VAR, error);
    if (rc == 0)
        rc = root_record_make_directory (root, QUARANTINE, error);
    if (rc)
        return rc;
    return root_record_write (root, path_of (&failure->release, path), &wire_failure_record, failure, error);
}

int root_quarantine_add (const struct root *root, const struct wire_failure *failure,
                         struct base_error *error)
{
    if (base_digest_is_null (&failure->release))
        return base_error_set (error, -EINVAL, "a failure without a release quarantines nothing");
    int rc = add (root, failure, error);
    return root_verified_make_room (root, rc) ? add (root, failure, error) : rc;
}

int root_quarantine_find (const struct root *root, const struct base_digest *release,
                          struct wire_failure *ret_failure)
{
    char path[PATH_SIZE];
    struct wire_failure failure;
    int rc = root_record_read (root, path_of (release, path), &wire_failure_record, &failure);
    if (rc)
        return rc;
    if (!base_digest_equal (&failure.release, release)) { /* a record under another's name */
        wire_failure_deinit (&failure);
        root_record_set_aside (root, path);
        return ROOT_E_NONE;
    }
    *ret_failure = failure;
    return 0;
}

/*  The releases that have a record: names collected first, since reading may set a file aside. */
static int releases (const struct root *root, struct base_buffer *ret_digests)
{
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root->fd, QUARANTINE, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir (directory));) {
        struct base_digest digest;
        if (base_digest_parse (entry->d_name, &digest) == 0)
            rc = base_buffer_append (ret_digests, &digest, sizeof digest);
    }
    return rc;
}

static int compare_newest (const void *a, const void *b)
{
    const struct wire_failure *left = a, *right = b;
    return strcmp (right->time, left->time);
}

int root_quarantine_list (const struct root *root, struct wire_failure **ret_failures, size_t *ret_count,
                          struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer digests = {0};
    int rc = releases (root, &digests);
    if (rc)
        return base_error_errno (error, rc, "cannot read %s/" QUARANTINE, root->path);
    size_t most = digests.size / sizeof (struct base_digest), count = 0;
    struct wire_failure *failures = calloc (most + 1, sizeof *failures);
    if (!failures)
        return base_error_errno (error, -ENOMEM, "cannot read %s/" QUARANTINE, root->path);
    for (size_t i = 0; i < most; i++) {
        struct base_digest digest;
        memcpy (&digest, digests.data + i * sizeof digest, sizeof digest);
        if (root_quarantine_find (root, &digest, &failures[count]) == 0)
            count++;
    }
    qsort (failures, count, sizeof *failures, compare_newest);
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
    base_cleanup (base_buffer_deinit) struct base_buffer digests = {0};
    int rc = release ? base_buffer_append (&digests, release, sizeof *release) : releases (root, &digests);
    if (rc)
        return base_error_errno (error, rc, "cannot read %s/" QUARANTINE, root->path);
    unsigned count = 0;
    for (size_t i = 0; i < digests.size; i += sizeof (struct base_digest)) {
        struct base_digest digest;
        char path[PATH_SIZE];
        memcpy (&digest, digests.data + i, sizeof digest);
        rc = disk_unlink (root->disk, root->fd, path_of (&digest, path));
        if (rc == -EISDIR || rc == -EPERM)
            rc = disk_tree_remove (root->disk, root->fd, path, NULL);
        if (rc && rc != -ENOENT)
            return base_error_errno (error, rc, "cannot remove %s/%s", root->path, path);
        count += rc == 0;
    }
    if (ret_count)
        *ret_count = count;
    return 0;
}
