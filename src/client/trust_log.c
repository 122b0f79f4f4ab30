/* SPDX-License-Identifier: MPL-2.0 */
/*  client/trust_log.c - the log of releases: it only grows, and has what was published

    The signed timestamp has its head. This host keeps the last head that it saw. A broker that shows one history here and
    another one elsewhere cannot show both to a host that keeps a head. */

#include "client/trust.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum { HEAD_MOST = 4096 };

#define HEAD_FILE "log"

/*  The head in a timestamp, or in the file that this host keeps, which has the same form. */
static int head_read (const void *data, size_t size, bool is_timestamp, struct trust_log_head *ret_head,
                      struct base_error *error)
{
    base_cleanup (trust_document_deinit) struct trust_document document = {.json = NULL};
    if (is_timestamp) {
        int r = trust_document_parse (data, size, TRUST_DOCUMENT_MOST, &document, error);
        return r ? r : trust_log_head_read (document.content, ret_head, error);
    }
    json_t *json = json_loadb (data, size, JSON_REJECT_DUPLICATES, NULL);
    int r = json ? trust_log_head_read (json, ret_head, error)
                 : base_error_set (error, TRUST_E_FORMAT, "it is no JSON");
    json_decref (json);
    return r;
}

static int head_write (int state, const struct trust_log_head *head, struct base_error *error)
{
    json_t *json = json_pack ("{s:o}", "log", trust_log_head_json (head));
    base_cleanup (base_free_p) char *text = json ? json_dumps (json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref (json);
    return text ? client_state_write (state, HEAD_FILE, text, strlen (text), error)
                : base_error_set (error, -ENOMEM, "out of memory");
}

/*  The head that this host keeps; the empty log if it keeps none. */
static int head_kept (int state, struct trust_log_head *ret_head, struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {.size = 0};
    static const struct trust_merkle empty;
    int r = client_state_read (state, HEAD_FILE, HEAD_MOST, &bytes);
    *ret_head = trust_log_head_of (&empty);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return base_error_errno (error, r, "cannot read the head of the log that this host keeps");
    r = head_read (bytes.data, bytes.size, false, ret_head, error);
    return r ? base_error_prefix (
                   error, "the file %s in which this host keeps the head of the log is damaged", HEAD_FILE)
             : 0;
}

static int proof_take (const struct wire_log_digest *steps, size_t count,
                       struct trust_merkle_proof *ret_proof, struct base_error *error)
{
    struct trust_merkle_proof proof = {.count = count};
    if (count > sizeof proof.path / sizeof *proof.path)
        return base_error_set (error, TRUST_E_PROOF,
                               "the broker's proof about the log of releases is too long");
    for (size_t i = 0; i < count; i++)
        proof.path[i] = steps[i].digest;
    *ret_proof = proof;
    return 0;
}

static int log_ask (noded_client *client, struct wire_read_log *request, struct wire_log_read *ret_answer,
                    struct base_error *error)
{
    int r = client_ask (client, &wire_read_log_record, request, 0, "read the log of releases", ret_answer);
    return r < 0 ? base_error_set (error, r, "%s", client->error.text) : 0;
}

static int growth_check (noded_client *client, const struct trust_log_head *kept,
                         const struct trust_log_head *head, struct base_error *error)
{
    base_cleanup (wire_log_read_deinit) struct wire_log_read answer = {.serial = 0};
    struct wire_read_log request = {.size = head->size, .older = kept->size};
    struct trust_merkle_proof proof = {.count = 0};
    if (head->size < kept->size)
        return base_error_set (error, TRUST_E_PROOF, "it has %" PRIu64 " entries, and had %" PRIu64,
                               head->size, kept->size);
    int r = kept->size && head->size > kept->size ? log_ask (client, &request, &answer, error) : 0;
    if (r == 0)
        r = proof_take (answer.consistency, answer.n_consistency, &proof, error);
    return r ? r
             : trust_merkle_check_consistency (kept->size, &kept->root, head->size, &head->root, &proof,
                                               error);
}

int client_log_check (noded_client *client, int state, const struct base_buffer *timestamp,
                      struct base_error *error)
{
    base_assert (client && timestamp && timestamp->size > 0);
    struct trust_log_head head, kept;
    int r = head_read (timestamp->data, timestamp->size, true, &head, error);
    if (r == 0)
        r = head_kept (state, &kept, error);
    if (r || trust_log_head_equal (&head, &kept))
        return r;
    r = growth_check (client, &kept, &head, error);
    if (r > 0)
        return base_error_set (
            error, r,
            "the broker's log of releases does not continue the one that this host saw before "
            "(%" PRIu64 " entries): %.200s. The broker was restored from an older backup, or "
            "shows different histories to different hosts: compare nodectl trust status with "
            "another operator",
            kept.size, error->text);
    return r ? r : head_write (state, &head, error);
}

int client_log_includes (noded_client *client, int state, const struct trust_target *target,
                         struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer entry = {.size = 0};
    base_cleanup (wire_log_read_deinit) struct wire_log_read answer = {.serial = 0};
    struct trust_log_head head;
    struct trust_merkle_proof proof;
    int r = head_kept (state, &head, error);
    if (r == 0)
        r = trust_log_entry (target, &entry, error);
    if (r)
        return r;
    struct wire_read_log request = {.size = head.size, .leaf = trust_merkle_leaf (entry.data, entry.size)};
    r = log_ask (client, &request, &answer, error);
    if (r)
        return r;
    if (!answer.included)
        return base_error_set (
            error, TRUST_E_PROOF,
            "the release is published, but the broker's log of releases does not have it: do "
            "not rely on this broker before you know why");
    r = proof_take (answer.inclusion, answer.n_inclusion, &proof, error);
    return r ? r
             : trust_merkle_check_inclusion (&request.leaf, answer.index, head.size, &head.root, &proof,
                                             error);
}
