/* SPDX-License-Identifier: MPL-2.0 */
/*  test/interop/tuf_repository.c - writes a repository that room trust made, at several moments of its life

        tuf-repository DIR

    Makes DIR/first, DIR/publisher and DIR/rotated, each with metadata/ and targets/ as a web server would have them, and
    prints "MOMENT PATH" for each target that a client must find there. The keys are made of fixed seeds. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "trust/repository.h"

enum { ROOT = 10, TARGETS = 20, SNAPSHOT = 30, TIMESTAMP = 40, ALICE = 50, KEYS_MOST = 4, RELEASES_MOST = 4 };

#define DAY UINT64_C (86400)

struct made {
    uint64_t now;
    struct trust_draft root, targets, alice;
    struct trust_repository repository;
    struct trust_merkle log;
    char paths[RELEASES_MOST][TRUST_RELEASE_PATH_TEXT]; /* of the releases so far */
    struct base_buffer documents[RELEASES_MOST];
    size_t n_releases;
    uint8_t snapshot, timestamp; /* which online keys sign now */
};

static struct base_error what; /* the last failure */

static void must (int r, const char *step)
{
    if (r == 0)
        return;
    (void) fprintf (stderr, "tuf-repository: %s: %d: %s\n", step, r, what.text);
    exit (1);
}
#define MUST(call) must (call, #call)

static struct trust_secret key_of (unsigned number)
{
    uint8_t seed[TRUST_SEED_BYTES] = {(uint8_t) number, 0x1e};
    struct trust_secret secret;
    trust_secret_init (&secret, seed);
    return secret;
}

/*  The public keys with these numbers. */
struct set {
    json_t *keys[KEYS_MOST];
    struct trust_draft_keys draft;
};

static void set_init (struct set *set, unsigned first, size_t count, uint64_t threshold)
{
    *set = (struct set){.draft = {set->keys, count, threshold}};
    for (size_t i = 0; i < count; i++) {
        struct trust_secret secret = key_of (first + (unsigned) i);
        set->keys[i] = trust_public_json (trust_secret_public (&secret));
        must (set->keys[i] ? 0 : -ENOMEM, "trust_public_json");
    }
}

static void set_deinit (struct set *set)
{
    for (size_t i = 0; i < set->draft.count; i++)
        json_decref (set->keys[i]);
}

static void sign (struct trust_draft *draft, unsigned first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct trust_secret secret = key_of (first + (unsigned) i);
        MUST (trust_draft_sign (draft, &secret, &what));
    }
}

/*  A release of one envelope, added to a file of targets and to the log. */
static void release_add (struct made *made, struct trust_draft *targets, const char *application,
                         const char *version, const char *platform)
{
    struct wire_envelope envelope = {
        .application = application, .version = version, .platform = platform, .binary = {{1}}, .size = 7};
    const struct wire_release release = {
        .application = application, .version = version, .envelopes = &envelope, .n_envelopes = 1};
    struct trust_custom custom;
    size_t at = made->n_releases++;
    struct base_buffer *document = &made->documents[at];
    MUST (wire_release_pack (&release, document, &what));
    struct base_digest digest = base_digest_of (document->data, document->size);
    MUST (trust_custom_of_release (&release, at + 1, &custom, &what));
    MUST (trust_draft_targets_add (targets, &custom, &digest, document->size, &what));
    (void) trust_release_path (application, &digest, made->paths[at]);

    base_cleanup (trust_targets_deinit) struct trust_targets read = {0};
    base_cleanup (base_buffer_deinit) struct base_buffer entry = {0};
    MUST (trust_targets_read (trust_draft_content (targets), &read, &what));
    MUST (trust_log_entry (trust_targets_find (&read, made->paths[at]), &entry, &what));
    struct base_digest leaf = trust_merkle_leaf (entry.data, entry.size);
    trust_merkle_append (&made->log, &leaf);
}

static void publish (struct made *made, const char *const *roles, const struct trust_draft *const *drafts,
                     size_t count)
{
    struct base_buffer bytes[3] = {0};
    struct trust_draft_file files[3];
    struct trust_secret snapshot = key_of (made->snapshot), timestamp = key_of (made->timestamp);
    const struct trust_secret *const snapshots[] = {&snapshot}, *const timestamps[] = {&timestamp};
    struct trust_log_head head = trust_log_head_of (&made->log);
    for (size_t i = 0; i < count; i++) {
        MUST (trust_draft_write (drafts[i], &bytes[i], &what));
        files[i] = (struct trust_draft_file){roles[i], bytes[i].data, bytes[i].size};
    }
    const struct trust_publication publication = {.files = files,
                                                  .n_files = count,
                                                  .now = made->now,
                                                  .snapshot_expires = made->now + 7 * DAY,
                                                  .timestamp_expires = made->now + DAY,
                                                  .snapshot_keys = snapshots,
                                                  .timestamp_keys = timestamps,
                                                  .n_snapshot_keys = 1,
                                                  .n_timestamp_keys = 1,
                                                  .log = &head};
    MUST (trust_repository_publish (&made->repository, &publication, &what));
    for (size_t i = 0; i < count; i++)
        base_buffer_deinit (&bytes[i]);
}

static void file_write (const char *path, const struct base_buffer *bytes)
{
    base_cleanup (base_close_p) int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    must (fd >= 0 && write (fd, bytes->data, bytes->size) == (ssize_t) bytes->size ? 0 : -errno, path);
}

static void directory_make (const char *path)
{
    must (mkdir (path, 0755) && errno != EEXIST ? -errno : 0, path);
}

static void moment_write (const struct made *made, const char *top, const char *moment)
{
    char name[TRUST_FILE_TEXT], path[4096];
    static const char *const below[] = {"", "/metadata", "/targets"};
    for (size_t i = 0; i < 3; i++) {
        (void) snprintf (path, sizeof path, "%s/%s%s", top, moment, below[i]);
        directory_make (path);
    }
    for (size_t i = 0; i < made->repository.n_files; i++) {
        const struct trust_repository_file *file = &made->repository.files[i];
        uint64_t version = strcmp (file->role, "timestamp") == 0 ? 0 : file->version;
        (void) snprintf (path, sizeof path, "%s/%s/metadata/%s", top, moment,
                         trust_name_file (file->role, version, name));
        file_write (path, &file->bytes);
    }
    for (size_t i = 0; i < made->n_releases; i++) { /* HASH.NAME, where the name is the hash, too */
        const char *slash = strchr (made->paths[i], '/');
        int size = (int) (slash - made->paths[i]);
        (void) snprintf (path, sizeof path, "%s/%s/targets/%.*s", top, moment, size, made->paths[i]);
        directory_make (path);
        (void) snprintf (path, sizeof path, "%s/%s/targets/%.*s/%s.%s", top, moment, size, made->paths[i],
                         slash + 1, slash + 1);
        file_write (path, &made->documents[i]);
        (void) printf ("%s %s\n", moment, made->paths[i]);
    }
}

/*  Root and targets with two of three keys, one release. */
static void first (struct made *made)
{
    struct set sets[TRUST_KINDS];
    struct trust_draft_keys keys[TRUST_KINDS];
    set_init (&sets[TRUST_ROOT], ROOT, 3, 2);
    set_init (&sets[TRUST_TARGETS], TARGETS, 3, 2);
    set_init (&sets[TRUST_SNAPSHOT], SNAPSHOT, 1, 1);
    set_init (&sets[TRUST_TIMESTAMP], TIMESTAMP, 1, 1);
    for (int i = 0; i < TRUST_KINDS; i++)
        keys[i] = sets[i].draft;
    MUST (trust_draft_root_new (keys, made->now + 1000 * DAY, &made->root, &what));
    MUST (trust_draft_targets_new (made->now, made->now + 365 * DAY, &made->targets, &what));
    for (int i = 0; i < TRUST_KINDS; i++)
        set_deinit (&sets[i]);
    /*  Characters that canonical JSON escapes, and that it does not. */
    release_add (made, &made->targets, "noded", "1.0 \"a\\b\" \xc3\xa4\xf0\x9f\x90\xb3", NULL);
    sign (&made->root, ROOT, 2);
    sign (&made->targets, TARGETS + 1, 2);
    publish (made, (const char *const[]){"root", "targets"},
             (const struct trust_draft *const[]){&made->root, &made->targets}, 2);
}

/*  A publisher with two keys, of which both sign. */
static void publisher (struct made *made)
{
    struct trust_draft next = {0};
    struct set set;
    static const char *const applications[] = {"web-*", "db?"};
    set_init (&set, ALICE, 2, 2);
    made->now++;
    MUST (trust_draft_targets_next (&made->targets, made->now, made->now + 365 * DAY, &next, &what));
    trust_draft_deinit (&made->targets);
    made->targets = next;
    MUST (trust_draft_targets_delegate (
        &made->targets, &(struct trust_publisher){"alice", set.draft, applications, 2, false}, &what));
    set_deinit (&set);
    sign (&made->targets, TARGETS, 2);
    MUST (trust_draft_targets_new (made->now, made->now + 365 * DAY, &made->alice, &what));
    release_add (made, &made->alice, "web-shop", "2.0", "linux/amd64");
    release_add (made, &made->alice, "db1", "3.0", "linux/arm64");
    sign (&made->alice, ALICE, 2);
    publish (made, (const char *const[]){"targets", "alice"},
             (const struct trust_draft *const[]){&made->targets, &made->alice}, 2);
}

/*  Two more roots: one with a root key exchanged, one with new online keys. */
static void rotated (struct made *made)
{
    struct trust_draft second = {0}, third = {0};
    struct trust_secret leaving = key_of (ROOT);
    struct set joining, snapshot, timestamp;
    set_init (&joining, ROOT + 3, 1, 1);
    set_init (&snapshot, SNAPSHOT + 1, 1, 1);
    set_init (&timestamp, TIMESTAMP + 1, 1, 1);
    made->now++;
    MUST (trust_draft_root_next (&made->root, made->now + 1000 * DAY, &second, &what));
    MUST (trust_draft_root_remove_key (&second, TRUST_ROOT, &leaving.keyid, &what));
    MUST (trust_draft_root_add_key (&second, TRUST_ROOT, joining.keys[0], &what));
    sign (&second, ROOT, 2);     /* a threshold of the last keys */
    sign (&second, ROOT + 3, 1); /* and, with one of them, of the new ones */
    MUST (trust_draft_root_next (&second, made->now + 1000 * DAY, &third, &what));
    MUST (trust_draft_root_rotate_online (&third, &timestamp.draft, &snapshot.draft, &what));
    sign (&third, ROOT + 2, 2);
    made->snapshot++;
    made->timestamp++;
    publish (made, (const char *const[]){"root", "root"},
             (const struct trust_draft *const[]){&second, &third}, 2);
    trust_draft_deinit (&made->root);
    made->root = third;
    trust_draft_deinit (&second);
    set_deinit (&joining);
    set_deinit (&snapshot);
    set_deinit (&timestamp);
}

int main (int argc, char **argv)
{
    struct made made = {.now = (uint64_t) time (NULL), .snapshot = SNAPSHOT, .timestamp = TIMESTAMP};
    if (argc != 2) {
        (void) fprintf (stderr, "usage: tuf-repository DIR\n");
        return 2;
    }
    first (&made);
    moment_write (&made, argv[1], "first");
    publisher (&made);
    moment_write (&made, argv[1], "publisher");
    rotated (&made);
    moment_write (&made, argv[1], "rotated");
    trust_draft_deinit (&made.root);
    trust_draft_deinit (&made.targets);
    trust_draft_deinit (&made.alice);
    trust_repository_deinit (&made.repository);
    for (size_t i = 0; i < made.n_releases; i++)
        base_buffer_deinit (&made.documents[i]);
    return 0;
}
