/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/rollouts.c - requests of the library about rollouts, and the results that it returns */

#include <errno.h>

#include "base/cleanup.h"
#include "fake_broker.h"

/*  A literal for a member that packing only reads. */
#define T(text) ((char *) (text))

#define HASH "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffff0000000011111111"

static struct fake_broker broker;
static noded_client *client;
static struct wire_rollout spec = {.application = T ("noded"), .release = {{1}}};
static struct wire_rollout_state rollouts[3];
static struct wire_plan plan = {.hash = {{2}}, .spec = &spec};

static bool rollouts_answer (struct fake_broker *fake, const struct wire_request *request,
                             struct wire_answer *answer)
{
    static struct wire_published releases[] = {
        {.release = {{0xab, 0xcd, 0xef, 1}}, .application = T ("noded"), .version = T ("1"), .time = T ("-")},
        {.release = {{0xab, 0xcd, 0xef, 2}},
         .application = T ("noded"),
         .version = T ("2"),
         .time = T ("-")}};
    (void) fake;
    answer->revision = 7;
    switch (request->verb) {
    case WIRE_VERB_RELEASES:
        answer->releases = releases;
        answer->n_releases = 2;
        break;
    case WIRE_VERB_PLAN:
        answer->plan = &plan;
        break;
    case WIRE_VERB_ROLLOUTS: /* in two pages */
        answer->rollouts = request->after ? rollouts + 2 : rollouts;
        answer->n_rollouts = request->after ? 1 : 2;
        answer->more = !request->after;
        answer->next = T ("2");
        answer->revision = request->after ? 9 : 7;
        break;
    case WIRE_VERB_START:
    case WIRE_VERB_STEER:
        answer->rollouts = rollouts;
        answer->n_rollouts = 1;
        break;
    default:
        break;
    }
    return true;
}

static void setup (void)
{
    static char *const ids[] = {T ("r-1"), T ("r-2"), T ("r-3")};
    for (size_t i = 0; i < 3; i++)
        rollouts[i] = (struct wire_rollout_state){.id = ids[i],
                                                  .spec = &spec,
                                                  .plan = {{2}},
                                                  .begun = T ("-"),
                                                  .since = T ("-"),
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

static const struct wire_request *request_last (void)
{
    cr_assert_gt (broker.n_requests, 0);
    return &broker.requests[broker.n_requests - 1];
}

static void expect_piece (const char *json, const char *piece)
{
    cr_expect_not_null (strstr (json, piece), "%s is not in %s", piece, json);
}

Test (rollouts, a_plan_is_one_object_and_orders_nothing)
{
    static const char *const settings[] = {"select=web-*", "waves=2, rest"};
    base_cleanup (base_free_p) char *json = NULL;
    cr_assert_eq (noded_client_rollout_plan (client, settings, 2, NULL, &json), 0, "%s",
                  noded_client_error (client));
    expect_piece (json, "{\n  \"hash\": \"0200");
    expect_piece (json, "\"left_out\": 0");
    cr_expect_eq (request_last ()->verb, WIRE_VERB_PLAN);
    cr_expect_null (request_last ()->key, "a plan is not an order");
    cr_expect_str_eq (request_last ()->spec->selector, "web-*");
    cr_expect_eq (request_last ()->spec->n_waves, 2);
}

Test (rollouts, a_start_is_an_order_that_names_its_author_and_its_plan)
{
    base_cleanup (base_free_p) char *json = NULL;
    cr_assert_eq (noded_client_rollout_start (client, NULL, 0, NULL, HASH, &json), 0);
    expect_piece (json, "\"id\": \"r-1\"");
    cr_expect_not_null (request_last ()->key);
    cr_expect_not_null (strchr (request_last ()->place, '@'));
    cr_expect_eq (request_last ()->plan.bytes[0], 0xaa);
    cr_expect_eq (noded_client_rollout_start (client, NULL, 0, NULL, "aaaa", &json), -EINVAL);
}

Test (rollouts, a_release_is_found_by_its_first_digits)
{
    static const char *const both[] = {"release=abcdef"}, *const second[] = {"release=ABCDEF02"},
                             *const none[] = {"release=123456"};
    base_cleanup (base_free_p) char *json = NULL;
    cr_expect_eq (noded_client_rollout_plan (client, both, 1, NULL, &json), -EINVAL);
    expect_piece (noded_client_error (client), "2 releases of noded begin with these digits");
    cr_expect_eq (noded_client_rollout_plan (client, none, 1, NULL, &json), -ENOENT);
    cr_assert_eq (noded_client_rollout_plan (client, second, 1, NULL, &json), 0);
    cr_expect_eq (request_last ()->spec->release.bytes[3], 2);
}

Test (rollouts, a_list_comes_in_pages_and_can_wait_for_a_change)
{
    base_cleanup (base_free_p) char *json = NULL;
    uint64_t revision = 0;
    cr_assert_eq (noded_client_rollout_list (client, NULL, 5, 100, &revision, &json), 0);
    expect_piece (json, "[\n  {\"id\":\"r-1\"");
    expect_piece (json, ",\n  {\"id\":\"r-3\"");
    cr_expect_eq (revision, 7, "the revision of the first page: later changes are reported again");
    cr_assert_eq (broker.n_requests, 2);
    cr_expect_eq (broker.requests[0].wait_ms, 100);
    cr_expect_eq (broker.requests[1].wait_ms, 0, "the second page does not wait");
}

Test (rollouts, a_request_for_members_names_a_rollout_or_a_plan)
{
    base_cleanup (base_free_p) char *json = NULL;
    cr_expect_eq (noded_client_rollout_members (client, NULL, NULL, 0, NULL, &json), -EINVAL);
    cr_expect_eq (noded_client_rollout_members (client, "r-1", HASH, 0, NULL, &json), -EINVAL);
    cr_assert_eq (noded_client_rollout_members (client, NULL, HASH, 0, NULL, &json), 0);
    cr_expect_str_eq (json, "[]\n");
    cr_expect_eq (request_last ()->plan.bytes[0], 0xaa);
}

Test (rollouts, an_invalid_command_to_a_rollout_is_not_sent)
{
    static const char *const nodes[] = {"web-1"};
    char *json = NULL;
    cr_expect_eq (noded_client_rollout_steer (client, "r-1", "stop", 0, NULL, 0, &json), -EINVAL);
    expect_piece (noded_client_error (client), "pause, resume, approve, abort, revert or retry");
    cr_expect_eq (noded_client_rollout_steer (client, "r-1", "abort", 0, nodes, 1, &json), -EINVAL);
    cr_expect_eq (broker.n_requests, 0);
    cr_assert_eq (noded_client_rollout_steer (client, "r-1", "approve", 2, NULL, 0, &json), 0);
    cr_expect (request_last ()->command == WIRE_COMMAND_APPROVE && request_last ()->wave == 2);
    free (json);
}

static bool answer_nothing (struct fake_broker *fake, const struct wire_request *request,
                            struct wire_answer *answer)
{
    (void) fake;
    (void) request;
    (void) answer;
    return true;
}

Test (rollouts, an_answer_without_the_requested_part_is_an_error)
{
    char *json = NULL;
    broker.answer = answer_nothing;
    cr_expect_eq (noded_client_rollout_plan (client, NULL, 0, NULL, &json), -EPROTO);
    cr_expect_eq (noded_client_rollout_start (client, NULL, 0, NULL, NULL, &json), -EPROTO);
    cr_expect_null (json);
}
