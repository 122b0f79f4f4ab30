/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/pages.c - a node sends its quarantine page by page, as far as the origin asks for it */

#include "session_rig.h"

enum { ENTRIES = 40, SEEN_MOST = 64 };

static bool wanted;                  /* described asks for the quarantine */
static bool forgets;                 /* has nothing of the list: each page is answered with next 0 */
static enum wire_status page_status; /* 0: pages are not answered */
static unsigned pages, describes;
static struct {
    uint64_t first, count, total;
    struct base_digest list;
} seen[SEEN_MOST];

static struct wire_failure failures[ENTRIES];
static size_t n_failures;

static void on_describe (void *context, struct wire_application *ret_application)
{
    subject_describe (context, ret_application);
    ret_application->quarantined = n_failures;
    ret_application->quarantine_digest = wire_quarantine_digest (failures, n_failures);
}

static size_t on_quarantine (void *context, const struct wire_failure **ret_failures)
{
    (void) context;
    *ret_failures = failures;
    return n_failures;
}

static const struct node_subject_ops subject_ops = {
    .describe = on_describe, .quarantine = on_quarantine, .desired = subject_desired};

static void page_take (const struct wire_quarantine *page)
{
    struct wire_quarantined answer = {.application = page->application,
                                      .list = page->list,
                                      .first = page->first,
                                      .next = forgets ? 0 : page->first + page->n_failures,
                                      .status = page_status};
    cr_assert_lt (pages, SEEN_MOST);
    seen[pages].first = page->first;
    seen[pages].count = page->n_failures;
    seen[pages].total = page->total;
    seen[pages++].list = page->list;
    for (size_t i = 0; i < page->n_failures; i++)
        cr_expect (base_digest_equal (&page->failures[i].release, &failures[page->first + i].release));
    if (page_status)
        (void) bus_send (control, &node, &wire_quarantined_record, &answer);
}

static void on_message (const struct bus_message *message)
{
    if (message->record == &wire_describe_record) {
        const struct wire_describe *describe = message->body;
        struct wire_described described = {.application = "noded",
                                           .serial = describe->serial,
                                           .status = WIRE_STATUS_OK,
                                           .quarantine = wanted};
        describes++;
        (void) bus_send (control, &node, &wire_described_record, &described);
    } else if (message->record == &wire_report_record) {
        const struct wire_report *report = message->body;
        struct wire_noted noted = {.application = "noded",
                                   .epoch = report->epoch,
                                   .attempt = report->attempt,
                                   .step = report->step,
                                   .outcome = report->outcome,
                                   .status = WIRE_STATUS_OK,
                                   .quarantine = true};
        (void) bus_send (control, &node, &wire_noted_record, &noted);
    } else if (message->record == &wire_quarantine_record)
        page_take (message->body);
    bus_loop_stop (loop);
}

static void setup (void)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        failures[i] = (struct wire_failure){.transaction = "t",
                                            .release = {{(uint8_t) (i + 1)}},
                                            .step = "trial",
                                            .reason = "it hung",
                                            .time = "2026-01-01T00:00:00.000000000Z"};
    n_failures = ENTRIES;
    wanted = true;
    page_status = WIRE_STATUS_OK;
    session_rig_setup (50, on_message);
    session_make (&subject_ops, 1);
}

TestSuite (pages, .init = setup, .fini = session_rig_teardown);

static void run_until_pages (unsigned count)
{
    while (pages < count)
        rig_run ();
}

Test (pages, a_list_that_is_not_wanted_is_not_sent)
{
    wanted = false;
    node_session_open (session);
    while (!describes)
        rig_run ();
    rig_run_for (300);
    cr_expect_eq (pages, 0);
}

Test (pages, the_whole_list_is_sent_once_page_by_page)
{
    struct base_digest list = wire_quarantine_digest (failures, ENTRIES);
    node_session_open (session);
    run_until_pages (3);
    rig_run_for (300);
    cr_expect_eq (pages, 3);
    for (unsigned i = 0; i < 3; i++) {
        cr_expect_eq (seen[i].first, 16 * i);
        cr_expect_eq (seen[i].count, i < 2 ? 16 : 8);
        cr_expect_eq (seen[i].total, ENTRIES);
        cr_expect (base_digest_equal (&seen[i].list, &list));
    }
}

Test (pages, the_answer_to_a_report_asks_for_it_too)
{
    struct wire_application application = {.name = "noded", .state = WIRE_STATE_IDLE};
    struct wire_report report = {.epoch = 1,
                                 .attempt = 1,
                                 .step = "trial",
                                 .outcome = WIRE_OUTCOME_FAILED,
                                 .application = &application};
    wanted = false;
    node_session_open (session);
    cr_assert_eq (node_session_report (session, &report), 0);
    run_until_pages (3);
}

Test (pages, a_page_without_an_answer_is_sent_again_and_one_that_is_invalid_is_not)
{
    page_status = WIRE_STATUS_NULL;
    node_session_open (session);
    run_until_pages (2);
    cr_expect_eq (seen[1].first, 0);
    page_status = WIRE_STATUS_BUSY;
    run_until_pages (3);
    cr_expect_eq (seen[2].first, 0);
    page_status = WIRE_STATUS_INVALID;
    run_until_pages (4);
    rig_run_for (600);
    cr_expect_eq (pages, 4);
}

Test (pages, a_refused_page_causes_a_hello)
{
    page_status = WIRE_STATUS_REFUSED;
    node_session_open (session);
    run_until_pages (1);
    page_status = WIRE_STATUS_OK;
    while (hellos < 2)
        rig_run ();
    run_until_pages (4);
    cr_expect_eq (seen[pages - 1].first, 32);
}

Test (pages, an_origin_that_always_starts_again_gets_pages_in_growing_pauses)
{
    forgets = true;
    node_session_open (session);
    run_until_pages (2);
    rig_run_for (1000);
    cr_expect_leq (pages, 7, "%u pages", pages); /* at 0, 50, 150, 350, 750 and 1550 ms */
    forgets = false;
    unsigned before = pages;
    run_until_pages (before + 3);
    cr_expect_eq (seen[pages - 1].first, 32);
}

Test (pages, a_list_that_changes_is_sent_as_it_is_now)
{
    page_status = WIRE_STATUS_NULL;
    node_session_open (session);
    run_until_pages (1);
    n_failures = 10;
    page_status = WIRE_STATUS_OK;
    run_until_pages (2);
    struct base_digest list = wire_quarantine_digest (failures, 10);
    cr_expect_eq (seen[1].total, 10);
    cr_expect_eq (seen[1].count, 10);
    cr_expect (base_digest_equal (&seen[1].list, &list));
    rig_run_for (300);
    cr_expect_eq (pages, 2);
}
