/*  What nodes tell of their journals. */

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
    struct broker_node_record node = {
        .id = "web-1", .platform = "linux/amd64", .last_seen = "2026-11-22T15:00:00Z"};
    (void) snprintf (root, sizeof root, "/tmp/journals.XXXXXX");
    cr_assert_not_null (mkdtemp (root));
    (void) snprintf (path, sizeof path, "%s/broker.db", root);
    cr_assert_eq (broker_store_open (path, &broker.store, &error), 0, "%s", error.text);
    cr_assert_eq (broker_store_node_put (broker.store, &node, &error), 0, "%s", error.text);
}

static void tear_down (void)
{
    broker.store = broker_store_free (broker.store);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, root, NULL);
}

TestSuite (journals, .init = set_up, .fini = tear_down, .timeout = 60);

/*  Whether a fault was seen that was not known. */
static bool tell (uint64_t serial, const char *line, uint64_t late)
{
    struct broker_journal_told told = {.fault = false};
    struct base_digest head = base_digest_of (line, strlen (line));
    cr_assert_eq (broker_journal_tell (&broker, "web-1", serial, &head, late, NULL, &told, &error), 0, "%s",
                  error.text);
    broker_journal_deinit (&told.before);
    return told.fault;
}

Test (journals, that_grow_are_nothing_to_speak_of)
{
    cr_expect_not (tell (5, "five", 0));
    cr_expect_not (tell (6, "six", 5));
    cr_expect_not (tell (6, "six", 0));
    cr_expect_not (tell (9, "nine", 0));
}

Test (journals, that_lost_lines_or_have_others_are_noticed_once)
{
    cr_expect_not (tell (5, "five", 0));
    cr_expect (tell (5, "another five", 0), "the same line is another one");
    cr_expect (tell (4, "four", 0), "the last line is gone");
    cr_expect_not (tell (5, "five", 0), "the fault is known");
}

Test (journals, are_not_shorter_for_a_report_that_waited)
{
    cr_expect_not (tell (8, "eight", 0), "a hello, after the broker was away");
    cr_expect_not (tell (6, "six", 8), "what was reported meanwhile");
    cr_expect (tell (7, "seven", 0), "and the lines up to 8 are known all the same");
    cr_expect (tell (2, "two", 1), "a journal that began anew behind the hello");
}
