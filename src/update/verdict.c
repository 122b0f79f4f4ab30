/* SPDX-License-Identifier: MPL-2.0 */
/*  update/verdict.c - what a rehearsal means for the candidate; pure */

#include "update/verdict.h"

#include "base/assert.h"

enum update_verdict update_verdict_candidate (const struct update_rehearsed *candidate, unsigned tries)
{
    base_assert (candidate);
    base_assert (tries > 0);
    if (candidate->passed)
        return UPDATE_VERDICT_PASSED;
    if (candidate->host)
        return UPDATE_VERDICT_UNFIT;
    if ((candidate->killed || candidate->late) && tries < UPDATE_VERDICT_TRIES)
        return UPDATE_VERDICT_AGAIN;
    return UPDATE_VERDICT_CONTROL;
}

bool update_verdict_is_slow (const struct update_rehearsed *own, uint64_t step_ms)
{
    base_assert (own);
    return own->slowest_ms > step_ms / 2;
}

enum update_verdict update_verdict_control (const struct update_rehearsed *candidate,
                                            const struct update_rehearsed *own, uint64_t step_ms)
{
    base_assert (candidate && own);
    if (!own->passed || (candidate->late && update_verdict_is_slow (own, step_ms)))
        return UPDATE_VERDICT_UNFIT;
    return UPDATE_VERDICT_BLAMED;
}
