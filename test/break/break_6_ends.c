/* SPDX-License-Identifier: MPL-2.0 */
/*  test/break/break_6_ends.c - a rehearsal whose steps have a deadline of 24 hours */

#include "rehearsal/rehearsal.h"

int __real_rehearsal_new (const struct rehearsal_spec *spec, rehearsal_done *done, void *context,
                          struct rehearsal **ret_rehearsal);

int __wrap_rehearsal_new (const struct rehearsal_spec *spec, rehearsal_done *done, void *context,
                          struct rehearsal **ret_rehearsal)
{
    static struct identity_config patient;
    struct rehearsal_spec changed = *spec;
    patient = *spec->config;
    patient.rehearsal_step_ms = UINT64_C (24) * 3600 * 1000;
    changed.config = &patient;
    return __real_rehearsal_new (&changed, done, context, ret_rehearsal);
}
