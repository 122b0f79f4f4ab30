/* SPDX-License-Identifier: MPL-2.0 */
/*  origin/content.c - answering get */

#include "origin/content.h"

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

struct content {
    struct content *next;
    struct base_digest digest;
    int fd; /* -1 if mapped */
    uint64_t size;
    struct mapping *mapping;
    uint64_t used_ms;
    bool ended; /* the last get reached the end */
};

struct origin_contents {
    struct origin_contents_spec spec;
    struct content *first; /* most recently used first */
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

struct origin_contents *origin_contents_new (const struct origin_contents_spec *spec)
{
    base_assert (spec && spec->loop);
    struct origin_contents *contents = calloc (1, sizeof *contents);
    if (contents)
        contents->spec = *spec;
    return contents;
}

static void content_free (struct content *content)
{
    if (content->fd >= 0)
        (void) close (content->fd);
    mapping_unref (content->mapping);
    free (content);
}

/*  Removes *link from the list and closes it. */
static void content_close (struct origin_contents *contents, struct content **link)
{
    base_assert (*link && contents->n_open > 0);
    struct content *content = *link;
    *link = content->next;
    contents->n_open--;
    content_free (content);
}

struct origin_contents *origin_contents_free (struct origin_contents *contents)
{
    if (!contents)
        return NULL;
    bus_timer_cancel (contents->spec.loop, contents->idle_timer);
    while (contents->first)
        content_close (contents, &contents->first);
    origin_accounts_deinit (&contents->accounts);
    free (contents);
    return NULL;
}

void origin_contents_forget (struct origin_contents *contents, const struct base_digest *digest)
{
    base_assert (contents && digest);
    for (struct content **link = &contents->first; *link; link = &(*link)->next)
        if (base_digest_equal (&(*link)->digest, digest)) {
            content_close (contents, link);
            return;
        }
}

static void contents_close_idle (void *context)
{
    base_assert (context);
    struct origin_contents *contents = context;
    uint64_t now_ms = base_time_boot_ms ();
    for (struct content **link = &contents->first; *link;)
        if (now_ms - (*link)->used_ms >= IDLE_MS)
            content_close (contents, link);
        else
            link = &(*link)->next;
    contents->idle_timer =
        contents->first ? bus_timer_start (contents->spec.loop, IDLE_MS, contents_close_idle, contents) : 0;
}

static int content_map (struct content *content)
{
    base_assert (content->fd >= 0 && !content->mapping);
    if (content->size == 0)
        return 0;
    struct mapping *mapping = calloc (1, sizeof *mapping);
    if (!mapping)
        return -ENOMEM;
    mapping->size = (size_t) content->size;
    mapping->base = mmap (NULL, mapping->size, PROT_READ, MAP_SHARED, content->fd, 0);
    if (mapping->base == MAP_FAILED) {
        int r = -errno;
        free (mapping);
        return r;
    }
    (void) madvise (mapping->base, mapping->size, MADV_SEQUENTIAL);
    atomic_init (&mapping->refs, 1);
    content->mapping = mapping;
    (void) close (content->fd);
    content->fd = -1;
    return 0;
}

static int content_open (struct origin_contents *contents, const struct base_digest *digest,
                         struct content **ret_content)
{
    base_assert (contents->n_open < contents->spec.open_most);
    if (!contents->spec.open)
        return -ENOENT;
    base_cleanup (base_close_p) int fd = -1;
    uint64_t size = 0;
    bool immutable = false;
    int r = contents->spec.open (contents->spec.context, digest, &fd, &size, &immutable);
    if (r != 0)
        return r < 0 ? r : -EIO;
    /*  Reading a mapping beyond the end of its file kills the process. */
    struct stat status;
    if (fstat (fd, &status) < 0)
        return -errno;
    if ((uint64_t) status.st_size < size)
        return -EIO;

    struct content *content = calloc (1, sizeof *content);
    if (!content)
        return -ENOMEM;
    content->digest = *digest;
    content->fd = base_take_fd (&fd);
    content->size = size;
    if (immutable)
        (void) content_map (content); /* if mapping fails, the file is read */

    content->next = contents->first;
    contents->first = content;
    contents->n_open++;
    if (contents->idle_timer <= 0)
        contents->idle_timer = bus_timer_start (contents->spec.loop, IDLE_MS, contents_close_idle, contents);
    *ret_content = content;
    return 0;
}

/*  Finds or opens a blob and moves it to the front of the list. Returns 0; -EBUSY: too many are open and in
    use; -ENOENT: no such blob; or another -errno. */
static int content_find (struct origin_contents *contents, const struct base_digest *digest,
                         struct content **ret_content)
{
    uint64_t now_ms = base_time_boot_ms ();
    struct content **link = &contents->first, **spare = NULL;
    for (; *link && !base_digest_equal (&(*link)->digest, digest); link = &(*link)->next)
        if ((*link)->ended || now_ms - (*link)->used_ms >= ACTIVE_MS)
            spare = link;
    struct content *content = *link;
    if (content) {
        *link = content->next;
        content->next = contents->first;
        contents->first = content;
    } else {
        if (contents->n_open >= contents->spec.open_most) {
            if (!spare)
                return -EBUSY;
            content_close (contents, spare);
        }
        int r = content_open (contents, digest, &content);
        if (r < 0 || !content)
            return r < 0 ? r : -ENOENT;
    }
    content->used_ms = now_ms;
    *ret_content = content;
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
static int parcel_make (const struct content *content, struct origin_account *account, uint64_t offset,
                        size_t size, struct parcel **ret_parcel, uint8_t **ret_data)
{
    base_assert (offset <= content->size && size <= content->size - offset);
    base_assert (content->mapping || content->fd >= 0);
    base_cleanup (base_free_p) struct parcel *parcel = calloc (1, sizeof *parcel);
    if (!parcel)
        return -ENOMEM;
    if (content->mapping) {
        *ret_data = (uint8_t *) content->mapping->base + offset;
        atomic_fetch_add_explicit (&content->mapping->refs, 1, memory_order_relaxed);
        parcel->mapping = content->mapping;
    } else {
        base_cleanup (base_free_p) uint8_t *data = malloc (size ? size : 1);
        if (!data)
            return -ENOMEM;
        int r = file_read (content->fd, data, size, offset);
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

void origin_contents_get (struct origin_contents *contents, struct bus_socket *socket,
                          const struct bus_peer *peer, const struct wire_get *get,
                          struct origin_counts *counts)
{
    base_assert (contents && socket);
    base_assert (peer && get && counts);
    struct wire_chunk chunk = {.digest = get->digest, .offset = get->offset, .length = get->length};
    counts->pieces++;

    struct origin_account *account = origin_accounts_of (&contents->accounts, peer);
    if (!account) {
        chunk_refuse (socket, peer, &chunk, -ENOMEM, counts);
        return;
    }
    size_t unsent = atomic_load (&account->bytes);
    if (unsent > 0 && unsent + get->length > contents->spec.peer_bytes) {
        chunk_refuse (socket, peer, &chunk, -EBUSY, counts);
        return;
    }

    struct content *content;
    int r = content_find (contents, &get->digest, &content);
    if (r == 0 && get->offset > content->size)
        r = -ERANGE;
    if (r < 0) {
        chunk_refuse (socket, peer, &chunk, r, counts);
        return;
    }
    size_t size = get->length;
    if (size > content->size - get->offset)
        size = (size_t) (content->size - get->offset);
    content->ended = get->offset + size == content->size;
    chunk.status = WIRE_STATUS_OK;
    chunk.size = content->size;
    if (size == 0) {
        (void) bus_send (socket, peer, &wire_chunk_record, &chunk);
        counts->chunks++;
        return;
    }

    struct parcel *parcel;
    uint8_t *data;
    r = parcel_make (content, account, get->offset, size, &parcel, &data);
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
