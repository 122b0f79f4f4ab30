/* SPDX-License-Identifier: MPL-2.0 */
/*  client/trust_transfer.c - metadata files to and from a broker, in parts; and publishing them */

#include "client/trust.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

enum { FETCH_ROUNDS = 3 /* how often a file may be replaced while it is read */, SEND_ROUNDS = 3 };

/*  Reads one part. *ret_whole: that was the last one. -EAGAIN: the file was replaced. */
static int part_fetch (noded_client *client, const char *role, uint64_t version, size_t most,
                       struct base_buffer *buffer, struct base_digest *digest, bool *ret_whole)
{
    base_cleanup (wire_metadata_read_deinit) struct wire_metadata_read answer = {.serial = 0};
    struct wire_read_metadata request = {.role = role, .version = version, .offset = buffer->size};
    char what[128];
    (void) snprintf (what, sizeof what, "read the metadata file of %.64s", role);
    int r = client_ask (client, &wire_read_metadata_record, &request, 0, what, &answer);
    if (r < 0)
        return r;
    size_t size = answer.data ? strlen (answer.data) : 0;
    if (buffer->size && !base_digest_equal (digest, &answer.file))
        return -EAGAIN;
    if (answer.size > most)
        return base_error_set (&client->error, -EFBIG,
                               "cannot %s: it has %" PRIu64 " bytes, and may have %zu", what, answer.size,
                               most);
    if (!size || answer.size < buffer->size || size > answer.size - buffer->size)
        return base_error_set (&client->error, -EPROTO, "cannot %s: the broker's parts do not fit its size",
                               what);
    *digest = answer.file;
    *ret_whole = buffer->size + size == answer.size;
    return base_buffer_append (buffer, answer.data, size) < 0 ? client_out_of_memory (client) : 0;
}

int client_metadata_fetch (noded_client *client, const char *role, uint64_t version, size_t most,
                           struct base_buffer *buffer)
{
    base_assert (client && role && buffer && buffer->size == 0);
    struct base_digest digest = {{0}};
    int r = 0;
    for (int round = 0; round < FETCH_ROUNDS; round++) {
        bool whole = false;
        buffer->size = 0;
        for (r = 0; r == 0 && !whole;)
            r = part_fetch (client, role, version, most, buffer, &digest, &whole);
        if (r != -EAGAIN)
            break;
    }
    if (r == -EAGAIN)
        return base_error_set (
            &client->error, -EBUSY,
            "cannot read the metadata file of %s: it changed %d times meanwhile; try again", role,
            FETCH_ROUNDS);
    struct base_digest is = base_digest_of (buffer->data, buffer->size);
    if (r == 0 && !base_digest_equal (&is, &digest))
        return base_error_set (
            &client->error, -EPROTO,
            "cannot read the metadata file of %s: its bytes do not match the digest that the "
            "broker sent with them; try again",
            role);
    return r;
}

/*  Sends from where the broker is. */
static int parts_send (noded_client *client, const struct base_buffer *file, const struct base_digest *digest)
{
    uint64_t at = 0;
    while (at < file->size) {
        base_cleanup (wire_metadata_sent_deinit) struct wire_metadata_sent answer = {.serial = 0};
        base_cleanup (base_free_p) char *part =
            strndup ((const char *) file->data + at,
                     file->size - at < WIRE_PART_MOST ? (size_t) (file->size - at) : WIRE_PART_MOST);
        struct wire_send_metadata request = {.file = *digest, .size = file->size, .offset = at, .data = part};
        if (!part)
            return client_out_of_memory (client);
        int r = client_ask (client, &wire_send_metadata_record, &request, 0, "send a metadata file", &answer);
        if (r < 0)
            return r;
        if (answer.next <= at || answer.next > file->size)
            return base_error_set (
                &client->error, -EPROTO,
                "cannot send a metadata file: the broker asks for a part that does not exist");
        at = answer.next;
    }
    return 0;
}

int client_metadata_send (noded_client *client, const struct base_buffer *file)
{
    base_assert (client && file && file->size > 0);
    const struct base_digest digest = base_digest_of (file->data, file->size);
    int r = -ENOENT;
    /*  -ENOENT: the broker dropped the parts before, or restarted. */
    for (int round = 0; r == -ENOENT && round < SEND_ROUNDS; round++)
        r = parts_send (client, file, &digest);
    return r;
}

/*  A file as it is published. */
static int file_write (noded_client *client, const noded_metadata *metadata, struct base_buffer *buffer)
{
    struct base_error reason = {.code = 0};
    int r = trust_draft_write (&metadata->draft, buffer, &reason);
    return r ? client_trust_stop (client, r, &reason) : 0;
}

static struct wire_metadata_file file_name (const noded_metadata *metadata, const struct base_buffer *bytes)
{
    return (struct wire_metadata_file){.role = metadata->role,
                                       .version = noded_metadata_version (metadata),
                                       .file = base_digest_of (bytes->data, bytes->size),
                                       .replaces = metadata->replaces};
}

int noded_client_publish_root (noded_client *client, const noded_metadata *root)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {.size = 0};
    base_cleanup (wire_root_published_deinit) struct wire_root_published answer = {.serial = 0};
    if (root->draft.kind != TRUST_ROOT)
        return base_error_set (&client->error, -EINVAL, "cannot publish %s as a root", root->role);
    int r = file_write (client, root, &bytes);
    if (r == 0)
        r = client_metadata_send (client, &bytes);
    if (r < 0)
        return r;
    struct wire_metadata_file file = file_name (root, &bytes);
    struct wire_publish_root request = {.file = &file};
    char what[64];
    (void) snprintf (what, sizeof what, "publish root version %" PRIu64, noded_metadata_version (root));
    return client_ask (client, &wire_publish_root_record, &request, 0, what, &answer);
}

enum { SET_MOST = 64 /* as in schemas/operator.def */ };

static int set_publish (noded_client *client, const noded_metadata *const *files, size_t count,
                        struct base_buffer *bytes)
{
    base_cleanup (wire_metadata_published_deinit) struct wire_metadata_published answer = {.serial = 0};
    struct wire_metadata_file list[SET_MOST];
    char what[128];
    (void) snprintf (what, sizeof what, "publish %s version %" PRIu64 "%s", files[0]->role,
                     noded_metadata_version (files[0]), count > 1 ? " and other files" : "");
    for (size_t i = 0; i < count; i++) {
        bytes->size = 0;
        int r = file_write (client, files[i], bytes);
        if (r == 0)
            r = client_metadata_send (client, bytes);
        if (r < 0)
            return r;
        list[i] = file_name (files[i], bytes);
    }
    struct wire_publish_metadata request = {.files = list, .n_files = count};
    int r = client_ask (client, &wire_publish_metadata_record, &request, 0, what, &answer);
    /*  busy: a file of the set continues one that is not the published one any more. */
    return r == -EBUSY ? client->error.code = -ESTALE : r;
}

int noded_client_publish_metadata (noded_client *client, const noded_metadata *const *files, size_t count)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {.size = 0};
    if (!count || count > SET_MOST)
        return base_error_set (&client->error, -EINVAL, "cannot publish metadata: give 1 to %d files",
                               SET_MOST);
    for (size_t i = 0; i < count; i++)
        if (files[i]->draft.kind != TRUST_TARGETS)
            return base_error_set (&client->error, -EINVAL, "cannot publish %s in a set of targets",
                                   files[i]->role);
    return set_publish (client, files, count, &bytes);
}

int noded_client_trust (noded_client *client, noded_trust_state *ret_state)
{
    base_cleanup (wire_trust_shown_deinit) struct wire_trust_shown answer = {.serial = 0};
    struct wire_show_trust request = {.serial = 0};
    *ret_state = (noded_trust_state){.published = false};
    int r = client_ask (client, &wire_show_trust_record, &request, 0, "read what the broker signs", &answer);
    if (r < 0)
        return r;
    char **faults = base_list_copy (base_list_const (answer.missing), answer.n_missing);
    if (!faults)
        return client_out_of_memory (client);
    *ret_state = (noded_trust_state){.published = answer.published, .faults = faults};
    return 0;
}

void noded_trust_state_free (noded_trust_state *state)
{
    if (!state)
        return;
    (void) base_list_free (state->faults);
    *state = (noded_trust_state){.published = false};
}
