/*  broker/verify_private.h - what verify.c and scrub.c share */

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

/*  What came of hashing a blob. */
struct broker_hashed {
    struct base_digest digest; /* its name */
    struct base_digest found;
    struct stat status;
    int result; /* 0 or -errno */
};

/*  The blob that the scrubber reads, a slice a job; between jobs the loop's. */
struct broker_scrub {
    uint64_t period_ms;
    struct bus_work *work;
    int timer;
    struct base_digest after; /* the last that was read to its end */
    bool is_begun;            /* there is such a one in this round */
    uint64_t total;           /* bytes of all blobs, when the round began */
    uint64_t saved_ms;
    bool is_changed; /* since it was saved */

    int fd;                  /* of the blob; -1: the next is to be found */
    struct disk_blobs blobs; /* a descriptor of its own: the owner's may be replaced meanwhile */
    struct base_hash hash;
    struct broker_hashed hashed;
    uint64_t offset;
    uint64_t sliced, used_ns; /* bytes that the last job has read, and the time that it took of a processor */
    bool is_round_over, is_blob_over;
};

struct broker_verify {
    struct bus_loop *loop;
    struct disk_blobs *blobs;
    void (*damaged) (void *context, const struct base_digest *digest);
    void *context;
    struct broker_verified *known; /* by the first bytes of the digest */
    struct base_digest waiting[BROKER_VERIFY_QUEUE];
    size_t n_waiting;
    struct bus_work *work;
    struct {
        int fd;
        uint64_t begun_ms;
        atomic_bool stop; /* what it finds is not wanted any more */
        struct broker_hashed hashed;
    } job; /* the thread's while it runs */
    struct broker_scrub scrub;
};

/*  Remembers a blob, or moves it away. */
void broker_verify_found (struct broker_verify *verify, const struct broker_hashed *hashed);

/*  scrub.c */
void broker_scrub_init (struct broker_verify *verify);
void broker_scrub_reset (struct broker_verify *verify);
void broker_scrub_deinit (struct broker_verify *verify);

#endif
