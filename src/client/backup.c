/* SPDX-License-Identifier: MPL-2.0 */
/*  client/backup.c - a copy of the broker's records in a file

    The broker makes the copy as a blob. It is downloaded like any other and verified, and gets its name only
    once it is complete and durable. Connects transfer/download.h to the content channel of the broker itself:
    a separate content peer does not have the copy. */

#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "disk/disk.h"
#include "transfer/download.h"

enum { BACKUP_WAIT_MS = 60000 /* the time that the broker may take to make the copy */ };

struct client_download {
    noded_client *client;
    struct bus_socket *socket;
    struct transfer_download machine;
    struct base_hash hash;
    const char *path; /* of the temporary file */
    int fd;
    int timer;
    bool running;
    int failure;
};

static void download_end (struct client_download *download, int failure)
{
    base_assert (download->running);
    download->running = false;
    download->failure = failure;
    bus_loop_stop (download->client->loop);
}

static void download_pump (void *context)
{
    struct client_download *download = context;
    base_assert (download && download->socket);
    noded_client *client = download->client;
    bus_timer_cancel (client->loop, download->timer);
    download->timer = 0;
    while (download->running) {
        uint64_t now_ms = base_time_boot_ms ();
        unsigned losses = download->machine.losses;
        struct transfer_action action = transfer_download_next (&download->machine, now_ms);
        /*  While a peer is away ZeroMQ queues the requests, and would send all of them. */
        if (download->machine.losses > losses && losses > 0)
            (void) bus_socket_reconnect (download->socket);
        switch (action.kind) {
        case TRANSFER_GET: {
            struct wire_get get = {
                .digest = download->machine.digest, .offset = action.offset, .length = action.length};
            /*  A request that could not be sent counts as lost, and is sent again. */
            (void) bus_send (download->socket, NULL, &wire_get_record, &get);
            break;
        }
        case TRANSFER_DONE:
            download_end (download, 0);
            return;
        case TRANSFER_FAILED:
            download_end (download,
                          base_error_set (&client->error, -EIO, "cannot download the backup from %s: %s",
                                          client->broker_content, action.reason));
            return;
        case TRANSFER_WAIT: {
            int timer =
                bus_timer_start (client->loop, action.until_ms > now_ms ? action.until_ms - now_ms : 1,
                                 download_pump, download);
            if (timer < 0)
                download_end (download, client_out_of_memory (client));
            else
                download->timer = timer;
            return;
        }
        }
    }
}

static void download_take (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    noded_client *client = context;
    base_assert (client && message);
    struct client_download *download = client->download;
    (void) socket;
    if (!download || !download->running || message->record != &wire_chunk_record)
        return;
    if (transfer_download_chunk (&download->machine, message->body, message->payload_size,
                                 base_time_boot_ms ())) {
        int r = disk_write_all (&disk_system, download->fd, message->payload, message->payload_size);
        if (r < 0) {
            download_end (download, base_error_errno (&client->error, r, "cannot write %s", download->path));
            return;
        }
        base_hash_update (&download->hash, message->payload, message->payload_size);
    }
    download_pump (download);
}

static int download_run (struct client_download *download, const struct base_digest *digest, uint64_t size)
{
    base_assert (!download->socket);
    noded_client *client = download->client;
    base_assert (!client->download);
    int r = client_connect (client, download_take, client->broker_content, &download->socket);
    if (r < 0)
        return r;
    transfer_download_init (&download->machine, NULL, digest, size, 0);
    base_hash_init (&download->hash);
    download->running = true;
    client->download = download;
    download_pump (download);
    while (r == 0 && download->running && !client->denied)
        r = bus_loop_run (client->loop);
    client->download = NULL;
    bus_timer_cancel (client->loop, download->timer);
    bus_socket_free (download->socket);
    if (r < 0)
        return base_error_errno (&client->error, r, "cannot download the backup");
    if (download->running)
        return client_denied (client, client->broker_content);
    if (download->failure != 0)
        return download->failure;
    struct base_digest got = base_hash_final (&download->hash);
    if (!base_digest_equal (&got, digest))
        return base_error_set (
            &client->error, -EIO,
            "the backup that %s sent does not match its digest: try again; if it fails again, "
            "the broker's copy is damaged",
            client->broker_content);
    return 0;
}

/*  Downloads the backup into the temporary file, and gives that its name. */
static int part_fill (struct client_download *download, const struct wire_backup *backup, const char *path,
                      bool replace)
{
    base_assert (download->fd >= 0 && download->path);
    base_assert (backup->size > 0);
    int r = download_run (download, &backup->blob, backup->size);
    return r < 0 ? r : client_file_finish (download->client, download->path, download->fd, path, replace);
}

static int backup_save (noded_client *client, const struct wire_backup *backup, const char *path,
                        bool replace)
{
    base_assert (backup->size > 0);
    char random[9];
    base_random_hex (random, 4);
    base_cleanup (base_free_p) char *part = base_text_printf ("%s.%s.part", path, random);
    if (!part)
        return client_out_of_memory (client);
    base_cleanup (base_close_p) int fd = -1;
    int r = client_file_begin (client, part, &fd);
    if (r < 0)
        return r;
    struct client_download download = {.client = client, .path = part, .fd = fd};
    r = part_fill (&download, backup, path, replace);
    if (r < 0)
        (void) disk_unlink (&disk_system, AT_FDCWD, part);
    return r;
}

int noded_client_backup (noded_client *client, const char *path, int replace, noded_backup *ret_backup)
{
    base_cleanup (wire_backed_up_deinit) struct wire_backed_up answer = {.serial = 0};
    struct wire_backup_records request = {.serial = 0};
    struct stat status;
    *ret_backup = (noded_backup){.size = 0};
    if (!replace && lstat (path, &status) == 0)
        return client_file_exists (client, path);
    int r =
        client_ask (client, &wire_backup_records_record, &request, BACKUP_WAIT_MS, "make a backup", &answer);
    if (r < 0)
        return r;
    if (!answer.backup || !answer.backup->size)
        return base_error_set (&client->error, -EPROTO,
                               "cannot make a backup: the broker's answer lacks its digest or size");
    r = backup_save (client, answer.backup, path, replace);
    if (r < 0)
        return r;
    memcpy (ret_backup, answer.backup, sizeof *ret_backup);
    return 0;
}
