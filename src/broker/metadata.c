/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/metadata.c - requests about signed metadata, of nodes and of operators */

#include "broker/metadata.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/errors.h"
#include "broker/operator.h"
#include "broker/trust.h"
#include "broker/trust_loop.h"
#include "wire/envelope.h"
#include "wire/text.h"

/*  A part of a file, for both kinds of requests. Values are as in their answers. */
struct part {
    enum wire_status status;
    const char *reason; /* heap */
    uint64_t version, size;
    struct base_digest file;
    const char *data; /* heap */
};

static int part_read (struct broker *broker, const char *role, uint64_t version, uint64_t offset,
                      struct part *part)
{
    const struct broker_trust_cached *file;
    struct base_error error = {.code = 0};
    int r = broker_trust_read (broker->trust, role, version, &file, &error);

    if (r == -ENOMEM)
        return r;
    if (r < 0) {
        if (r != -ENOENT)
            base_log_limited (&broker->log, BASE_LOG_ERROR, "signed metadata: %s", error.text);
        return wire_status_set (&part->status, &part->reason,
                                r == -ENOENT ? WIRE_STATUS_NONE : WIRE_STATUS_FAILED, "%s", error.text);
    }
    if (offset >= file->bytes.size)
        return wire_status_set (&part->status, &part->reason, WIRE_STATUS_INVALID,
                                "the file has %zu bytes: begin again at offset 0", file->bytes.size);
    size_t length = file->bytes.size - (size_t) offset;
    part->data =
        strndup ((const char *) file->bytes.data + offset, length < WIRE_PART_MOST ? length : WIRE_PART_MOST);
    if (!part->data)
        return -ENOMEM;
    part->status = WIRE_STATUS_OK;
    part->version = file->version;
    part->size = file->bytes.size;
    part->file = file->digest;
    return 0;
}

int broker_on_want_metadata (void *context, const struct bus_peer *peer,
                             const struct wire_want_metadata *want, struct wire_metadata *answer)
{
    base_assert (context && peer && want && answer);
    struct part part = {.status = WIRE_STATUS_NULL};
    int r = part_read (context, want->role, want->version, want->offset, &part);

    answer->status = part.status;
    answer->reason = part.reason;
    answer->size = part.size;
    answer->file = part.file;
    answer->data = part.data;
    return r;
}

int broker_serve_read_metadata (struct broker_call *call, const struct wire_read_metadata *request,
                                struct wire_metadata_read *answer)
{
    base_assert (call && request && answer);
    struct part part = {.status = WIRE_STATUS_NULL};
    int r = part_read (call->broker, request->role, request->version, request->offset, &part);

    answer->status = part.status;
    answer->reason = part.reason;
    answer->version = part.version;
    answer->offset = request->offset;
    answer->size = part.size;
    answer->file = part.file;
    answer->data = part.data;
    return r;
}

/*  Proofs about the log. */

static int proof_fill (const struct trust_merkle_proof *proof, struct wire_log_digest **ret_items,
                       size_t *ret_count)
{
    struct wire_log_digest *items = calloc (proof->count + 1, sizeof *items);

    if (!items)
        return -ENOMEM;
    for (size_t i = 0; i < proof->count; i++)
        items[i].digest = proof->path[i];
    *ret_items = items;
    *ret_count = proof->count;
    return 0;
}

/*  Nodes ask for the same proof after each publication; it costs a hash for each entry of the log. */
static const struct trust_merkle_proof *consistency_prove (struct broker *broker, uint64_t older,
                                                           uint64_t size)
{
    struct broker_trust_proof *kept = &broker->trust->proof;
    const struct broker_trust_log *log = &broker->trust->state.log;

    base_assert (older > 0 && older <= size && size <= log->count);
    if (kept->older != older || kept->size != size) {
        trust_merkle_prove_consistency (log->leaves, size, older, &kept->proof);
        kept->older = older;
        kept->size = size;
    }
    return &kept->proof;
}

int broker_on_want_consistency (void *context, const struct bus_peer *peer,
                                const struct wire_want_consistency *want, struct wire_consistency *answer)
{
    base_assert (context && peer && want && answer);
    struct broker *broker = context;
    const struct broker_trust_log *log = &broker->trust->state.log;

    if (want->older == 0 || want->older > want->size)
        return wire_status_set (&answer->status, &answer->reason, WIRE_STATUS_INVALID,
                                "the older size must be at least 1 and at most the newer one");
    if (log->damage[0] || want->size > log->count)
        return wire_status_set (&answer->status, &answer->reason, WIRE_STATUS_NONE, "%s",
                                log->damage[0] ? log->damage : "the log has fewer entries");
    answer->status = WIRE_STATUS_OK;
    return proof_fill (consistency_prove (broker, want->older, want->size), &answer->proof, &answer->n_proof);
}

int broker_serve_read_log (struct broker_call *call, const struct wire_read_log *request,
                           struct wire_log_read *answer)
{
    base_assert (call && request && answer);
    const struct broker_trust_log *log = &call->broker->trust->state.log;
    uint64_t size = request->size ? request->size : log->count;
    struct trust_merkle_proof proof;
    int r = 0;

    if (log->damage[0] || size > log->count)
        return wire_answer_set (answer, WIRE_STATUS_NONE, "%s",
                                log->damage[0] ? log->damage : "the log has fewer entries");
    if (request->older > size)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "the older size is above the newer one");
    answer->status = WIRE_STATUS_OK;
    answer->size = size;
    answer->root = trust_merkle_root_of (log->leaves, size);
    if (request->older > 0)
        r = proof_fill (consistency_prove (call->broker, request->older, size), &answer->consistency,
                        &answer->n_consistency);
    if (r < 0 || base_digest_is_null (&request->leaf))
        return r;
    int64_t index = broker_trust_log_find (log, &request->leaf);
    if (index < 0 || (uint64_t) index >= size)
        return 0;
    answer->included = true;
    answer->index = (uint64_t) index;
    trust_merkle_prove_inclusion (log->leaves, size, answer->index, &proof);
    return proof_fill (&proof, &answer->inclusion, &answer->n_inclusion);
}

/*  Publishing. */

int broker_serve_send_metadata (struct broker_call *call, const struct wire_send_metadata *request,
                                struct wire_metadata_sent *answer)
{
    base_assert (call && request && answer);
    const struct broker_part part = {.digest = request->file,
                                     .size = request->size,
                                     .offset = request->offset,
                                     .data = request->data,
                                     .length = strlen (request->data)};
    uint64_t next = 0;
    int r =
        broker_staging_add (&call->broker->trust->staging, &part, base_time_boot_ms (), &next, call->error);

    call->is_part = r == BROKER_PART_TAKEN;
    if (r < 0)
        return r;
    answer->file = request->file;
    answer->next = next;
    if (r == BROKER_PART_INVALID)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "%s", call->error->text);
    if (r == BROKER_PART_EARLY)
        return wire_answer_set (answer, WIRE_STATUS_NONE,
                                "parts before this one are missing: continue at offset %" PRIu64, next);
    answer->status = WIRE_STATUS_OK;
    return 0;
}

/*  Finds a file that was sent. */
static const struct broker_staged *staged_of (struct broker *broker, const struct wire_metadata_file *file)
{
    return broker_staging_find (&broker->trust->staging, &file->file, base_time_boot_ms ());
}

/*  As broker_trust_fits. */
static int release_fits (void *context, const struct broker_trust_entry *entry, struct base_error *error)
{
    struct broker *broker = context;
    base_cleanup (records_release_deinit) struct records_release known = {.serial = 0};
    struct trust_custom custom;
    uint64_t size = 0;
    int r = records_release_get (broker->records, &entry->release, &known, error);

    if (r < 0 && r != -ENOENT)
        return r;
    if (r == -ENOENT || strcmp (known.document.application, entry->custom.application) != 0)
        return base_error_set (
            error, BROKER_E_REFUSED,
            "the release %s is not published here: upload its blobs and publish the release"
            " first, then its metadata",
            entry->path);
    if (known.withdrawn)
        return base_error_set (error, BROKER_E_REFUSED,
                               "the release %s was withdrawn: publish it with another version", entry->path);
    (void) wire_release_digest (&known.document, &size);
    r = trust_custom_of_release (&known.document, entry->custom.counter, &custom, error);
    if (r == 0 && (size != entry->length || !trust_custom_fits (&custom, &entry->custom)))
        r = base_error_set (
            error, BROKER_E_REFUSED,
            "length, version or platforms of the target %s are not those of the release: nodes"
            " would refuse it; sign it again",
            entry->path);
    return r;
}

/*  Whether the published file of the role is the one that a file replaces, or the file itself, or cannot be read. */
static bool file_continues (struct broker *broker, const struct wire_metadata_file *file)
{
    const struct broker_trust_cached *published;

    return base_digest_is_null (&file->replaces) ||
           broker_trust_read (broker->trust, file->role, 0, &published, NULL) != 0 ||
           base_digest_equal (&published->digest, &file->replaces) ||
           base_digest_equal (&published->digest, &file->file);
}

int broker_serve_publish_metadata (struct broker_call *call, const struct wire_publish_metadata *request,
                                   struct wire_metadata_published *answer)
{
    base_assert (call && request && answer);
    struct broker *broker = call->broker;
    struct broker_trust_set set = {.count = 0};
    struct broker_trust_published published = {.snapshot = 0};

    (void) snprintf (call->what, sizeof call->what, "publish metadata (%zu files)", request->n_files);
    if (request->n_files == 0 || request->n_files > BROKER_TRUST_SET_MOST - 2)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "a set has 1 to %d files",
                                BROKER_TRUST_SET_MOST - 2);
    for (size_t i = 0; i < request->n_files; i++) {
        const struct wire_metadata_file *wanted = &request->files[i];
        const struct broker_staged *staged = staged_of (broker, wanted);
        struct broker_trust_file *file = &set.files[set.count++];
        if (!staged) {
            answer->missing = wanted->file;
            return wire_answer_set (answer, WIRE_STATUS_NONE,
                                    "the file of %.64s was not sent completely: send it again", wanted->role);
        }
        if (base_text_copy (file->role, sizeof file->role, wanted->role) != 0)
            return wire_answer_set (answer, WIRE_STATUS_INVALID, "the name of a role is too long");
        if (!file_continues (broker, wanted))
            return wire_answer_set (answer, WIRE_STATUS_BUSY,
                                    "another file of %s was published meanwhile: read it, and sign again",
                                    wanted->role);
        file->version = wanted->version;
        file->bytes = (struct broker_trust_bytes){.data = staged->bytes.data, .size = staged->bytes.size};
    }
    int r = broker_trust_publish (broker->trust, &set, release_fits, broker, broker_trust_now (), &published,
                                  call->error);
    if (r < 0)
        return r;
    if (r > 0)
        return wire_answer_set (answer, WIRE_STATUS_REFUSED, "%s", call->error->text);
    for (size_t i = 0; i < set.count; i++)
        base_log (BASE_LOG_INFO, "published version %" PRIu64 " of %s; snapshot and timestamp %" PRIu64,
                  set.files[i].version, set.files[i].role, published.timestamp);
    answer->status = WIRE_STATUS_OK;
    answer->snapshot = published.snapshot;
    answer->timestamp = published.timestamp;
    answer->log_size = published.head.size;
    answer->log_root = published.head.root;
    return 0;
}

int broker_serve_publish_root (struct broker_call *call, const struct wire_publish_root *request,
                               struct wire_root_published *answer)
{
    base_assert (call && request && request->file && answer);
    struct broker *broker = call->broker;
    const struct broker_staged *staged = staged_of (broker, request->file);
    uint64_t version = 0;

    (void) snprintf (call->what, sizeof call->what, "publish root version %" PRIu64, request->file->version);
    if (strcmp (request->file->role, "root") != 0)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "the file is not one of root");
    if (!staged) {
        answer->missing = request->file->file;
        return wire_answer_set (answer, WIRE_STATUS_NONE, "the root was not sent completely: send it again");
    }
    int r = broker_trust_publish_root (broker->trust, staged->bytes.data, staged->bytes.size,
                                       broker_trust_now (), &version, call->error);
    if (r < 0)
        return r;
    if (r > 0)
        return wire_answer_set (answer, WIRE_STATUS_REFUSED, "%s", call->error->text);
    broker_trust_log_faults (broker);
    if (broker->trust->renewal[0])
        base_log (BASE_LOG_ERROR, "signed metadata: snapshot and timestamp were not renewed: %s",
                  broker->trust->renewal);
    answer->status = WIRE_STATUS_OK;
    answer->version = version;
    return 0;
}
