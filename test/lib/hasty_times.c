/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/hasty_times.c - shorter times of the launcher, so that tests wait less */

#include "start/times.h"

const struct start_times start_times = {
    .look_ms = 500,
    .settle_ms = 3000,
    .asked_ms = 3000,
    .killed_ms = 3000,
    .stuck_ms = 1000,
};
