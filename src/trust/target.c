/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/target.c - a target: what metadata says about a file */

#include "trust/target.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "trust/errors.h"
#include "trust/name.h"

void trust_target_deinit (struct trust_target *target)
{
    base_assert (target);
    free (target->path);
    json_decref (target->custom);
    *target = (struct trust_target){0};
}

int trust_target_copy (const struct trust_target *target, struct trust_target *ret_copy)
{
    base_assert (target && target->path && ret_copy);
    char *path = strdup (target->path);
    if (!path)
        return -ENOMEM;
    *ret_copy = *target;
    ret_copy->path = path;
    ret_copy->custom = json_incref (target->custom);
    return 0;
}

int trust_target_read (const char *path, const json_t *json, struct trust_target *ret_target,
                       struct base_error *error)
{
    base_assert (path && ret_target);
    struct trust_target target = {0};
    if (!trust_name_is_plain (path, TRUST_PATH_MOST))
        return base_error_set (
            error, TRUST_E_FORMAT,
            "the path of a target is empty, longer than %d bytes, or has control characters",
            TRUST_PATH_MOST);
    const json_t *length = json_object_get (json, "length"), *hashes = json_object_get (json, "hashes");
    json_t *custom = json_object_get (json, "custom");
    if (!json_is_integer (length) || json_integer_value (length) < 0 || !hashes ||
        (custom && !json_is_object (custom)))
        return base_error_set (error, TRUST_E_FORMAT,
                               "target %s: length, hashes or custom is missing or invalid", path);
    if ((uint64_t) json_integer_value (length) > TRUST_TARGET_MOST)
        return base_error_set (error, TRUST_E_TOO_LARGE, "target %s: a length over %" PRIu64, path,
                               TRUST_TARGET_MOST);
    target.length = (uint64_t) json_integer_value (length);
    int r = trust_hashes_read (hashes, &target.hashes, error);
    if (r)
        return r;
    target.path = strdup (path);
    if (!target.path)
        return base_error_set (error, -ENOMEM, "no memory for a target");
    target.custom = json_incref (custom);
    *ret_target = target;
    return 0;
}

int trust_target_check (const struct trust_target *target, const void *data, size_t size,
                        struct base_error *error)
{
    base_assert (target && target->path);
    if (size != target->length)
        return base_error_set (error, TRUST_E_LENGTH, "target %s has %zu bytes instead of %" PRIu64,
                               target->path, size, target->length);
    return trust_hashes_check (&target->hashes, data, size, target->path, error);
}

int trust_target_location (const struct trust_target *target, bool consistent, struct base_buffer *buffer)
{
    base_assert (target && target->path && buffer);
    size_t old = buffer->size;
    const char *slash = strrchr (target->path, '/');
    const char *name = slash ? slash + 1 : target->path;
    char text[BASE_DIGEST_TEXT];
    if (!consistent)
        return base_buffer_append_text (buffer, target->path);
    if (!target->hashes.has_sha256 && !target->hashes.has_sha512)
        return TRUST_E_HASH;
    int r = base_buffer_append (buffer, target->path, (size_t) (name - target->path));
    if (r == 0 && target->hashes.has_sha256)
        r = base_buffer_append_text (buffer, base_digest_format (&target->hashes.sha256, text));
    for (size_t i = 0; r == 0 && !target->hashes.has_sha256 && i < TRUST_SHA512_BYTES; i++)
        r = base_buffer_printf (buffer, "%02x", target->hashes.sha512[i]);
    if (r == 0)
        r = base_buffer_printf (buffer, ".%s", name);
    if (r)
        buffer->size = old;
    return r;
}
