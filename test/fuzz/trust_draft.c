/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/trust_draft.c - fuzz target for files that somebody else made, and that are changed and signed here

    The input is a metadata file. An accepted one is written and read again as the same, and passes through every change
    that its kind has. The corpus is that of trust_document. */

#include "test/fuzz/target.h"
#include "trust/draft_online.h"
#include "trust/draft_root.h"
#include "trust/draft_targets.h"
#include "trust/errors.h"
#include "trust/repository.h"

static const uint8_t seed[TRUST_SEED_BYTES] = {9};

#define NOW UINT64_C (1800000000)

static void fuzz_result (int r, const struct base_error *error)
{
    fuzz_assert (r >= 0 && r < TRUST_E_END);
    fuzz_assert (r == 0 || *error->text);
}

/*  What is written is read again. A file that became too large is not written. */
static void fuzz_round_trip_draft (const struct trust_draft *draft)
{
    base_cleanup (base_buffer_deinit) struct base_buffer text = {0};
    base_cleanup (trust_draft_deinit) struct trust_draft back = {0};
    struct base_error error = {0};
    int r = trust_draft_write (draft, &text, &error);
    fuzz_result (r, &error);
    if (r)
        return;
    r = trust_draft_read (text.data, text.size, &back, &error);
    fuzz_assert (r == 0);
    fuzz_assert (back.kind == draft->kind && json_equal (back.json, draft->json));
}

static void fuzz_sign (struct trust_draft *draft)
{
    struct trust_secret secret = {0};
    struct base_error error = {0};
    trust_secret_init (&secret, seed);
    fuzz_result (trust_draft_check (draft, NOW, &error), &error);
    fuzz_result (trust_draft_sign (draft, &secret, &error), &error);
    fuzz_round_trip_draft (draft);
    trust_secret_deinit (&secret);
}

static void fuzz_root (const struct trust_draft *last, json_t *key, const struct base_digest *keyid)
{
    base_cleanup (trust_draft_deinit) struct trust_draft draft = {0};
    base_cleanup (trust_missing_deinit) struct trust_missing before = {0}, own = {0};
    struct base_error error = {0};
    const struct trust_draft_keys keys = {&key, 1, 1};
    int r = trust_draft_root_next (last, NOW + 1, &draft, &error);
    fuzz_result (r, &error);
    if (r)
        return;
    fuzz_result (trust_draft_root_add_key (&draft, TRUST_ROOT, key, &error), &error);
    fuzz_result (trust_draft_root_set_threshold (&draft, TRUST_TARGETS, 2, &error), &error);
    fuzz_sign (&draft);
    r = trust_draft_root_missing (&draft, last, &before, &own, &error);
    fuzz_result (r, &error);
    fuzz_assert (r || own.have > 0);
    fuzz_result (trust_draft_root_remove_key (&draft, TRUST_ROOT, keyid, &error), &error);
    fuzz_result (trust_draft_root_rotate_online (&draft, &keys, &keys, &error), &error);
    fuzz_round_trip_draft (&draft);
}

static void fuzz_targets (const struct trust_draft *last, json_t *key)
{
    base_cleanup (trust_draft_deinit) struct trust_draft draft = {0};
    struct base_error error = {0};
    const struct base_digest digest = base_digest_of ("x", 1);
    const struct trust_custom custom = {
        .application = "web", .version = "1", .platforms = {"*"}, .n_platforms = 1, .counter = 1};
    const struct trust_publisher publisher = {"team", {&key, 1, 1}, (const char *const[]){"*"}, 1, true};
    int r = trust_draft_targets_next (last, NOW, NOW + 1, &draft, &error);
    fuzz_result (r, &error);
    if (r)
        return;
    fuzz_result (trust_draft_targets_add (&draft, &custom, &digest, 1, &error), &error);
    fuzz_result (trust_draft_targets_delegate (&draft, &publisher, &error), &error);
    fuzz_sign (&draft);
    fuzz_result (trust_draft_targets_remove (&draft, "web", &digest, &error), &error);
    fuzz_result (trust_draft_targets_undelegate (&draft, "team", &error), &error);
    fuzz_round_trip_draft (&draft);
}

static void fuzz_online (const struct trust_draft *last, const void *data, size_t size)
{
    base_cleanup (trust_draft_deinit) struct trust_draft draft = {0};
    struct base_error error = {0};
    const struct trust_draft_file file = {"targets", data, size};
    int r = last->kind == TRUST_SNAPSHOT
                ? trust_draft_snapshot_next (last, NULL, 0, NOW, NOW + 1, &draft, &error)
            : last->kind == TRUST_TARGETS
                ? trust_draft_snapshot_next (NULL, &file, 1, NOW, NOW + 1, &draft, &error)
                : -1;
    if (r >= 0)
        fuzz_result (r, &error);
    if (r == 0)
        fuzz_sign (&draft);
    trust_draft_deinit (&draft);
    draft = (struct trust_draft){0};
    if (last->kind != TRUST_SNAPSHOT)
        return;
    r = trust_draft_timestamp_next (NULL, data, size, NULL, NOW, NOW + 1, &draft, &error);
    fuzz_result (r, &error);
    if (r == 0)
        fuzz_sign (&draft);
}

static void fuzz_load (const char *role, const void *data, size_t size)
{
    struct trust_repository repository;
    struct base_error error = {0};
    const struct trust_draft_file file = {role, data, size};
    int r = trust_repository_load (&repository, &file, 1, &error);
    fuzz_result (r, &error);
    fuzz_assert (r && repository.n_files == 0); /* one file is no repository */
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    base_cleanup (trust_draft_deinit) struct trust_draft draft = {0};
    struct trust_secret secret = {0};
    struct base_error error = {0};
    int r = trust_draft_read (data, size, &draft, &error);
    fuzz_result (r, &error);
    fuzz_load (r ? "root" : trust_kind_name (draft.kind), data, size);
    if (r)
        return 0;
    fuzz_round_trip_draft (&draft);
    trust_secret_init (&secret, seed);
    json_t *key = trust_public_json (trust_secret_public (&secret));
    if (draft.kind == TRUST_ROOT)
        fuzz_root (&draft, key, &secret.keyid);
    if (draft.kind == TRUST_TARGETS)
        fuzz_targets (&draft, key);
    fuzz_online (&draft, data, size);
    fuzz_sign (&draft);
    json_decref (key);
    return 0;
}
