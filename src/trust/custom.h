/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/custom.h - what noded puts into a target, and requires of it

    A target of noded is a release document. Its path is APPLICATION/DIGEST: the directory lets a delegation name the
    applications of a publisher by a pattern, and the rest is the digest that names the release. Its "custom" repeats
    what a node must know before it fetches the document:

        {"application": "web", "platforms": ["*", "linux/amd64"], "release-counter": 7, "version": "1.2"}

    Platforms are sorted and unique; "*" stands for an envelope that fits every node. These four are required; further
    names are skipped, because a later noded may add some. */

#ifndef TRUST_CUSTOM_H
#define TRUST_CUSTOM_H

#include "trust/target.h"
#include "wire/envelope.h"

enum {
    TRUST_CUSTOM_TEXT = 64 + 1,
    TRUST_PLATFORMS_MOST = 16,
    TRUST_RELEASE_PATH_TEXT = TRUST_CUSTOM_TEXT + BASE_DIGEST_TEXT,
};

#define TRUST_COUNTER_MOST ((UINT64_C (1) << 53) - 1) /* exact for every reader of JSON */

#define TRUST_PLATFORM_ANY "*"

/*  Null value: all zero. Owns nothing. */
struct trust_custom {
    char application[TRUST_CUSTOM_TEXT];
    char version[TRUST_CUSTOM_TEXT];
    char platforms[TRUST_PLATFORMS_MOST][TRUST_CUSTOM_TEXT];
    size_t n_platforms; /* at least 1 */
    uint64_t counter;   /* 1 to TRUST_COUNTER_MOST; a downgrade has a higher one, too */
};

/*  Of a release that passes wire_release_check. Returns 0, or TRUST_E_FORMAT for a counter that is not allowed. */
int trust_custom_of_release (const struct wire_release *release, uint64_t counter,
                             struct trust_custom *ret_custom, struct base_error *error);

/*  Whether two are equal but for the counter: a node compares what was signed with the document that it fetched. */
bool trust_custom_fits (const struct trust_custom *custom, const struct trust_custom *other);

/*  The object; the caller owns it. NULL if out of memory. */
json_t *trust_custom_json (const struct trust_custom *custom);

/*  Returns 0 or TRUST_E_FORMAT. */
int trust_custom_read (const json_t *json, struct trust_custom *ret_custom, struct base_error *error);

/*  Writes APPLICATION/DIGEST. Returns text. */
const char *trust_release_path (const char *application, const struct base_digest *release,
                                char text[TRUST_RELEASE_PATH_TEXT]);

/*  What a target says about a release: its path, its SHA-256 and its custom agree, and it has a size that a release
    document may have. Returns 0 or TRUST_E_FORMAT. */
int trust_release_of_target (const struct trust_target *target, struct trust_custom *ret_custom,
                             struct base_digest *ret_release, struct base_error *error);

#endif
