/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/trust_fixture.h - publishers with keys, a directory that a broker serves, and nodes that follow it

    A node is the client of room trust with its files in memory. Time is the number of seconds that a test says. */

#ifndef TRUST_FIXTURE_H
#define TRUST_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "broker/errors.h"
#include "broker/trust.h"
#include "trust/draft_online.h"
#include "trust/draft_targets.h"
#include "trust/errors.h"
#include "trust/refresh.h"
#include "trust/search.h"

#define NOW UINT64_C (1800000000)
#define DAY UINT64_C (86400)
#define YEAR (365 * DAY)

enum { KEY_ROOT = 10, KEY_TARGETS = 20, KEY_ALICE = 50, KEY_BOB = 60 };

static inline struct trust_secret secret_of (uint8_t number)
{
    uint8_t seed[TRUST_SEED_BYTES] = {number, 0x5e, 0xed};
    struct trust_secret secret;
    trust_secret_init (&secret, seed);
    return secret;
}

static inline json_t *public_of (uint8_t number)
{
    struct trust_secret secret = secret_of (number);
    return trust_public_json (trust_secret_public (&secret));
}

/*  A directory with broker_trust. */
struct world {
    char path[64];
    int fd;
    const struct disk *disk;
    struct broker_trust trust;
    struct base_error error;
    struct trust_draft root, targets; /* of the offline side: the last that were published */
};

static inline void world_open (struct world *world)
{
    cr_assert_eq (broker_trust_open (&world->trust, world->disk, world->fd, &world->error), 0, "%s",
                  world->error.text);
}

/*  As after a restart of the broker. */
static inline void world_reopen (struct world *world)
{
    broker_trust_deinit (&world->trust);
    world_open (world);
}

static inline void world_init (struct world *world)
{
    *world = (struct world){.disk = &disk_system};
    (void) snprintf (world->path, sizeof world->path, "/tmp/trust.XXXXXX");
    cr_assert_not_null (mkdtemp (world->path));
    world->fd = open (world->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert (world->fd >= 0);
    world_open (world);
}

static inline void world_deinit (struct world *world)
{
    broker_trust_deinit (&world->trust);
    trust_draft_deinit (&world->root);
    trust_draft_deinit (&world->targets);
    (void) close (world->fd);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, world->path, NULL);
}

static inline struct base_buffer bytes_of (const struct trust_draft *draft)
{
    struct base_buffer buffer = {0};
    struct base_error error = {.text = ""};
    cr_assert_eq (trust_draft_write (draft, &buffer, &error), 0, "%s", error.text);
    return buffer;
}

static inline void sign (struct trust_draft *draft, uint8_t key)
{
    struct trust_secret secret = secret_of (key);
    cr_assert_eq (trust_draft_sign (draft, &secret, NULL), 0);
}

/*  The public online keys of the newest generation. */
static inline json_t *online_of (const struct world *world, enum trust_kind kind)
{
    const struct broker_trust_keys *keys = &world->trust.keys;
    for (size_t i = keys->count; i-- > 0;)
        if (keys->all[i]->kind == kind && keys->all[i]->generation == keys->generation)
            return trust_public_json (trust_secret_public (&keys->all[i]->secret));
    cr_assert_fail ("there is no online key");
    return NULL;
}

/*  Version 1 of root, signed; it lists the broker's newest keys. */
static inline struct trust_draft root_first (const struct world *world, uint64_t expires)
{
    json_t *keys[TRUST_KINDS] = {
        [TRUST_ROOT] = public_of (KEY_ROOT),
        [TRUST_TIMESTAMP] = online_of (world, TRUST_TIMESTAMP),
        [TRUST_SNAPSHOT] = online_of (world, TRUST_SNAPSHOT),
        [TRUST_TARGETS] = public_of (KEY_TARGETS),
    };
    struct trust_draft_keys sets[TRUST_KINDS];
    struct trust_draft draft = {.json = NULL};
    for (int i = 0; i < TRUST_KINDS; i++)
        sets[i] = (struct trust_draft_keys){&keys[i], 1, 1};
    cr_assert_eq (trust_draft_root_new (sets, expires, &draft, NULL), 0);
    sign (&draft, KEY_ROOT);
    for (int i = 0; i < TRUST_KINDS; i++)
        json_decref (keys[i]);
    return draft;
}

/*  Replaces *draft by a later one, which takes over. */
static inline void draft_replace (struct trust_draft *draft, struct trust_draft *next)
{
    trust_draft_deinit (draft);
    *draft = *next;
    *next = (struct trust_draft){.json = NULL};
}

static inline int publish_root (struct world *world, const struct trust_draft *root, uint64_t now)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = bytes_of (root);
    uint64_t version = 0;
    world->error.text[0] = '\0';
    int r = broker_trust_publish_root (&world->trust, bytes.data, bytes.size, now, &version, &world->error);
    cr_assert (r == 0 || world->error.text[0]);
    return r;
}

/*  The next root, which lists new online keys. */
static inline struct trust_draft root_replacing (struct world *world)
{
    struct trust_draft next = {.json = NULL};
    cr_assert_eq (broker_trust_make_keys (&world->trust, NULL), 0);
    json_t *timestamp = online_of (world, TRUST_TIMESTAMP), *snapshot = online_of (world, TRUST_SNAPSHOT);
    cr_assert_eq (trust_draft_root_next (&world->root, NOW + 5 * YEAR, &next, NULL), 0);
    cr_assert_eq (trust_draft_root_rotate_online (&next, &(struct trust_draft_keys){&timestamp, 1, 1},
                                                  &(struct trust_draft_keys){&snapshot, 1, 1}, NULL),
                  0);
    sign (&next, KEY_ROOT);
    json_decref (timestamp);
    json_decref (snapshot);
    return next;
}

/*  A set of up to three files. */
struct member {
    const char *role;
    const struct trust_draft *draft;
};

static inline int publish_fitting (struct world *world, const struct member *members, size_t count,
                                   uint64_t now, broker_trust_fits *fits)
{
    struct base_buffer bytes[3] = {{0}};
    struct broker_trust_set set = {.count = count};
    struct broker_trust_published published;
    cr_assert_leq (count, 3);
    for (size_t i = 0; i < count; i++) {
        bytes[i] = bytes_of (members[i].draft);
        set.files[i] = (struct broker_trust_file){.version = trust_draft_version (members[i].draft),
                                                  .bytes = {.data = bytes[i].data, .size = bytes[i].size}};
        cr_assert_eq (base_text_copy (set.files[i].role, sizeof set.files[i].role, members[i].role), 0);
    }
    world->error.text[0] = '\0';
    int r = broker_trust_publish (&world->trust, &set, fits, NULL, now, &published, &world->error);
    cr_assert (r == 0 || world->error.text[0]);
    for (size_t i = 0; i < count; i++)
        base_buffer_deinit (&bytes[i]);
    return r;
}

#define PUBLISH(world, now, ...)                                                                             \
    publish_fitting (world, (const struct member[]){__VA_ARGS__},                                            \
                     sizeof ((const struct member[]){__VA_ARGS__}) / sizeof (struct member), now, NULL)

static inline struct base_digest release_of (uint8_t number)
{
    return base_digest_of (&number, 1);
}

/*  Lists a release of an application. */
static inline void list_release (struct trust_draft *targets, const char *application, uint8_t number)
{
    struct trust_custom custom = {.n_platforms = 1, .counter = number, .version = "1.0", .platforms = {"*"}};
    struct base_digest release = release_of (number);
    cr_assert_eq (base_text_copy (custom.application, sizeof custom.application, application), 0);
    cr_assert_eq (trust_draft_targets_add (targets, &custom, &release, 100u + number, NULL), 0);
}

/*  The next targets with one more release; signed. The caller deinits them. */
static inline struct trust_draft targets_next (const struct trust_draft *last, uint8_t number, uint64_t now)
{
    struct trust_draft next = {.json = NULL};
    int r = last->json ? trust_draft_targets_next (last, now, now + YEAR, &next, NULL)
                       : trust_draft_targets_new (now, now + YEAR, &next, NULL);
    cr_assert_eq (r, 0);
    if (number)
        list_release (&next, "noded", number);
    sign (&next, KEY_TARGETS);
    return next;
}

/*  Publishes targets with one more release. */
static inline void world_release (struct world *world, uint8_t number, uint64_t now)
{
    struct trust_draft next = targets_next (&world->targets, number, now);
    int r = PUBLISH (world, now, {"targets", &next});
    cr_assert_eq (r, 0, "%s", world->error.text);
    draft_replace (&world->targets, &next);
}

/*  Keys, root version 1, targets with release 1: a fleet at NOW. */
static inline void world_begin (struct world *world)
{
    world_init (world);
    cr_assert_eq (broker_trust_make_keys (&world->trust, &world->error), 0, "%s", world->error.text);
    world->root = root_first (world, NOW + 5 * YEAR);
    int r = publish_root (world, &world->root, NOW);
    cr_assert_eq (r, 0, "%s", world->error.text);
    world_release (world, 1, NOW);
}

/*  A node. */
struct node {
    struct base_buffer root, timestamp, snapshot;
    char role[TRUST_NAME_TEXT]; /* which names the release that was searched last */
    struct base_error error;
};

static inline void node_deinit (struct node *node)
{
    base_buffer_deinit (&node->root);
    base_buffer_deinit (&node->timestamp);
    base_buffer_deinit (&node->snapshot);
}

static inline struct base_buffer *node_file (struct node *node, const char *role)
{
    return strcmp (role, "root") == 0        ? &node->root
           : strcmp (role, "timestamp") == 0 ? &node->timestamp
           : strcmp (role, "snapshot") == 0  ? &node->snapshot
                                             : NULL;
}

/*  A node that is pinned to the first root. */
static inline void node_init (struct node *node, const struct world *world)
{
    *node = (struct node){.role = ""};
    node->root = bytes_of (&world->root);
}

static inline void node_put (struct base_buffer *file, const void *data, size_t size)
{
    if (!file)
        return;
    file->size = 0;
    cr_assert_eq (base_buffer_append (file, data, size), 0);
}

/*  What the broker serves for an action; NULL: nothing. */
static inline const struct base_buffer *node_fetch (struct world *world, const struct trust_action *action)
{
    const struct broker_trust_cached *file;
    int r = broker_trust_read (&world->trust, action->role, action->version, &file, NULL);
    return r == 0 && file->bytes.size <= action->most ? &file->bytes : NULL;
}

static inline int node_refresh_client (struct node *node, struct world *world, uint64_t now,
                                       struct trust_client *client)
{
    base_cleanup (trust_refresh_deinit) struct trust_refresh refresh;
    struct trust_action action;
    cr_assert_eq (trust_client_init (client, NULL, now, node->root.data, node->root.size, &node->error), 0,
                  "%s", node->error.text);
    trust_refresh_init (&refresh, client);
    for (trust_refresh_next (&refresh, &action); action.kind != TRUST_DONE && action.kind != TRUST_FAILED;
         trust_refresh_next (&refresh, &action)) {
        struct base_buffer *file = node_file (node, action.role);
        const struct base_buffer *bytes = action.kind == TRUST_FETCH ? node_fetch (world, &action)
                                          : file && file->size > 0   ? file
                                                                     : NULL;
        if (action.kind == TRUST_STORE) {
            node_put (file, action.data, action.size);
            trust_refresh_done (&refresh);
        } else if (action.kind == TRUST_DROP) {
            file->size = 0;
            trust_refresh_done (&refresh);
        } else if (bytes)
            trust_refresh_bytes (&refresh, bytes->data, bytes->size);
        else
            trust_refresh_absent (&refresh);
    }
    node->error = refresh.error;
    return action.kind == TRUST_DONE ? 0 : refresh.code;
}

static inline int node_refresh (struct node *node, struct world *world, uint64_t now)
{
    struct trust_client client = {.phase = TRUST_PHASE_NULL};
    int r = node_refresh_client (node, world, now, &client);
    trust_client_deinit (&client);
    return r;
}

/*  Refreshes, and searches a release. Returns 0, TRUST_E_NO_TARGET, or the code of what failed. */
static inline int node_find (struct node *node, struct world *world, const char *application, uint8_t number,
                             uint64_t now)
{
    struct trust_client client = {.phase = TRUST_PHASE_NULL};
    struct base_digest release = release_of (number);
    char path[TRUST_RELEASE_PATH_TEXT];
    int r = node_refresh_client (node, world, now, &client);
    if (r == 0) {
        base_cleanup (trust_search_deinit) struct trust_search search;
        struct trust_action action;
        cr_assert_eq (
            trust_search_init (&search, &client, trust_release_path (application, &release, path), NULL), 0);
        for (trust_search_next (&search, &action); action.kind != TRUST_DONE && action.kind != TRUST_FAILED;
             trust_search_next (&search, &action)) {
            const struct base_buffer *bytes = action.kind == TRUST_FETCH ? node_fetch (world, &action) : NULL;
            if (action.kind == TRUST_STORE)
                trust_search_done (&search);
            else if (bytes)
                trust_search_bytes (&search, bytes->data, bytes->size);
            else
                trust_search_absent (&search);
        }
        r = action.kind == TRUST_FAILED ? search.code : search.target.path ? 0 : TRUST_E_NO_TARGET;
        node->error = search.error;
        cr_assert_eq (base_text_copy (node->role, sizeof node->role, search.role), 0);
    }
    trust_client_deinit (&client);
    return r;
}

/*  A node that starts now with the first root, and one that has followed: both must find the release. */
static inline void expect_found (struct node *follower, struct world *world, const char *application,
                                 uint8_t number, uint64_t now)
{
    struct node fresh;
    int r = node_find (follower, world, application, number, now);
    cr_assert_eq (r, 0, "the node that follows: %s (%s)", follower->error.text, trust_error_word (r));
    node_init (&fresh, world);
    r = node_find (&fresh, world, application, number, now);
    cr_assert_eq (r, 0, "a new node: %s (%s)", fresh.error.text, trust_error_word (r));
    node_deinit (&fresh);
}

/*  A file of ROOT/trust. */
static inline const char *file_path (const struct world *world, const char *name, char path[256])
{
    cr_assert_lt (snprintf (path, 256, "%s/trust/%s", world->path, name), 256);
    return path;
}

static inline const char *version_name (const char *role, uint64_t version, char name[TRUST_FILE_TEXT])
{
    return trust_name_file (role, version, name);
}

static inline void file_remove (const struct world *world, const char *name)
{
    char path[256];
    cr_assert_eq (unlink (file_path (world, name, path)), 0, "%s", path);
}

/*  Changes one byte in the middle. */
static inline void file_damage (const struct world *world, const char *name)
{
    char path[256], byte = 0;
    struct stat status;
    base_cleanup (base_close_p) int fd = open (file_path (world, name, path), O_RDWR | O_CLOEXEC);
    cr_assert (fd >= 0 && fstat (fd, &status) == 0, "%s", path);
    off_t at = status.st_size / 2;
    cr_assert_eq (pread (fd, &byte, 1, at), 1);
    byte ^= 1;
    cr_assert_eq (pwrite (fd, &byte, 1, at), 1);
}

static inline bool file_exists (const struct world *world, const char *name)
{
    char path[256];
    return access (file_path (world, name, path), F_OK) == 0;
}

/*  Runs `cp -a from to` below the directory of the world. */
static inline void copy (const struct world *world, const char *from, const char *to)
{
    int status = 0;
    pid_t pid = fork ();
    if (pid == 0) {
        if (fchdir (world->fd) == 0)
            (void) execlp ("cp", "cp", "-a", from, to, (char *) NULL);
        _exit (127);
    }
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    cr_assert_eq (status, 0);
}

/*  Puts another directory in the place of ROOT/trust, and reads it as after a restart. */
static inline void world_restore (struct world *world, const char *from)
{
    broker_trust_deinit (&world->trust);
    cr_assert_eq (disk_tree_remove (&disk_system, world->fd, "trust", NULL), 0);
    copy (world, from, "trust");
    world_open (world);
}

/*  Whether a fault contains the words. */
static inline bool has_fault (const struct world *world, const char *words)
{
    char *const *faults = world->trust.state.faults;
    for (size_t i = 0; faults && faults[i]; i++)
        if (strstr (faults[i], words))
            return true;
    return false;
}

static inline size_t fault_count (const struct world *world)
{
    return world->trust.state.faults ? base_list_count (world->trust.state.faults) : 0;
}

#endif
