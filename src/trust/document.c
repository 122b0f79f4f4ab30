/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/document.c - a metadata file: what is signed, and its signatures

    Nothing is verified before the file is parsed, so parsing has bounds of its own: bytes, depth, and the number of
    objects and arrays, each of which takes more memory than it has characters. */

#include "trust/document.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "trust/canonical.h"
#include "trust/errors.h"
#include "trust/hex.h"

enum { CONTAINERS_MOST = 512 * 1024 };

void trust_role_deinit (struct trust_role *role)
{
    base_assert (role);
    free (role->keyids);
    *role = (struct trust_role){0};
}

static int digest_compare (const void *a, const void *b)
{
    return memcmp (a, b, sizeof (struct base_digest));
}

int trust_role_read (const json_t *json, struct trust_role *ret_role, struct base_error *error)
{
    base_assert (ret_role);
    base_cleanup (trust_role_deinit) struct trust_role role = {0};
    const json_t *keyids = json_object_get (json, "keyids"), *threshold = json_object_get (json, "threshold");
    if (!json_is_array (keyids) || !json_is_integer (threshold))
        return base_error_set (error, TRUST_E_FORMAT, "a role has no keyids or threshold");
    if (json_integer_value (threshold) < 1)
        return base_error_set (error, TRUST_E_FORMAT,
                               "a role has a threshold below 1: nobody would have to sign");
    size_t count = json_array_size (keyids);
    if (count > TRUST_ROLE_KEYS_MOST)
        return base_error_set (error, TRUST_E_TOO_LARGE, "a role has more than %d keys",
                               TRUST_ROLE_KEYS_MOST);
    role.threshold = (uint64_t) json_integer_value (threshold);
    role.keyids = calloc (count ? count : 1, sizeof *role.keyids);
    if (!role.keyids)
        return base_error_set (error, -ENOMEM, "no memory for a role");
    for (; role.n_keyids < count; role.n_keyids++) {
        const char *keyid = json_string_value (json_array_get (keyids, role.n_keyids));
        if (!keyid || base_digest_parse (keyid, &role.keyids[role.n_keyids]))
            return base_error_set (error, TRUST_E_FORMAT,
                                   "a keyid of a role is not 64 hexadecimal characters");
    }
    qsort (role.keyids, role.n_keyids, sizeof *role.keyids, digest_compare);
    for (size_t i = 1; i < role.n_keyids; i++)
        if (base_digest_equal (&role.keyids[i - 1], &role.keyids[i]))
            return base_error_set (error, TRUST_E_FORMAT, "a role names a keyid twice");
    *ret_role = role;
    memset (&role, 0, sizeof role); /* owned by the caller now */
    return 0;
}

void trust_document_deinit (struct trust_document *document)
{
    base_assert (document && (document->signatures || document->n_signatures == 0));
    for (size_t i = 0; i < document->n_signatures; i++)
        free (document->signatures[i].bytes);
    free (document->signatures);
    base_buffer_deinit (&document->canonical);
    json_decref (document->json);
    *document = (struct trust_document){0};
}

/*  Bounds what the JSON parser is given: its depth, and the number of its objects and arrays. */
static int shape_check (const char *text, size_t size, struct base_error *error)
{
    size_t depth = 0, containers = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        if (quoted) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                quoted = false;
        } else if (text[i] == '"') {
            quoted = true;
        } else if (text[i] == '{' || text[i] == '[') {
            if (++depth > TRUST_DEPTH_MOST || ++containers > CONTAINERS_MOST)
                return base_error_set (error, TRUST_E_TOO_LARGE,
                                       "the file has more than %d levels or %d objects", TRUST_DEPTH_MOST,
                                       CONTAINERS_MOST);
        } else if ((text[i] == '}' || text[i] == ']') && depth) {
            depth--;
        }
    }
    return 0;
}

/*  The parser quotes the input, which may be meant for a terminal. */
static void text_make_plain (char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

static int signature_compare (const void *a, const void *b)
{
    const struct trust_signature *one = a, *other = b;
    return memcmp (&one->keyid, &other->keyid, sizeof one->keyid);
}

static int signature_read (const json_t *json, struct trust_signature *ret_signature,
                           struct base_error *error)
{
    uint8_t bytes[TRUST_SIGNATURE_MOST];
    size_t size = 0;
    const char *keyid = json_string_value (json_object_get (json, "keyid"));
    const char *text = json_string_value (json_object_get (json, "sig"));
    struct trust_signature signature = {0};
    if (!keyid || !text || base_digest_parse (keyid, &signature.keyid))
        return base_error_set (error, TRUST_E_FORMAT, "a signature has no keyid or sig, or an invalid keyid");
    if (trust_hex_decode (text, sizeof bytes, bytes, &size) == 0 && size) {
        signature.bytes = malloc (size);
        if (!signature.bytes)
            return base_error_set (error, -ENOMEM, "no memory for a signature");
        memcpy (signature.bytes, bytes, size);
        signature.size = size;
    }
    *ret_signature = signature;
    return 0;
}

static int signatures_read (const json_t *json, struct trust_document *document, struct base_error *error)
{
    if (!json_is_array (json))
        return base_error_set (error, TRUST_E_FORMAT, "the file has no signatures");
    size_t count = json_array_size (json);
    if (count > TRUST_SIGNATURES_MOST)
        return base_error_set (error, TRUST_E_TOO_LARGE, "the file has more than %d signatures",
                               TRUST_SIGNATURES_MOST);
    document->signatures = calloc (count ? count : 1, sizeof *document->signatures);
    if (!document->signatures)
        return base_error_set (error, -ENOMEM, "no memory for signatures");
    for (; document->n_signatures < count; document->n_signatures++) {
        int r = signature_read (json_array_get (json, document->n_signatures),
                                &document->signatures[document->n_signatures], error);
        if (r)
            return r;
    }
    qsort (document->signatures, count, sizeof *document->signatures, signature_compare);
    for (size_t i = 1; i < count; i++)
        if (signature_compare (&document->signatures[i - 1], &document->signatures[i]) == 0)
            return base_error_set (error, TRUST_E_FORMAT, "the file has two signatures with the same keyid");
    return 0;
}

int trust_document_parse (const void *data, size_t size, size_t most, struct trust_document *ret_document,
                          struct base_error *error)
{
    base_assert ((data || size == 0) && ret_document && most <= TRUST_DOCUMENT_MOST);
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    json_error_t wrong;
    if (size > most)
        return base_error_set (error, TRUST_E_TOO_LARGE, "the file has %zu bytes, more than %zu", size, most);
    int r = shape_check (data, size, error);
    if (r)
        return r;
    document.json = json_loadb (size ? data : "", size, JSON_REJECT_DUPLICATES, &wrong);
    if (!document.json) {
        text_make_plain (wrong.text);
        return base_error_set (error, TRUST_E_FORMAT, "the file is no JSON, or repeats a name (line %d: %s)",
                               wrong.line, wrong.text);
    }
    document.content = json_object_get (document.json, "signed");
    if (!json_is_object (document.content))
        return base_error_set (error, TRUST_E_FORMAT, "the file has no signed object");
    r = trust_canonical_write (document.content, &document.canonical, error);
    if (r)
        return r;
    r = signatures_read (json_object_get (document.json, "signatures"), &document, error);
    if (r)
        return r;
    *ret_document = document;
    memset (&document, 0, sizeof document); /* owned by the caller now */
    return 0;
}

static const struct trust_signature *signature_find (const struct trust_document *document,
                                                     const struct base_digest *keyid)
{
    struct trust_signature wanted = {.keyid = *keyid};
    return document->n_signatures ? bsearch (&wanted, document->signatures, document->n_signatures,
                                             sizeof *document->signatures, signature_compare)
                                  : NULL;
}

/*  Counts different materials that signed, up to enough. */
static size_t document_count (const struct trust_document *document, const struct trust_keys *keys,
                              const struct trust_role *role, uint64_t enough)
{
    struct base_digest counted[TRUST_ROLE_KEYS_MOST];
    size_t count = 0;
    base_assert (role->n_keyids <= TRUST_ROLE_KEYS_MOST);
    for (size_t i = 0; i < role->n_keyids && count < enough; i++) {
        const struct trust_key *key = trust_keys_find (keys, &role->keyids[i]);
        const struct trust_signature *signature = signature_find (document, &role->keyids[i]);
        bool known = false;
        if (!key || !signature || !signature->bytes)
            continue;
        for (size_t j = 0; j < count && !known; j++)
            known = base_digest_equal (&counted[j], &key->material);
        if (!known && trust_key_verify (key, document->canonical.data, document->canonical.size,
                                        signature->bytes, signature->size))
            counted[count++] = key->material;
    }
    return count;
}

size_t trust_document_count (const struct trust_document *document, const struct trust_keys *keys,
                             const struct trust_role *role)
{
    base_assert (document && keys && role);
    return document_count (document, keys, role, UINT64_MAX);
}

int trust_document_verify (const struct trust_document *document, const struct trust_keys *keys,
                           const struct trust_role *role, const char *what, struct base_error *error)
{
    base_assert (document && document->content && keys && role && what);
    if (role->threshold < 1)
        return base_error_set (error, TRUST_E_THRESHOLD, "%s: no key may sign for this role", what);
    size_t count = document_count (document, keys, role, role->threshold);
    if (count < role->threshold)
        return base_error_set (error, TRUST_E_THRESHOLD,
                               "%s is signed by %zu of its keys, and must be signed by %" PRIu64, what, count,
                               role->threshold);
    return 0;
}
