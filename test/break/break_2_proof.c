/* SPDX-License-Identifier: MPL-2.0 */
/*  test/break/break_2_proof.c - every candidate passes its rehearsal */

#include <stdlib.h>

#include "node/rehearsal.h"

struct node_rehearsal {
    struct bus_loop *loop;
    int timer;
    node_rehearsal_done *done;
    void *context;
};

static void pass (void *context)
{
    struct node_rehearsal *rehearsal = context;
    rehearsal->timer = 0;
    rehearsal->done (rehearsal->context, &(struct node_rehearsal_result){.end.passed = true});
}

int __wrap_node_rehearsal_new (const struct node_rehearsal_spec *spec, node_rehearsal_done *done,
                               void *context, struct node_rehearsal **ret_rehearsal)
{
    struct node_rehearsal *rehearsal = calloc (1, sizeof *rehearsal);
    if (!rehearsal)
        abort ();
    *rehearsal = (struct node_rehearsal){.loop = spec->loop, .done = done, .context = context};
    rehearsal->timer = bus_timer_start (spec->loop, 1, pass, rehearsal);
    *ret_rehearsal = rehearsal;
    return 0;
}

struct node_rehearsal *__wrap_node_rehearsal_free (struct node_rehearsal *rehearsal)
{
    if (rehearsal)
        bus_timer_cancel (rehearsal->loop, rehearsal->timer);
    free (rehearsal);
    return NULL;
}

const char *__wrap_node_rehearsal_step (const struct node_rehearsal *rehearsal)
{
    (void) rehearsal;
    return "";
}
