/* SPDX-License-Identifier: MPL-2.0 */
/*  records/reports.c - what is stored of a report, and when it is news */

#include "records/driver.h"

#include "base/assert.h"
#include "base/cleanup.h"

/*  The record is packed with serial 0; the row's serial is filled in when it is read. */
int records_report_put (struct records *records, const struct wire_report *report, bool *ret_news,
                        struct base_error *error)
{
    base_assert (records && ret_news);
    base_assert (report && report->application);
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {.size = 0};
    struct wire_stored_report stored = {.node = report->node,
                                        .application = report->application->name,
                                        .transaction = report->transaction,
                                        .epoch = report->epoch,
                                        .attempt = report->attempt,
                                        .step = report->step,
                                        .outcome = report->outcome,
                                        .reason = report->reason,
                                        .version = report->version,
                                        .release = report->release,
                                        .time = report->time};
    bool known = false;
    int r = records_pack (&wire_stored_report_record, &stored, &packed, error);

    if (r < 0)
        return r;
    r = records_report_is_known (records, &stored, &packed, &known, error);
    if (r < 0)
        return r;
    *ret_news = !known;
    if (known)
        return 0;
    return records_report_add (records, &stored, &packed, RECORDS_REPORTS_MOST, error);
}
