/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/envelope.c - rules of envelopes and releases beyond their schema */

#include "wire/envelope.h"

#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum {
    /*  Room in a frame for the rest of the message: request, matched and installed at their longest. */
    ENVELOPE_ROOM = 4096,
    ENVELOPES_MOST = 16,
    PARTS_MOST = 32, /* of a path; a node stages no deeper one */
};

static bool letter_or_digit (char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool name_is_valid (const char *name, const char *further)
{
    if (!name || !letter_or_digit (*name))
        return false;
    size_t size = 0;
    for (; name[size]; size++)
        if (size == 64 || !(letter_or_digit (name[size]) || strchr (further, name[size])))
            return false;
    return size <= 64;
}

bool wire_application_is_valid (const char *name)
{
    return name_is_valid (name, "._-");
}

bool wire_node_is_valid (const char *id)
{
    return name_is_valid (id, "._-:");
}

static bool text_is_printable (const char *text)
{
    for (; *text; text++)
        if ((unsigned char) *text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

bool wire_path_is_valid (const char *path)
{
    if (!path || !*path || strnlen (path, 256) > 255 || !text_is_printable (path))
        return false;
    for (unsigned parts = 1; parts <= PARTS_MOST; parts++) {
        size_t part = strcspn (path, "/");
        if (part == 0 || (part == 1 && path[0] == '.') || (part == 2 && path[0] == '.' && path[1] == '.'))
            return false;
        if (!path[part])
            return true;
        path += part + 1;
    }
    return false;
}

static bool platform_is_valid (const char *platform)
{
    unsigned slashes = 0;
    if (!letter_or_digit (*platform))
        return false;
    for (const char *at = platform; *at; at++) {
        if (*at == '/' && letter_or_digit (at[1]))
            slashes++;
        else if (!letter_or_digit (*at) && !strchr ("._-", *at))
            return false;
    }
    return slashes == 1;
}

static int files_check (const struct wire_envelope *envelope, struct base_error *error)
{
    for (size_t i = 0; i < envelope->n_files; i++) {
        const char *path = envelope->files[i].path;
        if (!path || !wire_path_is_valid (path))
            return base_error_set (
                error, WIRE_E_MALFORMED,
                "the file path '%.255s' is not allowed: it must be relative, of 255 bytes and 32 parts at most, "
                "without '.', '..', empty parts and control characters",
                path ? path : "");
        size_t size = strlen (path);
        for (size_t j = 0; j < envelope->n_files; j++) {
            const char *other = envelope->files[j].path;
            if (i == j || !other || strncmp (path, other, size) != 0)
                continue;
            if (other[size] == '\0')
                return base_error_set (error, WIRE_E_MALFORMED, "the file path '%.255s' is repeated", path);
            if (other[size] == '/')
                return base_error_set (error, WIRE_E_MALFORMED,
                                       "the path '%.100s' is a file and the directory of '%.255s'", path,
                                       other);
        }
    }
    return 0;
}

static int size_check (const struct wire_record *record, const void *message, struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = wire_pack (record, message, &buffer, error);
    if (r < 0)
        return r;
    if (r == WIRE_E_TOO_LARGE || buffer.size > WIRE_FRAME_MOST - ENVELOPE_ROOM)
        return base_error_set (
            error, WIRE_E_MALFORMED,
            "arguments, environment and files together are too long: more than %d bytes packed",
            WIRE_FRAME_MOST - ENVELOPE_ROOM);
    return r;
}

int wire_envelope_check (const struct wire_envelope *envelope, struct base_error *error)
{
    base_assert (envelope);
    if (!wire_application_is_valid (envelope->application))
        return base_error_set (
            error, WIRE_E_MALFORMED,
            "the application's name must be 1 to 64 letters, digits, '.', '_' or '-', the first a "
            "letter or digit");
    if (!envelope->version || !*envelope->version || !text_is_printable (envelope->version))
        return base_error_set (error, WIRE_E_MALFORMED, "the version is empty or has control characters");
    if (envelope->title && !text_is_printable (envelope->title))
        return base_error_set (error, WIRE_E_MALFORMED, "the title has control characters");
    if (envelope->platform && *envelope->platform && !platform_is_valid (envelope->platform))
        return base_error_set (error, WIRE_E_MALFORMED, "the platform '%.64s' is not of the form OS/ARCH",
                               envelope->platform);
    for (size_t i = 0; i < envelope->n_env; i++) {
        const char *entry = envelope->env[i];
        if (!entry || *entry == '=' || !strchr (entry, '='))
            return base_error_set (error, WIRE_E_MALFORMED,
                                   "entry %zu of the environment is not of the form NAME=VALUE", i + 1);
    }
    int r = files_check (envelope, error);
    if (r)
        return r;
    return size_check (&wire_envelope_record, envelope, error);
}

static const char *envelope_platform (const struct wire_envelope *envelope)
{
    return envelope->platform ? envelope->platform : "";
}

int wire_release_check (const struct wire_release *release, struct base_error *error)
{
    base_assert (release);
    if (release->n_envelopes == 0)
        return base_error_set (error, WIRE_E_MALFORMED, "the release has no envelope");
    if (!release->application || !release->version)
        return base_error_set (error, WIRE_E_MALFORMED, "the release has no application or no version");
    for (size_t i = 0; i < release->n_envelopes; i++) {
        const struct wire_envelope *envelope = &release->envelopes[i];
        int r = wire_envelope_check (envelope, error);
        if (r) {
            (void) base_error_prefix (error, "envelope %zu", i + 1);
            return r;
        }
        if (strcmp (envelope->application, release->application) != 0 ||
            strcmp (envelope->version, release->version) != 0)
            return base_error_set (error, WIRE_E_MALFORMED,
                                   "envelope %zu has another application or version than the release", i + 1);
        for (size_t j = 0; j < i; j++)
            if (strcmp (envelope_platform (envelope), envelope_platform (&release->envelopes[j])) == 0)
                return base_error_set (error, WIRE_E_MALFORMED, "two envelopes are for the platform '%.64s'",
                                       envelope_platform (envelope));
    }
    return size_check (&wire_release_record, release, error);
}

/*  Packs the release document of these envelopes. */
static int document_pack (const char *application, const char *version, const struct wire_envelope *envelopes,
                          size_t count, struct base_buffer *buffer, struct base_error *error)
{
    struct wire_envelope sorted[ENVELOPES_MOST]; /* shallow copies */
    if (count == 0 || count > ENVELOPES_MOST)
        return base_error_set (error, WIRE_E_MALFORMED, "a release has from 1 to %d envelopes",
                               ENVELOPES_MOST);
    for (size_t i = 0; i < count; i++) {
        size_t j = i;
        for (; j && strcmp (envelope_platform (&sorted[j - 1]), envelope_platform (&envelopes[i])) > 0; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = envelopes[i];
    }
    const struct wire_release release = {
        .application = application, .version = version, .envelopes = sorted, .n_envelopes = count};
    return wire_pack (&wire_release_record, &release, buffer, error);
}

int wire_release_pack (const struct wire_release *release, struct base_buffer *buffer,
                       struct base_error *error)
{
    base_assert (release && buffer);
    return document_pack (release->application, release->version, release->envelopes, release->n_envelopes,
                          buffer, error);
}

int wire_envelope_pack_release (const struct wire_envelope *envelope, struct base_buffer *buffer,
                                struct base_error *error)
{
    base_assert (envelope && buffer);
    return document_pack (envelope->application, envelope->version, envelope, 1, buffer, error);
}

int wire_release_unpack (const void *data, size_t size, struct wire_release *ret_release,
                         struct base_error *error)
{
    struct wire_release release;
    int r = wire_unpack (&wire_release_record, data, size, &release, error);
    if (r)
        return r;
    r = wire_release_check (&release, error);
    if (r) {
        wire_release_deinit (&release);
        return r;
    }
    *ret_release = release;
    return 0;
}

struct base_digest wire_release_digest (const struct wire_release *release, uint64_t *ret_size)
{
    static const struct base_digest none;
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    if (wire_release_pack (release, &buffer, NULL))
        return none;
    if (ret_size)
        *ret_size = buffer.size;
    return base_digest_of (buffer.data, buffer.size);
}

struct base_digest wire_envelope_release_digest (const struct wire_envelope *envelope)
{
    static const struct base_digest none;
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    if (wire_envelope_pack_release (envelope, &buffer, NULL))
        return none;
    return base_digest_of (buffer.data, buffer.size);
}

const struct wire_envelope *wire_release_match (const struct wire_release *release, const char *platform)
{
    base_assert (release);
    const struct wire_envelope *fits_all = NULL;
    for (size_t i = 0; i < release->n_envelopes; i++) {
        const struct wire_envelope *envelope = &release->envelopes[i];
        if (!*envelope_platform (envelope))
            fits_all = envelope;
        else if (platform && strcmp (envelope->platform, platform) == 0)
            return envelope;
    }
    return fits_all;
}

bool wire_envelope_equal (const struct wire_envelope *a, const struct wire_envelope *b)
{
    return wire_equal (&wire_envelope_record, a, b);
}
