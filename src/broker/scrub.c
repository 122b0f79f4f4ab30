/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/scrub.c - reads every blob once in a period

    Reads the blobs in the order of their digests, one slice a job on a thread, with a pause after each slice.
    The pause sets the rate: all blobs in half of the period, at most 10 MB/s, and at most 5 % of a processor.
    The file blobs/scrub has the last blob that was read. A restart in the middle of a blob reads it again
    from its start. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/verify_private.h"
#include "disk/pace.h"

#define STATE "scrub"

enum {
    SAVE_MS = 60 * 1000,
    EMPTY_MS = 60 * 1000, /* pause after a round, at most the period; also the delay before a retry */
    STATE_MOST = 256,
};

/*  These run on the thread. */

static int total_add (void *context, const struct base_digest *digest, uint64_t size)
{
    uint64_t *total = context;

    (void) digest;
    *total += size;
    return 0;
}

static void blob_find (struct broker_scrub *scrub)
{
    base_assert (scrub->fd < 0);
    struct base_digest digest;
    uint64_t size;
    int r;

    if (!scrub->is_started) {
        scrub->total = 0;
        (void) disk_blobs_each (&scrub->blobs, total_add, &scrub->total);
    }
    r = disk_blobs_next (&scrub->blobs, scrub->is_started ? &scrub->after : NULL, &digest, &size);
    if (r < 0) {
        scrub->is_round_over = true;
        return;
    }
    scrub->hashed = (struct broker_hashed){.digest = digest};
    scrub->offset = 0;
    base_hash_init (&scrub->hash);
    r = disk_blobs_get (&scrub->blobs, &digest, &scrub->fd, NULL);
    if (r == 0 && fstat (scrub->fd, &scrub->hashed.status) != 0)
        r = -errno;
    scrub->hashed.result = r;
    scrub->is_blob_over = r < 0;
}

static void slice_read (struct broker_scrub *scrub)
{
    base_assert (scrub->fd >= 0);
    base_cleanup (base_free_p) uint8_t *block = malloc (DISK_PACE_SLICE);
    ssize_t got = block ? disk_pace_read (scrub->fd, block, DISK_PACE_SLICE, scrub->offset) : -1;

    if (got < 0 && block && errno == EINTR)
        return;
    if (got <= 0) {
        scrub->hashed.result = got == 0 ? 0 : !block ? -ENOMEM : -errno;
        if (got == 0)
            scrub->hashed.found = base_hash_final (&scrub->hash);
        scrub->is_blob_over = true;
        return;
    }
    base_hash_update (&scrub->hash, block, (size_t) got);
    scrub->offset += (uint64_t) got;
    scrub->sliced = (uint64_t) got;
}

static int slice_run (void *context)
{
    struct broker_scrub *scrub = context;
    uint64_t before_ns = disk_pace_cpu_ns ();

    scrub->sliced = 0;
    scrub->is_round_over = scrub->is_blob_over = false;
    if (scrub->fd < 0)
        blob_find (scrub);
    else
        slice_read (scrub);
    scrub->used_ns = disk_pace_cpu_ns () - before_ns;
    return 0;
}

/*  These run in the loop. */

static void state_load (struct broker_verify *verify)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    struct broker_scrub *scrub = &verify->scrub;
    char after[BASE_DIGEST_TEXT] = "";
    const char *rest;
    uint64_t total;

    if (disk_file_read (verify->blobs->disk, verify->blobs->fd, STATE, STATE_MOST, &buffer) == 0 &&
        base_buffer_append (&buffer, "", 1) == 0 &&
        base_text_take_number ((const char *) buffer.data, "total", 10, &total, &rest) &&
        strncmp (rest, "after ", 6) == 0 && strlen (rest) == 6 + sizeof after &&
        !base_digest_parse (memcpy (after, rest + 6, sizeof after - 1), &scrub->after)) {
        scrub->is_started = true;
        scrub->total = total;
    }
}

static void state_save (struct broker_verify *verify)
{
    struct broker_scrub *scrub = &verify->scrub;
    char text[STATE_MOST], after[BASE_DIGEST_TEXT];

    if (!scrub->is_changed)
        return;
    scrub->is_changed = false;
    scrub->saved_ms = base_time_boot_ms ();
    (void) snprintf (text, sizeof text, "total %llu\nafter %s\n", (unsigned long long) scrub->total,
                     base_digest_format (&scrub->after, after));
    (void) disk_file_write (verify->blobs->disk, verify->blobs->fd, STATE, 0600, text, strlen (text), NULL);
}

static uint64_t scrub_pause_ms (const struct broker_scrub *scrub)
{
    uint64_t rate = 2 * scrub->total / (scrub->period_ms ? scrub->period_ms : 1); /* bytes a millisecond */

    if (scrub->is_round_over) /* a round over few bytes ends early */
        return scrub->period_ms < EMPTY_MS ? scrub->period_ms : EMPTY_MS;
    return disk_pace_pause_ms (scrub->sliced, rate, scrub->used_ns);
}

static void on_timer (void *context);

static void job_done (void *context, int result)
{
    struct broker_verify *verify = context;
    struct broker_scrub *scrub = &verify->scrub;
    uint64_t now_ms = base_time_boot_ms ();

    (void) result;
    scrub->work = bus_work_free (scrub->work);
    if (scrub->is_blob_over) {
        base_close_p (&scrub->fd);
        scrub->fd = -1;
        scrub->after = scrub->hashed.digest;
        scrub->is_started = scrub->is_changed = true;
        if (scrub->hashed.result != -ENOENT)
            broker_verify_found (verify, &scrub->hashed);
    }
    if (scrub->is_round_over)
        scrub->is_started = false;
    if (now_ms - scrub->saved_ms >= SAVE_MS)
        state_save (verify);
    scrub->timer = bus_timer_start (verify->loop, scrub_pause_ms (scrub), on_timer, verify);
}

static int scrub_job (void *context)
{
    struct broker_verify *verify = context;

    return slice_run (&verify->scrub);
}

static void on_timer (void *context)
{
    struct broker_verify *verify = context;
    struct broker_scrub *scrub = &verify->scrub;

    scrub->timer = 0;
    base_assert (!scrub->work);
    if (scrub->blobs.fd < 0)
        scrub->blobs = (struct disk_blobs){.disk = verify->blobs->disk,
                                           .fd = fcntl (verify->blobs->fd, F_DUPFD_CLOEXEC, 0)};
    if (scrub->blobs.fd < 0 || bus_work_start (verify->loop, scrub_job, job_done, verify, &scrub->work) != 0)
        scrub->timer = bus_timer_start (verify->loop, EMPTY_MS, on_timer, verify);
}

void broker_scrub_init (struct broker_verify *verify)
{
    base_assert (verify);
    verify->scrub = (struct broker_scrub){.fd = -1, .blobs = {.fd = -1}};
}

static void scrub_stop (struct broker_verify *verify)
{
    struct broker_scrub *scrub = &verify->scrub;

    if (verify->loop)
        bus_timer_cancel (verify->loop, scrub->timer);
    scrub->timer = 0;
    scrub->work = bus_work_free (scrub->work);
    base_close_p (&scrub->fd);
    scrub->fd = -1;
    base_close_p (&scrub->blobs.fd);
    scrub->blobs.fd = -1;
}

void broker_scrub_deinit (struct broker_verify *verify)
{
    base_assert (verify);
    scrub_stop (verify);
    state_save (verify);
}

void broker_scrub_reset (struct broker_verify *verify)
{
    base_assert (verify);
    uint64_t period_ms = verify->scrub.period_ms;

    scrub_stop (verify);
    broker_scrub_init (verify);
    broker_verify_scrub (verify, period_ms);
}

void broker_verify_scrub (struct broker_verify *verify, uint64_t period_ms)
{
    base_assert (verify);
    struct broker_scrub *scrub = &verify->scrub;

    scrub_stop (verify);
    scrub->period_ms = period_ms;
    if (!verify->loop || period_ms == 0)
        return;
    state_load (verify);
    scrub->saved_ms = base_time_boot_ms ();
    scrub->timer = bus_timer_start (verify->loop, 0, on_timer, verify);
}
