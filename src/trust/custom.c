/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/custom.c - what noded puts into a target, and requires of it */

#include "trust/custom.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/text.h"
#include "trust/errors.h"

static bool text_is_valid (const char *text)
{
    size_t size = strnlen (text, TRUST_CUSTOM_TEXT);
    if (size == 0 || size == TRUST_CUSTOM_TEXT || !base_text_is_utf8 (text, size))
        return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return true;
}

static bool platform_is_valid (const char *platform)
{
    if (strcmp (platform, TRUST_PLATFORM_ANY) == 0)
        return true;
    const char *slash = strchr (platform, '/');
    return text_is_valid (platform) && slash && slash != platform && slash[1] && !strchr (slash + 1, '/');
}

static bool custom_is_valid (const struct trust_custom *custom)
{
    if (!wire_application_is_valid (custom->application) || !text_is_valid (custom->version) ||
        custom->counter == 0 || custom->counter > TRUST_COUNTER_MOST || custom->n_platforms == 0 ||
        custom->n_platforms > TRUST_PLATFORMS_MOST)
        return false;
    for (size_t i = 0; i < custom->n_platforms; i++)
        if (!platform_is_valid (custom->platforms[i]) ||
            (i && strcmp (custom->platforms[i - 1], custom->platforms[i]) >= 0))
            return false;
    return true;
}

static int platform_compare (const void *a, const void *b)
{
    return strcmp (a, b);
}

int trust_custom_of_release (const struct wire_release *release, uint64_t counter,
                             struct trust_custom *ret_custom, struct base_error *error)
{
    base_assert (release && release->application && release->version && ret_custom);
    base_assert (release->n_envelopes <= TRUST_PLATFORMS_MOST);
    struct trust_custom custom = {.counter = counter, .n_platforms = release->n_envelopes};
    int r = base_text_copy (custom.application, sizeof custom.application, release->application);
    base_assert (r == 0);
    r = base_text_copy (custom.version, sizeof custom.version, release->version);
    base_assert (r == 0);
    for (size_t i = 0; i < custom.n_platforms; i++) {
        const char *platform = release->envelopes[i].platform;
        r = base_text_copy (custom.platforms[i], sizeof custom.platforms[i],
                            platform && *platform ? platform : TRUST_PLATFORM_ANY);
        base_assert (r == 0);
    }
    qsort (custom.platforms, custom.n_platforms, sizeof *custom.platforms, platform_compare);
    if (!custom_is_valid (&custom))
        return base_error_set (error, TRUST_E_FORMAT,
                               "release %s %s cannot be signed with release-counter %" PRIu64
                               ": it must be 1 to %" PRIu64,
                               custom.application, custom.version, counter, TRUST_COUNTER_MOST);
    *ret_custom = custom;
    return 0;
}

bool trust_custom_fits (const struct trust_custom *custom, const struct trust_custom *other)
{
    base_assert (custom && other);
    if (strcmp (custom->application, other->application) != 0 ||
        strcmp (custom->version, other->version) != 0 || custom->n_platforms != other->n_platforms)
        return false;
    for (size_t i = 0; i < custom->n_platforms; i++)
        if (strcmp (custom->platforms[i], other->platforms[i]) != 0)
            return false;
    return true;
}

json_t *trust_custom_json (const struct trust_custom *custom)
{
    base_assert (custom && custom_is_valid (custom));
    json_t *platforms = json_array ();
    for (size_t i = 0; platforms && i < custom->n_platforms; i++)
        if (json_array_append_new (platforms, json_string (custom->platforms[i]))) {
            json_decref (platforms);
            return NULL;
        }
    return json_pack ("{s:s, s:o, s:I, s:s}", "application", custom->application, "platforms", platforms,
                      "release-counter", (json_int_t) custom->counter, "version", custom->version);
}

/*  Copies a string without NUL bytes; false: it is none, or too long. */
static bool field_copy (char field[TRUST_CUSTOM_TEXT], const json_t *json)
{
    const char *text = json_string_value (json);
    return text && strlen (text) == json_string_length (json) &&
           base_text_copy (field, TRUST_CUSTOM_TEXT, text) == 0;
}

int trust_custom_read (const json_t *json, struct trust_custom *ret_custom, struct base_error *error)
{
    base_assert (ret_custom);
    struct trust_custom custom = {0};
    const json_t *platforms = json_object_get (json, "platforms"),
                 *counter = json_object_get (json, "release-counter");
    size_t count = json_array_size (platforms);
    bool valid = field_copy (custom.application, json_object_get (json, "application")) &&
                 field_copy (custom.version, json_object_get (json, "version")) &&
                 json_is_array (platforms) && count <= TRUST_PLATFORMS_MOST && json_is_integer (counter) &&
                 json_integer_value (counter) > 0;
    for (size_t i = 0; valid && i < count; i++)
        valid = field_copy (custom.platforms[i], json_array_get (platforms, i));
    custom.n_platforms = count;
    custom.counter = (uint64_t) json_integer_value (counter);
    if (!valid || !custom_is_valid (&custom))
        return base_error_set (error, TRUST_E_FORMAT,
                               "the target's custom is not that of a release: it needs application, version, "
                               "sorted platforms and release-counter");
    *ret_custom = custom;
    return 0;
}

const char *trust_release_path (const char *application, const struct base_digest *release,
                                char text[TRUST_RELEASE_PATH_TEXT])
{
    base_assert (wire_application_is_valid (application) && release && text);
    base_assert (!base_digest_is_null (release));
    char digest[BASE_DIGEST_TEXT];
    (void) snprintf (text, TRUST_RELEASE_PATH_TEXT, "%s/%s", application,
                     base_digest_format (release, digest));
    return text;
}

int trust_release_of_target (const struct trust_target *target, struct trust_custom *ret_custom,
                             struct base_digest *ret_release, struct base_error *error)
{
    base_assert (target && target->path && ret_custom && ret_release);
    struct trust_custom custom;
    int r = trust_custom_read (target->custom, &custom, error);
    if (r) {
        (void) base_error_prefix (error, "target %.200s", target->path);
        return r;
    }
    char path[TRUST_RELEASE_PATH_TEXT];
    if (!target->hashes.has_sha256 || base_digest_is_null (&target->hashes.sha256) ||
        strcmp (target->path, trust_release_path (custom.application, &target->hashes.sha256, path)) != 0)
        return base_error_set (
            error, TRUST_E_FORMAT,
            "target %.200s is not named APPLICATION/DIGEST after its application and its SHA-256",
            target->path);
    if (target->length == 0 || target->length > WIRE_DOCUMENT_MOST)
        return base_error_set (error, TRUST_E_FORMAT,
                               "target %.200s has %" PRIu64 " bytes; a release document has 1 to %d",
                               target->path, target->length, WIRE_DOCUMENT_MOST);
    *ret_custom = custom;
    *ret_release = target->hashes.sha256;
    return 0;
}
