/* SPDX-License-Identifier: MPL-2.0 */
/*  client/rollouts.c - rollouts: planning, starting, watching and steering them */

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "client/list.h"
#include "client/spec.h"

enum { ROLLOUT_NODES = 512 /* nodes in a retry, as in schemas/operator.def */ };

/*  Counts the releases whose digests begin with prefix, each digest once, and finds the last of them. */
static size_t releases_count (const noded_releases *releases, const char *prefix,
                              struct base_digest *ret_found)
{
    base_assert (prefix && *prefix);
    base_assert (ret_found);
    size_t count = 0;
    for (size_t i = 0; i < releases->count; i++) {
        char text[65];
        const noded_digest *digest = &releases->items[i].release;
        if (strncmp (noded_digest_text (digest, text), prefix, strlen (prefix)) != 0 ||
            (count && memcmp (ret_found->bytes, digest->bytes, sizeof digest->bytes) == 0))
            continue;
        memcpy (ret_found->bytes, digest->bytes, sizeof digest->bytes);
        count++;
    }
    return count;
}

static int release_find (noded_client *client, struct client_spec *spec)
{
    base_assert (spec->rollout.application);
    struct wire_rollout *rollout = &spec->rollout;
    if (!spec->release || base_digest_parse (spec->release, &rollout->release) == 0)
        return 0;
    base_cleanup (noded_releases_free) noded_releases releases = {.count = 0};
    int r = noded_client_releases (client, rollout->application, &releases);
    if (r < 0)
        return r;
    size_t count = releases_count (&releases, spec->release, &rollout->release);
    if (count > 1)
        return base_error_set (&client->error, -EINVAL,
                               "release is \"%s\": %zu releases of %s begin with these digits; give more",
                               spec->release, count, rollout->application);
    if (count == 0)
        return base_error_set (
            &client->error, -ENOENT,
            "release is \"%s\": no release of %s begins with these digits; see nodectl releases",
            spec->release, rollout->application);
    return 0;
}

static int spec_read (noded_client *client, const noded_spec *given, struct client_spec *ret_spec)
{
    base_assert (ret_spec);
    int r = client_spec_read (given->settings, given->n_settings, given->file, ret_spec, &client->error);
    return r < 0 ? r : release_find (client, ret_spec);
}

static int answer_incomplete (noded_client *client, const char *what, const char *part)
{
    base_assert (what && part);
    return base_error_set (&client->error, -EPROTO, "cannot %s: the broker's answer lacks the %s", what,
                           part);
}

int noded_client_rollout_plan (noded_client *client, const noded_spec *given, noded_plan **ret_plan)
{
    static const char what[] = "plan the rollout";
    base_cleanup (client_spec_deinit) struct client_spec spec = {.release = NULL};
    base_cleanup (wire_planned_deinit) struct wire_planned answer = {.serial = 0};
    *ret_plan = NULL;
    int r = spec_read (client, given, &spec);
    if (r < 0)
        return r;
    struct wire_plan_rollout request = {.spec = &spec.rollout};
    r = client_ask (client, &wire_plan_rollout_record, &request, 0, what, &answer);
    if (r < 0)
        return r;
    if (!answer.plan)
        return answer_incomplete (client, what, "plan");
    *ret_plan = (noded_plan *) (void *) base_take (answer.plan);
    return 0;
}

static int plan_parse (noded_client *client, const char *plan, struct base_digest *ret_plan)
{
    base_assert (ret_plan);
    if (base_digest_parse (plan, ret_plan) != 0)
        return base_error_set (&client->error, -EINVAL,
                               "\"%s\" is not a plan: give its hash, 64 hexadecimal digits", plan);
    return 0;
}

int noded_client_rollout_start (noded_client *client, const noded_spec *given, const char *plan,
                                noded_rollout **ret_rollout)
{
    static const char what[] = "start the rollout";
    base_cleanup (client_spec_deinit) struct client_spec spec = {.release = NULL};
    base_cleanup (wire_started_deinit) struct wire_started answer = {.serial = 0};
    struct wire_start_rollout request = {.serial = 0};
    *ret_rollout = NULL;
    int r = plan ? plan_parse (client, plan, &request.plan) : 0;
    if (r < 0)
        return r;
    r = spec_read (client, given, &spec);
    if (r < 0)
        return r;
    request.spec = &spec.rollout;
    r = client_ask (client, &wire_start_rollout_record, &request, 0, what, &answer);
    if (r < 0)
        return r;
    if (!answer.rollout)
        return answer_incomplete (client, what, "rollout");
    *ret_rollout = (noded_rollout *) (void *) base_take (answer.rollout);
    return 0;
}

int noded_client_rollout_list (noded_client *client, const noded_rollouts_query *query,
                               noded_rollouts *ret_rollouts)
{
    static const struct client_list list = CLIENT_LIST_OF (
        list_rollouts, rollouts, rollout_state, .wait_ms = offsetof (struct wire_list_rollouts, wait_ms));
    struct wire_list_rollouts request = {.rollout = query->rollout, .since = query->since};
    struct client_items items = {.count = 0};
    uint64_t wait_ms = !query->since                          ? 0
                       : query->wait_ms < CLIENT_WAIT_MOST_MS ? query->wait_ms
                                                              : CLIENT_WAIT_MOST_MS;
    int r = client_list_ask (client, &list, &request, wait_ms, "list the rollouts", &items);
    if (r < 0)
        client_items_deinit (&list, &items);
    *ret_rollouts = (noded_rollouts){.items = items.items, .count = items.count, .revision = items.revision};
    return r;
}

int noded_client_rollout_members (noded_client *client, const noded_members_query *query,
                                  noded_members *ret_members)
{
    static const char what[] = "list the nodes of the rollout";
    static const struct client_list list = CLIENT_LIST_OF (list_members, members, member_state);
    struct wire_list_members request = {.rollout = query->rollout, .since = query->since};
    struct client_items items = {.count = 0};
    *ret_members = (noded_members){.count = 0};
    if (!query->rollout == !query->plan)
        return base_error_set (&client->error, -EINVAL, "cannot %s: name a rollout or a plan, and not both",
                               what);
    int r = query->plan ? plan_parse (client, query->plan, &request.plan) : 0;
    if (r < 0)
        return r;
    r = client_list_ask (client, &list, &request, 0, what, &items);
    if (r < 0)
        client_items_deinit (&list, &items);
    *ret_members = (noded_members){.items = items.items, .count = items.count, .revision = items.revision};
    return r;
}

int noded_client_rollout_history (noded_client *client, const char *rollout,
                                  noded_transitions *ret_transitions)
{
    static const struct client_list list = CLIENT_LIST_OF (list_transitions, transitions, transition);
    struct wire_list_transitions request = {.rollout = rollout};
    struct client_items items = {.count = 0};
    int r = client_list_ask (client, &list, &request, 0, "list the rollout's history", &items);
    if (r < 0)
        client_items_deinit (&list, &items);
    *ret_transitions = (noded_transitions){.items = items.items, .count = items.count};
    return r;
}

static int steering_check (noded_client *client, const noded_steering *steering)
{
    bool valid = steering->command > NODED_COMMAND_NULL && steering->command <= NODED_COMMAND_RETRY;
    if (!valid)
        return base_error_set (&client->error, -EINVAL,
                               "%d is not a command of a rollout; the commands are "
                               "pause, resume, approve, abort, revert or retry",
                               (int) steering->command);
    if (steering->n_nodes > ROLLOUT_NODES || (steering->n_nodes && steering->command != NODED_COMMAND_RETRY))
        return base_error_set (&client->error, -EINVAL,
                               "cannot %s the rollout: only retry accepts nodes, at most %d",
                               noded_command_word (steering->command), ROLLOUT_NODES);
    return 0;
}

int noded_client_rollout_steer (noded_client *client, const noded_steering *steering,
                                noded_rollout **ret_rollout)
{
    base_cleanup (wire_steered_deinit) struct wire_steered answer = {.serial = 0};
    struct wire_steer_rollout request = {.rollout = steering->rollout,
                                         .command = (enum wire_command) steering->command,
                                         .wave = steering->wave,
                                         .nodes = steering->n_nodes ? steering->nodes : NULL,
                                         .n_nodes = steering->n_nodes};
    *ret_rollout = NULL;
    int r = steering_check (client, steering);
    if (r < 0)
        return r;
    char what[64];
    (void) snprintf (what, sizeof what, "%s the rollout", noded_command_word (steering->command));
    r = client_ask (client, &wire_steer_rollout_record, &request, 0, what, &answer);
    if (r < 0)
        return r;
    if (!answer.rollout)
        return answer_incomplete (client, what, "rollout");
    *ret_rollout = (noded_rollout *) (void *) base_take (answer.rollout);
    return 0;
}
