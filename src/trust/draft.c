/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/draft.c - a metadata file that is made, changed and signed */

#include "trust/draft.h"

#include <errno.h>
#include <sodium.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "trust/canonical.h"
#include "trust/client.h"
#include "trust/draft_private.h"
#include "trust/errors.h"

int trust_draft_no_memory (struct base_error *error)
{
    return base_error_set (error, -ENOMEM, "no memory for a metadata file");
}

void trust_draft_deinit (struct trust_draft *draft)
{
    if (!draft)
        return;
    json_decref (draft->json);
    *draft = (struct trust_draft){0};
}

void trust_missing_deinit (struct trust_missing *missing)
{
    if (!missing)
        return;
    free (missing->keyids);
    *missing = (struct trust_missing){0};
}

int trust_draft_init (struct trust_draft *ret_draft, enum trust_kind kind, json_t *content,
                      struct base_error *error)
{
    base_assert (ret_draft && kind < TRUST_KINDS);
    json_t *json = json_pack ("{s:[], s:o}", "signatures", "signed", content);
    if (!json)
        return trust_draft_no_memory (error);
    *ret_draft = (struct trust_draft){.kind = kind, .json = json};
    return 0;
}

json_t *trust_draft_begin (enum trust_kind kind, uint64_t version, uint64_t expires)
{
    base_assert (kind < TRUST_KINDS && version > 0 && version <= TRUST_VERSION_MOST);
    base_assert (expires <= TRUST_EXPIRES_MOST);
    char text[TRUST_EXPIRES_TEXT];
    return json_pack ("{s:s, s:s, s:s, s:I}", "_type", trust_kind_name (kind), "expires",
                      trust_expires_format (expires, text), "spec_version", TRUST_SPEC_VERSION, "version",
                      (json_int_t) version);
}

int trust_draft_follow (const struct trust_draft *last, uint64_t version, uint64_t expires,
                        struct trust_draft *ret_draft, struct base_error *error)
{
    base_assert (last && ret_draft && version > trust_draft_version (last));
    json_t *fresh = trust_draft_begin (last->kind, version, expires),
           *content = json_deep_copy (trust_draft_content (last));
    if (!fresh || !content || json_object_update (content, fresh)) {
        json_decref (fresh);
        json_decref (content);
        return trust_draft_no_memory (error);
    }
    json_decref (fresh);
    return trust_draft_init (ret_draft, last->kind, content, error);
}

static json_t *draft_signatures (const struct trust_draft *draft)
{
    json_t *signatures = json_object_get (draft->json, "signatures");
    base_assert (json_is_array (signatures));
    return signatures;
}

void trust_draft_unsign (struct trust_draft *draft)
{
    base_assert (draft);
    (void) json_array_clear (draft_signatures (draft));
}

json_t *trust_draft_content (const struct trust_draft *draft)
{
    base_assert (draft && draft->json);
    json_t *content = json_object_get (draft->json, "signed");
    base_assert (json_is_object (content));
    return content;
}

uint64_t trust_draft_version (const struct trust_draft *draft)
{
    json_int_t version = json_integer_value (json_object_get (trust_draft_content (draft), "version"));
    base_assert (version > 0);
    return (uint64_t) version;
}

/*  Checks the form, by the readers that clients have; with reachable also whether thresholds can be reached. */
static int draft_form (enum trust_kind kind, const json_t *content, bool reachable, uint64_t *ret_expires,
                       struct base_error *error)
{
    union {
        struct trust_root root;
        struct trust_timestamp timestamp;
        struct trust_snapshot snapshot;
        struct trust_targets targets;
    } of = {0};
    int r = 0;
    switch (kind) {
    case TRUST_ROOT:
        r = trust_root_read (content, &of.root, error);
        for (int i = 0; r == 0 && reachable && i < TRUST_KINDS; i++)
            r = trust_draft_role_check (&of.root.keys, &of.root.roles[i],
                                        trust_kind_name ((enum trust_kind) i), error);
        *ret_expires = of.root.common.expires;
        trust_root_deinit (&of.root);
        return r;
    case TRUST_TIMESTAMP:
        r = trust_timestamp_read (content, &of.timestamp, error);
        *ret_expires = of.timestamp.common.expires;
        trust_timestamp_deinit (&of.timestamp);
        return r;
    case TRUST_SNAPSHOT:
        r = trust_snapshot_read (content, &of.snapshot, error);
        *ret_expires = of.snapshot.common.expires;
        trust_snapshot_deinit (&of.snapshot);
        return r;
    case TRUST_TARGETS:
        r = trust_targets_read (content, &of.targets, error);
        for (size_t i = 0; r == 0 && reachable && i < of.targets.n_delegations; i++)
            r = trust_draft_role_check (&of.targets.keys, &of.targets.delegations[i].role,
                                        of.targets.delegations[i].name, error);
        *ret_expires = of.targets.common.expires;
        trust_targets_deinit (&of.targets);
        return r;
    case TRUST_KINDS:
        break;
    }
    base_assert (false);
    return -EINVAL;
}

static int kind_of (const json_t *content, enum trust_kind *ret_kind, struct base_error *error)
{
    const char *type = json_string_value (json_object_get (content, "_type"));
    for (int kind = 0; type && kind < TRUST_KINDS; kind++)
        if (strcmp (type, trust_kind_name ((enum trust_kind) kind)) == 0) {
            *ret_kind = (enum trust_kind) kind;
            return 0;
        }
    return base_error_set (error, TRUST_E_FORMAT,
                           "this is not a metadata file of root, targets, snapshot or timestamp");
}

int trust_draft_read (const void *data, size_t size, struct trust_draft *ret_draft, struct base_error *error)
{
    base_assert ((data || size == 0) && ret_draft);
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    enum trust_kind kind = TRUST_KINDS;
    uint64_t expires = 0;
    int r = trust_document_parse (data, size, TRUST_DOCUMENT_MOST, &document, error);
    if (r == 0)
        r = kind_of (document.content, &kind, error);
    if (r == 0)
        r = draft_form (kind, document.content, false, &expires, error);
    if (r == 0)
        *ret_draft = (struct trust_draft){.kind = kind, .json = json_incref (document.json)};
    return r;
}

static size_t size_most (enum trust_kind kind)
{
    switch (kind) {
    case TRUST_ROOT:
        return trust_limits_default.root;
    case TRUST_TIMESTAMP:
        return trust_limits_default.timestamp;
    case TRUST_SNAPSHOT:
        return trust_limits_default.snapshot;
    case TRUST_TARGETS:
        return trust_limits_default.targets;
    case TRUST_KINDS:
        break;
    }
    base_assert (false);
    return 0;
}

int trust_draft_write (const struct trust_draft *draft, struct base_buffer *buffer, struct base_error *error)
{
    base_assert (draft && draft->json && buffer);
    base_cleanup (base_free_p) char *text = json_dumps (draft->json, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return trust_draft_no_memory (error);
    if (strlen (text) > size_most (draft->kind))
        return base_error_set (error, TRUST_E_TOO_LARGE,
                               "the %s metadata has %zu bytes; nodes read at most %zu",
                               trust_kind_name (draft->kind), strlen (text), size_most (draft->kind));
    return base_buffer_append_text (buffer, text);
}

int trust_draft_canonical (const struct trust_draft *draft, struct base_buffer *buffer,
                           struct base_error *error)
{
    base_assert (draft && buffer);
    return trust_canonical_write (trust_draft_content (draft), buffer, error);
}

int trust_draft_check (const struct trust_draft *draft, uint64_t now, struct base_error *error)
{
    base_assert (draft);
    uint64_t expires = 0;
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = draft_form (draft->kind, trust_draft_content (draft), true, &expires, error);
    if (r == 0)
        r = trust_draft_write (draft, &buffer, error);
    if (r == 0 && trust_expires_is_over (expires, now)) {
        char text[TRUST_EXPIRES_TEXT];
        r = base_error_set (error, TRUST_E_EXPIRED, "the %s metadata expires at %s, which is over",
                            trust_kind_name (draft->kind), trust_expires_format (expires, text));
    }
    return r;
}

static int signature_put (struct trust_draft *draft, const struct base_digest *keyid,
                          const uint8_t *signature, size_t size, struct base_error *error)
{
    base_assert (size > 0 && size <= TRUST_SIGNATURE_MOST);
    char name[BASE_DIGEST_TEXT], hex[2 * TRUST_SIGNATURE_MOST + 1];
    (void) base_digest_format (keyid, name);
    json_t *signatures = draft_signatures (draft),
           *entry = json_pack ("{s:s, s:s}", "keyid", name, "sig",
                               sodium_bin2hex (hex, sizeof hex, signature, size));
    if (!entry)
        return trust_draft_no_memory (error);
    for (size_t i = json_array_size (signatures); i-- > 0;) {
        const char *other = json_string_value (json_object_get (json_array_get (signatures, i), "keyid"));
        if (other && strcasecmp (other, name) == 0)
            (void) json_array_remove (signatures, i);
    }
    if (json_array_size (signatures) >= TRUST_SIGNATURES_MOST) {
        json_decref (entry);
        return base_error_set (error, TRUST_E_TOO_LARGE, "the %s metadata has %d signatures already",
                               trust_kind_name (draft->kind), TRUST_SIGNATURES_MOST);
    }
    return json_array_append_new (signatures, entry) ? trust_draft_no_memory (error) : 0;
}

int trust_draft_sign (struct trust_draft *draft, const struct trust_secret *secret, struct base_error *error)
{
    base_assert (draft && secret && !trust_secret_is_null (secret));
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    int r = trust_draft_canonical (draft, &bytes, error);
    if (r)
        return r;
    uint8_t signature[TRUST_ED25519_SIGNATURE_BYTES];
    trust_secret_sign (secret, bytes.data, bytes.size, signature);
    return signature_put (draft, &secret->keyid, signature, sizeof signature, error);
}

int trust_draft_add (struct trust_draft *draft, const struct trust_key *key, const void *signature,
                     size_t size, struct base_error *error)
{
    base_assert (draft && key && (signature || size == 0));
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    int r = trust_draft_canonical (draft, &bytes, error);
    if (r)
        return r;
    if (size == 0 || size > TRUST_SIGNATURE_MOST ||
        !trust_key_verify (key, bytes.data, bytes.size, signature, size)) {
        char keyid[BASE_DIGEST_TEXT];
        return base_error_set (error, TRUST_E_KEY, "this is not a signature of the %s metadata by key %s",
                               trust_kind_name (draft->kind), base_digest_format (&key->keyid, keyid));
    }
    return signature_put (draft, &key->keyid, signature, size, error);
}

static bool signed_by (const struct trust_document *document, const struct trust_key *key)
{
    for (size_t i = 0; i < document->n_signatures; i++) {
        const struct trust_signature *signature = &document->signatures[i];
        if (signature->bytes && base_digest_equal (&signature->keyid, &key->keyid) &&
            trust_key_verify (key, document->canonical.data, document->canonical.size, signature->bytes,
                              signature->size))
            return true;
    }
    return false;
}

/*  The keys of a role, one for each material: a key in two forms signs once. Those that signed come first. */
static size_t role_keys (const struct trust_document *document, const struct trust_keys *keys,
                         const struct trust_role *role, const struct trust_key **ret_keys, size_t *ret_signed)
{
    size_t count = 0;
    for (int want = 1; want >= 0; want--) {
        for (size_t i = 0; i < role->n_keyids; i++) {
            const struct trust_key *key = trust_keys_find (keys, &role->keyids[i]);
            bool known = !key || key->kind == TRUST_KEY_UNUSABLE || signed_by (document, key) != want;
            for (size_t j = 0; j < count && !known; j++)
                known = base_digest_equal (&ret_keys[j]->material, &key->material);
            if (!known)
                ret_keys[count++] = key;
        }
        if (want)
            *ret_signed = count;
    }
    base_assert (count <= role->n_keyids && *ret_signed <= count);
    return count;
}

int trust_draft_missing (const struct trust_draft *draft, const struct trust_keys *keys,
                         const struct trust_role *role, struct trust_missing *ret_missing,
                         struct base_error *error)
{
    base_assert (draft && keys && role && ret_missing);
    base_cleanup (base_buffer_deinit) struct base_buffer file = {0};
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    int r = trust_draft_write (draft, &file, error);
    if (r == 0)
        r = trust_document_parse (file.data, file.size, file.size, &document, error);
    if (r)
        return r;
    base_cleanup (base_free_p) const struct trust_key **known =
        calloc (role->n_keyids + 1, sizeof (const struct trust_key *));
    struct base_digest *keyids = calloc (role->n_keyids + 1, sizeof *keyids);
    if (!known || !keyids) {
        free (keyids);
        return trust_draft_no_memory (error);
    }
    size_t have = 0, count = role_keys (&document, keys, role, known, &have);
    for (size_t i = have; i < count; i++)
        keyids[i - have] = known[i]->keyid;
    base_assert (have == trust_document_count (&document, keys, role));
    *ret_missing = (struct trust_missing){
        .threshold = role->threshold, .have = have, .keyids = keyids, .n_keyids = count - have};
    return 0;
}

int trust_version_next (uint64_t last, uint64_t now, uint64_t *ret_version, struct base_error *error)
{
    base_assert (ret_version);
    if (last >= TRUST_VERSION_MOST)
        return base_error_set (
            error, TRUST_E_VERSION,
            "there is no version after the last one: make new keys for snapshot and timestamp, and "
            "publish a root with them");
    uint64_t clock = now < TRUST_EXPIRES_MOST ? now : 0; /* a clock beyond the year 9999 is none */
    *ret_version = clock > last ? clock : last + 1;
    base_assert (*ret_version > last && *ret_version <= TRUST_VERSION_MOST);
    return 0;
}
