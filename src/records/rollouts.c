/* SPDX-License-Identifier: MPL-2.0 */
/*  records/rollouts.c - the evidence of a rollout as text, and the checks of loaded rollouts */

#include "records/driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

void records_rollout_deinit (struct records_rollout *row)
{
    base_assert (row);
    wire_rollout_state_deinit (&row->state);
    *row = (struct records_rollout){.serial = 0};
}

/*  Hexadecimal fractions are read back exactly. */
const char *records_evidence_print (const struct records_evidence *evidence, char text[RECORDS_EVIDENCE_TEXT])
{
    base_assert (evidence && text);
    _Static_assert(RECORDS_BETS == 4, "the bets are written one by one");
    (void) snprintf (text, RECORDS_EVIDENCE_TEXT, "%a %a %a %a %llu %llu %llu %llu %llu", evidence->logs[0],
                     evidence->logs[1], evidence->logs[2], evidence->logs[3],
                     (unsigned long long) evidence->samples, (unsigned long long) evidence->updated,
                     (unsigned long long) evidence->updated_failed, (unsigned long long) evidence->others,
                     (unsigned long long) evidence->others_failed);
    return text;
}

int records_evidence_parse (const char *text, struct records_evidence *ret_evidence)
{
    base_assert (ret_evidence);
    struct records_evidence evidence = {.samples = 0};
    const char *at = text;
    char *end;
    uint64_t *const counts[] = {&evidence.samples, &evidence.updated, &evidence.updated_failed,
                                &evidence.others, &evidence.others_failed};

    if (!text)
        return -EBADMSG;
    for (size_t i = 0; i < RECORDS_BETS; i++)
        evidence.logs[i] = strtod (at, &end), at = end;
    for (size_t i = 0; i < RECORDS_BETS; i++)
        if (evidence.logs[i] - evidence.logs[i] != 0) /* not a number, or infinite */
            return -EBADMSG;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = strtoull (at, &end, 10), at = end;
    if (*at)
        return -EBADMSG;
    *ret_evidence = evidence;
    return 0;
}

int records_rollout_check (const struct records_rollout *rollout, struct base_error *error)
{
    base_assert (rollout);
    return rollout->state.phase == WIRE_PHASE_NULL || rollout->wave >= RECORDS_WAVES_MOST
               ? base_error_set (error, -EBADMSG, "a rollout in the database has an invalid phase or wave")
               : 0;
}
