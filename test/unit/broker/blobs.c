/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/blobs.c - accepting uploads of blobs and serving them */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <dirent.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "broker/blobs.h"
#include "broker/partials.h"
#include "broker/verify.h"
#include "wire/text.h"

static char root[64];
static int root_fd;
static struct broker_blobs *store;
static struct base_error error;
static const struct bus_peer peer_a = {.size = 1, .id = {'a'}}, peer_b = {.size = 1, .id = {'b'}};
static uint64_t now_ms = 1000;

static void store_open (void)
{
    cr_assert (broker_blobs_open (NULL, root_fd, &store, &error) == 0, "%s", error.text);
}

static void set_up (void)
{
    (void) snprintf (root, sizeof root, "/tmp/content.XXXXXX");
    cr_assert_not_null (mkdtemp (root));
    root_fd = open (root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    store_open ();
}

static void tear_down (void)
{
    store = broker_blobs_free (store);
    close (root_fd);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, root, NULL);
}

TestSuite (store, .init = set_up, .fini = tear_down);

static struct wire_taken blob_upload (const struct bus_peer *peer, const char *name, uint64_t size,
                                      uint64_t offset, const char *payload)
{
    struct wire_put message = {
        .digest = base_digest_of (name, strlen (name)), .size = size, .offset = offset};
    struct wire_taken taken = {.offset = 0};

    cr_assert_eq (broker_blobs_put (store, peer, &message, payload, strlen (payload), now_ms, &taken), 0);
    wire_text_free (&taken.reason); /* the tests look at the other members only */
    return taken;
}

Test (store, an_upload_in_parts_is_served_once_it_is_complete)
{
    struct base_digest digest = base_digest_of ("hello world", 11);
    struct wire_taken taken = blob_upload (&peer_a, "hello world", 11, 0, "");
    uint64_t size;
    bool immutable;
    int fd;

    cr_assert_eq (taken.status, WIRE_STATUS_OK);
    cr_assert_eq (taken.offset, 0);
    taken = blob_upload (&peer_a, "hello world", 11, 0, "hello ");
    cr_assert_eq (taken.offset, 6);
    cr_assert_not (taken.complete);
    cr_assert_eq (broker_blobs_get (store, &digest, &fd, &size, &immutable), -ENOENT);
    taken = blob_upload (&peer_a, "hello world", 11, 3, "dropped");
    cr_assert_eq (taken.offset, 6, "a part that does not start at the end is dropped");
    taken = blob_upload (&peer_a, "hello world", 11, 6, "world");
    cr_assert (taken.complete);
    cr_assert_eq (taken.offset, 11);
    cr_assert_eq (broker_blobs_get (store, &digest, &fd, &size, &immutable), 0);
    cr_assert_eq (size, 11);
    close (fd);
    taken = blob_upload (&peer_b, "hello world", 11, 0, "");
    cr_assert (taken.complete, "a complete blob is not sent again");
    taken = blob_upload (&peer_b, "hello world", 12, 0, "");
    cr_assert_eq (taken.status, WIRE_STATUS_REFUSED);
}

Test (store, an_upload_continues_after_a_restart)
{
    struct wire_taken taken;

    cr_assert_eq (blob_upload (&peer_a, "hello world", 11, 0, "hello ").status, WIRE_STATUS_OK);
    store = broker_blobs_free (store);
    store_open ();
    taken = blob_upload (&peer_b, "hello world", 11, 0, "");
    cr_assert_eq (taken.offset, 6);
    taken = blob_upload (&peer_b, "hello world", 11, 6, "world");
    cr_assert (taken.complete);
}

Test (store, a_blob_with_another_digest_is_discarded)
{
    struct wire_taken taken = blob_upload (&peer_a, "hello world", 11, 0, "jello world");

    cr_assert_eq (taken.status, WIRE_STATUS_REFUSED);
    cr_assert_eq (taken.offset, 0);
    cr_assert_not (taken.complete);
    taken = blob_upload (&peer_a, "hello world", 11, 0, "hello world");
    cr_assert (taken.complete);
}

Test (store, one_peer_at_a_time_uploads_a_blob_and_a_silent_one_is_replaced)
{
    struct wire_taken taken;

    cr_assert_eq (blob_upload (&peer_a, "hello world", 11, 0, "hello ").status, WIRE_STATUS_OK);
    taken = blob_upload (&peer_b, "hello world", 11, 0, "");
    cr_assert_eq (taken.status, WIRE_STATUS_BUSY);
    cr_assert (taken.retry_after_ms > 0);
    now_ms += BROKER_UPLOAD_TAKE_OVER_MS;
    taken = blob_upload (&peer_b, "hello world", 11, 0, "");
    cr_assert_eq (taken.status, WIRE_STATUS_OK);
    cr_assert_eq (taken.offset, 6);
}

Test (store, uploads_are_bounded_and_idle_ones_are_closed)
{
    char name[16];
    struct wire_taken taken;

    for (int i = 0; i < BROKER_UPLOADS_MOST; i++) {
        struct bus_peer peer = {.size = 1, .id = {(uint8_t) (i / BROKER_UPLOADS_PEER_MOST + 1)}};
        (void) snprintf (name, sizeof name, "content %d", i);
        cr_assert_eq (blob_upload (&peer, name, 100, 0, "x").status, WIRE_STATUS_OK);
    }
    taken = blob_upload (&peer_a, "one more", 8, 0, "one more");
    cr_assert_eq (taken.status, WIRE_STATUS_BUSY);
    now_ms += BROKER_UPLOAD_IDLE_MS;
    broker_blobs_tick (store, now_ms);
    taken = blob_upload (&peer_a, "one more", 8, 0, "one more");
    cr_assert (taken.complete);
    taken = blob_upload (&peer_a, "content 0", 100, 0, "");
    cr_assert_eq (taken.offset, 1, "the bytes received are kept for a resume");
}

Test (store, uploads_slower_than_the_least_rate_lose_their_places)
{
    char name[16];

    for (unsigned span = 0; span <= 4; span++) {
        for (int i = 0; i < BROKER_UPLOADS_MOST; i++) {
            struct bus_peer peer = {.size = 1, .id = {(uint8_t) (i / BROKER_UPLOADS_PEER_MOST + 1)}};
            (void) snprintf (name, sizeof name, "content %d", i);
            cr_assert_eq (blob_upload (&peer, name, 100, span, "x").status, WIRE_STATUS_OK);
        }
        if (span < 4) {
            cr_assert_eq (blob_upload (&peer_a, "one more", 8, 0, "one ").status, WIRE_STATUS_BUSY, "span %u",
                          span);
            now_ms += BROKER_UPLOAD_RATE_MS / 4 + 1;
        }
    }
    cr_assert_eq (blob_upload (&peer_a, "one more", 8, 0, "one ").status, WIRE_STATUS_OK);
    /* The upload that lost its slot gets the slot of another slow one, and not this slot. */
    for (int i = 0; i < BROKER_UPLOADS_MOST; i++) {
        struct bus_peer peer = {.size = 1, .id = {(uint8_t) (i / BROKER_UPLOADS_PEER_MOST + 1)}};
        (void) snprintf (name, sizeof name, "content %d", i);
        (void) blob_upload (&peer, name, 100, 5, "x");
    }
    cr_assert (blob_upload (&peer_a, "one more", 8, 4, "more").complete);
}

Test (store, a_peer_that_sends_little_of_a_blob_does_not_block_other_uploads_of_it)
{
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq (blob_upload (&peer_a, "hello world", 11, i, "h").status, WIRE_STATUS_OK);
        cr_assert_eq (blob_upload (&peer_b, "hello world", 11, 0, "").status, WIRE_STATUS_BUSY);
        now_ms += BROKER_UPLOAD_RATE_MS / 4 + 1;
    }
    (void) blob_upload (&peer_a, "hello world", 11, 0, "");
    cr_assert_eq (blob_upload (&peer_b, "hello world", 11, 0, "").offset, 4);
    cr_assert_eq (blob_upload (&peer_a, "hello world", 11, 4, "h").status, WIRE_STATUS_BUSY);
}

Test (store, a_blob_above_the_size_limit_or_its_own_size_is_refused)
{
    cr_assert_eq (blob_upload (&peer_a, "a", BROKER_BLOB_MOST + 1, 0, "").status, WIRE_STATUS_REFUSED);
    cr_assert_eq (blob_upload (&peer_a, "hello", 3, 0, "hello").status, WIRE_STATUS_REFUSED,
                  "more bytes than its size");
}

Test (store, one_peer_has_a_few_uploads_and_leaves_places_for_others)
{
    char name[16];

    for (int i = 0; i < BROKER_UPLOADS_PEER_MOST; i++) {
        (void) snprintf (name, sizeof name, "content %d", i);
        cr_assert_eq (blob_upload (&peer_a, name, 100, 0, "x").status, WIRE_STATUS_OK);
    }
    cr_assert_eq (blob_upload (&peer_a, "one more", 8, 0, "one more").status, WIRE_STATUS_BUSY);
    cr_assert (blob_upload (&peer_b, "one more", 8, 0, "one more").complete);
}

/*  Returns the disk blocks of all partial uploads. *ret_count: the number of uploads. */
static uint64_t uploads_blocks (unsigned *ret_count)
{
    char path[96];
    uint64_t sum = 0;
    (void) snprintf (path, sizeof path, "%s/blobs/partial", root);
    DIR *directory = opendir (path);
    struct dirent *entry;
    struct stat status;

    *ret_count = 0;
    while ((entry = readdir (directory)))
        if (entry->d_name[0] != '.' && fstatat (dirfd (directory), entry->d_name, &status, 0) == 0) {
            sum += (uint64_t) status.st_blocks;
            ++*ret_count;
        }
    (void) closedir (directory);
    return sum;
}

Test (store, a_peer_that_asks_for_the_offset_reserves_nothing)
{
    char name[16];
    unsigned count;

    for (int i = 0; i < 100; i++) {
        (void) snprintf (name, sizeof name, "content %d", i);
        cr_assert_eq (blob_upload (&peer_a, name, 64 << 20, 0, "").status, WIRE_STATUS_OK);
    }
    cr_assert_eq (uploads_blocks (&count), 0);
    cr_assert_eq (count, 0);
}

Test (store, an_idle_upload_frees_the_space_reserved_beyond_its_bytes)
{
    unsigned count;

    cr_assert_eq (blob_upload (&peer_a, "large", 64 << 20, 0, "beginning").status, WIRE_STATUS_OK);
    now_ms += BROKER_UPLOAD_IDLE_MS;
    broker_blobs_tick (store, now_ms);
    cr_assert_leq (uploads_blocks (&count), 64);
    cr_assert_eq (count, 1);
    cr_assert_eq (blob_upload (&peer_a, "large", 64 << 20, 0, "").offset, 9);
}

Test (store, the_number_of_abandoned_uploads_is_bounded_after_a_restart_too)
{
    char name[16];
    unsigned count;

    for (int i = 0; i < BROKER_PARTIALS_MOST + 20; i++) {
        (void) snprintf (name, sizeof name, "content %d", i);
        now_ms += BROKER_UPLOAD_IDLE_MS;
        cr_assert_eq (blob_upload (&peer_a, name, 100, 0, "x").status, WIRE_STATUS_OK);
    }
    store = broker_blobs_free (store);
    (void) uploads_blocks (&count);
    cr_assert_gt (count, BROKER_PARTIALS_MOST);
    store_open ();
    broker_blobs_tick (store, now_ms);
    (void) uploads_blocks (&count);
    cr_assert_eq (count, BROKER_PARTIALS_MOST);
}

static void on_late (void *context)
{
    (void) context;
    cr_assert_fail ("the bytes on disk were never hashed");
}

static void on_look (void *context)
{
    bus_loop_stop (context);
}

Test (store, the_bytes_of_a_resumed_upload_are_hashed_beside_the_loop)
{
    struct bus_loop *loop = bus_loop_new ();
    struct wire_taken taken;
    (void) blob_upload (&peer_a, "hello world", 11, 0, "hello ");
    int late = bus_timer_start (loop, 20000, on_late, NULL);

    store = broker_blobs_free (store);
    cr_assert_eq (broker_blobs_open (loop, root_fd, &store, &error), 0, "%s", error.text);
    taken = blob_upload (&peer_b, "hello world", 11, 0, "");
    cr_assert_eq (taken.offset, 6);
    taken = blob_upload (&peer_b, "hello world", 11, 6, "world");
    cr_assert_eq (taken.status, WIRE_STATUS_BUSY);
    while (taken.status == WIRE_STATUS_BUSY) {
        (void) bus_timer_start (loop, 1, on_look, loop);
        cr_assert_eq (bus_loop_run (loop), 0);
        taken = blob_upload (&peer_b, "hello world", 11, 6, "world");
    }
    cr_assert (taken.complete);
    bus_timer_cancel (loop, late);
    store = broker_blobs_free (store);
    bus_loop_free (loop);
    store_open ();
}

/*  While this is set, no file can be read at a position. */
static atomic_int reads_fail_with;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the C library has its own names */
ssize_t pread (int fd, void *data, size_t size, off_t offset)
{
    int code = atomic_load (&reads_fail_with);
    if (code) {
        errno = code;
        return -1;
    }
    return syscall (SYS_pread64, fd, data, size, offset);
}

Test (store, an_upload_whose_bytes_cannot_be_hashed_is_refused_with_the_reason)
{
    struct bus_loop *loop = bus_loop_new ();
    struct wire_put put = {.digest = base_digest_of ("hello world", 11), .size = 11, .offset = 6};
    struct wire_taken taken = {.offset = 0};
    (void) blob_upload (&peer_a, "hello world", 11, 0, "hello ");
    store = broker_blobs_free (store);
    cr_assert_eq (broker_blobs_open (loop, root_fd, &store, &error), 0, "%s", error.text);
    int late = bus_timer_start (loop, 20000, on_late, NULL);

    atomic_store (&reads_fail_with, ENOMEM);
    for (bool busy = true; busy;) {
        cr_assert_eq (broker_blobs_put (store, &peer_b, &put, "world", 5, now_ms, &taken), 0);
        busy = taken.status == WIRE_STATUS_BUSY;
        if (busy)
            wire_text_free (&taken.reason);
        (void) bus_timer_start (loop, 1, on_look, loop);
        cr_assert_eq (bus_loop_run (loop), 0);
    }
    cr_expect_eq (taken.status, WIRE_STATUS_FAILED);
    cr_expect_not_null (strstr (taken.reason, "Cannot allocate memory"), "%s", taken.reason);
    wire_text_free (&taken.reason);
    atomic_store (&reads_fail_with, 0);
    do {
        taken = blob_upload (&peer_b, "hello world", 11, 6, "world");
        (void) bus_timer_start (loop, 1, on_look, loop);
        cr_assert_eq (bus_loop_run (loop), 0);
    } while (taken.status == WIRE_STATUS_BUSY);
    cr_expect (taken.complete, "the next attempt works");
    bus_timer_cancel (loop, late);
    store = broker_blobs_free (store);
    bus_loop_free (loop);
    store_open ();
}

static int blob_get (const char *name)
{
    struct base_digest digest = base_digest_of (name, strlen (name));
    uint64_t size;
    bool immutable;
    int fd, r = broker_blobs_get (store, &digest, &fd, &size, &immutable);

    if (r == 0)
        close (fd);
    return r;
}

/*  Makes a sparse file of 1 TiB: reading it takes longer than any test may. */
static void huge_blob_make (const struct base_digest *digest)
{
    char path[160], text[BASE_DIGEST_TEXT];

    (void) base_digest_format (digest, text);
    (void) snprintf (path, sizeof path, "%s/blobs/%.2s", root, text);
    (void) mkdir (path, 0755);
    (void) snprintf (path, sizeof path, "%s/blobs/%.2s/%s", root, text, text);
    int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert_geq (fd, 0);
    cr_assert_eq (ftruncate (fd, (off_t) 1 << 40), 0);
    close (fd);
}

static struct bus_loop *loop_open (void)
{
    struct bus_loop *loop = bus_loop_new ();

    store = broker_blobs_free (store);
    cr_assert_eq (broker_blobs_open (loop, root_fd, &store, &error), 0, "%s", error.text);
    return loop;
}

static void loop_close (struct bus_loop *loop)
{
    store = broker_blobs_free (store);
    bus_loop_free (loop);
    store_open ();
}

Test (store, no_call_waits_for_a_blob_that_is_being_hashed, .timeout = 60)
{
    struct base_digest digest = base_digest_of ("huge", 4);
    char away[96], path[96];
    struct bus_loop *loop = loop_open ();

    (void) snprintf (path, sizeof path, "%s/blobs", root);
    (void) snprintf (away, sizeof away, "%s/away", root);
    huge_blob_make (&digest);
    cr_assert_eq (blob_get ("huge"), -EBUSY);
    cr_assert_eq (rename (path, away), 0);
    cr_expect_eq (blob_get ("huge"), -ENOENT, "its directory was replaced");
    huge_blob_make (&digest);
    cr_assert_eq (blob_get ("huge"), -EBUSY);
    loop_close (loop); /* stops the hashing */
}

Test (store, no_call_waits_for_an_upload_that_is_being_hashed, .timeout = 60)
{
    struct base_digest digest = base_digest_of ("huge", 4);
    struct wire_taken taken = {.offset = 0};
    char path[160], text[BASE_DIGEST_TEXT];
    uint64_t bytes, inodes;
    struct bus_loop *loop = loop_open ();

    cr_assert_eq (disk_space (root_fd, &bytes, &inodes), 0);
    /* An upload that does not fit on the disk would be refused. */
    bytes = bytes / 2 < BROKER_BLOB_MOST ? bytes / 2 : BROKER_BLOB_MOST;
    struct wire_put message = {.digest = digest, .size = bytes};
    (void) snprintf (path, sizeof path, "%s/blobs/partial/%s", root, base_digest_format (&digest, text));
    int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert_eq (ftruncate (fd, (off_t) bytes), 0);
    close (fd);
    cr_assert_eq (broker_blobs_put (store, &peer_a, &message, "x", 1, now_ms, &taken), 0);
    cr_assert (taken.status == WIRE_STATUS_BUSY, "%s", taken.reason);
    loop_close (loop);
    wire_text_free (&taken.reason);
}

Test (store, an_upload_of_an_existing_blob_is_retried_after_the_time_of_hashing)
{
    enum { SIZE = 2 * BROKER_VERIFY_INLINE };
    static char data[SIZE];
    struct base_digest digest = base_digest_of (data, SIZE);
    struct wire_put message = {.digest = digest, .size = SIZE};
    struct wire_taken taken = {.offset = 0};

    cr_assert_eq (broker_blobs_put (store, &peer_a, &message, data, SIZE, now_ms, &taken), 0);
    cr_assert (taken.complete);
    struct bus_loop *loop = loop_open ();
    cr_assert_eq (broker_blobs_put (store, &peer_a, &message, "", 0, now_ms, &taken), 0);
    cr_assert_eq (taken.status, WIRE_STATUS_BUSY);
    cr_expect_lt (taken.retry_after_ms, BROKER_RETRY_MOST_MS);
    loop_close (loop);
    wire_text_free (&taken.reason);
}

Test (store, an_empty_blob_is_accepted)
{
    cr_assert (blob_upload (&peer_a, "", 0, 0, "").complete);
}

/*  Changes one byte of a complete blob, as a faulty disk does. */
static void blob_corrupt (const char *name)
{
    char path[160], text[BASE_DIGEST_TEXT];
    struct base_digest digest = base_digest_of (name, strlen (name));

    (void) base_digest_format (&digest, text);
    (void) snprintf (path, sizeof path, "%s/blobs/%.2s/%s", root, text, text);
    int fd = open (path, O_WRONLY | O_CLOEXEC);
    cr_assert_geq (fd, 0);
    cr_assert_eq (pwrite (fd, "?", 1, 0), 1);
    close (fd);
}

static unsigned n_damaged;

static void on_damaged (void *context, const struct base_digest *digest)
{
    (void) context;
    cr_expect_not (base_digest_is_null (digest));
    n_damaged++;
}

Test (store, a_damaged_blob_is_not_served_and_an_upload_replaces_it)
{
    struct base_digest digest = base_digest_of ("hello", 5);

    broker_blobs_watch (store, on_damaged, NULL);
    cr_assert (blob_upload (&peer_a, "hello", 5, 0, "hello").complete);
    cr_assert_eq (blob_get ("hello"), 0);
    blob_corrupt ("hello");
    cr_expect_eq (blob_get ("hello"), -ENOENT);
    cr_expect_eq (n_damaged, 1);
    cr_expect (broker_blobs_is_damaged (store, &digest), "the damaged blob is kept");
    cr_assert (blob_upload (&peer_a, "hello", 5, 0, "hello").complete);
    cr_expect_eq (blob_get ("hello"), 0);
    cr_expect_not (broker_blobs_is_damaged (store, &digest));
}

Test (store, a_new_upload_of_a_damaged_blob_detects_the_damage)
{
    struct wire_taken taken;

    cr_assert (blob_upload (&peer_a, "hello", 5, 0, "hello").complete);
    store = broker_blobs_free (store);
    blob_corrupt ("hello");
    store_open ();
    taken = blob_upload (&peer_a, "hello", 5, 0, "");
    cr_expect_not (taken.complete);
    cr_expect_eq (taken.offset, 0);
    cr_assert (blob_upload (&peer_a, "hello", 5, 0, "hello").complete);
    cr_expect_eq (blob_get ("hello"), 0);
}

Test (store, a_removed_directory_is_created_again)
{
    cr_assert (blob_upload (&peer_a, "hello", 5, 0, "hello").complete);
    (void) disk_tree_remove (&disk_system, root_fd, "blobs", NULL);
    cr_expect_eq (blob_get ("hello"), -ENOENT);
    cr_assert (blob_upload (&peer_a, "hello", 5, 0, "hello").complete);
    cr_expect_eq (blob_get ("hello"), 0);
    (void) disk_tree_remove (&disk_system, root_fd, "blobs/partial", NULL);
    cr_assert (blob_upload (&peer_a, "there", 5, 0, "there").complete);
}

Test (store, a_discarded_blob_is_not_served_and_is_restored_when_it_is_needed_again)
{
    struct base_digest digest = base_digest_of ("hello", 5);
    uint64_t size;

    cr_assert (blob_upload (&peer_a, "hello", 5, 0, "hello").complete);
    cr_assert_eq (broker_blobs_discard (store, &digest), 0);
    cr_expect_eq (blob_get ("hello"), -ENOENT);
    cr_expect (broker_blobs_has (store, &digest, &size));
    cr_expect_eq (size, 5);
    cr_expect_eq (blob_get ("hello"), 0);
}
