/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rescue.c - saves records that were removed while the broker runs */

#include "broker/rescue.h"

#include "base/assert.h"
#include "broker/events.h"
#include "broker/commit.h"
#include "records/backup.h"

void broker_rescue_look (struct broker *broker)
{
    base_assert (broker && broker->records);
    struct base_error error = {.code = 0}, why = {.code = 0};
    char path[512];

    if (records_is_lost (broker->records, &error) == 0 || broker->is_rescued)
        return;
    broker_commit_flush (broker); /* the copy must not have an open transaction */
    broker->is_rescued = true;
    base_log (BASE_LOG_ERROR, "%s", error.text);
    if (records_rescue (broker->records, path, &why) == 0)
        base_log (BASE_LOG_ERROR, "the removed records were saved to %s", path);
    else
        base_log (BASE_LOG_ERROR, "cannot save the removed records: %s", why.text);
    broker_event_notice (broker, error.text);
}
