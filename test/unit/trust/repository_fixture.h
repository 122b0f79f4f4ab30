/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/repository_fixture.h - keys, a repository that is made with them, and nodes that follow it

    A node is the client of room trust with files kept in memory. Time is the number of seconds that a test says. */

#ifndef TEST_UNIT_TRUST_REPOSITORY_FIXTURE_H
#define TEST_UNIT_TRUST_REPOSITORY_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "trust/errors.h"
#include "trust/refresh.h"
#include "trust/repository.h"
#include "trust/search.h"

#define NOW UINT64_C (1800000000)
#define DAY UINT64_C (86400)
#define YEAR (365 * DAY)

/*  A key by its number; the same number is the same key. */
static inline struct trust_secret key_of (uint8_t number)
{
    uint8_t seed[TRUST_SEED_BYTES] = {number, 0x5e, 0xed};
    struct trust_secret secret;
    trust_secret_init (&secret, seed);
    return secret;
}

enum { KEY_ROOT = 10, KEY_TARGETS = 20, KEY_SNAPSHOT = 30, KEY_TIMESTAMP = 40, KEY_ALICE = 50, KEY_BOB = 60 };

static inline json_t *public_of (uint8_t number)
{
    struct trust_secret secret = key_of (number);
    json_t *json = trust_public_json (trust_secret_public (&secret));
    cr_assert (json);
    return json;
}

enum { SET_MOST = 8 };

/*  Public keys with these numbers. */
struct key_set {
    json_t *keys[SET_MOST];
    struct trust_draft_keys draft;
};

static inline void key_set_init (struct key_set *set, uint64_t threshold, uint8_t first, size_t count)
{
    *set = (struct key_set){0};
    for (size_t i = 0; i < count; i++)
        set->keys[i] = public_of ((uint8_t) (first + i));
    set->draft = (struct trust_draft_keys){set->keys, count, threshold};
}

static inline void key_set_deinit (struct key_set *set)
{
    for (size_t i = 0; i < set->draft.count; i++)
        json_decref (set->keys[i]);
}

/*  A root with `count` keys of root and targets, threshold of both, one key each of snapshot and timestamp. */
static inline struct trust_draft root_make (size_t count, uint64_t threshold)
{
    struct key_set sets[TRUST_KINDS];
    struct trust_draft_keys keys[TRUST_KINDS];
    struct trust_draft draft = {0};
    key_set_init (&sets[TRUST_ROOT], threshold, KEY_ROOT, count);
    key_set_init (&sets[TRUST_TARGETS], threshold, KEY_TARGETS, count);
    key_set_init (&sets[TRUST_SNAPSHOT], 1, KEY_SNAPSHOT, 1);
    key_set_init (&sets[TRUST_TIMESTAMP], 1, KEY_TIMESTAMP, 1);
    for (int i = 0; i < TRUST_KINDS; i++)
        keys[i] = sets[i].draft;
    cr_assert_eq (trust_draft_root_new (keys, NOW + 5 * YEAR, &draft, NULL), 0);
    for (int i = 0; i < TRUST_KINDS; i++)
        key_set_deinit (&sets[i]);
    return draft;
}

static inline void draft_sign (struct trust_draft *draft, uint8_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct trust_secret secret = key_of ((uint8_t) (first + i));
        cr_assert_eq (trust_draft_sign (draft, &secret, NULL), 0);
    }
}

static inline struct base_buffer draft_bytes (const struct trust_draft *draft)
{
    struct base_buffer buffer = {0};
    struct base_error error = {0};
    cr_assert_eq (trust_draft_write (draft, &buffer, &error), 0, "%s", error.text);
    return buffer;
}

static inline struct base_digest digest_of (uint8_t number)
{
    return base_digest_of (&number, 1);
}

static inline struct trust_custom custom_of (const char *application, uint64_t counter)
{
    struct trust_custom custom = {.n_platforms = 1, .counter = counter, .version = "1.0"};
    custom.platforms[0][0] = '*';
    cr_assert_eq (base_text_copy (custom.application, sizeof custom.application, application), 0);
    return custom;
}

static inline int release_add (struct trust_draft *targets, const char *application, uint8_t number)
{
    struct trust_custom custom = custom_of (application, number);
    struct base_digest digest = digest_of (number);
    return trust_draft_targets_add (targets, &custom, &digest, 100 + number, NULL);
}

static inline int publisher_add (struct trust_draft *targets, const char *name, const char *pattern,
                                 uint8_t first, size_t count, uint64_t threshold)
{
    struct key_set set;
    struct base_error error = {0};
    key_set_init (&set, threshold, first, count);
    int r = trust_draft_targets_delegate (
        targets, &(struct trust_publisher){name, set.draft, (const char *const[]){pattern}, 1, false},
        &error);
    cr_assert (r == 0 || *error.text);
    key_set_deinit (&set);
    return r;
}

/*  Publishes up to four drafts, named by role, with the online keys of these numbers. */
struct to_publish {
    const char *role;
    const struct trust_draft *draft;
};

static inline int publish_with (struct trust_repository *repository, const struct to_publish *drafts,
                                size_t count, uint64_t now, uint8_t snapshot, uint8_t timestamp,
                                const struct trust_log_head *log, struct base_error *error)
{
    struct base_buffer bytes[4] = {0};
    struct trust_draft_file files[4];
    struct trust_secret snapshot_key = key_of (snapshot), timestamp_key = key_of (timestamp);
    const struct trust_secret *snapshot_keys[] = {&snapshot_key}, *timestamp_keys[] = {&timestamp_key};
    cr_assert_leq (count, 4);
    for (size_t i = 0; i < count; i++) {
        bytes[i] = draft_bytes (drafts[i].draft);
        files[i] = (struct trust_draft_file){drafts[i].role, bytes[i].data, bytes[i].size};
    }
    struct trust_publication publication = {.files = files,
                                            .n_files = count,
                                            .now = now,
                                            .snapshot_expires = now + 7 * DAY,
                                            .timestamp_expires = now + DAY,
                                            .snapshot_keys = snapshot_keys,
                                            .timestamp_keys = timestamp_keys,
                                            .n_snapshot_keys = 1,
                                            .n_timestamp_keys = 1,
                                            .log = log};
    struct base_error local = {0};
    int r = trust_repository_publish (repository, &publication, error ? error : &local);
    cr_assert (r == 0 || (r > 0 && *(error ? error : &local)->text));
    for (size_t i = 0; i < count; i++)
        base_buffer_deinit (&bytes[i]);
    return r;
}

static inline int publish (struct trust_repository *repository, const struct to_publish *drafts, size_t count,
                           uint64_t now)
{
    return publish_with (repository, drafts, count, now, KEY_SNAPSHOT, KEY_TIMESTAMP, NULL, NULL);
}

#define PUBLISH(repository, now, ...)                                                                        \
    publish (repository, (const struct to_publish[]){__VA_ARGS__},                                           \
             sizeof ((const struct to_publish[]){__VA_ARGS__}) / sizeof (struct to_publish), now)

/*  A signed root and targets, published at NOW. The caller deinits all three. */
struct fleet {
    struct trust_draft root, targets;
    struct trust_repository repository;
};

static inline void fleet_init (struct fleet *fleet, size_t keys, uint64_t threshold)
{
    *fleet = (struct fleet){.root = root_make (keys, threshold)};
    cr_assert_eq (trust_draft_targets_new (NOW, NOW + YEAR, &fleet->targets, NULL), 0);
    cr_assert_eq (release_add (&fleet->targets, "noded", 1), 0);
    draft_sign (&fleet->root, KEY_ROOT, threshold);
    draft_sign (&fleet->targets, KEY_TARGETS, threshold);
    cr_assert_eq (PUBLISH (&fleet->repository, NOW, {"root", &fleet->root}, {"targets", &fleet->targets}), 0);
}

static inline void fleet_deinit (struct fleet *fleet)
{
    trust_draft_deinit (&fleet->root);
    trust_draft_deinit (&fleet->targets);
    trust_repository_deinit (&fleet->repository);
}

/*  Replaces *draft by the next one. */
static inline void targets_next (struct trust_draft *draft, uint64_t now)
{
    struct trust_draft next = {0};
    cr_assert_eq (trust_draft_targets_next (draft, now, now + YEAR, &next, NULL), 0);
    trust_draft_deinit (draft);
    *draft = next;
}

static inline void root_next (const struct trust_draft *last, struct trust_draft *ret_next)
{
    cr_assert_eq (trust_draft_root_next (last, NOW + 5 * YEAR, ret_next, NULL), 0);
}

/*  A client with its disk. */
enum { STORED_MOST = 16 };

struct node {
    char roles[STORED_MOST][TRUST_NAME_TEXT];
    struct base_buffer stored[STORED_MOST];
    size_t count;
    struct base_error error;
};

static inline struct base_buffer *node_stored (struct node *node, const char *role)
{
    for (size_t i = 0; i < node->count; i++)
        if (strcmp (node->roles[i], role) == 0)
            return &node->stored[i];
    return NULL;
}

static inline void node_store (struct node *node, const char *role, const void *data, size_t size)
{
    struct base_buffer *stored = node_stored (node, role);
    if (!stored) {
        cr_assert_lt (node->count, STORED_MOST);
        cr_assert_eq (base_text_copy (node->roles[node->count], TRUST_NAME_TEXT, role), 0);
        stored = &node->stored[node->count++];
    }
    base_buffer_deinit (stored);
    cr_assert_eq (base_buffer_append (stored, data, size), 0);
}

static inline void node_deinit (struct node *node)
{
    for (size_t i = 0; i < node->count; i++)
        base_buffer_deinit (&node->stored[i]);
}

/*  A node that is pinned to the first root. */
static inline void node_init (struct node *node, const struct trust_repository *repository)
{
    *node = (struct node){0};
    node_store (node, "root", repository->files[0].bytes.data, repository->files[0].bytes.size);
}

/*  What the repository serves under a file name. */
static inline const struct base_buffer *served (const struct trust_repository *repository, const char *name)
{
    for (size_t i = 0; i < repository->n_files; i++) {
        const struct trust_repository_file *file = &repository->files[i];
        char text[TRUST_FILE_TEXT];
        if (strcmp (name,
                    trust_name_file (file->role, strcmp (file->role, "timestamp") == 0 ? 0 : file->version,
                                     text)) == 0)
            return &file->bytes;
    }
    return NULL;
}

/*  The bytes that an action of loading or fetching asks for. */
static inline const struct base_buffer *
node_bytes (struct node *node, const struct trust_repository *repository, const struct trust_action *action)
{
    const struct base_buffer *bytes =
        action->kind == TRUST_LOAD ? node_stored (node, action->role) : served (repository, action->file);
    return bytes && bytes->size && bytes->size <= action->most ? bytes : NULL;
}

/*  Refreshes, and keeps the client for searches. Returns the code of the refresh. */
static inline int node_refresh_client (struct node *node, const struct trust_repository *repository,
                                       uint64_t now, struct trust_client *client)
{
    const struct base_buffer *root = node_stored (node, "root");
    struct trust_refresh refresh;
    node->error = (struct base_error){0};
    cr_assert_eq (trust_client_init (client, NULL, now, root->data, root->size, &node->error), 0, "%s",
                  node->error.text);
    trust_refresh_init (&refresh, client);
    for (;;) {
        struct trust_action action;
        trust_refresh_next (&refresh, &action);
        if (action.kind == TRUST_DONE || action.kind == TRUST_FAILED) {
            int code = action.kind == TRUST_DONE ? 0 : refresh.code;
            node->error = refresh.error;
            trust_refresh_deinit (&refresh);
            return code;
        }
        if (action.kind == TRUST_STORE) {
            node_store (node, action.role, action.data, action.size);
            trust_refresh_done (&refresh);
        } else if (action.kind == TRUST_DROP) {
            struct base_buffer *stored = node_stored (node, action.role);
            if (stored)
                base_buffer_deinit (stored);
            trust_refresh_done (&refresh);
        } else {
            const struct base_buffer *bytes = node_bytes (node, repository, &action);
            if (bytes)
                trust_refresh_bytes (&refresh, bytes->data, bytes->size);
            else
                trust_refresh_absent (&refresh);
        }
    }
}

static inline int node_refresh (struct node *node, const struct trust_repository *repository, uint64_t now)
{
    struct trust_client client = {0};
    int r = node_refresh_client (node, repository, now, &client);
    trust_client_deinit (&client);
    return r;
}

/*  Refreshes and searches a release. Returns 0, TRUST_E_NO_TARGET, or the code of what failed. ret_role (may be NULL):
    who signs it. */
static inline int node_find (struct node *node, const struct trust_repository *repository, uint64_t now,
                             const char *application, uint8_t number, char ret_role[TRUST_NAME_TEXT])
{
    struct trust_client client = {0};
    struct trust_search search;
    struct base_digest digest = digest_of (number);
    char path[TRUST_RELEASE_PATH_TEXT];
    int r = node_refresh_client (node, repository, now, &client);
    if (r == 0) {
        cr_assert_eq (
            trust_search_init (&search, &client, trust_release_path (application, &digest, path), NULL), 0);
        struct trust_action action;
        for (trust_search_next (&search, &action); action.kind != TRUST_DONE && action.kind != TRUST_FAILED;
             trust_search_next (&search, &action)) {
            if (action.kind == TRUST_STORE) {
                node_store (node, action.role, action.data, action.size);
                trust_search_done (&search);
                continue;
            }
            const struct base_buffer *bytes = node_bytes (node, repository, &action);
            if (bytes)
                trust_search_bytes (&search, bytes->data, bytes->size);
            else
                trust_search_absent (&search);
        }
        r = action.kind == TRUST_FAILED ? search.code : search.target.path ? 0 : TRUST_E_NO_TARGET;
        node->error = search.error;
        if (r == 0) {
            struct trust_custom custom;
            struct base_digest release;
            cr_assert_eq (trust_release_of_target (&search.target, &custom, &release, NULL), 0);
            cr_assert (base_digest_equal (&release, &digest));
            cr_assert_str_eq (custom.application, application);
            cr_assert_eq (custom.counter, number);
            if (ret_role)
                cr_assert_eq (base_text_copy (ret_role, TRUST_NAME_TEXT, search.role), 0);
        }
        trust_search_deinit (&search);
    }
    trust_client_deinit (&client);
    return r;
}

#endif
