/* SPDX-License-Identifier: MPL-2.0 */
/*  client/publish.c - from files to a stored release

    First every blob is uploaded, then the release: a broker never has a release whose blobs are missing.
    Publishing the same files again costs only a few requests. */

#include "client/client.h"

#include <errno.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "wire/envelope.h"

struct publish_count {
    const noded_publish *publish;
    uint64_t before, total;
};

static void publish_progress (void *context, uint64_t done)
{
    struct publish_count *count = context;
    base_assert (count->publish->progress);
    base_assert (count->before <= count->total);
    count->publish->progress (count->publish->context, count->before + done, count->total);
}

static int publish_upload (noded_client *client, const noded_publish *publish,
                           const struct client_release *made)
{
    base_assert (made->blobs || made->n_blobs == 0);
    struct publish_count count = {.publish = publish};
    for (size_t i = 0; i < made->n_blobs; i++)
        count.total += made->blobs[i].size;
    for (size_t i = 0; i < made->n_blobs; i++) {
        const struct client_blob *blob = &made->blobs[i];
        int r = client_upload (client, blob->fd, blob->path, &blob->digest, blob->size,
                               publish->progress ? publish_progress : NULL, &count);
        if (r < 0)
            return r;
        count.before += blob->size;
        if (publish->progress)
            publish->progress (publish->context, count.before, count.total);
    }
    return 0;
}

int client_release_store (noded_client *client, const noded_publish *publish,
                          const struct client_release *made, char ret_release[65])
{
    base_cleanup (wire_published_deinit) struct wire_published answer = {.serial = 0};
    int r = publish_upload (client, publish, made);
    if (r < 0)
        return r;
    char what[192];
    (void) snprintf (what, sizeof what, "publish %s %s", publish->application, publish->version);
    struct wire_publish_release request = {.release = (struct wire_release *) (uintptr_t) &made->release};
    r = client_ask (client, &wire_publish_release_record, &request, 0, what, &answer);
    if (r < 0)
        return r;
    struct base_digest expected = wire_release_digest (&made->release, NULL);
    if (!base_digest_equal (&answer.release, &expected))
        return base_error_set (&client->error, -EPROTO,
                               "cannot %s: the broker stored it under another digest than this host computed",
                               what);
    base_digest_format (&expected, ret_release);
    return 0;
}

int noded_client_publish (noded_client *client, const noded_publish *publish, char ret_release[65])
{
    base_cleanup (client_release_deinit) struct client_release made = CLIENT_RELEASE_NULL;
    int r = client_release_make (publish, &made, &client->error);
    return r < 0 ? r : client_release_store (client, publish, &made, ret_release);
}
