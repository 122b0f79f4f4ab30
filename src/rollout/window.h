/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/window.h - when a rollout may start nodes */

#ifndef ROLLOUT_WINDOW_H
#define ROLLOUT_WINDOW_H

#include "wire/wire.h"

/*  Milliseconds until the window opens: 0 if it is open, or if there is none (NULL). It opens on the days
    that it names, and closes on the same day or on the next. now_ms: since 1970, UTC. */
uint64_t rollout_window_opens_ms (const struct wire_window *window, uint64_t now_ms);

/*  Milliseconds until it closes; UINT64_MAX: it never closes; 0: it is closed. */
uint64_t rollout_window_closes_ms (const struct wire_window *window, uint64_t now_ms);

#endif
