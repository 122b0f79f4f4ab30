/*  broker/pace.h - how often something may happen: so many times at once, and so many a minute after that

    Null value: all zero, which allows the first. Time comes in from outside. */

#ifndef BROKER_PACE_H
#define BROKER_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct broker_pace {
    uint64_t used;     /* thousandths of one */
    uint64_t until_ms; /* used was right at this time */
    uint64_t refused;  /* since the last that was allowed */
};

/*  Whether one more may happen now; counts it. */
bool broker_pace_take (struct broker_pace *pace, unsigned at_once, unsigned a_minute, uint64_t now_ms);

#endif
