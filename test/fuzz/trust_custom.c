/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/trust_custom.c - fuzz target for the custom of a target, and for the log of a timestamp

    The input is JSON. An accepted custom or head is the same after it was written and read again. */

#include "test/fuzz/target.h"
#include "trust/canonical.h"
#include "trust/custom.h"
#include "trust/errors.h"
#include "trust/log.h"

static void fuzz_custom (const json_t *json)
{
    struct trust_custom custom, back;
    struct base_error error = {0};
    memset (&custom, 0xee, sizeof custom);
    int r = trust_custom_read (json, &custom, &error);
    fuzz_assert (r == 0 || (r == TRUST_E_FORMAT && *error.text));
    if (r)
        return;
    json_t *again = trust_custom_json (&custom);
    fuzz_assert (again && trust_custom_read (again, &back, NULL) == 0);
    fuzz_assert (trust_custom_fits (&custom, &back) && custom.counter == back.counter);
    json_decref (again);
}

static void fuzz_head (const json_t *json)
{
    struct trust_log_head head, back;
    int r = trust_log_head_read (json, &head, NULL);
    fuzz_assert (r == 0 || r == TRUST_E_FORMAT);
    if (r)
        return;
    json_t *again = json_pack ("{s:o}", "log", trust_log_head_json (&head));
    fuzz_assert (again && trust_log_head_read (again, &back, NULL) == 0);
    fuzz_assert (trust_log_head_equal (&head, &back));
    json_decref (again);
}

static void fuzz_target (const json_t *json)
{
    struct trust_target target = {0};
    struct trust_custom custom;
    struct base_digest release;
    base_cleanup (base_buffer_deinit) struct base_buffer entry = {0};
    const char *path = json_string_value (json_object_get (json, "path"));
    if (!path || trust_target_read (path, json, &target, NULL))
        return;
    int r = trust_release_of_target (&target, &custom, &release, NULL);
    fuzz_assert (r == 0 || r == TRUST_E_FORMAT);
    int logged = trust_log_entry (&target, &entry, NULL);
    fuzz_assert (r == 0 ? logged == 0 || logged == TRUST_E_FORMAT
                        : logged == r); /* a float has no canonical form */
    if (r == 0) {
        char text[TRUST_RELEASE_PATH_TEXT];
        fuzz_assert (strcmp (trust_release_path (custom.application, &release, text), path) == 0);
    }
    trust_target_deinit (&target);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    json_t *json = json_loadb ((const char *) data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (!json)
        return 0;
    fuzz_custom (json);
    fuzz_head (json);
    fuzz_target (json);
    json_decref (json);
    return 0;
}
