/*  test/lib/hasty_times.c - those of a launcher for tests, which would otherwise wait most of their time */

#include "start/times.h"

const struct start_times start_times = {
    .look_ms = 500,
    .settle_ms = 3000,
    .told_ms = 3000,
    .killed_ms = 3000,
    .stuck_ms = 1000,
};
