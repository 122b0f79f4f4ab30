/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/verify_private.h - shared by verify.c and scrub.c */

#ifndef BROKER_VERIFY_PRIVATE_H
#define BROKER_VERIFY_PRIVATE_H

#include "broker/verify.h"

/*  A file as it was when it was hashed. */
struct broker_verified {
    struct base_digest digest;
    ino_t inode;
    off_t size;
    struct timespec changed;
    uint64_t at_ms; /* when it was hashed */
};

/*  The result of hashing a blob. */
struct broker_hashed {
    struct base_digest digest; /* the digest in its name */
    struct base_digest found;
    struct stat status;
    int result; /* 0 or -errno */
};

/*  The blob that the scrubber reads, one slice a job. Between jobs it belongs to the loop. */
struct broker_scrub {
    uint64_t period_ms;
    struct bus_work *work;
    int timer;
    struct base_digest after; /* the last blob that was read completely */
    bool is_started;          /* `after` is valid: the round has read a blob */
    uint64_t total;           /* bytes of all blobs at the start of the round */
    uint64_t saved_ms;
    bool is_changed; /* since it was saved */

    int fd;                  /* of the blob; -1: the job finds the next one */
    struct disk_blobs blobs; /* with its own descriptor, because the owner's may be replaced meanwhile */
    struct base_hash hash;
    struct broker_hashed hashed;
    uint64_t offset;
    uint64_t sliced, used_ns; /* bytes that the last job read, and its processor time */
    bool is_round_over, is_blob_over;
};

struct broker_verify {
    struct bus_loop *loop;
    struct disk_blobs *blobs;
    void (*damaged) (void *context, const struct base_digest *digest);
    void *context;
    struct broker_verified *known; /* a slot is chosen by the first bytes of the digest */
    struct base_digest waiting[BROKER_VERIFY_QUEUE];
    size_t n_waiting;
    struct bus_work *work;
    struct {
        int fd;
        uint64_t started_ms;
        atomic_bool stop; /* the result is not needed any more */
        struct broker_hashed hashed;
    } job; /* belongs to the thread while it runs */
    struct broker_scrub scrub;
};

/*  Remembers an intact blob, or moves a damaged one away. */
void broker_verify_found (struct broker_verify *verify, const struct broker_hashed *hashed);

/*  scrub.c */
void broker_scrub_init (struct broker_verify *verify);
void broker_scrub_reset (struct broker_verify *verify);
void broker_scrub_deinit (struct broker_verify *verify);

#endif
