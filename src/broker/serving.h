/*  broker/serving.h - which releases cannot be served, because a blob of theirs is missing or damaged here */

#ifndef BROKER_SERVING_H
#define BROKER_SERVING_H

#include "wire/wire.h"

struct broker;

/*  How many blobs of a release cannot be served; one that comes twice counts twice. 0 where blobs are served
    elsewhere. */
uint64_t broker_serving_missing (struct broker *broker, const struct wire_release *release);

/*  Returns 0, or 1 where a release cannot be served to a platform (NULL: to some): text says so, and what to do. */
enum { BROKER_SERVING_TEXT = 320 };
int broker_serving_check (struct broker *broker, const struct wire_release *release,
                          const struct base_digest *digest, const char *platform,
                          char text[BROKER_SERVING_TEXT]);

/*  A node could not get a release: reads the blobs that it needs, unless that was done lately. Returns 0: they
    are whole; -EBUSY: they are being read, ask again; 1: ret_blob is missing or damaged. */
int broker_serving_verify (struct broker *broker, const struct base_digest *release, const char *platform,
                           struct base_digest *ret_blob);

/*  What is wrong at the broker, for every answer; on the heap. NULL: nothing, or memory is out. */
char *broker_serving_notice (struct broker *broker);

/*  Every change to the releases on record. */
void broker_serving_changed (struct broker *broker);

#endif
