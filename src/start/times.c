/* SPDX-License-Identifier: MPL-2.0 */
/*  start/times.c - the launcher's times as installed */

#include "start/times.h"

const struct start_times start_times = {
    .look_ms = 30 * 1000,
    .settle_ms = 5 * 1000,
    .asked_ms = 10 * 1000,
    .killed_ms = 5 * 1000,
    .stuck_ms = 60 * 1000,
};
