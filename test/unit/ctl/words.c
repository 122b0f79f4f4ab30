/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/words.c - records of the broker, printed as text */

#include "printed.h"

#include "base/cleanup.h"
#include "ctl/words.h"

static const noded_failure failure = {.transaction = "t-2", .step = "trial", .reason = "hung"};
static const noded_application application = {
    .name = "noded",
    .state = NODED_STATE_IDLE,
    .version = "1.0.0",
    .release = {{0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x22}},
    .previous_version = "0.9.0",
    .previous_release = {{0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x44}},
    .held = true,
    .last_error = &failure};
static noded_node nodes[] = {{.id = "web-1", .online = true, .application = &application}, {.id = "b"}};

Test (words, nodes_are_printed_as_a_table)
{
    const noded_nodes list = {.items = nodes, .count = 2};
    base_cleanup (base_free_p) char *text = PRINTED (ctl_nodes_print (out, &list, 0));
    static const char *const headings[] = {"NODE",    "ONLINE",   "STATE", "VERSION",
                                           "RELEASE", "PREVIOUS", "HELD",  "LAST-ERROR"};
    static const char *const cells[2][8] = {
        {"web-1", "yes", "idle", "1.0.0", "111111111111", "0.9.0", "yes", "trial: hung"},
        {"b", "no", "unknown", "-", "-", "-", "no", "-"}};
    expect_rows (text, 2);
    for (size_t row = 0; row < 2; row++)
        for (size_t column = 0; column < 8; column++)
            expect_cell (text, cells[row][0], headings[column], cells[row][column]);
}

Test (words, a_table_of_nodes_fits_a_narrow_terminal)
{
    const noded_nodes list = {.items = nodes, .count = 2};
    base_cleanup (base_free_p) char *text = PRINTED (ctl_nodes_print (out, &list, 40));
    expect_width (text, 40);
    expect_rows (text, 2);
    expect_cell (text, "web-1", "STATE", "idle");
}

Test (words, an_empty_list_of_nodes_is_printed_as_no_nodes)
{
    const noded_nodes list = {.count = 0};
    base_cleanup (base_free_p) char *text = PRINTED (ctl_nodes_print (out, &list, 0));
    cr_expect_str_eq (text, "no nodes\n");
}

Test (words, the_reports_of_a_node_are_grouped_by_update)
{
    noded_report reports[] = {{.time = "2026-11-22T15:00:00.000000000Z",
                               .transaction = "t-1",
                               .epoch = 4,
                               .attempt = 1,
                               .step = "matching",
                               .outcome = NODED_OUTCOME_STARTED,
                               .version = "1.0.0",
                               .release = application.release,
                               .order = NODED_ORDER_UPDATE,
                               .ordered = "2026-11-22T14:59:59.000000000Z",
                               .rollout = "r-1",
                               .wave = 2},
                              {.time = "2026-11-22T15:00:01.500000000Z",
                               .transaction = "t-2",
                               .epoch = 5,
                               .attempt = 1,
                               .step = "probing",
                               .outcome = NODED_OUTCOME_STARTED,
                               .version = "2.0.0",
                               .release = {{0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x66}}},
                              {.time = "2026-11-22T15:00:02.250000000Z",
                               .transaction = "t-1",
                               .epoch = 4,
                               .attempt = 2,
                               .step = "confirmed",
                               .outcome = NODED_OUTCOME_CONFIRMED},
                              {.time = "2026-11-22T15:00:03.000000000Z",
                               .transaction = "t-2",
                               .epoch = 5,
                               .attempt = 1,
                               .step = "trial",
                               .outcome = NODED_OUTCOME_ROLLED_BACK,
                               .reason = "hung\n"},
                              {.time = "2026-11-22T16:00:00.000000000Z",
                               .epoch = 6,
                               .attempt = 1,
                               .step = "hold",
                               .outcome = NODED_OUTCOME_PASSED}};
    const noded_reports list = {.items = reports, .count = 5};
    base_cleanup (base_free_p) char *text = PRINTED (ctl_why_print (out, &nodes[0], &list));
    IN_ORDER (text, "2026-11-22 15:00:00Z  Update to 1.0.0 (111111111111)", "order 4", "t-1", "rollout r-1",
              "wave 2\n", "15:00:00.000  matching ", " started\n", "15:00:02.250  confirmed ",
              "(attempt 2)\n", "took 2.2s\n");
    IN_ORDER (text, "took 2.2s\n", "2026-11-22 15:00:01Z  Update to 2.0.0 (555555555555)", "order 5", "t-2\n",
              "15:00:01.500  probing ", "15:00:03.000  trial ", ": hung\\x0a\n", "took 1.5s\n");
    IN_ORDER (text, "took 1.5s\n", "2026-11-22 16:00:00Z  Order to hold", "order 6\n", "hold  passed\n");
}

Test (words, the_reports_of_a_node_end_with_what_runs_now_and_why)
{
    noded_report reports[] = {{.time = "2026-11-22T15:00:03.000000000Z",
                               .transaction = "t-2",
                               .epoch = 5,
                               .attempt = 1,
                               .step = "trial",
                               .outcome = NODED_OUTCOME_ROLLED_BACK,
                               .reason = "hung\n"}};
    const noded_reports list = {.items = reports, .count = 1};
    base_cleanup (base_free_p) char *text = PRINTED (ctl_why_print (out, &nodes[0], &list));
    IN_ORDER (text, "\nNow: web-1 runs noded 1.0.0 (111111111111)", "idle, held\n", "because ",
              "failed on trial", "2026-11-22 15:00:03Z", "t-2: hung\\x0a\n",
              "a revert returns to 0.9.0 (333333333333)\n");
}

Test (words, records_with_absent_values_do_no_harm)
{
    noded_report reports[] = {{.node = "b"}, {.node = "b", .time = "5", .outcome = 99}};
    const noded_failure failures[] = {{.step = NULL}};
    const noded_application strange = {.state = 99, .last_error = failures};
    const noded_nodes list = {.items = nodes, .count = 2};
    base_cleanup (base_free_p) char *text =
        PRINTED (ctl_why_print (out, &nodes[1], &(noded_reports){.items = reports, .count = 2}));
    nodes[1].application = &strange;
    base_cleanup (base_free_p) char *table = PRINTED (ctl_nodes_print (out, &list, 10));
    base_cleanup (base_free_p) char *status = PRINTED (ctl_status_print (out, &nodes[1], "noded"));
    base_cleanup (base_free_p) char *quarantine = PRINTED (ctl_quarantine_print (out, failures, 1, 10));
    cr_expect (*text && *table && *status && *quarantine);
}

Test (words, an_event_is_one_line)
{
    const noded_node_event event = {.event = NODED_EVENT_FAILED,
                                    .time = "2026-11-22T15:00:00.000000000Z",
                                    .node = "web-1",
                                    .application = "noded",
                                    .version = "1.0.0",
                                    .step = "probing",
                                    .reason = "no"};
    base_cleanup (base_free_p) char *line = ctl_event_line (&event);
    cr_expect_str_eq (line, "2026-11-22 15:00:00Z  web-1  failed  noded  1.0.0  probing: no");
}

Test (words, every_state_and_outcome_has_words)
{
    for (enum noded_state state = NODED_STATE_IDLE; state <= NODED_STATE_UNFIT; state++)
        cr_expect_str_not_empty (ctl_state_words (state), "%s", noded_state_word (state));
    for (enum noded_outcome outcome = NODED_OUTCOME_STARTED; outcome <= NODED_OUTCOME_ROLLED_BACK;
         outcome++) {
        cr_expect_str_neq (ctl_outcome_words (outcome), "unknown", "%s", noded_outcome_word (outcome));
        cr_expect (ctl_outcome_ends (outcome) || outcome <= NODED_OUTCOME_PASSED, "%s",
                   noded_outcome_word (outcome));
    }
    cr_expect_str_eq (noded_state_word (NODED_STATE_UNFIT + 1), "unknown", "the last state is another one");
    cr_expect_str_eq (noded_outcome_word (NODED_OUTCOME_ROLLED_BACK + 1), "unknown");
}
