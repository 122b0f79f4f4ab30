/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/trust_broker.h - a fake broker that serves and publishes signed metadata

    It signs snapshot and timestamp with keys of its own, and judges what is published with room trust. It keeps every
    version of each file, and one staged file. All of it runs in the broker's thread; a test may look at it after
    fake_end, or while no request is under way. */

#ifndef TEST_TRUST_BROKER_H
#define TEST_TRUST_BROKER_H

#include "fake_broker.h"
#include "noded/trust.h"
#include "trust/errors.h"
#include "trust/merkle.h"
#include "trust/repository.h"
#include "wire/envelope.h"

enum { OLD_FILES = 64, LOG_ENTRIES = 32 };

struct trust_broker {
    struct fake_broker fake;
    struct trust_repository repository;
    struct base_buffer first_root; /* published without targets */
    struct trust_repository_file old[OLD_FILES];
    size_t n_old;
    struct base_buffer staged[4];
    size_t n_staged;
    struct trust_secret secrets[2][2]; /* generation; snapshot, timestamp */
    unsigned generation, generations;
    struct base_digest leaves[LOG_ENTRIES];
    size_t n_leaves;
    uint64_t clock_ahead;                                 /* of the broker, seconds */
    unsigned valid_s;                                     /* of snapshot and timestamp */
    bool lies_about_log;                                  /* its proofs are wrong */
    enum wire_status refuses;                             /* publish_metadata is answered with this status */
    void (*before_publish) (struct trust_broker *broker); /* once: somebody else is faster */
    const char *texts[8];
    char reason[512];
    char keys[4][256];
    struct wire_online_key online[4];
    struct wire_log_digest steps[2][2 * TRUST_MERKLE_LEVELS];
};

static struct trust_broker trust_broker;

static inline uint64_t trust_broker_now (const struct trust_broker *broker)
{
    return (uint64_t) time (NULL) + broker->clock_ahead;
}

static inline const struct trust_repository_file *trust_broker_file (const struct trust_broker *broker,
                                                                     const char *role, uint64_t version)
{
    for (size_t i = broker->repository.n_files; i-- > 0;) {
        const struct trust_repository_file *file = &broker->repository.files[i];
        if (strcmp (file->role, role) == 0 && (!version || version == file->version))
            return file;
    }
    for (size_t i = broker->n_old; version && i-- > 0;)
        if (strcmp (broker->old[i].role, role) == 0 && broker->old[i].version == version)
            return &broker->old[i];
    return NULL;
}

static inline void trust_broker_keep (struct trust_broker *broker)
{
    for (size_t i = 0; i < broker->repository.n_files; i++) {
        const struct trust_repository_file *file = &broker->repository.files[i];
        if (!fake_expect (&broker->fake, broker->n_old < OLD_FILES, "too many old files"))
            return;
        struct trust_repository_file *old = &broker->old[broker->n_old++];
        *old = *file;
        old->bytes = (struct base_buffer){.size = 0};
        (void) base_buffer_append (&old->bytes, file->bytes.data, file->bytes.size);
    }
}

/*  New releases become entries of the log. */
static inline void trust_broker_log (struct trust_broker *broker, const struct trust_draft_file *file)
{
    struct trust_document document = {.json = NULL};
    struct trust_targets targets;
    if (trust_document_parse (file->data, file->size, TRUST_DOCUMENT_MOST, &document, NULL) != 0 ||
        trust_targets_read (document.content, &targets, NULL) != 0) {
        trust_document_deinit (&document);
        return;
    }
    for (size_t i = 0; i < targets.n_targets; i++) {
        struct base_buffer entry = {.size = 0};
        if (trust_log_entry (&targets.targets[i], &entry, NULL) == 0) {
            struct base_digest leaf = trust_merkle_leaf (entry.data, entry.size);
            bool known = false;
            for (size_t j = 0; j < broker->n_leaves; j++)
                known |= base_digest_equal (&broker->leaves[j], &leaf);
            if (!known && broker->n_leaves < LOG_ENTRIES)
                broker->leaves[broker->n_leaves++] = leaf;
        }
        base_buffer_deinit (&entry);
    }
    trust_targets_deinit (&targets);
    trust_document_deinit (&document);
}

static inline int trust_broker_publish (struct trust_broker *broker, const struct trust_draft_file *files,
                                        size_t count, struct base_error *error)
{
    const struct trust_secret *snapshot = &broker->secrets[broker->generation][0],
                              *timestamp = &broker->secrets[broker->generation][1];
    uint64_t now = trust_broker_now (broker);
    size_t before = broker->n_leaves;
    for (size_t i = 0; i < count; i++)
        if (strcmp (files[i].role, "root") != 0)
            trust_broker_log (broker, &files[i]);
    struct trust_log_head head = {.size = broker->n_leaves,
                                  .root = trust_merkle_root_of (broker->leaves, broker->n_leaves)};
    const struct trust_publication publication = {.files = files,
                                                  .n_files = count,
                                                  .now = now,
                                                  .snapshot_expires = now + broker->valid_s,
                                                  .timestamp_expires = now + broker->valid_s,
                                                  .snapshot_keys = &snapshot,
                                                  .timestamp_keys = &timestamp,
                                                  .n_snapshot_keys = 1,
                                                  .n_timestamp_keys = 1,
                                                  .log = &head};
    trust_broker_keep (broker);
    int r = trust_repository_publish (&broker->repository, &publication, error);
    if (r)
        broker->n_leaves = before;
    return r;
}

static inline const struct base_buffer *trust_broker_staged (const struct trust_broker *broker,
                                                             const struct base_digest *digest)
{
    for (size_t i = broker->n_staged; i-- > 0;) {
        struct base_digest is = base_digest_of (broker->staged[i].data, broker->staged[i].size);
        if (base_digest_equal (&is, digest))
            return &broker->staged[i];
    }
    return NULL;
}

static inline void trust_broker_head (void *answer, enum wire_status status, const char *reason)
{
    struct wire_answer head;
    memcpy (&head, answer, sizeof head);
    head.status = status;
    head.reason = reason;
    memcpy (answer, &head, sizeof head);
}

static inline void trust_broker_serve_read (struct trust_broker *broker,
                                            const struct wire_read_metadata *request,
                                            struct wire_metadata_read *answer)
{
    static char part[WIRE_PART_MOST + 1];
    const struct base_buffer *bytes = NULL;
    const struct trust_repository_file *file = trust_broker_file (broker, request->role, request->version);
    if (file)
        bytes = &file->bytes;
    else if (broker->first_root.size && strcmp (request->role, "root") == 0 && request->version <= 1)
        bytes = &broker->first_root;
    if (!bytes || request->offset >= bytes->size) {
        trust_broker_head (answer, WIRE_STATUS_NONE, "no such file");
        return;
    }
    size_t size = bytes->size - request->offset < WIRE_PART_MOST ? bytes->size - (size_t) request->offset
                                                                 : WIRE_PART_MOST;
    memcpy (part, bytes->data + request->offset, size);
    part[size] = '\0';
    answer->version = file ? file->version : 1;
    answer->offset = request->offset;
    answer->size = bytes->size;
    answer->file = base_digest_of (bytes->data, bytes->size);
    answer->data = part;
}

static inline void trust_broker_serve_send (struct trust_broker *broker,
                                            const struct wire_send_metadata *request,
                                            struct wire_metadata_sent *answer)
{
    if (request->offset == 0) {
        if (!fake_expect (&broker->fake, broker->n_staged < 4, "more than four staged files"))
            return;
        broker->n_staged++;
    }
    struct base_buffer *staged = &broker->staged[broker->n_staged - 1];
    (void) fake_expect (&broker->fake, staged->size == request->offset, "a part is out of order");
    (void) base_buffer_append (staged, request->data, strlen (request->data));
    answer->file = request->file;
    answer->next = staged->size;
}

static inline void trust_broker_unstage (struct trust_broker *broker)
{
    for (size_t i = 0; i < broker->n_staged; i++)
        base_buffer_deinit (&broker->staged[i]);
    broker->n_staged = 0;
}

static inline void trust_broker_serve_root (struct trust_broker *broker,
                                            const struct wire_publish_root *request,
                                            struct wire_root_published *answer)
{
    struct base_error error = {.code = 0};
    const struct base_buffer *bytes = trust_broker_staged (broker, &request->file->file);
    int r = 0;
    if (!bytes)
        r = -ENOENT;
    else if (broker->repository.n_files) {
        unsigned before = broker->generation;
        const struct trust_draft_file file = {"root", bytes->data, bytes->size};
        if (broker->generations > broker->generation + 1)
            broker->generation++;
        r = trust_broker_publish (broker, &file, 1, &error);
        if (r) {
            broker->generation = before;
            r = r == TRUST_E_THRESHOLD || r == TRUST_E_VERSION ? r : r;
        }
    } else
        r = base_buffer_append (&broker->first_root, bytes->data, bytes->size);
    (void) snprintf (broker->reason, sizeof broker->reason, "%s", error.text);
    if (r)
        trust_broker_head (answer, WIRE_STATUS_REFUSED, broker->reason);
    else
        answer->version = request->file->version;
    trust_broker_unstage (broker);
}

static inline void trust_broker_serve_publish (struct trust_broker *broker,
                                               const struct wire_publish_metadata *request,
                                               struct wire_metadata_published *answer)
{
    struct trust_draft_file files[6];
    struct base_error error = {.code = 0};
    size_t count = 0;
    int r = 0;
    if (broker->refuses) {
        trust_broker_head (answer, broker->refuses, "the disk of the broker is full");
        trust_broker_unstage (broker);
        return;
    }
    if (broker->before_publish) {
        void (*before) (struct trust_broker *) = broker->before_publish;
        broker->before_publish = NULL;
        before (broker);
    }
    if (broker->first_root.size && !broker->repository.n_files)
        files[count++] = (struct trust_draft_file){"root", broker->first_root.data, broker->first_root.size};
    for (size_t i = 0; r == 0 && i < request->n_files; i++) {
        const struct wire_metadata_file *file = &request->files[i];
        const struct base_buffer *bytes = trust_broker_staged (broker, &file->file);
        const struct trust_repository_file *last = trust_broker_file (broker, file->role, 0);
        struct base_digest is =
            last ? base_digest_of (last->bytes.data, last->bytes.size) : base_digest_of ("", 0);
        if (!bytes)
            r = -ENOENT;
        else if (!base_digest_is_null (&file->replaces) && !base_digest_equal (&file->replaces, &is)) {
            trust_broker_head (answer, WIRE_STATUS_BUSY, "another file is published");
            trust_broker_unstage (broker);
            return;
        } else
            files[count++] = (struct trust_draft_file){file->role, bytes->data, bytes->size};
    }
    if (r == 0)
        r = trust_broker_publish (broker, files, count, &error);
    (void) snprintf (broker->reason, sizeof broker->reason, "%s", error.text);
    if (r)
        trust_broker_head (answer, WIRE_STATUS_REFUSED, broker->reason);
    trust_broker_unstage (broker);
}

/*  The public keys of a generation. */
static inline size_t trust_broker_keys (struct trust_broker *broker, unsigned generation, bool next,
                                        size_t count)
{
    static const char *const roles[] = {"snapshot", "timestamp"};
    for (size_t i = 0; i < 2; i++) {
        struct trust_secret *secret = &broker->secrets[generation][i];
        json_t *json = trust_public_json (trust_secret_public (secret));
        char *text = json_dumps (json, JSON_COMPACT);
        (void) snprintf (broker->keys[count], sizeof broker->keys[count], "%s", text);
        broker->online[count] = (struct wire_online_key){
            .role = roles[i], .keyid = secret->keyid, .key = broker->keys[count], .next = next};
        count++;
        free (text);
        json_decref (json);
    }
    return count;
}

static inline void trust_broker_proof (const struct trust_merkle_proof *proof, struct wire_log_digest *steps)
{
    for (size_t i = 0; i < proof->count; i++)
        steps[i].digest = proof->path[i];
}

static inline void trust_broker_serve_log (struct trust_broker *broker, const struct wire_read_log *request,
                                           struct wire_log_read *answer)
{
    struct trust_merkle_proof proof = {.count = 0};
    size_t size = request->size ? (size_t) request->size : broker->n_leaves;
    answer->size = size;
    answer->root = trust_merkle_root_of (broker->leaves, size);
    if (request->older) {
        trust_merkle_prove_consistency (broker->leaves, size, request->older, &proof);
        if (broker->lies_about_log && proof.count)
            proof.path[0].bytes[0] ^= 1;
        trust_broker_proof (&proof, broker->steps[0]);
        answer->consistency = broker->steps[0];
        answer->n_consistency = proof.count;
    }
    for (size_t i = 0; i < size && !base_digest_is_null (&request->leaf) && !broker->lies_about_log; i++)
        if (base_digest_equal (&broker->leaves[i], &request->leaf)) {
            trust_merkle_prove_inclusion (broker->leaves, size, i, &proof);
            trust_broker_proof (&proof, broker->steps[1]);
            answer->included = true;
            answer->index = i;
            answer->inclusion = broker->steps[1];
            answer->n_inclusion = proof.count;
        }
}

static inline bool trust_broker_answer (struct fake_broker *fake, const struct fake_request *request,
                                        void *ret_answer)
{
    struct trust_broker *broker = &trust_broker;
    const struct wire_record *record = request->record;
    (void) fake;
    if (record == &wire_publish_release_record)
        ((struct wire_published *) ret_answer)->release =
            wire_release_digest (((const struct wire_publish_release *) request->body)->release, NULL);
    else if (record == &wire_read_metadata_record)
        trust_broker_serve_read (broker, request->body, ret_answer);
    else if (record == &wire_send_metadata_record)
        trust_broker_serve_send (broker, request->body, ret_answer);
    else if (record == &wire_publish_metadata_record)
        trust_broker_serve_publish (broker, request->body, ret_answer);
    else if (record == &wire_publish_root_record)
        trust_broker_serve_root (broker, request->body, ret_answer);
    else if (record == &wire_read_log_record)
        trust_broker_serve_log (broker, request->body, ret_answer);
    else if (record == &wire_show_trust_record) {
        struct wire_trust_shown *shown = ret_answer;
        shown->published = broker->repository.n_files || broker->first_root.size;
        shown->online = broker->online;
        shown->n_online = trust_broker_keys (broker, broker->generation, false, 0);
        shown->missing = broker->texts;
        shown->n_missing = broker->texts[0] != NULL;
    } else if (record == &wire_make_online_keys_record) {
        struct wire_online_keys_made *made = ret_answer;
        broker->generations = broker->generation + 2;
        made->online = broker->online;
        made->n_online = trust_broker_keys (broker, broker->generation + 1, true, 0);
    }
    return true;
}

static inline void trust_broker_start (void)
{
    trust_broker =
        (struct trust_broker){.fake = {.answer = trust_broker_answer}, .generations = 1, .valid_s = 86400};
    for (int generation = 0; generation < 2; generation++)
        for (int key = 0; key < 2; key++) {
            uint8_t seed[TRUST_SEED_BYTES] = {(uint8_t) (1 + generation), (uint8_t) (1 + key)};
            trust_secret_init (&trust_broker.secrets[generation][key], seed);
        }
    fake_start (&trust_broker.fake);
}

static inline void trust_broker_end (void)
{
    fake_end (&trust_broker.fake);
    trust_repository_deinit (&trust_broker.repository);
    base_buffer_deinit (&trust_broker.first_root);
    for (size_t i = 0; i < trust_broker.n_old; i++)
        base_buffer_deinit (&trust_broker.old[i].bytes);
    trust_broker_unstage (&trust_broker);
}

#endif
