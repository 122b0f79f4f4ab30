/* SPDX-License-Identifier: MPL-2.0 */
/*  origin/blobs.c - answering get */

#include "origin/blobs.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "origin/account.h"

enum {
    ACTIVE_MS = 500, /* a blob that was requested within this time is not closed to make room */
    IDLE_MS = 5000,  /* a blob without requests for this time is closed: a removed file frees its space */
    RETRY_AFTER_MS = 200, /* sent with status busy */
};

struct mapping {
    atomic_uint refs;
    void *base;
    size_t size;
};

struct blob {
    struct blob *next;
    struct base_digest digest;
    int fd; /* -1 if mapped */
    uint64_t size;
    struct mapping *mapping;
    uint64_t used_ms;
    bool ended; /* the last get reached the end */
};

struct origin_blobs {
    struct origin_blobs_spec spec;
    struct blob *first; /* most recently used first */
    unsigned n_open;
    int idle_timer;
    struct origin_accounts accounts;
};

/*  A payload under way. */
struct parcel {
    struct origin_account *account;
    struct mapping *mapping; /* NULL: data is on the heap */
    size_t size;
};

static void mapping_unref (struct mapping *mapping)
{
    if (!mapping || atomic_fetch_sub_explicit (&mapping->refs, 1, memory_order_acq_rel) != 1)
        return;
    (void) munmap (mapping->base, mapping->size);
    free (mapping);
}

/*  Runs on libzmq's I/O thread. */
static void parcel_release (void *data, void *hint)
{
    base_assert (hint);
    struct parcel *parcel = hint;
    origin_account_end (parcel->account, parcel->size);
    if (parcel->mapping)
        mapping_unref (parcel->mapping);
    else
        free (data);
    free (parcel);
}

struct origin_blobs *origin_blobs_new (const struct origin_blobs_spec *spec)
{
    base_assert (spec && spec->loop);
    struct origin_blobs *blobs = calloc (1, sizeof *blobs);
    if (blobs)
        blobs->spec = *spec;
    return blobs;
}

static void blob_free (struct blob *blob)
{
    if (blob->fd >= 0)
        (void) close (blob->fd);
    mapping_unref (blob->mapping);
    free (blob);
}

/*  Removes *link from the list and closes it. */
static void content_close (struct origin_blobs *blobs, struct blob **link)
{
    base_assert (*link && blobs->n_open > 0);
    struct blob *blob = *link;
    *link = blob->next;
    blobs->n_open--;
    blob_free (blob);
}

struct origin_blobs *origin_blobs_free (struct origin_blobs *blobs)
{
    if (!blobs)
        return NULL;
    bus_timer_cancel (blobs->spec.loop, blobs->idle_timer);
    while (blobs->first)
        content_close (blobs, &blobs->first);
    origin_accounts_deinit (&blobs->accounts);
    free (blobs);
    return NULL;
}

void origin_blobs_forget (struct origin_blobs *blobs, const struct base_digest *digest)
{
    base_assert (blobs && digest);
    for (struct blob **link = &blobs->first; *link; link = &(*link)->next)
        if (base_digest_equal (&(*link)->digest, digest)) {
            content_close (blobs, link);
            return;
        }
}

static void blobs_close_idle (void *context)
{
    base_assert (context);
    struct origin_blobs *blobs = context;
    uint64_t now_ms = base_time_boot_ms ();
    for (struct blob **link = &blobs->first; *link;)
        if (now_ms - (*link)->used_ms >= IDLE_MS)
            content_close (blobs, link);
        else
            link = &(*link)->next;
    blobs->idle_timer =
        blobs->first ? bus_timer_start (blobs->spec.loop, IDLE_MS, blobs_close_idle, blobs) : 0;
}

static int blob_map (struct blob *blob)
{
    base_assert (blob->fd >= 0 && !blob->mapping);
    if (blob->size == 0)
        return 0;
    struct mapping *mapping = calloc (1, sizeof *mapping);
    if (!mapping)
        return -ENOMEM;
    mapping->size = (size_t) blob->size;
    mapping->base = mmap (NULL, mapping->size, PROT_READ, MAP_SHARED, blob->fd, 0);
    if (mapping->base == MAP_FAILED) {
        int r = -errno;
        free (mapping);
        return r;
    }
    (void) madvise (mapping->base, mapping->size, MADV_SEQUENTIAL);
    atomic_init (&mapping->refs, 1);
    blob->mapping = mapping;
    (void) close (blob->fd);
    blob->fd = -1;
    return 0;
}

static int blob_open (struct origin_blobs *blobs, const struct base_digest *digest, struct blob **ret_blob)
{
    base_assert (blobs->n_open < blobs->spec.open_most);
    if (!blobs->spec.open)
        return -ENOENT;
    base_cleanup (base_close_p) int fd = -1;
    uint64_t size = 0;
    bool immutable = false;
    int r = blobs->spec.open (blobs->spec.context, digest, &fd, &size, &immutable);
    if (r != 0)
        return r < 0 ? r : -EIO;
    /*  Reading a mapping beyond the end of its file kills the process. */
    struct stat status;
    if (fstat (fd, &status) < 0)
        return -errno;
    if ((uint64_t) status.st_size < size)
        return -EIO;

    struct blob *blob = calloc (1, sizeof *blob);
    if (!blob)
        return -ENOMEM;
    blob->digest = *digest;
    blob->fd = base_take_fd (&fd);
    blob->size = size;
    if (immutable)
        (void) blob_map (blob); /* if mapping fails, the file is read */

    blob->next = blobs->first;
    blobs->first = blob;
    blobs->n_open++;
    if (blobs->idle_timer <= 0)
        blobs->idle_timer = bus_timer_start (blobs->spec.loop, IDLE_MS, blobs_close_idle, blobs);
    *ret_blob = blob;
    return 0;
}

/*  Finds or opens a blob and moves it to the front of the list. Returns 0; -EBUSY: too many are open and in
    use; -ENOENT: no such blob; or another -errno. */
static int content_find (struct origin_blobs *blobs, const struct base_digest *digest, struct blob **ret_blob)
{
    uint64_t now_ms = base_time_boot_ms ();
    struct blob **link = &blobs->first, **unused = NULL;
    for (; *link && !base_digest_equal (&(*link)->digest, digest); link = &(*link)->next)
        if ((*link)->ended || now_ms - (*link)->used_ms >= ACTIVE_MS)
            unused = link;
    struct blob *blob = *link;
    if (blob) {
        *link = blob->next;
        blob->next = blobs->first;
        blobs->first = blob;
    } else {
        if (blobs->n_open >= blobs->spec.open_most) {
            if (!unused)
                return -EBUSY;
            content_close (blobs, unused);
        }
        int r = blob_open (blobs, digest, &blob);
        if (r < 0 || !blob)
            return r < 0 ? r : -ENOENT;
    }
    blob->used_ms = now_ms;
    *ret_blob = blob;
    return 0;
}

static int file_read (int fd, uint8_t *data, size_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t n = pread (fd, data, size, (off_t) offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        size -= (size_t) n;
        offset += (uint64_t) n;
    }
    return 0;
}

/*  Makes a payload of the bytes from offset on. parcel_release frees it. */
static int parcel_make (const struct blob *blob, struct origin_account *account, uint64_t offset, size_t size,
                        struct parcel **ret_parcel, uint8_t **ret_data)
{
    base_assert (offset <= blob->size && size <= blob->size - offset);
    base_assert (blob->mapping || blob->fd >= 0);
    base_cleanup (base_free_p) struct parcel *parcel = calloc (1, sizeof *parcel);
    if (!parcel)
        return -ENOMEM;
    if (blob->mapping) {
        *ret_data = (uint8_t *) blob->mapping->base + offset;
        atomic_fetch_add_explicit (&blob->mapping->refs, 1, memory_order_relaxed);
        parcel->mapping = blob->mapping;
    } else {
        base_cleanup (base_free_p) uint8_t *data = malloc (size ? size : 1);
        if (!data)
            return -ENOMEM;
        int r = file_read (blob->fd, data, size, offset);
        if (r < 0)
            return r;
        *ret_data = base_take (data);
    }
    parcel->account = account;
    parcel->size = size;
    origin_account_begin (account, size);
    *ret_parcel = base_take (parcel);
    return 0;
}

static void chunk_refuse (struct bus_socket *socket, const struct bus_peer *peer, struct wire_chunk *chunk,
                          int r, struct origin_counts *counts)
{
    base_assert (r < 0);
    chunk->size = 0;
    if (r == -EBUSY || r == -ENOMEM || r == -EMFILE || r == -ENFILE) {
        chunk->status = WIRE_STATUS_BUSY;
        chunk->retry_after_ms = RETRY_AFTER_MS;
        counts->busy++;
    } else if (r == -ENOENT) {
        chunk->status = WIRE_STATUS_GONE;
        chunk->reason = "the blob is not here";
        counts->gone++;
    } else {
        chunk->status = WIRE_STATUS_FAILED;
        chunk->reason = r == -ERANGE ? "the offset is beyond the end of the blob" : strerror (-r);
        counts->failed++;
    }
    (void) bus_send (socket, peer, &wire_chunk_record, chunk);
}

void origin_blobs_refuse (struct bus_socket *socket, const struct bus_peer *peer, const struct wire_get *get,
                          const char *reason)
{
    base_assert (socket && peer && get && reason);
    const struct wire_chunk chunk = {.digest = get->digest,
                                     .offset = get->offset,
                                     .length = get->length,
                                     .status = WIRE_STATUS_REFUSED,
                                     .reason = reason};
    (void) bus_send (socket, peer, &wire_chunk_record, &chunk);
}

void origin_blobs_get (struct origin_blobs *blobs, struct bus_socket *socket, const struct bus_peer *peer,
                       const struct wire_get *get, struct origin_counts *counts)
{
    base_assert (blobs && socket);
    base_assert (peer && get && counts);
    struct wire_chunk chunk = {.digest = get->digest, .offset = get->offset, .length = get->length};
    counts->pieces++;

    struct origin_account *account = origin_accounts_of (&blobs->accounts, peer);
    if (!account) {
        chunk_refuse (socket, peer, &chunk, -ENOMEM, counts);
        return;
    }
    size_t unsent = atomic_load (&account->bytes);
    if (unsent > 0 && unsent + get->length > blobs->spec.peer_bytes) {
        chunk_refuse (socket, peer, &chunk, -EBUSY, counts);
        return;
    }

    struct blob *blob;
    int r = content_find (blobs, &get->digest, &blob);
    if (r == 0 && get->offset > blob->size)
        r = -ERANGE;
    if (r < 0) {
        chunk_refuse (socket, peer, &chunk, r, counts);
        return;
    }
    size_t size = get->length;
    if (size > blob->size - get->offset)
        size = (size_t) (blob->size - get->offset);
    blob->ended = get->offset + size == blob->size;
    chunk.status = WIRE_STATUS_OK;
    chunk.size = blob->size;
    if (size == 0) {
        (void) bus_send (socket, peer, &wire_chunk_record, &chunk);
        counts->chunks++;
        return;
    }

    struct parcel *parcel;
    uint8_t *data;
    r = parcel_make (blob, account, get->offset, size, &parcel, &data);
    if (r < 0) {
        chunk_refuse (socket, peer, &chunk, r, counts);
        return;
    }
    if (bus_send_payload (socket, peer, &wire_chunk_record, &chunk, data, size, parcel_release, parcel) ==
        0) {
        counts->chunks++;
        counts->bytes += size;
    }
}
