/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_loop.h - signed metadata (broker/trust.h) in the running broker: it is read at the start, and renewed by
    a timer */

#ifndef BROKER_TRUST_LOOP_H
#define BROKER_TRUST_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"

struct broker;

/*  Reads ROOT/trust, logs what is damaged, renews what is due, and looks again every hour. Returns 0 or -errno. */
int broker_trust_begin (struct broker *broker, struct base_error *error);
void broker_trust_end (struct broker *broker);

/*  The clock in seconds since 1970. */
uint64_t broker_trust_now (void);

void broker_trust_log_faults (const struct broker *broker);

/*  Whether nodes may be offered a release: no root is published, or signed targets list the release. If not: *ret_why is
    what to do; *ret_damaged (may be NULL): the targets cannot be used, so nobody knows. */
bool broker_trust_offers (struct broker *broker, const char *application, const struct base_digest *release,
                          bool *ret_damaged, const char **ret_why);

/*  A sentence about what is wrong, for every answer to an operator, on the heap. NULL: nothing, or memory is exhausted. */
char *broker_trust_notice (struct broker *broker);

#endif
