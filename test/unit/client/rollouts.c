/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/rollouts.c - requests of the library about rollouts, and the results that it returns */

#include <errno.h>

#include "base/cleanup.h"
#include "fake_broker.h"

#define HASH "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffff0000000011111111"

static struct fake_broker broker;
static noded_client *client;
static struct wire_rollout spec = {.application = "noded", .release = {{1}}};
static struct wire_rollout_state rollouts[3];
static struct wire_plan plan = {.hash = {{2}}, .spec = &spec};

static bool rollouts_answer (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    static struct wire_release_state releases[] = {
        {.release = {{0xab, 0xcd, 0xef, 1}}, .application = "noded", .version = "1", .time = "-"},
        {.release = {{0xab, 0xcd, 0xef, 2}}, .application = "noded", .version = "2", .time = "-"}};
    (void) fake;
    if (request->record == &wire_list_releases_record) {
        struct wire_releases *answer = ret_answer;
        answer->releases = releases;
        answer->n_releases = 2;
    } else if (request->record == &wire_plan_rollout_record)
        ((struct wire_planned *) ret_answer)->plan = &plan;
    else if (request->record == &wire_list_rollouts_record) { /* in two pages */
        struct wire_rollouts *answer = ret_answer;
        bool second = ((const struct wire_list_rollouts *) request->body)->after;
        answer->rollouts = second ? rollouts + 2 : rollouts;
        answer->n_rollouts = second ? 1 : 2;
        answer->more = !second;
        answer->next = "2";
        answer->revision = second ? 9 : 7;
    } else if (request->record == &wire_start_rollout_record)
        ((struct wire_started *) ret_answer)->rollout = rollouts;
    else if (request->record == &wire_steer_rollout_record)
        ((struct wire_steered *) ret_answer)->rollout = rollouts;
    return true;
}

static void setup (void)
{
    static const char *const ids[] = {"r-1", "r-2", "r-3"};
    for (size_t i = 0; i < 3; i++)
        rollouts[i] = (struct wire_rollout_state){.id = ids[i],
                                                  .spec = &spec,
                                                  .plan = {{2}},
                                                  .started = "-",
                                                  .since = "-",
                                                  .phase = WIRE_PHASE_UPDATING,
                                                  .wave = 1,
                                                  .revision = 7};
    broker = (struct fake_broker){.answer = rollouts_answer};
    fake_start (&broker);
    client = fake_client (&broker, 20000);
}

static void teardown (void)
{
    noded_client_free (client);
    fake_end (&broker);
}

TestSuite (rollouts, .init = setup, .fini = teardown, .timeout = 60);

#define REQUEST_LAST(name) FAKE_REQUEST (&broker, broker.n_requests - 1, name)

static void expect_piece (const char *text, const char *piece)
{
    cr_expect_not_null (strstr (text, piece), "%s is not in %s", piece, text);
}

/*  Plans with settings, which end with NULL. */
static int plan_make (const char *const *settings)
{
    noded_spec given = {.settings = settings};
    noded_plan *made;
    while (settings[given.n_settings])
        given.n_settings++;
    int rc = noded_client_rollout_plan (client, &given, &made);
    cr_expect_eq (rc == 0, made != NULL);
    noded_plan_free (made);
    return rc;
}

Test (rollouts, a_plan_orders_nothing)
{
    static const char *const settings[] = {"select=web-*", "waves=2, rest"};
    noded_plan *made;
    cr_assert_eq (
        noded_client_rollout_plan (client, &(noded_spec){.settings = settings, .n_settings = 2}, &made), 0,
        "%s", noded_client_error (client));
    cr_expect_eq (made->hash.bytes[0], 2);
    cr_expect_str_eq (made->spec->application, "noded");
    base_cleanup (base_free_p) char *json = noded_plan_json (made);
    expect_piece (json, "{\n  \"hash\": \"0200");
    expect_piece (json, "\"skipped\": 0");
    noded_plan_free (made);
    cr_expect_str_eq (REQUEST_LAST (plan_rollout)->spec->selector, "web-*");
    cr_expect_eq (REQUEST_LAST (plan_rollout)->spec->n_waves, 2);
}

Test (rollouts, a_start_is_an_order_that_names_its_author_and_its_plan)
{
    const noded_spec defaults = {.settings = NULL};
    noded_rollout *rollout;
    cr_assert_eq (noded_client_rollout_start (client, &defaults, HASH, &rollout), 0);
    cr_expect_str_eq (rollout->id, "r-1");
    noded_rollout_free (rollout);
    cr_expect_not_null (REQUEST_LAST (start_rollout)->key);
    cr_expect_not_null (strchr (REQUEST_LAST (start_rollout)->user, '@'));
    cr_expect_eq (REQUEST_LAST (start_rollout)->plan.bytes[0], 0xaa);
    cr_expect_eq (noded_client_rollout_start (client, &defaults, "aaaa", &rollout), -EINVAL);
    cr_expect_null (rollout);
}

Test (rollouts, a_release_is_found_by_its_first_digits)
{
    static const char *const both[] = {"release=abcdef", NULL}, *const second[] = {"release=ABCDEF02", NULL},
                             *const none[] = {"release=123456", NULL};
    cr_expect_eq (plan_make (both), -EINVAL);
    expect_piece (noded_client_error (client), "2 releases of noded begin with these digits");
    cr_expect_eq (plan_make (none), -ENOENT);
    cr_assert_eq (plan_make (second), 0);
    cr_expect_eq (REQUEST_LAST (plan_rollout)->spec->release.bytes[3], 2);
}

Test (rollouts, a_list_comes_in_pages_and_can_wait_for_a_change)
{
    base_cleanup (noded_rollouts_free) noded_rollouts list = {.count = 0};
    const noded_rollouts_query query = {.since = 5, .wait_ms = 100};
    cr_assert_eq (noded_client_rollout_list (client, &query, &list), 0);
    cr_assert_eq (list.count, 3);
    cr_expect_str_eq (list.items[0].id, "r-1");
    cr_expect_str_eq (list.items[2].id, "r-3");
    cr_expect_eq (list.revision, 7, "the revision of the first page: later changes are reported again");
    cr_assert_eq (broker.n_requests, 2);
    cr_expect_eq (FAKE_REQUEST (&broker, 0, list_rollouts)->wait_ms, 100);
    cr_expect_eq (FAKE_REQUEST (&broker, 1, list_rollouts)->wait_ms, 0, "the second page does not wait");
}

Test (rollouts, a_request_for_members_names_a_rollout_or_a_plan)
{
    noded_members members;
    cr_expect_eq (noded_client_rollout_members (client, &(noded_members_query){.since = 0}, &members),
                  -EINVAL);
    cr_expect_eq (noded_client_rollout_members (
                      client, &(noded_members_query){.rollout = "r-1", .plan = HASH}, &members),
                  -EINVAL);
    cr_assert_eq (noded_client_rollout_members (client, &(noded_members_query){.plan = HASH}, &members), 0);
    cr_expect_eq (members.count, 0);
    noded_members_free (&members);
    cr_expect_eq (REQUEST_LAST (list_members)->plan.bytes[0], 0xaa);
}

static int steer (const noded_steering *steering)
{
    noded_rollout *rollout;
    int rc = noded_client_rollout_steer (client, steering, &rollout);
    noded_rollout_free (rollout);
    return rc;
}

Test (rollouts, an_invalid_command_to_a_rollout_is_not_sent)
{
    static const char *const nodes[] = {"web-1"};
    cr_expect_eq (steer (&(noded_steering){.rollout = "r-1", .command = NODED_COMMAND_NULL}), -EINVAL);
    expect_piece (noded_client_error (client), "pause, resume, approve, abort, revert or retry");
    cr_expect_eq (steer (&(noded_steering){.rollout = "r-1", .command = 99}), -EINVAL);
    cr_expect_eq (steer (&(noded_steering){
                      .rollout = "r-1", .command = NODED_COMMAND_ABORT, .nodes = nodes, .n_nodes = 1}),
                  -EINVAL);
    cr_expect_eq (broker.n_requests, 0);
    cr_assert_eq (steer (&(noded_steering){.rollout = "r-1", .command = NODED_COMMAND_APPROVE, .wave = 2}),
                  0);
    cr_expect_eq (REQUEST_LAST (steer_rollout)->command, WIRE_COMMAND_APPROVE);
    cr_expect_eq (REQUEST_LAST (steer_rollout)->wave, 2);
}

static bool answer_nothing (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    (void) fake;
    (void) request;
    (void) ret_answer;
    return true;
}

Test (rollouts, an_answer_without_the_requested_part_is_an_error)
{
    const noded_spec defaults = {.settings = NULL};
    noded_rollout *rollout;
    noded_plan *made;
    broker.answer = answer_nothing;
    cr_expect_eq (noded_client_rollout_plan (client, &defaults, &made), -EPROTO);
    cr_expect_eq (noded_client_rollout_start (client, &defaults, NULL, &rollout), -EPROTO);
    cr_expect (!made && !rollout);
}
