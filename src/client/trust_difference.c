/* SPDX-License-Identifier: MPL-2.0 */
/*  client/trust_difference.c - what a person sees before signing

    Compares what is signed, name by name. What this version has no words for is named, too: no difference is hidden. */

#include "client/trust.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

/*  The lines so far, and whether memory was out. */
struct lines {
    struct base_buffer text;
    bool failed;
};

#define LINE(lines, ...) ((lines)->failed |= base_buffer_printf (&(lines)->text, __VA_ARGS__) < 0)

static bool same (const json_t *a, const json_t *b)
{
    return (!a && !b) || (a && b && json_equal (a, b));
}

static const char *text_of (const json_t *json, const char *name)
{
    const char *text = json_string_value (json_object_get (json, name));
    return text ? text : "?";
}

static json_int_t number_of (const json_t *json, const char *name)
{
    return json_integer_value (json_object_get (json, name));
}

static bool list_has (const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size (list); i++) {
        const char *item = json_string_value (json_array_get (list, i));
        if (item && strcmp (item, text) == 0)
            return true;
    }
    return false;
}

/*  Items of one list that the other one does not have. */
static void items_put (struct lines *lines, const char *sign, const char *what, const json_t *list,
                       const json_t *other)
{
    for (size_t i = 0; i < json_array_size (list); i++) {
        const char *item = json_string_value (json_array_get (list, i));
        if (item && !list_has (other, item))
            LINE (lines, "    %s %s %s\n", sign, what, item);
    }
}

/*  A role whose keys are listed: of root, or a publisher. known: its names that are compared here. */
static void role_put (struct lines *lines, const char *name, const json_t *before, const json_t *after)
{
    static const char *const known[] = {"keyids", "threshold", "paths", "name"};
    if (same (before, after))
        return;
    LINE (lines, "  %s %s\n", !before ? "+" : !after ? "-" : "~", name);
    items_put (lines, "-", "key", json_object_get (before, "keyids"), json_object_get (after, "keyids"));
    items_put (lines, "+", "key", json_object_get (after, "keyids"), json_object_get (before, "keyids"));
    items_put (lines, "-", "releases", json_object_get (before, "paths"), json_object_get (after, "paths"));
    items_put (lines, "+", "releases", json_object_get (after, "paths"), json_object_get (before, "paths"));
    if (after && !before)
        LINE (lines, "    signatures needed: %lld\n", (long long) number_of (after, "threshold"));
    else if (after && number_of (before, "threshold") != number_of (after, "threshold"))
        LINE (lines, "    signatures needed: %lld -> %lld\n", (long long) number_of (before, "threshold"),
              (long long) number_of (after, "threshold"));
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *) (uintptr_t) (after ? after : before), key, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            is_known |= strcmp (known[i], key) == 0;
        if (before && after && !is_known && !same (json_object_get (before, key), value))
            LINE (lines, "    %s differs\n", key);
        else if ((!before || !after) && !is_known && json_is_true (value))
            LINE (lines, "    %s\n", key);
    }
}

static void keys_put (struct lines *lines, const json_t *before, const json_t *after)
{
    const char *keyid;
    json_t *value;
    json_object_foreach ((json_t *) (uintptr_t) after, keyid, value)
    {
        if (!same (json_object_get (before, keyid), value))
            LINE (lines, "  %s key %s (%s)\n", json_object_get (before, keyid) ? "~" : "+", keyid,
                  text_of (value, "scheme"));
    }
    json_object_foreach ((json_t *) (uintptr_t) before, keyid, value)
    {
        if (!json_object_get (after, keyid))
            LINE (lines, "  - key %s\n", keyid);
    }
}

static void root_put (struct lines *lines, const json_t *before, const json_t *after)
{
    const json_t *old = json_object_get (before, "roles"), *new = json_object_get (after, "roles");
    const char *name;
    json_t *value;
    keys_put (lines, json_object_get (before, "keys"), json_object_get (after, "keys"));
    json_object_foreach ((json_t *) (uintptr_t) new, name, value)
    {
        role_put (lines, name, json_object_get (old, name), value);
    }
    json_object_foreach ((json_t *) (uintptr_t) old, name, value)
    {
        if (!json_object_get (new, name))
            role_put (lines, name, value, NULL);
    }
}

/*  "+ web 1.2 (release-counter 7, linux/amd64) DIGEST" */
static void target_put (struct lines *lines, const char *sign, const char *path, const json_t *target)
{
    const json_t *custom = json_object_get (target, "custom"),
                 *platforms = json_object_get (custom, "platforms");
    const char *slash = strrchr (path, '/');
    LINE (lines, "  %s release %s %s, release-counter %lld, platforms", sign, text_of (custom, "application"),
          text_of (custom, "version"), (long long) number_of (custom, "release-counter"));
    for (size_t i = 0; i < json_array_size (platforms); i++) {
        const char *platform = json_string_value (json_array_get (platforms, i));
        LINE (lines, " %s", platform ? platform : "?");
    }
    LINE (lines, "\n      %s\n", slash ? slash + 1 : path);
}

static void releases_put (struct lines *lines, const json_t *before, const json_t *after)
{
    const char *path;
    json_t *value;
    json_object_foreach ((json_t *) (uintptr_t) before, path, value)
    {
        if (!same (json_object_get (after, path), value))
            target_put (lines, "-", path, value);
    }
    json_object_foreach ((json_t *) (uintptr_t) after, path, value)
    {
        if (!same (json_object_get (before, path), value))
            target_put (lines, "+", path, value);
    }
}

static const json_t *role_named (const json_t *roles, const char *name)
{
    for (size_t i = 0; i < json_array_size (roles); i++)
        if (strcmp (text_of (json_array_get (roles, i), "name"), name) == 0)
            return json_array_get (roles, i);
    return NULL;
}

static void delegations_put (struct lines *lines, const json_t *before, const json_t *after)
{
    const json_t *old = json_object_get (before, "roles"), *new = json_object_get (after, "roles");
    keys_put (lines, json_object_get (before, "keys"), json_object_get (after, "keys"));
    for (size_t i = 0; i < json_array_size (new); i++) {
        const json_t *role = json_array_get (new, i);
        base_cleanup (base_free_p) char *title = base_text_printf ("publisher %s", text_of (role, "name"));
        role_put (lines, title ? title : "publisher", role_named (old, text_of (role, "name")), role);
    }
    for (size_t i = 0; i < json_array_size (old); i++) {
        const json_t *role = json_array_get (old, i);
        base_cleanup (base_free_p) char *title = base_text_printf ("publisher %s", text_of (role, "name"));
        if (!role_named (new, text_of (role, "name")))
            role_put (lines, title ? title : "publisher", role, NULL);
    }
    for (size_t i = 0; i < json_array_size (old) && i < json_array_size (new); i++)
        if (strcmp (text_of (json_array_get (old, i), "name"), text_of (json_array_get (new, i), "name")) !=
            0) {
            LINE (lines, "  the order of the publishers differs\n");
            break;
        }
}

/*  Names of what is signed that are not compared above. */
static void others_put (struct lines *lines, const json_t *before, const json_t *after)
{
    static const char *const known[] = {"_type", "version", "expires",     "keys",
                                        "roles", "targets", "delegations", "spec_version"};
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *) (uintptr_t) after, name, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            is_known |= strcmp (known[i], name) == 0;
        if (!is_known && before && !same (json_object_get (before, name), value))
            LINE (lines, "  ~ %s\n", name);
    }
    json_object_foreach ((json_t *) (uintptr_t) before, name, value)
    {
        if (!json_object_get (after, name))
            LINE (lines, "  - %s\n", name);
    }
}

char *noded_metadata_difference (const noded_metadata *before, const noded_metadata *after)
{
    base_assert (!before || before->draft.kind == after->draft.kind);
    struct lines lines = {.failed = false};
    const json_t *old = before ? trust_draft_content (&before->draft) : NULL;
    const json_t *new = trust_draft_content (&after->draft);
    if (!same (old, new)) {
        if (old)
            LINE (&lines, "%s version %" PRIu64 " -> %" PRIu64 ", expires %s -> %s\n", after->role,
                  noded_metadata_version (before), noded_metadata_version (after), text_of (old, "expires"),
                  text_of (new, "expires"));
        else
            LINE (&lines, "%s version %" PRIu64 " (the first one), expires %s\n", after->role,
                  noded_metadata_version (after), text_of (new, "expires"));
        if (after->draft.kind == TRUST_ROOT)
            root_put (&lines, old, new);
        releases_put (&lines, json_object_get (old, "targets"), json_object_get (new, "targets"));
        delegations_put (&lines, json_object_get (old, "delegations"), json_object_get (new, "delegations"));
        others_put (&lines, old, new);
    }
    char *text = lines.failed ? NULL : base_buffer_take_text (&lines.text);
    base_buffer_deinit (&lines.text);
    return text;
}
