/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_staging.h - metadata files that are sent in parts, in memory until they are published

    A file is known by its digest, and comes in order. When a new one needs room, the file that got nothing for the
    longest time is dropped; its sender is told to begin again. */

#ifndef BROKER_TRUST_STAGING_H
#define BROKER_TRUST_STAGING_H

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"

enum {
    BROKER_STAGED_MOST = 64,                /* files */
    BROKER_STAGED_BYTES = 16 * 1024 * 1024, /* of all of them, by their final sizes */
    BROKER_STAGED_KEPT_MS = 15 * 60 * 1000, /* after their last part */
};

struct broker_staged {
    struct base_digest digest;
    size_t size; /* of the whole file */
    struct base_buffer bytes;
    uint64_t used_ms;
};

/*  Null value: all zero. */
struct broker_staging {
    struct broker_staged all[BROKER_STAGED_MOST];
    size_t count;
};

void broker_staging_deinit (struct broker_staging *staging);

/*  One part. */
struct broker_part {
    struct base_digest digest; /* of the whole file */
    uint64_t size, offset;
    const void *data;
    size_t length;
};

enum broker_part_result {
    BROKER_PART_TAKEN,   /* the bytes are there */
    BROKER_PART_EARLY,   /* parts before this one are missing */
    BROKER_PART_INVALID, /* error says why; the file was dropped */
};

/*  Returns a value of enum broker_part_result, or -ENOMEM. *ret_next: how many bytes of the file are there. */
int broker_staging_add (struct broker_staging *staging, const struct broker_part *part, uint64_t now_ms,
                        uint64_t *ret_next, struct base_error *error);

/*  A file that is complete; NULL: it is not there. Borrowed until the next call of another function. */
const struct broker_staged *broker_staging_find (struct broker_staging *staging,
                                                 const struct base_digest *digest, uint64_t now_ms);

/*  Drops files whose last part came long ago. */
void broker_staging_tick (struct broker_staging *staging, uint64_t now_ms);

#endif
