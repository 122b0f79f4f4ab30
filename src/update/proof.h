/* SPDX-License-Identifier: MPL-2.0 */
/*  update/proof.h - what a version on trial must show before it is confirmed; pure

    Over the real broker it must receive an announcement, get an answer to a match, fetch and verify one chunk and, if a
    trust root is pinned, verify its own release by signed metadata. Then it must run for the soak time. Reports are sent afterwards and decide nothing. */

#ifndef UPDATE_PROOF_H
#define UPDATE_PROOF_H

#include <stdbool.h>
#include <stdint.h>

struct update_proof {
    bool announced, matched, fetched;
    bool verify, verified; /* a trust root is pinned; the release was verified */
    uint64_t since_ms;     /* time of the last of these */
    uint64_t soak_ms;
};

static inline bool update_proof_is_complete (const struct update_proof *proof)
{
    return proof->announced && proof->matched && proof->fetched && (!proof->verify || proof->verified);
}

/*  Milliseconds until the version is confirmed; 0: now; UINT64_MAX: something is missing. */
static inline uint64_t update_proof_left_ms (const struct update_proof *proof, uint64_t now_ms)
{
    if (!update_proof_is_complete (proof))
        return UINT64_MAX;
    uint64_t ran = now_ms - proof->since_ms;
    return ran >= proof->soak_ms ? 0 : proof->soak_ms - ran;
}

/*  What is missing, in words for a person. */
static inline const char *update_proof_missing (const struct update_proof *proof)
{
    return !proof->announced                   ? "no announcement was received"
           : !proof->matched                   ? "no match was answered"
           : !proof->fetched                   ? "no chunk was fetched and verified"
           : proof->verify && !proof->verified ? "the release was not verified by signed metadata"
                                               : "the soak time was not over";
}

#endif
