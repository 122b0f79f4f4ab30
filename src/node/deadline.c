/* SPDX-License-Identifier: MPL-2.0 */
/*  node/deadline.c - the deadlines of the update procedure: from the settings, except for a restart and a trial

    A trial ends here a little before the launcher ends it, because this process can report what was missing. */

#include "node/deadline.h"

#include "base/assert.h"

uint64_t node_deadline_ms (const struct identity_config *config, const struct update_procedure *procedure)
{
    base_assert (config && procedure);
    const struct update_limits limits = {
        .matching_ms = config->limits.matching_ms,
        .fetching_ms = config->limits.fetching_ms,
        .staging_ms = config->limits.staging_ms,
        .probing_ms = config->limits.probing_ms,
        .switching_ms = config->limits.switching_ms,
        .restarting_ms = update_limits_default.restarting_ms,
        .trial_ms = config->trial.confirm_ms - config->trial.confirm_ms / 8,
        .unfit_ms = config->limits.unfit_ms,
    };
    return update_procedure_deadline_ms (procedure, &limits);
}
