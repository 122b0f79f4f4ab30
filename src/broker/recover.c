/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/recover.c - records made from a backup, or from the release documents

    New records get their name by one rename, after everything in them is durable. If the process is killed
    before that, only a draft remains, which the next run removes. Existing records are never deleted: they
    get another name, or are kept and updated. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "broker/broker.h"
#include "broker/documents.h"
#include "broker/keeping.h"
#include "broker/root.h"
#include "disk/disk.h"
#include "records/backup.h"

#define DRAFT "broker.db.new"

enum { BLOCK = 1 << 20 };

static void draft_remove (int root)
{
    static const char *const names[] = {DRAFT, DRAFT "-wal", DRAFT "-shm", DRAFT "-journal"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void) unlinkat (root, names[i], 0);
}

/*  Copies a file into the draft, and makes it durable. */
static int draft_copy (int from, int root, struct base_error *error)
{
    base_assert (from >= 0 && root >= 0);
    const struct disk *disk = &disk_system;
    base_cleanup (base_free_p) char *block = malloc (BLOCK);
    base_cleanup (base_close_p) int fd = -1;
    ssize_t got;

    if (!block)
        return base_error_errno (error, -ENOMEM, "cannot restore");
    fd = disk->ops->openat (disk->context, root, DRAFT, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                            0600);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot write " DRAFT);
    while ((got = read (from, block, BLOCK)) > 0) {
        int r = disk_write_all (disk, fd, block, (size_t) got);
        if (r < 0)
            return base_error_errno (error, r, "cannot copy the backup into the root");
    }
    if (got < 0 || disk->ops->fsync (disk->context, fd) != 0)
        return base_error_errno (error, -errno, "cannot copy the backup into the root");
    return 0;
}

/*  Gives the draft the name of the records. Removes the mark of earlier records first, because the broker
    would refuse the new records. */
static int draft_name (const char *root_path, int root, struct base_error *error)
{
    int r = disk_unlink (&disk_system, root, BROKER_MARK);

    if (r < 0 && r != -ENOENT)
        return base_error_errno (error, r, "cannot remove " BROKER_MARK);
    r = disk_rename (&disk_system, root, DRAFT, BROKER_RECORDS, error);
    if (r < 0)
        return r;
    return broker_keeping_settle (root_path, root, error);
}

/*  Adds the releases of the documents below a root to records that are being made. */
static int documents_fill (void *context, struct records *records, uint64_t *ret_adopted,
                           struct base_error *error)
{
    const int *root = context;

    return broker_documents_adopt (*root, records, ret_adopted, error);
}

static int root_renew (const char *path, int root, struct records_restored *ret_restored,
                       struct base_error *error)
{
    struct records_filling filling = {.fill = documents_fill, .context = &root};

    return records_renew (path, &filling, ret_restored, error);
}

/*  Returns 0 if the root has no records, or -EEXIST. */
static int root_empty_check (int root, const char *path, struct base_error *error)
{
    static const char *const names[] = {BROKER_RECORDS, BROKER_RECORDS "-wal"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (faccessat (root, names[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            return base_error_set (
                error, -EEXIST,
                "%s/%s exists: a backup is restored only into a root without records; move them"
                " away, or use another root",
                path, names[i]);
    return 0;
}

/*  Fills the draft from a backup, and makes it the records. On failure the draft is the caller's to
    remove. */
static int draft_restore (const char *path, const char *root_path, int root, int from,
                          struct records_restored *ret_restored, struct base_error *error)
{
    int r = draft_copy (from, root, error);
    if (r < 0)
        return r;
    r = records_check (path, ret_restored, error);
    if (r < 0)
        return r;
    r = root_renew (path, root, ret_restored, error);
    if (r < 0)
        return r;
    return draft_name (root_path, root, error);
}

static int root_restore (const char *root_path, int root, int from, struct records_restored *ret_restored,
                         struct base_error *error)
{
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/" DRAFT, root_path);
    int r = path ? root_empty_check (root, root_path, error) : -ENOMEM;
    if (r < 0)
        return r;
    draft_remove (root);
    r = draft_restore (path, root_path, root, from, ret_restored, error);
    if (r < 0)
        draft_remove (root);
    return r;
}

int broker_restore (const char *root_path, const char *file, struct base_error *error)
{
    base_assert (root_path && file);
    base_cleanup (base_close_p) int root = -1;
    base_cleanup (base_close_p) int lock = -1;
    base_cleanup (base_close_p) int from = open (file, O_RDONLY | O_CLOEXEC);
    struct records_restored restored = {.nodes = 0};
    bool existed = access (root_path, F_OK) == 0;
    int r = from < 0 ? base_error_errno (error, -errno, "cannot read %s", file)
                     : broker_root_open (root_path, &root, &lock, error);

    if (r == 0) {
        r = root_restore (root_path, root, from, &restored, error);
        if (r < 0 && !existed) {
            (void) unlinkat (root, "lock", 0);
            (void) rmdir (root_path);
        }
    }
    if (r < 0)
        return base_error_prefix (error, "cannot restore %s", file);
    if (r > 0)
        return r;
    base_log (BASE_LOG_INFO,
              "restored %s into %s: %" PRIu64 " nodes, %" PRIu64 " releases, %" PRIu64
              " rollouts paused; the copy is from %s; %" PRIu64
              " releases were published since. Copy ROOT/blobs"
              " of the old broker back, then start the broker",
              file, root_path, restored.nodes, restored.releases, restored.paused,
              restored.time[0] ? restored.time : "an unknown time", restored.adopted);
    return 0;
}

/*  Recovery. */

/*  Keeps sound records, and sets others aside. *ret_kept: they were kept. */
static int records_keep_or_set_aside (const char *root_path, int root, bool *ret_kept,
                                      struct base_error *error)
{
    base_cleanup (base_free_p) char *file = base_text_printf ("%s/" BROKER_RECORDS, root_path);
    struct base_error why = {.code = 0};
    struct records *records = NULL;
    bool empty = false;
    int r = file ? broker_keeping_is_empty (root_path, root, &empty, error) : -ENOMEM;

    *ret_kept = false;
    if (r < 0)
        return r;
    if (!empty) {
        r = records_open (file, &records, &why);
        (void) records_free (records);
        if (r == 0) {
            *ret_kept = true;
            return 0;
        }
        if (r != -EBADMSG) /* not damaged: this process lacks permission, or the host is at fault */
            return base_error_set (error, r,
                                   "%.400s: nothing was changed. Fix that first; if no process can read"
                                   " the records, move them away, then run recover",
                                   why.text);
        base_log (BASE_LOG_WARNING, "setting aside records that cannot be used: %s", why.text);
    }
    return broker_keeping_set_aside (root, error);
}

/*  Makes new records from the release documents. */
static int draft_recover (const char *draft, const char *root_path, int root,
                          struct records_restored *ret_restored, struct base_error *error)
{
    int r = root_renew (draft, root, ret_restored, error);
    if (r == 0)
        r = draft_name (root_path, root, error);
    if (r < 0)
        draft_remove (root);
    return r;
}

static int root_recover (const char *root_path, int root, struct records_restored *ret_restored,
                         bool *ret_kept, struct base_error *error)
{
    base_cleanup (base_free_p) char *draft = base_text_printf ("%s/" DRAFT, root_path);
    base_cleanup (base_free_p) char *file = base_text_printf ("%s/" BROKER_RECORDS, root_path);
    int r = draft && file ? records_keep_or_set_aside (root_path, root, ret_kept, error) : -ENOMEM;
    if (r < 0)
        return r;
    draft_remove (root);
    if (!*ret_kept)
        return draft_recover (draft, root_path, root, ret_restored, error);
    r = root_renew (file, root, ret_restored, error);
    if (r < 0)
        return r;
    return broker_keeping_settle (root_path, root, error);
}

int broker_recover (const char *root_path, struct base_error *error)
{
    base_assert (root_path);
    base_cleanup (base_close_p) int root = -1;
    base_cleanup (base_close_p) int lock = -1;
    struct records_restored restored = {.nodes = 0};
    bool kept = false;
    int r = access (root_path, F_OK) == 0
                ? broker_root_open (root_path, &root, &lock, error)
                : base_error_errno (error, -errno, "cannot open the root %s", root_path);

    if (r == 0)
        r = root_recover (root_path, root, &restored, &kept, error);
    if (r < 0)
        return base_error_prefix (error, "cannot recover %s", root_path);
    if (r > 0)
        return r;
    base_log (BASE_LOG_INFO,
              "recovered %s: %s; %" PRIu64 " releases (%" PRIu64 " from %s/releases), %" PRIu64
              " nodes, %" PRIu64 " rollouts paused. Other nodes are known again when they connect, without"
              " their labels. Start the broker",
              root_path, kept ? "the existing records are kept" : "the records are new", restored.releases,
              restored.adopted, root_path, restored.nodes, restored.paused);
    return 0;
}
