/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/backup.c - copies of the records while the broker runs */

#include "broker/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/caller.h"
#include "broker/operator.h"
#include "bus/work.h"
#include "wire/text.h"

enum { COPIES_MOST = 8, COPY_KEPT_MS = 60 * 60 * 1000, BLOCK = 1 << 20 };

struct broker_backup {
    struct broker *broker;
    struct bus_work *work;
    struct bus_peer peer; /* the client */
    uint64_t serial;

    /*  Belongs to the thread while the job runs. */
    int root;
    const char *database;
    char *copy; /* path of the copy, until it is stored as a blob */
    struct base_digest digest, fleet_head;
    uint64_t size, merges;
    struct base_error error;
};

/*  Copies that can be downloaded. */
struct broker_copies {
    struct {
        struct base_digest digest;
        uint64_t made_ms;
    } all[COPIES_MOST];
    size_t count;
};

static struct broker_backup *backup_free (struct broker_backup *backup)
{
    if (!backup)
        return NULL;
    (void) bus_work_free (backup->work);
    free (backup->copy);
    free (backup);
    return NULL;
}

/*  These run on the thread. */

static int blob_write (struct disk_partial *partial, int fd, struct base_error *error)
{
    base_assert (fd >= 0 && partial->offset <= partial->size);
    base_cleanup (base_free_p) char *block = malloc (BLOCK);

    if (!block)
        return base_error_errno (error, -ENOMEM, "cannot make a backup");
    while (partial->offset < partial->size) {
        ssize_t got = pread (fd, block, BLOCK, (off_t) partial->offset);
        if (got <= 0)
            return base_error_errno (error, got < 0 ? -errno : -EIO, "cannot read the backup");
        int r = disk_partial_write (partial, block, (size_t) got, error);
        if (r < 0)
            return r;
    }
    return 0;
}

static int blob_put (struct broker_backup *backup, struct disk_blobs *blobs)
{
    base_cleanup (base_close_p) int fd = open (backup->copy, O_RDONLY | O_CLOEXEC);
    base_cleanup (disk_partial_deinit) struct disk_partial partial = {.fd = -1};
    int r = fd < 0 ? -errno : base_digest_of_fd (fd, &backup->digest, &backup->size);

    if (r < 0)
        return base_error_errno (&backup->error, r, "cannot read %s", backup->copy);
    r = disk_partial_open (blobs, &backup->digest, backup->size, &partial, &backup->error);
    if (r < 0)
        return r;
    r = blob_write (&partial, fd, &backup->error);
    if (r < 0)
        return r;
    r = disk_partial_finish (&partial, &backup->error);
    return r == DISK_E_DIGEST ? base_error_set (&backup->error, -EIO, "the backup changed while it was read")
                              : r;
}

static int copy_make (void *context)
{
    struct broker_backup *backup = context;
    base_cleanup (disk_blobs_deinit) struct disk_blobs blobs = {.fd = -1};
    int r = disk_blobs_open (&disk_system, backup->root, "blobs", &blobs, &backup->error);

    (void) unlink (backup->copy); /* left by a broker that was killed */
    if (r < 0)
        return r;
    r = records_copy (backup->database, backup->copy, &backup->merges, &backup->fleet_head, &backup->error);
    if (r == 0)
        r = blob_put (backup, &blobs);
    (void) unlink (backup->copy);
    return r;
}

/*  These run in the loop. */

/*  Whether the client may still have the copy. */
static bool backup_is_permitted (const struct broker_backup *backup, char ret_reason[BROKER_CALLER_TEXT])
{
    const struct wire_backup_records request = {.serial = backup->serial};
    const struct broker_caller caller = broker_caller_of (&backup->broker->keys, &backup->peer);

    return broker_caller_check (&caller, &wire_backup_records_record, &request, ret_reason) == 0;
}

/*  Removes the blob of the oldest copy. */
static void copies_shorten (struct broker *broker)
{
    struct broker_copies *copies = broker->copies;

    base_assert (copies->count > 0 && copies->count <= COPIES_MOST);
    (void) broker_blobs_remove (broker->blobs, &copies->all[0].digest);
    memmove (&copies->all[0], &copies->all[1], --copies->count * sizeof copies->all[0]);
}

static void copy_remember (struct broker *broker, const struct base_digest *digest)
{
    struct broker_copies *copies = broker->copies;

    if (copies->count == COPIES_MOST)
        copies_shorten (broker);
    copies->all[copies->count].digest = *digest;
    copies->all[copies->count++].made_ms = base_time_boot_ms ();
}

static void backup_done (void *context, int result)
{
    struct broker_backup *backup = context;
    struct broker *broker = backup->broker;
    base_assert (broker->backup == backup && broker->blobs && broker->copies);
    char text[BASE_DIGEST_TEXT], refusal[BROKER_CALLER_TEXT];
    base_cleanup (base_free_p) char *reason =
        result ? wire_reason ("no backup was made: %s", backup->error.text) : NULL;
    struct wire_backup made = {.blob = backup->digest,
                               .size = backup->size,
                               .heads = backup->merges,
                               .fleet_head = backup->fleet_head};
    struct wire_backed_up answer = {.serial = backup->serial,
                                    .status = result ? WIRE_STATUS_FAILED : WIRE_STATUS_OK,
                                    .reason = reason,
                                    .instance = origin_instance (broker->origin),
                                    .revision = broker->revision,
                                    .backup = result ? NULL : &made};

    if (result == 0) {
        copy_remember (broker, &backup->digest);
        base_log (BASE_LOG_INFO, "made a backup of %" PRIu64 " bytes: %s", backup->size,
                  base_digest_format (&backup->digest, text));
    } else
        base_log_limited (&broker->log, BASE_LOG_ERROR, "no backup was made: %s", backup->error.text);
    if (!backup_is_permitted (backup, refusal)) {
        answer.status = WIRE_STATUS_REFUSED;
        answer.reason = refusal;
        answer.backup = NULL;
    }
    (void) origin_answer (broker->origin, &backup->peer, &wire_backed_up_record, &answer);
    broker->backup = backup_free (backup);
}

/*  The answer is sent after the copy is durable. */
int broker_serve_backup_records (struct broker_call *call, const struct wire_backup_records *request,
                                 struct wire_backed_up *answer)
{
    base_assert (call && request && answer);
    struct broker *broker = call->broker;
    const struct bus_peer *peer = call->peer;
    struct broker_backup *backup = broker->backup;
    const char *database = records_path (broker->records);
    int r;

    if (!broker->blobs)
        return wire_answer_set (
            answer, WIRE_STATUS_REFUSED,
            "this broker serves no blobs, so a backup cannot be downloaded from it: on its host,"
            " sqlite3 ROOT/broker.db '.backup FILE' makes one while it runs");
    if (backup && backup->serial == request->serial && bus_peer_equal (&backup->peer, peer))
        return ORIGIN_LATER; /* the request is repeated */
    if (backup)
        return wire_answer_set (answer, WIRE_STATUS_BUSY,
                                "a backup is being made already: ask again in a moment");
    if (!broker->copies && !(broker->copies = calloc (1, sizeof *broker->copies)))
        return -ENOMEM;
    backup = calloc (1, sizeof *backup);
    if (!backup)
        return -ENOMEM;
    *backup = (struct broker_backup){.broker = broker,
                                     .peer = *peer,
                                     .serial = request->serial,
                                     .root = broker->root,
                                     .database = database,
                                     .copy = base_text_printf ("%s.copy", database)};
    r = backup->copy ? bus_work_start (broker->loop, copy_make, backup_done, backup, &backup->work) : -ENOMEM;
    if (r < 0) {
        (void) backup_free (backup);
        return base_error_errno (call->error, r, "cannot make a backup");
    }
    broker->backup = backup;
    return ORIGIN_LATER;
}

bool broker_backup_is_copy (const struct broker *broker, const struct base_digest *digest)
{
    base_assert (broker && digest);
    const struct broker_copies *copies = broker->copies;

    for (size_t i = 0; copies && i < copies->count; i++)
        if (base_digest_equal (&copies->all[i].digest, digest))
            return true;
    return false;
}

void broker_backup_tick (struct broker *broker, uint64_t now_ms)
{
    base_assert (broker);
    struct broker_copies *copies = broker->copies;

    while (copies && copies->count > 0 && now_ms - copies->all[0].made_ms >= COPY_KEPT_MS)
        copies_shorten (broker);
}

void broker_backup_deinit (struct broker *broker)
{
    base_assert (broker);
    broker->backup = backup_free (broker->backup);
    free (broker->copies);
    broker->copies = NULL;
}
