/* SPDX-License-Identifier: MPL-2.0 */
/*  client/rollouts.c - rollouts: planning, starting, watching and steering them */

#include "client/ask.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "client/spec.h"

enum { ROLLOUT_NODES = 512 /* nodes in a retry, as in schemas/operator.def */ };

/*  Searches for the releases whose digests begin with prefix. */
struct release_search {
    const char *prefix;
    struct base_digest found;
    size_t count;
};

static int search_take (void *context, const struct wire_answer *answer)
{
    struct release_search *search = context;
    char text[BASE_DIGEST_TEXT];
    for (size_t i = 0; i < answer->n_releases; i++) {
        const struct base_digest *digest = &answer->releases[i].release;
        bool fits = strncmp (base_digest_format (digest, text), search->prefix, strlen (search->prefix)) == 0;
        if (!fits || (search->count && base_digest_equal (digest, &search->found)))
            continue;
        search->found = *digest;
        search->count++;
    }
    return 0;
}

static int find_release (noded_client *client, struct client_spec *spec)
{
    struct wire_rollout *rollout = &spec->rollout;
    if (!spec->release || base_digest_parse (spec->release, &rollout->release) == 0)
        return 0;
    struct release_search search = {.prefix = spec->release};
    struct wire_request request = {.verb = WIRE_VERB_RELEASES, .application = rollout->application};
    int rc = client_ask_pages (client, &request, 0, "look for the release", search_take, &search);
    if (rc != 0)
        return rc;
    if (search.count > 1)
        return base_error_set (&client->error, -EINVAL,
                               "release is \"%s\": %zu releases of %s begin with these digits; give more",
                               spec->release, search.count, rollout->application);
    if (search.count == 0)
        return base_error_set (
            &client->error, -ENOENT,
            "release is \"%s\": no release of %s begins with these digits; see nodectl releases",
            spec->release, rollout->application);
    rollout->release = search.found;
    return 0;
}

static int read_spec (noded_client *client, const char *const *settings, size_t n_settings, const char *file,
                      struct client_spec *ret_spec)
{
    int rc = client_spec_read (settings, n_settings, file, ret_spec, &client->error);
    return rc == 0 ? find_release (client, ret_spec) : rc;
}

/*  Returns one object of an answer as JSON. */
static int record_give (noded_client *client, const struct wire_record *record, const void *message,
                        const char *what, char **ret_json)
{
    if (!message)
        return base_error_set (&client->error, -EPROTO, "cannot %s: the broker's answer lacks the %s", what,
                               wire_record_name (record));
    base_cleanup (base_free_p) char *json =
        wire_json (record, message, WIRE_JSON_COMPLETE | WIRE_JSON_PRETTY);
    if (!json)
        return client_out_of_memory (client);
    *ret_json = base_take (json);
    return 0;
}

int noded_client_rollout_plan (noded_client *client, const char *const *settings, size_t n_settings,
                               const char *file, char **ret_json)
{
    static const char what[] = "plan the rollout";
    base_cleanup (client_spec_deinit) struct client_spec spec = {.release = NULL};
    base_cleanup (wire_answer_deinit) struct wire_answer answer = {.serial = 0};
    int rc = read_spec (client, settings, n_settings, file, &spec);
    if (rc != 0)
        return rc;
    struct wire_request request = {
        .verb = WIRE_VERB_PLAN, .application = spec.rollout.application, .spec = &spec.rollout};
    rc = client_ask (client, &request, 0, what, &answer);
    return rc == 0 ? record_give (client, &wire_plan_record, answer.plan, what, ret_json) : rc;
}

static int parse_plan (noded_client *client, const char *plan, struct base_digest *ret_plan)
{
    if (base_digest_parse (plan, ret_plan) != 0)
        return base_error_set (&client->error, -EINVAL,
                               "\"%s\" is not a plan: give its hash, 64 hexadecimal digits", plan);
    return 0;
}

int noded_client_rollout_start (noded_client *client, const char *const *settings, size_t n_settings,
                                const char *file, const char *plan, char **ret_json)
{
    static const char what[] = "start the rollout";
    base_cleanup (client_spec_deinit) struct client_spec spec = {.release = NULL};
    base_cleanup (wire_answer_deinit) struct wire_answer answer = {.serial = 0};
    struct wire_request request = {.verb = WIRE_VERB_START};
    int rc = plan ? parse_plan (client, plan, &request.plan) : 0;
    if (rc == 0)
        rc = read_spec (client, settings, n_settings, file, &spec);
    if (rc != 0)
        return rc;
    request.application = spec.rollout.application;
    request.spec = &spec.rollout;
    rc = client_ask (client, &request, 0, what, &answer);
    return rc == 0 ? record_give (client, &wire_rollout_state_record,
                                  answer.n_rollouts ? answer.rollouts : NULL, what, ret_json)
                   : rc;
}

int noded_client_rollout_list (noded_client *client, const char *rollout, uint64_t since, uint64_t wait_ms,
                               uint64_t *ret_revision, char **ret_json)
{
    base_cleanup (client_question_deinit) struct client_question question = {.client = client,
                                                                             .what = "list the rollouts"};
    question.request.verb = WIRE_VERB_ROLLOUTS;
    question.request.rollout = (char *) rollout;
    question.request.since = since;
    question.wait_ms = since ? wait_ms < CLIENT_WAIT_MOST_MS ? wait_ms : CLIENT_WAIT_MOST_MS : 0;
    question.request.wait_ms = question.wait_ms;
    int rc = client_question_ask (&question, NULL, 0, 1);
    if (rc == 0)
        rc = client_question_finish (&question, ret_json);
    if (rc == 0 && ret_revision)
        *ret_revision = question.revision;
    return rc;
}

int noded_client_rollout_members (noded_client *client, const char *rollout, const char *plan, uint64_t since,
                                  uint64_t *ret_revision, char **ret_json)
{
    base_cleanup (client_question_deinit) struct client_question question = {
        .client = client, .what = "list the nodes of the rollout"};
    question.request.verb = WIRE_VERB_MEMBERS;
    question.request.rollout = (char *) rollout;
    question.request.since = since;
    if (!rollout == !plan)
        return base_error_set (&client->error, -EINVAL, "cannot %s: name a rollout or a plan, and not both",
                               question.what);
    int rc = plan ? parse_plan (client, plan, &question.request.plan) : 0;
    if (rc == 0)
        rc = client_question_ask (&question, NULL, 0, 1);
    if (rc == 0)
        rc = client_question_finish (&question, ret_json);
    if (rc == 0 && ret_revision)
        *ret_revision = question.revision;
    return rc;
}

int noded_client_rollout_history (noded_client *client, const char *rollout, char **ret_json)
{
    base_cleanup (client_question_deinit) struct client_question question = {
        .client = client, .what = "list the rollout's history"};
    question.request.verb = WIRE_VERB_HISTORY;
    question.request.rollout = (char *) rollout;
    int rc = client_question_ask (&question, NULL, 0, 1);
    return rc == 0 ? client_question_finish (&question, ret_json) : rc;
}

static int check_command (noded_client *client, const char *command, size_t n_nodes,
                          enum wire_command *ret_command)
{
    enum wire_command parsed = wire_command_parse (command);
    if (parsed == WIRE_COMMAND_NULL)
        return base_error_set (&client->error, -EINVAL,
                               "\"%s\" is not a command of a rollout; the commands are "
                               "pause, resume, approve, abort, revert or retry",
                               command);
    if (n_nodes > ROLLOUT_NODES || (n_nodes && parsed != WIRE_COMMAND_RETRY))
        return base_error_set (&client->error, -EINVAL,
                               "cannot %s the rollout: only retry accepts nodes, at most %d", command,
                               ROLLOUT_NODES);
    *ret_command = parsed;
    return 0;
}

int noded_client_rollout_steer (noded_client *client, const char *rollout, const char *command, unsigned wave,
                                const char *const *nodes, size_t n_nodes, char **ret_json)
{
    base_cleanup (wire_answer_deinit) struct wire_answer answer = {.serial = 0};
    struct wire_request request = {.verb = WIRE_VERB_STEER,
                                   .rollout = (char *) rollout,
                                   .wave = wave,
                                   .nodes = n_nodes ? (char **) nodes : NULL,
                                   .n_nodes = n_nodes};
    int rc = check_command (client, command, n_nodes, &request.command);
    if (rc != 0)
        return rc;
    char what[64];
    (void) snprintf (what, sizeof what, "%s the rollout", command);
    rc = client_ask (client, &request, 0, what, &answer);
    return rc == 0 ? record_give (client, &wire_rollout_state_record,
                                  answer.n_rollouts ? answer.rollouts : NULL, what, ret_json)
                   : rc;
}
