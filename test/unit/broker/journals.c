/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/journals.c - whether the journal of a node fits its earlier reports */

#include "broker/journals.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "disk/disk.h"

static char root[64];
static struct broker broker;
static struct base_error error;

static void set_up (void)
{
    char path[96];
    struct records_node node = {
        .id = "web-1", .platform = "linux/amd64", .last_seen = "2026-11-22T15:00:00Z"};
    (void) snprintf (root, sizeof root, "/tmp/journals.XXXXXX");
    cr_assert_not_null (mkdtemp (root));
    (void) snprintf (path, sizeof path, "%s/broker.db", root);
    cr_assert_eq (records_open (path, &broker.records, &error), 0, "%s", error.text);
    cr_assert_eq (records_node_put (broker.records, &node, &error), 0, "%s", error.text);
}

static void tear_down (void)
{
    broker.records = records_free (broker.records);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, root, NULL);
}

TestSuite (journals, .init = set_up, .fini = tear_down, .timeout = 60);

/*  Reports the last line of the journal. Returns whether a new fault was found. */
static bool journal_report (uint64_t serial, const char *line, uint64_t late)
{
    struct broker_journal_news news = {.fault = false};
    struct base_digest head = base_digest_of (line, strlen (line));
    struct broker_journal_report report = {.serial = serial, .head = &head, .late = late};
    cr_assert_eq (broker_journal_store (&broker, "web-1", &report, &news, &error), 0, "%s", error.text);
    records_journal_deinit (&news.before);
    return news.fault;
}

Test (journals, a_journal_that_grows_has_no_fault)
{
    cr_expect_not (journal_report (5, "five", 0));
    cr_expect_not (journal_report (6, "six", 5));
    cr_expect_not (journal_report (6, "six", 0));
    cr_expect_not (journal_report (9, "nine", 0));
}

Test (journals, lost_or_changed_lines_are_noticed_once)
{
    cr_expect_not (journal_report (5, "five", 0));
    cr_expect (journal_report (5, "another five", 0), "the same line has another digest");
    cr_expect (journal_report (4, "four", 0), "the last line is gone");
    cr_expect_not (journal_report (5, "five", 0), "the fault is known");
}

Test (journals, a_report_that_was_delayed_is_not_a_loss_of_lines)
{
    cr_expect_not (journal_report (8, "eight", 0), "the hello after an outage of the broker");
    cr_expect_not (journal_report (6, "six", 8), "a report from before the hello");
    cr_expect (journal_report (7, "seven", 0), "the lines up to 8 stay known");
    cr_expect (journal_report (2, "two", 1), "a journal that was started anew after the hello");
}
