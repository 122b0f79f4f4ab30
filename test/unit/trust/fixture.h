/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/fixture.h - a repository and a client's store in memory

    The four top-level roles are JSON values that a test changes as it likes; world_publish signs them and puts their
    files into the repository. Keys are Ed25519, made from small numbers: key 1 signs root, 2 timestamp, 3 snapshot, 4
    targets; others are free. */

#ifndef TEST_UNIT_TRUST_FIXTURE_H
#define TEST_UNIT_TRUST_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "test/lib/signed_metadata.h"
#include "trust/refresh.h"
#include "trust/search.h"

#define NOW UINT64_C (1893456000) /* 2030-01-01T00:00:00Z */
#define BEFORE "2029-12-31T23:59:59Z"

enum { FILES_MOST = 256, SIGNERS_MOST = 8 };

struct file {
    char name[TRUST_FILE_TEXT];
    char *data; /* NULL: free */
    size_t size;
};

struct world {
    json_t *contents[TRUST_KINDS];
    unsigned signers[TRUST_KINDS][SIGNERS_MOST]; /* numbers of the keys that sign; 0 ends them */
    struct file remote[FILES_MOST], stored[FILES_MOST];
    uint64_t now;
    bool hashes; /* timestamp and snapshot name lengths and hashes */
    struct trust_limits limits;
    struct trust_client client;
    struct base_error error;
    struct base_buffer log; /* the actions: "fetch 2.root.json\n" */
    unsigned stores;
    int store_fails; /* the store with this number fails; 0: none */
};

static inline struct file *file_find (struct file *files, const char *name)
{
    for (size_t i = 0; i < FILES_MOST; i++)
        if (files[i].data && strcmp (files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

static inline void file_remove (struct file *files, const char *name)
{
    struct file *file = file_find (files, name);
    if (!file)
        return;
    free (file->data);
    file->data = NULL;
}

static inline void file_put (struct file *files, const char *name, const void *data, size_t size)
{
    file_remove (files, name);
    for (size_t i = 0; i < FILES_MOST; i++)
        if (!files[i].data) {
            files[i].size = size;
            files[i].data = malloc (size + 1);
            memcpy (files[i].data, data, size);
            files[i].data[size] = 0;
            cr_assert_eq (base_text_copy (files[i].name, sizeof files[i].name, name), 0);
            return;
        }
    cr_assert_fail ("too many files");
}

static inline void files_copy (struct file *to, const struct file *from)
{
    for (size_t i = 0; i < FILES_MOST; i++) {
        free (to[i].data);
        to[i] = from[i];
        if (from[i].data) {
            to[i].data = malloc (from[i].size + 1);
            memcpy (to[i].data, from[i].data, from[i].size + 1);
        }
    }
}

static inline json_t *meta_of (const struct world *world, json_int_t version, const char *data)
{
    json_t *meta = json_pack ("{s:I}", "version", version);
    if (world->hashes) {
        char hex[BASE_DIGEST_TEXT];
        struct base_digest digest = base_digest_of (data, strlen (data));
        json_object_set_new (meta, "length", json_integer ((json_int_t) strlen (data)));
        json_object_set_new (meta, "hashes",
                             json_pack ("{s:s}", "sha256", base_digest_format (&digest, hex)));
    }
    return meta;
}

/*  The file's version in the repository; also under its plain name, for repositories without consistent snapshots. */
static inline void remote_put (struct world *world, const char *name, json_int_t version, const char *data)
{
    char file[TRUST_FILE_TEXT];
    file_put (world->remote, trust_name_file (name, (uint64_t) version, file), data, strlen (data));
    file_put (world->remote, trust_name_file (name, 0, file), data, strlen (data));
}

static inline void role_publish (struct world *world, enum trust_kind kind)
{
    char *file = file_sign (world->contents[kind], world->signers[kind]);
    json_int_t version = content_version (world->contents[kind]);
    remote_put (world, trust_kind_name (kind), version, file);
    if (kind == TRUST_TARGETS || kind == TRUST_SNAPSHOT) {
        json_t *above = world->contents[kind == TRUST_TARGETS ? TRUST_SNAPSHOT : TRUST_TIMESTAMP];
        json_object_set_new (json_object_get (above, "meta"),
                             kind == TRUST_TARGETS ? "targets.json" : "snapshot.json",
                             meta_of (world, version, file));
    }
    free (file);
}

/*  Signs and publishes all roles with the versions that they have, each below the next. */
static inline void world_publish (struct world *world)
{
    role_publish (world, TRUST_ROOT);
    role_publish (world, TRUST_TARGETS);
    role_publish (world, TRUST_SNAPSHOT);
    role_publish (world, TRUST_TIMESTAMP);
}

static inline void role_bump (struct world *world, enum trust_kind kind)
{
    content_set_version (world->contents[kind], content_version (world->contents[kind]) + 1);
}

/*  The next version of targets, snapshot and timestamp. */
static inline void world_advance (struct world *world)
{
    role_bump (world, TRUST_TARGETS);
    role_bump (world, TRUST_SNAPSHOT);
    role_bump (world, TRUST_TIMESTAMP);
    world_publish (world);
}

/*  Lets a role of the top-level roles be signed by these keys. */
static inline void root_set_role (struct world *world, enum trust_kind kind, const unsigned *numbers,
                                  int threshold)
{
    json_t *root = world->contents[TRUST_ROOT];
    keys_add (json_object_get (root, "keys"), numbers);
    json_object_set_new (json_object_get (root, "roles"), trust_kind_name (kind),
                         role_of (numbers, threshold));
    memset (world->signers[kind], 0, sizeof world->signers[kind]);
    for (size_t i = 0; numbers[i]; i++)
        world->signers[kind][i] = numbers[i];
}

static inline void world_init (struct world *world)
{
    *world = (struct world){.now = NOW, .limits = trust_limits_default};
    world->contents[TRUST_ROOT] =
        json_pack ("{s:s,s:s,s:i,s:s,s:b,s:{},s:{}}", "_type", "root", "spec_version", "1.0.34", "version", 1,
                   "expires", LATER, "consistent_snapshot", 1, "keys", "roles");
    world->contents[TRUST_TARGETS] = targets_content (1);
    json_object_set_new (json_object_get (world->contents[TRUST_TARGETS], "targets"), "app/one",
                         target_of ("one"));
    world->contents[TRUST_SNAPSHOT] =
        json_pack ("{s:s,s:s,s:i,s:s,s:{}}", "_type", "snapshot", "spec_version", "1.0.34", "version", 1,
                   "expires", LATER, "meta");
    world->contents[TRUST_TIMESTAMP] =
        json_pack ("{s:s,s:s,s:i,s:s,s:{}}", "_type", "timestamp", "spec_version", "1.0.34", "version", 1,
                   "expires", LATER, "meta");
    for (unsigned kind = 0; kind < TRUST_KINDS; kind++)
        root_set_role (world, (enum trust_kind) kind, (unsigned[]){kind + 1, 0}, 1);
    world_publish (world);
    const struct file *root = file_find (world->remote, "1.root.json");
    file_put (world->stored, "root.json", root->data, root->size);
}

static inline void world_deinit (struct world *world)
{
    trust_client_deinit (&world->client);
    for (int i = 0; i < TRUST_KINDS; i++)
        json_decref (world->contents[i]);
    for (size_t i = 0; i < FILES_MOST; i++) {
        free (world->remote[i].data);
        free (world->stored[i].data);
    }
    base_buffer_deinit (&world->log);
}

static inline void world_log (struct world *world, const char *what, const char *name)
{
    cr_assert_eq (base_buffer_printf (&world->log, "%s %s\n", what, name), 0);
}

/*  Whether the actions since the last refresh or search include this one. */
static inline bool world_did (struct world *world, const char *what)
{
    base_cleanup (base_free_p) char *line = base_text_printf ("%s\n", what);
    return world->log.size && memmem (world->log.data, world->log.size, line, strlen (line));
}

/*  Does the stored side of an action. Returns false if it fails. */
static inline bool world_store (struct world *world, const struct trust_action *action)
{
    if (++world->stores == (unsigned) world->store_fails)
        return false;
    if (action->kind == TRUST_DROP)
        file_remove (world->stored, action->file);
    else
        file_put (world->stored, action->file, action->data, action->size);
    return true;
}

#define WORLD_RUN(machine, kind_)                                                                            \
    for (;;) {                                                                                               \
        static const char *const words[] = {"load", "fetch", "store", "drop", "done", "failed"};             \
        struct trust_action action;                                                                          \
        trust_##kind_##_next (machine, &action);                                                             \
        if (action.kind == TRUST_DONE || action.kind == TRUST_FAILED)                                        \
            break;                                                                                           \
        world_log (world, words[action.kind], action.file);                                                  \
        const struct file *file =                                                                            \
            file_find (action.kind == TRUST_LOAD ? world->stored : world->remote, action.file);              \
        if (action.kind == TRUST_STORE || action.kind == TRUST_DROP) {                                       \
            if (world_store (world, &action))                                                                \
                trust_##kind_##_done (machine);                                                              \
            else                                                                                             \
                trust_##kind_##_failed (machine, -ENOSPC, "no space left");                                  \
        } else if (!file)                                                                                    \
            trust_##kind_##_absent (machine);                                                                \
        else if (file->size > action.most)                                                                   \
            trust_##kind_##_failed (machine, TRUST_E_TOO_LARGE, "too long");                                 \
        else                                                                                                 \
            trust_##kind_##_bytes (machine, file->data, file->size);                                         \
    }

/*  One refresh with a new client, from what is stored. Returns its code. */
static inline int world_refresh (struct world *world)
{
    struct trust_refresh refresh;
    base_buffer_deinit (&world->log);
    trust_client_deinit (&world->client);
    world->error = (struct base_error){0};
    world->stores = 0;
    const struct file *root = file_find (world->stored, "root.json");
    int r =
        trust_client_init (&world->client, &world->limits, world->now, root->data, root->size, &world->error);
    if (r)
        return r;
    trust_refresh_init (&refresh, &world->client);
    WORLD_RUN (&refresh, refresh)
    r = refresh.code;
    world->error = refresh.error;
    cr_assert_eq (r != 0, *refresh.error.text != 0);
    cr_assert_eq (refresh.state, r ? TRUST_REFRESH_FAILED : TRUST_REFRESH_DONE);
    trust_refresh_deinit (&refresh);
    return r;
}

/*  A search with the client of the last refresh. Returns its code, or TRUST_E_NO_TARGET. role (may be NULL) gets the
    name of the role that names the target. */
static inline int world_search (struct world *world, const char *path, char *role)
{
    struct trust_search search;
    base_buffer_deinit (&world->log);
    world->stores = 0;
    int r = trust_search_init (&search, &world->client, path, &world->error);
    if (r)
        return r;
    WORLD_RUN (&search, search)
    world->error = search.error;
    r = search.code ? search.code : search.target.path ? 0 : TRUST_E_NO_TARGET;
    if (r == 0 && role)
        (void) base_text_copy (role, TRUST_NAME_TEXT, search.role);
    if (r == 0)
        cr_assert_str_eq (search.target.path, path);
    trust_search_deinit (&search);
    return r;
}

/*  The version of a stored file; 0: none is stored. */
static inline json_int_t stored_version (struct world *world, const char *name)
{
    char text[TRUST_FILE_TEXT];
    const struct file *file = file_find (world->stored, trust_name_file (name, 0, text));
    if (!file)
        return 0;
    json_t *json = json_loadb (file->data, file->size, 0, NULL);
    json_int_t version = content_version (json_object_get (json, "signed"));
    json_decref (json);
    return version;
}

/*  ---- delegations ---- */

/*  Publishes a delegated role, and names it in the snapshot. Call world_advance afterwards. */
static inline void delegated_publish (struct world *world, const char *name, json_t *content,
                                      const unsigned *numbers)
{
    char *file = file_sign (content, numbers);
    base_cleanup (base_free_p) char *path = base_text_printf ("%s.json", name);
    remote_put (world, name, content_version (content), file);
    json_object_set_new (json_object_get (world->contents[TRUST_SNAPSHOT], "meta"), path,
                         meta_of (world, content_version (content), file));
    free (file);
}

#endif
