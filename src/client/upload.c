/* SPDX-License-Identifier: MPL-2.0 */
/*  client/upload.c - sends one blob to the broker

    Connects transfer/upload.h, which decides what is sent when, to the content channel and a file. The upload
    fails if the peer is silent for too long. The limit is longer once the peer has answered, because taking
    the last piece includes verifying the whole blob. */

#include "client/client.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "transfer/upload.h"

enum { UPLOAD_PATIENCE_MS = 60000 /* added to the limit of silence once the peer has answered */ };

struct client_upload {
    noded_client *client;
    struct transfer_upload machine;
    const char *path;
    int fd;
    bool running, done;
    int failure;
    int timer;
    bool heard;
    uint64_t heard_ms;
    void (*progress) (void *context, uint64_t done);
    void *context;
};

static void upload_end (struct client_upload *upload, int failure)
{
    base_assert (upload->running);
    upload->running = false;
    upload->failure = failure;
    bus_loop_stop (upload->client->loop);
}

static uint64_t upload_patience_ms (const struct client_upload *upload)
{
    base_assert (upload->client);
    return upload->client->timeout_ms + (upload->heard ? UPLOAD_PATIENCE_MS : 0);
}

static void payload_free (void *data, void *hint)
{
    (void) hint;
    free (data);
}

static int upload_put (struct client_upload *upload, const struct transfer_upload_action *action)
{
    base_assert (upload->running && upload->fd >= 0);
    base_assert (action->kind == TRANSFER_UPLOAD_PUT);
    base_assert (action->offset + action->length <= upload->machine.size);
    struct base_error *error = &upload->client->error;
    struct wire_put put = {
        .digest = upload->machine.digest, .size = upload->machine.size, .offset = action->offset};
    uint8_t *data = malloc (action->length ? action->length : 1);
    if (!data)
        return client_out_of_memory (upload->client);
    for (size_t at = 0; at < action->length;) {
        ssize_t count = pread (upload->fd, data + at, action->length - at, (off_t) (action->offset + at));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            int r = count < 0 ? -errno : -EIO;
            free (data);
            return count < 0
                       ? base_error_errno (error, r, "cannot read %s", upload->path)
                       : base_error_set (error, r, "%s became shorter while it was uploaded", upload->path);
        }
        at += (size_t) count;
    }
    int r = bus_send_payload (upload->client->content, NULL, &wire_put_record, &put, data, action->length,
                              payload_free, NULL);
    /*  If there is no room, the piece counts as lost, and the machine sends it again in time. */
    if (r != 0 && r != -EAGAIN && r != -EHOSTUNREACH)
        return base_error_errno (error, r, "cannot upload %s to %s", upload->path,
                                 upload->client->endpoints.content);
    return 0;
}

static void upload_wake (void *context);

static void upload_wait (struct client_upload *upload, uint64_t until_ms, uint64_t now_ms)
{
    base_assert (upload->running && upload->timer == 0);
    uint64_t patience_ms = upload->heard_ms + upload_patience_ms (upload);
    if (until_ms > patience_ms)
        until_ms = patience_ms;
    int r = bus_timer_start (upload->client->loop, until_ms > now_ms ? until_ms - now_ms : 1, upload_wake,
                             upload);
    if (r < 0)
        upload_end (upload, client_out_of_memory (upload->client));
    else
        upload->timer = r;
}

static void upload_pump (struct client_upload *upload)
{
    uint64_t now_ms = base_time_boot_ms ();
    bus_timer_cancel (upload->client->loop, upload->timer);
    upload->timer = 0;
    while (upload->running) {
        struct transfer_upload_action action = transfer_upload_next (&upload->machine, now_ms);
        switch (action.kind) {
        case TRANSFER_UPLOAD_PUT: {
            int r = upload_put (upload, &action);
            if (r < 0)
                upload_end (upload, r);
            break;
        }
        case TRANSFER_UPLOAD_WAIT:
            upload_wait (upload, action.until_ms, now_ms);
            return;
        case TRANSFER_UPLOAD_DONE:
            upload->done = true;
            upload_end (upload, 0);
            return;
        case TRANSFER_UPLOAD_FAILED:
            upload_end (upload,
                        base_error_set (&upload->client->error, -EIO, "cannot upload %s to %s: %s",
                                        upload->path, upload->client->endpoints.content, action.reason));
            return;
        }
    }
}

static void upload_wake (void *context)
{
    struct client_upload *upload = context;
    upload->timer = 0;
    if (!upload->running)
        return;
    uint64_t patience_ms = upload_patience_ms (upload);
    if (base_time_boot_ms () - upload->heard_ms >= patience_ms)
        upload_end (upload, client_silent (upload->client, upload->client->endpoints.content, patience_ms));
    else
        upload_pump (upload);
}

static void upload_take (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    noded_client *client = context;
    base_assert (client && message);
    struct client_upload *upload = client->upload;
    (void) socket;
    if (!upload || !upload->running || message->record != &wire_taken_record)
        return;
    const struct wire_taken *taken = message->body;
    if (!base_digest_equal (&taken->digest, &upload->machine.digest))
        return;
    upload->heard = true;
    upload->heard_ms = base_time_boot_ms ();
    transfer_upload_taken (&upload->machine, taken, upload->heard_ms);
    if (upload->progress)
        upload->progress (upload->context, taken->complete ? upload->machine.size : upload->machine.taken);
    upload_pump (upload);
}

int client_upload (noded_client *client, int fd, const char *path, const struct base_digest *digest,
                   uint64_t size, void (*progress) (void *context, uint64_t done), void *context)
{
    base_assert (client->loop);
    base_assert (fd >= 0);
    base_assert (digest);
    int r = client_connect (client, upload_take, client->endpoints.content, &client->content);
    if (r < 0)
        return r;
    struct client_upload upload = {.client = client,
                                   .path = path,
                                   .fd = fd,
                                   .running = true,
                                   .heard_ms = base_time_boot_ms (),
                                   .progress = progress,
                                   .context = context};
    transfer_upload_init (&upload.machine, NULL, digest, size);
    client->upload = &upload;
    upload_pump (&upload);
    while (r == 0 && upload.running && !client->denied)
        r = bus_loop_run (client->loop);
    client->upload = NULL;
    bus_timer_cancel (client->loop, upload.timer);
    if (r < 0)
        return base_error_errno (&client->error, r, "cannot upload %s", path);
    if (upload.running) {
        client->content = bus_socket_free (client->content);
        return client_denied (client, client->endpoints.content);
    }
    return upload.failure;
}
