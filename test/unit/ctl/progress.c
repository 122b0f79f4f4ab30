/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/progress.c - following an order: from records of nodes to lines, rows and an exit code */

#include "printed.h"

#include "base/cleanup.h"
#include "ctl/ctl.h"
#include "ctl/progress.h"

static struct ctl_progress progress;
static noded_order orders[2];

static void progress_order (size_t count, bool revert)
{
    cr_assert_eq (
        ctl_progress_init (&progress, &(noded_orders){.items = orders, .count = count}, revert, 1000), 0);
}

static void progress_hear (noded_node *nodes, size_t count, bool full, uint64_t now_ms)
{
    ctl_progress_hear (&progress, &(noded_nodes){.items = nodes, .count = count}, full, now_ms);
}

static void progress_hear_one (noded_node node, bool full, uint64_t now_ms)
{
    node.online = node.online || !node.last_seen;
    progress_hear (&node, 1, full, now_ms);
}

static void progress_reports (noded_report *reports, size_t count)
{
    ctl_progress_reports (&progress, &progress.targets[0], &(noded_reports){.items = reports, .count = count},
                          4000);
}

static void expect_line (size_t target, uint64_t now_ms, const char *wanted)
{
    base_cleanup (base_free_p) char *line = ctl_progress_line (&progress, &progress.targets[target], now_ms);
    cr_expect_str_eq (line, wanted);
}

/*  Two orders: web-2 with epoch 5, a with epoch 9. */
static void setup (void)
{
    progress = (struct ctl_progress){.count = 0};
    orders[0] = (noded_order){.node = "web-2", .status = NODED_STATUS_OK, .epoch = 5, .transaction = "t-b"};
    orders[1] = (noded_order){
        .node = "a", .status = NODED_STATUS_OK, .epoch = 9, .transaction = "t-a", .version = "2.0.0"};
}

static void teardown (void)
{
    ctl_progress_deinit (&progress);
}

TestSuite (progress, .init = setup, .fini = teardown, .timeout = 30);

/*  One order only, to a. */
static void setup_one (bool revert)
{
    orders[0] = orders[1];
    progress_order (1, revert);
}

Test (progress, an_order_that_all_nodes_confirm_succeeds)
{
    noded_node nodes[] = {
        {.id = "a",
         .online = true,
         .desired_epoch = 9,
         .outcome = NODED_OUTCOME_CONFIRMED,
         .outcome_step = "confirmed"},
        {.id = "web-2", .online = true, .desired_epoch = 5, .outcome = NODED_OUTCOME_NOTHING}};
    progress_order (2, false);
    cr_expect_eq (ctl_progress_code (&progress), CTL_TIMEOUT);
    progress_hear (nodes, 2, true, 3000);
    cr_expect_eq (progress.left, 0);
    cr_expect_eq (ctl_progress_code (&progress), CTL_OK);
    expect_line (1, 9000, "web-2     2.0s  nothing to do: it runs already");
}

Test (progress, one_failure_fails_the_order_and_is_printed_with_step_and_reason)
{
    noded_node nodes[] = {{.id = "a", .online = true, .desired_epoch = 9, .outcome = NODED_OUTCOME_CONFIRMED},
                          {.id = "web-2",
                           .online = true,
                           .desired_epoch = 5,
                           .outcome = NODED_OUTCOME_FAILED,
                           .outcome_step = "probing/readiness",
                           .outcome_reason = "it exited"}};
    progress_order (2, false);
    progress_hear (nodes, 2, true, 3500);
    cr_expect_eq (ctl_progress_code (&progress), CTL_FAILED);
    expect_line (1, 99000, "web-2     2.5s  failed in probing/readiness: it exited");
    expect_line (0, 99000, "a         2.5s  confirmed");
}

Test (progress, the_outcome_of_an_older_order_is_ignored)
{
    progress_order (2, false);
    progress_hear_one ((noded_node){.id = "web-2", .desired_epoch = 4, .outcome = NODED_OUTCOME_CONFIRMED},
                       false, 2000);
    cr_expect_eq (progress.left, 2);
    expect_line (1, 2000, "web-2     1.0s  ordered, not started yet");
}

/*  The library reads a word that it does not know as outcome 0. */
Test (progress, an_outcome_whose_word_is_not_known_ends_the_order_and_is_shown_as_it_is)
{
    noded_node node = {.id = "a",
                       .online = true,
                       .desired_epoch = 9,
                       .outcome_word = "postponed",
                       .outcome_step = "fetching",
                       .outcome_reason = "low battery"};
    setup_one (false);
    progress_hear_one (node, false, 2000);
    cr_expect_eq (progress.left, 0);
    cr_expect_eq (ctl_progress_code (&progress), CTL_FAILED);
    expect_line (0, 9000, "a     1.0s  postponed in fetching: low battery");
    base_cleanup (base_free_p) char *json = ctl_progress_json (&progress);
    cr_expect (strstr (json, "postponed"));
}

Test (progress, an_outcome_that_a_later_order_hides_is_read_from_the_reports)
{
    const noded_application application = {.epoch = 9};
    noded_report reports[] = {
        {.epoch = 8, .step = "x", .outcome = NODED_OUTCOME_CONFIRMED},
        {.epoch = 9, .step = "probing", .outcome = NODED_OUTCOME_PASSED},
        {.epoch = 9, .step = "probing", .outcome = NODED_OUTCOME_CANCELLED, .reason = "asked"}};
    setup_one (false);
    progress_hear_one ((noded_node){.id = "a", .desired_epoch = 10, .application = &application}, false,
                       2000);
    cr_assert (progress.targets[0].superseded);
    progress_reports (reports, 3);
    cr_expect_eq (progress.left, 0);
    expect_line (0, 4000, "a     3.0s  cancelled in probing: asked");
    cr_expect_eq (ctl_progress_code (&progress), CTL_FAILED);
}

Test (progress, an_order_that_a_later_one_replaced_ends)
{
    noded_application application = {.epoch = 8};
    const noded_node node = {.id = "a", .desired_epoch = 10, .application = &application};
    setup_one (false);
    progress_hear_one (node, false, 2000);
    progress_reports (NULL, 0);
    cr_expect_eq (progress.left, 1,
                  "the node has not carried out the later order: the outcome of ours may still be reported");
    application.epoch = 10;
    progress_hear_one (node, false, 3000);
    progress_reports (NULL, 0);
    cr_expect_eq (progress.left, 0);
    expect_line (0, 9000, "a     3.0s  superseded in order: replaced by order 10");
}

Test (progress, an_order_that_an_unfit_node_keeps_ends)
{
    const noded_failure failure = {.step = "probing/free", .reason = "no scratch root"};
    const noded_application application = {.state = NODED_STATE_UNFIT,
                                           .transaction = "t-a",
                                           .retry = "2026-11-22T15:00:00.000000000Z",
                                           .last_error = &failure};
    setup_one (false);
    progress_hear_one ((noded_node){.id = "a", .desired_epoch = 9, .application = &application}, false, 2000);
    expect_line (0, 9000,
                 "a     1.0s  unfit in probing/free: no scratch root; it is tried again automatically at "
                 "2026-11-22 15:00:00Z");
}

Test (progress, a_refused_order_ends_at_once_and_the_others_continue)
{
    orders[0] = (noded_order){.node = "a", .status = NODED_STATUS_REFUSED, .reason = "held"};
    orders[1] = (noded_order){.node = "b", .status = NODED_STATUS_OK, .epoch = 1};
    progress_order (2, false);
    cr_expect_eq (progress.left, 1);
    progress_hear_one ((noded_node){.id = "b", .desired_epoch = 1, .outcome = NODED_OUTCOME_CONFIRMED}, false,
                       2000);
    cr_expect_eq (ctl_progress_code (&progress), CTL_FAILED);
    expect_line (0, 2000, "a      0ms  refused in order: held");
}

Test (progress, the_order_of_a_forgotten_node_ends)
{
    progress_order (2, false);
    progress_hear_one ((noded_node){.id = "a", .desired_epoch = 9}, false, 2000);
    cr_expect_eq (progress.left, 2, "a list of changes does not name every node");
    progress_hear_one ((noded_node){.id = "a", .desired_epoch = 9}, true, 2000);
    cr_expect_eq (progress.left, 1);
}

Test (progress, reverted_is_a_success_of_a_revert_and_a_failure_of_an_update)
{
    const noded_node node = {.id = "a", .desired_epoch = 9, .outcome = NODED_OUTCOME_REVERTED};
    setup_one (true);
    progress_hear_one (node, false, 2000);
    cr_expect_eq (ctl_progress_code (&progress), CTL_OK);
    ctl_progress_deinit (&progress);
    progress_order (1, false);
    progress_hear_one (node, false, 2000);
    cr_expect_eq (ctl_progress_code (&progress), CTL_FAILED);
}

Test (progress, a_line_is_printed_only_when_it_says_something_new)
{
    static const struct {
        noded_application application;
        const char *last_seen; /* NULL: online */
        const char *line;      /* NULL: no news */
    } heard[] = {
        {{.state = NODED_STATE_FETCHING, .total = 100}, NULL, "a     1.0s  fetching 0%"},
        {{.state = NODED_STATE_FETCHING, .done = 24, .total = 100}, NULL, NULL},
        {{.state = NODED_STATE_FETCHING, .done = 26, .total = 100}, NULL, "a     1.0s  fetching 25%"},
        {{.state = NODED_STATE_FETCHING, .done = 100, .total = 100}, NULL, "a     1.0s  fetching 100%"},
        {{.state = NODED_STATE_PROBING}, NULL, "a     1.0s  probing: running the rehearsal"},
        {{.state = NODED_STATE_PROBING}, NULL, NULL},
        {{.state = NODED_STATE_RESTARTING},
         "2026-11-22T15:00:00.000000000Z",
         "a     1.0s  restarting, offline, last seen 2026-11-22 15:00:00Z"},
        {{.state = NODED_STATE_IDLE}, NULL, "a     1.0s  ordered, not started yet"},
    };
    setup_one (false);
    for (size_t i = 0; i < sizeof heard / sizeof *heard; i++) {
        progress_hear_one ((noded_node){.id = "a",
                                        .desired_epoch = 9,
                                        .last_seen = heard[i].last_seen,
                                        .application = &heard[i].application},
                           false, 2000);
        base_cleanup (base_free_p) char *line = ctl_progress_news (&progress, &progress.targets[0], 2000);
        if (heard[i].line)
            cr_expect (line && strcmp (line, heard[i].line) == 0, "%zu: %s", i, line ? line : "no news");
        else
            cr_expect_null (line, "%zu: %s", i, line);
    }
}

Test (progress, nodes_that_have_not_ended_are_named_with_their_state)
{
    const noded_application fetching = {.state = NODED_STATE_FETCHING, .done = 1, .total = 3},
                            idle = {.state = NODED_STATE_IDLE};
    noded_node nodes[] = {{.id = "a", .online = true, .desired_epoch = 9, .application = &fetching},
                          {.id = "web-2",
                           .desired_epoch = 5,
                           .last_seen = "2026-11-22T15:00:00.000000000Z",
                           .application = &idle}};
    progress_order (2, false);
    progress_hear (nodes, 2, true, 2000);
    base_cleanup (base_free_p) char *left = ctl_progress_left (&progress);
    IN_ORDER (left, "a: fetching 33%", "; web-2: offline", "2026-11-22 15:00:00Z");
    cr_expect_eq (ctl_progress_code (&progress), CTL_TIMEOUT);
}

Test (progress, the_rows_at_the_end_name_outcome_step_and_reason)
{
    noded_node nodes[] = {{.id = "a",
                           .online = true,
                           .desired_epoch = 9,
                           .outcome = NODED_OUTCOME_CONFIRMED,
                           .outcome_step = "confirmed"},
                          {.id = "web-2",
                           .online = true,
                           .desired_epoch = 5,
                           .outcome = NODED_OUTCOME_ROLLED_BACK,
                           .outcome_step = "trial",
                           .outcome_reason = "hung\033"}};
    progress_order (2, false);
    progress_hear (nodes, 2, true, 2000);
    base_cleanup (base_free_p) char *text = PRINTED (ctl_progress_print (&progress, out));
    expect_rows (text, 2);
    expect_cell (text, "a", "OUTCOME", "confirmed");
    expect_cell (text, "a", "STEP", "confirmed");
    expect_cell (text, "a", "REASON", "-");
    expect_cell (text, "web-2", "OUTCOME", "rolled-back");
    expect_cell (text, "web-2", "STEP", "trial");
    expect_cell (text, "web-2", "REASON", "hung\\x1b");
    base_cleanup (base_free_p) char *json = ctl_progress_json (&progress);
    cr_expect_not_null (
        strstr (json, "{\"node\":\"a\",\"ended\":true,\"succeeded\":true,\"outcome\":\"confirmed\""));
    cr_expect_not_null (strstr (json, "\"version\":\"2.0.0\""));
    cr_expect_not_null (strstr (json, "\"succeeded\":false,\"outcome\":\"rolled-back\",\"step\":\"trial\""));
}
