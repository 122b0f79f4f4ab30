/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/progress.c - following an order: from records of nodes to lines, rows and an exit code */

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "ctl/ctl.h"
#include "ctl/progress.h"

static struct ctl_progress progress;

static json_t *json_parse (const char *text)
{
    json_error_t error;
    json_t *value = json_loads (text, 0, &error);
    cr_assert_not_null (value, "%s: %s", error.text, text);
    return value;
}

static void progress_order (const char *text, bool revert)
{
    json_t *orders = json_parse (text);
    cr_assert_eq (ctl_progress_init (&progress, orders, revert, 1000), 0);
    json_decref (orders);
}

static void progress_hear (const char *text, bool full, uint64_t now_ms)
{
    json_t *nodes = json_parse (text);
    ctl_progress_hear (&progress, nodes, full, now_ms);
    json_decref (nodes);
}

static void progress_reports (const char *text)
{
    json_t *told = json_parse (text);
    ctl_progress_reports (&progress, &progress.targets[0], told, 4000);
    json_decref (told);
}

static void expect_line (size_t target, uint64_t now_ms, const char *wanted)
{
    base_cleanup (base_free_p) char *line = ctl_progress_line (&progress, &progress.targets[target], now_ms);
    cr_expect_str_eq (line, wanted);
}

static void setup (void)
{
    progress = (struct ctl_progress){.count = 0};
}

static void teardown (void)
{
    ctl_progress_deinit (&progress);
}

TestSuite (progress, .init = setup, .fini = teardown, .timeout = 30);

#define TWO                                                                                                  \
    "[{\"node\":\"web-2\",\"status\":\"ok\",\"epoch\":5,\"transaction\":\"t-b\"},"                           \
    "{\"node\":\"a\",\"status\":\"ok\",\"epoch\":9,\"transaction\":\"t-a\",\"version\":\"2.0.0\"}]"

Test (progress, an_order_that_all_nodes_confirm_succeeds)
{
    progress_order (TWO, false);
    cr_expect_eq (ctl_progress_code (&progress), CTL_TIMEOUT);
    progress_hear (
        "[{\"id\":\"a\",\"online\":true,\"desired_epoch\":9,\"outcome\":\"confirmed\",\"outcome_step\":\"confirmed\"},"
        "{\"id\":\"web-2\",\"online\":true,\"desired_epoch\":5,\"outcome\":\"nothing\"}]",
        true, 3000);
    cr_expect_eq (progress.left, 0);
    cr_expect_eq (ctl_progress_code (&progress), CTL_OK);
}

Test (progress, one_failure_fails_the_order_and_is_printed_with_step_and_reason)
{
    progress_order (TWO, false);
    progress_hear (
        "[{\"id\":\"a\",\"online\":true,\"desired_epoch\":9,\"outcome\":\"confirmed\"},"
        "{\"id\":\"web-2\",\"online\":true,\"desired_epoch\":5,\"outcome\":\"failed\",\"outcome_step\":\"probing/readiness\","
        "\"outcome_reason\":\"it exited\"}]",
        true, 3500);
    cr_expect_eq (ctl_progress_code (&progress), CTL_FAILED);
    expect_line (1, 99000, "web-2     2.5s  failed in probing/readiness: it exited");
    expect_line (0, 99000, "a         2.5s  confirmed");
}

Test (progress, the_outcome_of_an_older_order_is_ignored)
{
    progress_order (TWO, false);
    progress_hear (
        "[{\"id\":\"web-2\",\"online\":true,\"state\":\"idle\",\"desired_epoch\":4,\"outcome\":\"confirmed\"}]",
        false, 2000);
    cr_expect_eq (progress.left, 2);
    expect_line (1, 2000, "web-2     1.0s  ordered, not started yet");
}

Test (progress, an_outcome_that_a_later_order_hides_is_read_from_the_reports)
{
    progress_order ("[{\"node\":\"a\",\"status\":\"ok\",\"epoch\":9}]", false);
    progress_hear ("[{\"id\":\"a\",\"online\":true,\"desired_epoch\":10,\"epoch\":9,\"outcome\":null}]",
                   false, 2000);
    cr_assert (progress.targets[0].superseded);
    progress_reports ("[{\"epoch\":8,\"step\":\"x\",\"outcome\":\"confirmed\"},"
                      "{\"epoch\":9,\"step\":\"probing\",\"outcome\":\"passed\"},"
                      "{\"epoch\":9,\"step\":\"probing\",\"outcome\":\"cancelled\",\"reason\":\"asked\"}]");
    cr_expect_eq (progress.left, 0);
    expect_line (0, 4000, "a     3.0s  cancelled in probing: asked");
    cr_expect_eq (ctl_progress_code (&progress), CTL_FAILED);
}

Test (progress, an_order_that_a_later_one_replaced_ends)
{
    progress_order ("[{\"node\":\"a\",\"status\":\"ok\",\"epoch\":9}]", false);
    progress_hear ("[{\"id\":\"a\",\"online\":true,\"desired_epoch\":10,\"epoch\":8}]", false, 2000);
    progress_reports ("[]");
    cr_expect_eq (progress.left, 1,
                  "the node has not carried out the later order: the outcome of ours may still be reported");
    progress_hear ("[{\"id\":\"a\",\"online\":true,\"desired_epoch\":10,\"epoch\":10}]", false, 3000);
    progress_reports ("[]");
    cr_expect_eq (progress.left, 0);
    expect_line (0, 9000, "a     3.0s  superseded in order: replaced by order 10");
}

Test (progress, a_refused_order_ends_at_once_and_the_others_continue)
{
    progress_order (
        "[{\"node\":\"a\",\"status\":\"refused\",\"reason\":\"held\"},{\"node\":\"b\",\"status\":\"ok\",\"epoch\":1}]",
        false);
    cr_expect_eq (progress.left, 1);
    progress_hear ("[{\"id\":\"b\",\"online\":true,\"desired_epoch\":1,\"outcome\":\"confirmed\"}]", false,
                   2000);
    cr_expect_eq (ctl_progress_code (&progress), CTL_FAILED);
    expect_line (0, 2000, "a      0ms  refused in order: held");
}

Test (progress, the_order_of_a_forgotten_node_ends)
{
    progress_order (TWO, false);
    progress_hear ("[{\"id\":\"a\",\"online\":true,\"desired_epoch\":9}]", false, 2000);
    cr_expect_eq (progress.left, 2, "a list of changes does not name every node");
    progress_hear ("[{\"id\":\"a\",\"online\":true,\"desired_epoch\":9}]", true, 2000);
    cr_expect_eq (progress.left, 1);
}

Test (progress, reverted_is_a_success_of_a_revert_and_a_failure_of_an_update)
{
    static const char heard[] =
        "[{\"id\":\"a\",\"online\":true,\"desired_epoch\":9,\"outcome\":\"reverted\"}]";
    progress_order ("[{\"node\":\"a\",\"status\":\"ok\",\"epoch\":9}]", true);
    progress_hear (heard, false, 2000);
    cr_expect_eq (ctl_progress_code (&progress), CTL_OK);
    ctl_progress_deinit (&progress);
    progress_order ("[{\"node\":\"a\",\"status\":\"ok\",\"epoch\":9}]", false);
    progress_hear (heard, false, 2000);
    cr_expect_eq (ctl_progress_code (&progress), CTL_FAILED);
}

Test (progress, a_line_is_printed_only_when_it_says_something_new)
{
    static const struct {
        const char *node;
        const char *line; /* NULL: no news */
    } heard[] = {
        {"\"online\":true,\"state\":\"fetching\",\"done\":0,\"total\":100", "a     1.0s  fetching 0%"},
        {"\"online\":true,\"state\":\"fetching\",\"done\":24,\"total\":100", NULL},
        {"\"online\":true,\"state\":\"fetching\",\"done\":26,\"total\":100", "a     1.0s  fetching 25%"},
        {"\"online\":true,\"state\":\"fetching\",\"done\":100,\"total\":100", "a     1.0s  fetching 100%"},
        {"\"online\":true,\"state\":\"probing\"", "a     1.0s  probing: running the rehearsal"},
        {"\"online\":true,\"state\":\"probing\"", NULL},
        {"\"online\":false,\"state\":\"restarting\",\"last_seen\":\"2026-11-22T15:00:00.000000000Z\"",
         "a     1.0s  restarting, offline, last seen 2026-11-22 15:00:00Z"},
        {"\"online\":true,\"state\":\"new-state\"", "a     1.0s  new-state"},
    };
    progress_order ("[{\"node\":\"a\",\"status\":\"ok\",\"epoch\":9}]", false);
    for (size_t i = 0; i < sizeof heard / sizeof *heard; i++) {
        base_cleanup (base_free_p) char *text = NULL;
        cr_assert_gt (asprintf (&text, "[{\"id\":\"a\",\"desired_epoch\":9,%s}]", heard[i].node), 0);
        progress_hear (text, false, 2000);
        base_cleanup (base_free_p) char *line = ctl_progress_news (&progress, &progress.targets[0], 2000);
        if (heard[i].line)
            cr_expect (line && strcmp (line, heard[i].line) == 0, "%zu: %s", i, line ? line : "no news");
        else
            cr_expect_null (line, "%zu: %s", i, line);
    }
}

Test (progress, nodes_that_have_not_ended_are_named_with_their_state)
{
    progress_order (TWO, false);
    progress_hear (
        "[{\"id\":\"a\",\"online\":true,\"desired_epoch\":9,\"state\":\"fetching\",\"done\":1,\"total\":3},"
        "{\"id\":\"web-2\",\"online\":false,\"desired_epoch\":5,\"last_seen\":\"2026-11-22T15:00:00.000000000Z\",\"state\":\"idle\"}]",
        true, 2000);
    base_cleanup (base_free_p) char *left = ctl_progress_left (&progress);
    cr_expect_str_eq (left, "a: fetching 33%; web-2: offline, last seen 2026-11-22 15:00:00Z");
    cr_expect_eq (ctl_progress_code (&progress), CTL_TIMEOUT);
}

Test (progress, the_rows_at_the_end_name_outcome_step_and_reason)
{
    progress_order (TWO, false);
    progress_hear (
        "[{\"id\":\"a\",\"online\":true,\"desired_epoch\":9,\"outcome\":\"confirmed\",\"outcome_step\":\"confirmed\"},"
        "{\"id\":\"web-2\",\"online\":true,\"desired_epoch\":5,\"outcome\":\"went-back\",\"outcome_step\":\"trial\","
        "\"outcome_reason\":\"hung\\u001b\"}]",
        true, 2000);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream (&text, &size);
    ctl_progress_print (&progress, out);
    fclose (out);
    cr_expect_str_eq (text, "NODE   OUTCOME    STEP       REASON\n"
                            "a      confirmed  confirmed  -\n"
                            "web-2  went-back  trial      hung\\x1b\n");
    free (text);
    json_t *list = ctl_progress_json (&progress);
    cr_expect_str_eq (ctl_json_text (json_array_get (list, 0), "version"), "2.0.0");
    cr_expect_str_eq (ctl_json_text (json_array_get (list, 1), "outcome"), "went-back");
    json_decref (list);
}
