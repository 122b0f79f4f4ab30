/* SPDX-License-Identifier: MPL-2.0 */
/*  test/break/break_2_proof.c - every candidate passes its rehearsal */

#include <stdlib.h>

#include "rehearsal/rehearsal.h"

struct rehearsal {
    struct bus_loop *loop;
    int timer;
    rehearsal_done *done;
    void *context;
};

static void pass (void *context)
{
    struct rehearsal *rehearsal = context;
    rehearsal->timer = 0;
    rehearsal->done (rehearsal->context, &(struct rehearsal_result){.end.passed = true});
}

int __wrap_rehearsal_new (const struct rehearsal_spec *spec, rehearsal_done *done, void *context,
                          struct rehearsal **ret_rehearsal)
{
    struct rehearsal *rehearsal = calloc (1, sizeof *rehearsal);
    if (!rehearsal)
        abort ();
    *rehearsal = (struct rehearsal){.loop = spec->loop, .done = done, .context = context};
    rehearsal->timer = bus_timer_start (spec->loop, 1, pass, rehearsal);
    *ret_rehearsal = rehearsal;
    return 0;
}

struct rehearsal *__wrap_rehearsal_free (struct rehearsal *rehearsal)
{
    if (rehearsal)
        bus_timer_cancel (rehearsal->loop, rehearsal->timer);
    free (rehearsal);
    return NULL;
}

const char *__wrap_rehearsal_step (const struct rehearsal *rehearsal)
{
    (void) rehearsal;
    return "";
}
