/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/broker_garbled.c - a broker that sends everything twice, late and out of order

    Each announcement is preceded by an older one and sent twice. Every second answer to ask is an earlier
    desired state, oldest first. */

#include <stdlib.h>

#include "broker/orders.h"
#include "origin/origin.h"

enum { REMEMBERED = 64 };

__typeof__ (origin_announce) __real_origin_announce, __wrap_origin_announce;
int __wrap_origin_announce (struct origin *origin, const char *topic, const struct wire_update *hint)
{
    struct wire_update older = *hint;
    older.epoch = hint->epoch > 2 ? hint->epoch - 2 : hint->epoch;
    (void) __real_origin_announce (origin, topic, &older);
    (void) __real_origin_announce (origin, topic, hint);
    return __real_origin_announce (origin, topic, hint);
}

__typeof__ (broker_order_desired) __real_broker_order_desired, __wrap_broker_order_desired;
int __wrap_broker_order_desired (const struct records_application *application,
                                 struct wire_desired *ret_desired)
{
    static struct wire_desired before[REMEMBERED];
    static unsigned count, transition, at;
    if (!application->is_desired)
        return __real_broker_order_desired (application, ret_desired);
    const struct wire_desired *desired = &application->desired;
    if (count < REMEMBERED && (!count || before[count - 1].epoch != desired->epoch) &&
        wire_copy (&wire_desired_record, desired, &before[count]) == 0)
        count++;
    if (transition++ % 2 == 0 && count)
        desired = &before[at++ % count];
    return wire_copy (&wire_desired_record, desired, ret_desired);
}
