/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/log.c - the transparency log of published releases, as metadata knows it */

#include "trust/log.h"

#include <errno.h>

#include "base/assert.h"
#include "trust/canonical.h"
#include "trust/custom.h"
#include "trust/errors.h"

struct trust_log_head trust_log_head_of (const struct trust_merkle *merkle)
{
    base_assert (merkle);
    return (struct trust_log_head){.size = merkle->size, .root = trust_merkle_root (merkle)};
}

bool trust_log_head_equal (const struct trust_log_head *a, const struct trust_log_head *b)
{
    base_assert (a && b);
    return a->size == b->size && base_digest_equal (&a->root, &b->root);
}

json_t *trust_log_head_json (const struct trust_log_head *head)
{
    base_assert (head && head->size <= TRUST_MERKLE_MOST);
    char root[BASE_DIGEST_TEXT];
    return json_pack ("{s:s, s:I}", "root", base_digest_format (&head->root, root), "size",
                      (json_int_t) head->size);
}

int trust_log_head_read (const json_t *timestamp, struct trust_log_head *ret_head, struct base_error *error)
{
    base_assert (ret_head);
    static const struct trust_merkle empty;
    struct trust_log_head head = trust_log_head_of (&empty), none = head;
    const json_t *log = json_object_get (timestamp, "log");
    if (log) {
        const char *root = json_string_value (json_object_get (log, "root"));
        const json_t *size = json_object_get (log, "size");
        char again[BASE_DIGEST_TEXT];
        if (!root || base_digest_parse (root, &head.root) ||
            strcmp (root, base_digest_format (&head.root, again)) != 0 || !json_is_integer (size) ||
            json_integer_value (size) < 0 || (uint64_t) json_integer_value (size) > TRUST_MERKLE_MOST)
            return base_error_set (
                error, TRUST_E_FORMAT,
                "the log of the timestamp is not a root of 64 hexadecimal digits and a size");
        head.size = (uint64_t) json_integer_value (size);
        if (head.size == 0 && !base_digest_equal (&head.root, &none.root))
            return base_error_set (error, TRUST_E_FORMAT, "the log of the timestamp is empty and has a root");
    }
    *ret_head = head;
    return 0;
}

int trust_log_entry (const struct trust_target *target, struct base_buffer *buffer, struct base_error *error)
{
    base_assert (target && buffer);
    struct trust_custom custom;
    struct base_digest release;
    char digest[BASE_DIGEST_TEXT];
    int r = trust_release_of_target (target, &custom, &release, error);
    if (r)
        return r;
    /*  The whole custom as it was signed, also what this version does not know. */
    json_t *entry =
        json_pack ("{s:O, s:I, s:s, s:s}", "custom", target->custom, "length", (json_int_t) target->length,
                   "path", target->path, "sha256", base_digest_format (&release, digest));
    r = entry ? trust_canonical_write (entry, buffer, error)
              : base_error_set (error, -ENOMEM, "no memory for an entry of the log");
    json_decref (entry);
    return r;
}
