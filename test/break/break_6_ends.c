/* SPDX-License-Identifier: MPL-2.0 */
/*  test/break/break_6_ends.c - a rehearsal whose steps have a deadline of 24 hours */

#include "node/rehearsal.h"

int __real_node_rehearsal_new (const struct node_rehearsal_spec *spec, node_rehearsal_done *done,
                               void *context, struct node_rehearsal **ret_rehearsal);

int __wrap_node_rehearsal_new (const struct node_rehearsal_spec *spec, node_rehearsal_done *done,
                               void *context, struct node_rehearsal **ret_rehearsal)
{
    static struct node_config patient;
    struct node_rehearsal_spec changed = *spec;
    patient = *spec->config;
    patient.rehearsal_step_ms = UINT64_C (24) * 3600 * 1000;
    changed.config = &patient;
    return __real_node_rehearsal_new (&changed, done, context, ret_rehearsal);
}
