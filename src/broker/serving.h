/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/serving.h - which releases cannot be served, because one of their blobs is missing or damaged
    here */

#ifndef BROKER_SERVING_H
#define BROKER_SERVING_H

#include "base/error.h"
#include "wire/wire.h"

struct broker;

/*  Returns how many blobs of a release cannot be served; a blob that is listed twice counts twice. 0 if
    blobs are served elsewhere. Restores the release document, as broker_serving_restore. */
uint64_t broker_serving_missing (struct broker *broker, const struct wire_release *release);

enum { BROKER_SERVING_TEXT = 320 };

/*  Returns 0, or BROKER_E_UNSERVED if a release cannot be served to a platform (NULL: to one of its
    platforms), or signed targets exist and do not list it: then text is a sentence that says so, and what to do. */
int broker_serving_check (struct broker *broker, const struct wire_release *release,
                          const struct base_digest *digest, const char *platform,
                          char text[BROKER_SERVING_TEXT]);

/*  A node could not download a release: reads the blobs that it needs, unless they were read lately. Returns
    0: they are intact, or served elsewhere; -EBUSY: they are being read, ask again; BROKER_E_UNSERVED:
    ret_blob is missing or damaged. */
int broker_serving_verify (struct broker *broker, const struct base_digest *release, const char *platform,
                           struct base_digest *ret_blob);

/*  If digest is a recorded release that is not withdrawn, and the blob of its document is lost: writes it again
    from the records, unless they pack to other bytes. Returns whether the blob is here now. */
bool broker_serving_restore (struct broker *broker, const struct base_digest *digest);

/*  Counts the releases that are not withdrawn, and those of them that cannot be served. Returns 0 or
    -errno. */
int broker_serving_count (struct broker *broker, uint64_t *ret_releases, uint64_t *ret_missing,
                          struct base_error *error);

/*  Returns the fault of the broker that every answer carries, on the heap. NULL: none, or memory is
    exhausted. */
char *broker_serving_notice (struct broker *broker);

/*  To be called after every change to the recorded releases. */
void broker_serving_changed (struct broker *broker);

#endif
