/* SPDX-License-Identifier: MPL-2.0 */
/*  update/verdict.h - what a rehearsal means for the candidate; pure

    A failed rehearsal shows that something did not work, not what was at fault. If the cause may lie outside
    (a killed process, a deadline on a busy host), the candidate gets a second try, and no third. Then the
    running version rehearses itself. The candidate is blamed only if that passes; and if the candidate missed
    a deadline, only if the running version was well within it. */

#ifndef UPDATE_VERDICT_H
#define UPDATE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

/*  How a rehearsal ended. */
struct update_rehearsed {
    bool passed;
    bool host; /* not passed, before the candidate had its chance: disk, descriptors, sockets */
    /*  not passed, and a process of the rehearsal was killed from outside, or may have been; or the host was
        short of a resource that the candidate may have used up */
    bool killed;
    bool late;           /* not passed, because a deadline passed */
    uint64_t slowest_ms; /* duration of the longest step */
};

enum update_verdict {
    UPDATE_VERDICT_PASSED,
    UPDATE_VERDICT_AGAIN,   /* the candidate rehearses once more */
    UPDATE_VERDICT_CONTROL, /* the running version rehearses itself */
    UPDATE_VERDICT_BLAMED,
    UPDATE_VERDICT_UNFIT /* host or origin is at fault: the candidate is not blamed */
};

enum { UPDATE_VERDICT_TRIES = 2 };

/*  tries: ended rehearsals of the candidate, including this one. */
enum update_verdict update_verdict_candidate (const struct update_rehearsed *candidate, unsigned tries);

/*  own: the rehearsal of the running version. step_ms: the deadline of a step. */
enum update_verdict update_verdict_control (const struct update_rehearsed *candidate,
                                            const struct update_rehearsed *own, uint64_t step_ms);

/*  Whether the running version's own steps take so long on this host that the deadline shows nothing about
    another version. */
bool update_verdict_is_slow (const struct update_rehearsed *own, uint64_t step_ms);

#endif
