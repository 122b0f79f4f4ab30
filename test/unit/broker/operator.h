/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/operator.h - a broker and its operator, made before each test */

#ifndef TEST_BROKER_OPERATOR_H
#define TEST_BROKER_OPERATOR_H

#include "fixture.h"

static struct fixture fixture;
static struct peer *operator;

static inline void operator_set_up (void)
{
    fixture_init (&fixture);
    operator= fixture_control (&fixture);
}

static inline void operator_tear_down (void)
{
    operator= peer_free (operator);
    fixture_deinit (&fixture);
}

/*  Ends the broker and starts another one on the same records. */
static inline void fixture_restart (void)
{
    operator= peer_free (operator);
    fixture_stop (&fixture);
    fixture_start (&fixture);
    operator= fixture_control (&fixture);
}

#endif
