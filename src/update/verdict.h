/*  update/verdict.h - what follows from a rehearsal for the candidate; pure

    A rehearsal that failed tells that something did not work, not whose fault it was. What may have come
    from outside - a process that was killed, a deadline on a host that is busy - gives the candidate a second
    try, and no third. Then the version that runs rehearses itself, and the candidate is blamed only where
    that passes, and where it failed by a deadline, not barely. */

#ifndef UPDATE_VERDICT_H
#define UPDATE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

/*  How a rehearsal ended. */
struct update_rehearsed {
    bool passed;
    bool host;           /* not passed, and the candidate never had its chance: disk, descriptors, sockets */
    bool killed;         /* not passed, and something of it was killed by a stranger, or may have been; or the
                            host was short of what the candidate may have used up */
    bool late;           /* not passed, and what was waited for had not come in time */
    uint64_t slowest_ms; /* the step that took longest */
};

enum update_verdict {
    UPDATE_VERDICT_PASSED,
    UPDATE_VERDICT_AGAIN,   /* the candidate rehearses once more */
    UPDATE_VERDICT_CONTROL, /* the version that runs rehearses itself */
    UPDATE_VERDICT_BLAMED,
    UPDATE_VERDICT_UNFIT /* host or origin are at fault: nobody is blamed */
};

enum { UPDATE_VERDICT_TRIES = 2 };

/*  tries: rehearsals of the candidate that have ended, this one among them. */
enum update_verdict update_verdict_candidate (const struct update_rehearsed *candidate, unsigned tries);

/*  own: the rehearsal of the version that runs. step_ms: the deadline of a step. */
enum update_verdict update_verdict_control (const struct update_rehearsed *candidate,
                                            const struct update_rehearsed *own, uint64_t step_ms);

/*  Whether a host on which this version's own steps take so long is too slow for the deadline to say anything
    about another version. */
bool update_verdict_is_slow (const struct update_rehearsed *own, uint64_t step_ms);

#endif
