/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/trust_document.c - fuzz target for metadata files

    The input is a file. What can be read has a canonical form, which is read again as the same. */

#include "test/fuzz/target.h"
#include "trust/canonical.h"
#include "trust/delegate.h"
#include "trust/errors.h"

static void canonical_round_trip (const struct trust_document *document)
{
    base_cleanup (base_buffer_deinit) struct base_buffer again = {0};
    json_t *json = json_loadb ((const char *) document->canonical.data, document->canonical.size,
                               JSON_REJECT_DUPLICATES, NULL);
    /*  In the canonical form control characters stand as they are, which is no JSON. */
    if (!json)
        return;
    fuzz_assert (trust_canonical_write (json, &again, NULL) == 0);
    fuzz_assert (again.size == document->canonical.size);
    fuzz_assert (memcmp (again.data, document->canonical.data, again.size) == 0);
    json_decref (json);
}

static void targets_use (const struct trust_targets *targets)
{
    static const char *const paths[] = {"a", "app/one", "team/x", "a/b/c"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct base_digest digest = base_digest_of (paths[i], strlen (paths[i]));
        struct trust_delegate delegate, found;
        size_t position = 0;
        while (trust_delegate_next (targets, paths[i], &digest, &position, &delegate)) {
            char file[TRUST_FILE_TEXT];
            fuzz_assert (trust_delegate_find (targets, delegate.name, &found));
            fuzz_assert (found.role == delegate.role);
            fuzz_assert (!strchr (trust_name_file (delegate.name, 7, file), '/'));
        }
        const struct trust_target *target = trust_targets_find (targets, paths[i]);
        fuzz_assert (!target || strcmp (target->path, paths[i]) == 0);
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct trust_document document;
    struct trust_root root;
    struct trust_timestamp timestamp;
    struct trust_snapshot snapshot;
    struct trust_targets targets;
    struct base_error error = {0};
    int r = trust_document_parse (data, size, TRUST_DOCUMENT_MOST, &document, &error);
    fuzz_assert (r == 0 || r == TRUST_E_FORMAT || r == TRUST_E_TOO_LARGE);
    fuzz_assert ((r == 0) == (*error.text == 0));
    if (r)
        return 0;
    canonical_round_trip (&document);
    if (trust_root_read (document.content, &root, NULL) == 0) {
        for (int i = 0; i < TRUST_KINDS; i++) {
            fuzz_assert (root.roles[i].threshold >= 1);
            size_t count = trust_document_count (&document, &root.keys, &root.roles[i]);
            fuzz_assert (count <= document.n_signatures && count <= root.keys.count);
        }
        trust_root_deinit (&root);
    }
    if (trust_timestamp_read (document.content, &timestamp, NULL) == 0)
        trust_timestamp_deinit (&timestamp);
    if (trust_snapshot_read (document.content, &snapshot, NULL) == 0) {
        for (size_t i = 0; i < snapshot.n_meta; i++)
            fuzz_assert (trust_snapshot_find (&snapshot, snapshot.meta[i].name) == &snapshot.meta[i]);
        trust_snapshot_deinit (&snapshot);
    }
    if (trust_targets_read (document.content, &targets, NULL) == 0) {
        targets_use (&targets);
        trust_targets_deinit (&targets);
    }
    trust_document_deinit (&document);
    return 0;
}
