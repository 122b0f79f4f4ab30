/* SPDX-License-Identifier: MPL-2.0 */
/*  client/ask.c - orders and lists

    Nodes are named in portions whose requests and answers fit into a frame; each portion of an order has its
    own key. */

#include "client/ask.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"

void client_question_deinit (struct client_question *question)
{
    client_json_deinit (&question->json);
}

static int ask_take (void *context, const struct wire_answer *answer)
{
    struct client_question *question = context;
    const char *application = question->request.application ? question->request.application : "noded";
    for (size_t i = 0; i < answer->n_ordered; i++)
        client_json_record (&question->json, &wire_ordered_record, &answer->ordered[i]);
    for (size_t i = 0; i < answer->n_nodes; i++)
        client_json_node (&question->json, &answer->nodes[i], application);
    for (size_t i = 0; i < answer->n_releases; i++)
        client_json_record (&question->json, &wire_published_record, &answer->releases[i]);
    for (size_t i = 0; i < answer->n_told; i++)
        client_json_record (&question->json, &wire_told_record, &answer->told[i]);
    for (size_t i = 0; i < answer->n_rollouts; i++)
        client_json_record (&question->json, &wire_rollout_state_record, &answer->rollouts[i]);
    for (size_t i = 0; i < answer->n_members; i++)
        client_json_record (&question->json, &wire_member_state_record, &answer->members[i]);
    for (size_t i = 0; i < answer->n_turns; i++)
        client_json_record (&question->json, &wire_turn_record, &answer->turns[i]);
    /*  The lowest of all pages: changes made while later pages were requested are returned again next
        time. */
    if (!question->revision || answer->revision < question->revision)
        question->revision = answer->revision;
    return question->json.failed ? -ENOMEM : 0;
}

int client_question_ask (struct client_question *question, const char *const *nodes, size_t n_nodes,
                         size_t portion)
{
    size_t at = 0;
    do {
        size_t count = n_nodes - at < portion ? n_nodes - at : portion;
        /*  Packing only reads them. */
        question->request.nodes = count ? (char **) (nodes + at) : NULL;
        question->request.n_nodes = count;
        question->request.key = NULL;
        int rc = client_ask_pages (question->client, &question->request, question->wait_ms, question->what,
                                   ask_take, question);
        if (rc != 0)
            return rc;
        at += count;
    } while (at < n_nodes);
    return 0;
}

int client_question_finish (struct client_question *question, char **ret_json)
{
    char *json = client_json_take (&question->json);
    if (!json)
        return client_out_of_memory (question->client);
    *ret_json = json;
    return 0;
}

static int ask_release (struct client_question *question, const char *release)
{
    if (release && base_digest_parse (release, &question->request.release) != 0)
        return base_error_set (&question->client->error, -EINVAL,
                               "\"%s\" is not a release: give the 64 hexadecimal digits that publish printed",
                               release);
    return 0;
}

static int ask_order (noded_client *client, enum wire_verb verb, const char *what, const char *application,
                      const char *const *nodes, size_t n_nodes, const char *release, char **ret_json)
{
    base_cleanup (client_question_deinit) struct client_question question = {.client = client, .what = what};
    question.request.verb = verb;
    question.request.application = (char *) application;
    question.request.all = !nodes;
    if (nodes && !n_nodes)
        return client_question_finish (&question, ret_json);
    int rc = ask_release (&question, release);
    if (rc == 0)
        rc = client_question_ask (&question, nodes, nodes ? n_nodes : 0, CLIENT_ORDER_NODES);
    return rc == 0 ? client_question_finish (&question, ret_json) : rc;
}

int noded_client_update (noded_client *client, const char *application, const char *const *nodes,
                         size_t n_nodes, const char *release, char **ret_json)
{
    return ask_order (client, WIRE_VERB_UPDATE, "order the update", application, nodes, n_nodes, release,
                      ret_json);
}

int noded_client_revert (noded_client *client, const char *application, const char *const *nodes,
                         size_t n_nodes, char **ret_json)
{
    return ask_order (client, WIRE_VERB_REVERT, "order the revert", application, nodes, n_nodes, NULL,
                      ret_json);
}

int noded_client_hold (noded_client *client, const char *application, const char *const *nodes,
                       size_t n_nodes, int hold, char **ret_json)
{
    return ask_order (client, hold ? WIRE_VERB_HOLD : WIRE_VERB_UNHOLD,
                      hold ? "order the hold" : "end the hold", application, nodes, n_nodes, NULL, ret_json);
}

int noded_client_cancel (noded_client *client, const char *application, const char *const *nodes,
                         size_t n_nodes, char **ret_json)
{
    return ask_order (client, WIRE_VERB_CANCEL, "cancel the update", application, nodes, n_nodes, NULL,
                      ret_json);
}

int noded_client_clear (noded_client *client, const char *application, const char *const *nodes,
                        size_t n_nodes, const char *release, char **ret_json)
{
    return ask_order (client, WIRE_VERB_CLEAR, "clear the quarantine", application, nodes, n_nodes, release,
                      ret_json);
}

int noded_client_forget (noded_client *client, const char *const *nodes, size_t n_nodes, char **ret_json)
{
    return ask_order (client, WIRE_VERB_FORGET, "forget the nodes", NULL, nodes, n_nodes, NULL, ret_json);
}

int noded_client_releases (noded_client *client, const char *application, char **ret_json)
{
    base_cleanup (client_question_deinit) struct client_question question = {.client = client,
                                                                             .what = "list the releases"};
    question.request.verb = WIRE_VERB_RELEASES;
    question.request.application = (char *) application;
    int rc = client_question_ask (&question, NULL, 0, 1);
    return rc == 0 ? client_question_finish (&question, ret_json) : rc;
}

int noded_client_withdraw (noded_client *client, const char *release)
{
    base_cleanup (client_question_deinit) struct client_question question = {.client = client,
                                                                             .what = "withdraw the release"};
    question.request.verb = WIRE_VERB_WITHDRAW;
    int rc = release ? ask_release (&question, release)
                     : base_error_set (&client->error, -EINVAL, "cannot withdraw: no release is named");
    return rc == 0 ? client_question_ask (&question, NULL, 0, 1) : rc;
}

int noded_client_nodes (noded_client *client, const char *application, const char *const *nodes,
                        size_t n_nodes, uint64_t since, uint64_t wait_ms, uint64_t *ret_revision,
                        char **ret_json)
{
    base_cleanup (client_question_deinit) struct client_question question = {.client = client,
                                                                             .what = "list the nodes"};
    /*  Only a single request may wait: the first of several would delay the others. */
    bool waits = since && n_nodes <= CLIENT_LIST_NODES;
    question.wait_ms = !waits ? 0 : wait_ms < CLIENT_WAIT_MOST_MS ? wait_ms : CLIENT_WAIT_MOST_MS;
    question.request.verb = WIRE_VERB_NODES;
    question.request.application = (char *) application;
    question.request.all = !nodes;
    question.request.since = since;
    question.request.wait_ms = question.wait_ms;
    int rc = nodes && !n_nodes
                 ? 0
                 : client_question_ask (&question, nodes, nodes ? n_nodes : 0, CLIENT_LIST_NODES);
    if (rc == 0)
        rc = client_question_finish (&question, ret_json);
    if (rc == 0 && ret_revision)
        *ret_revision = question.revision;
    return rc;
}

int noded_client_nodes_selected (noded_client *client, const char *application, const char *selector,
                                 char **ret_json)
{
    base_cleanup (client_question_deinit) struct client_question question = {.client = client,
                                                                             .what = "list the nodes"};
    struct wire_rollout spec = {.application = (char *) (application ? application : "noded"),
                                .selector = (char *) selector};
    question.request.verb = WIRE_VERB_NODES;
    question.request.application = (char *) application;
    question.request.all = true;
    question.request.spec = &spec;
    int rc = client_question_ask (&question, NULL, 0, 1);
    return rc == 0 ? client_question_finish (&question, ret_json) : rc;
}

/*  Parses "NAME=VALUE" or "NAME-". */
static int label_parse (struct base_error *error, const char *text, struct wire_label *ret_label)
{
    size_t length = strcspn (text, "="), whole = strlen (text);
    bool removes = !text[length] && whole > 1 && text[whole - 1] == '-';
    if (!text[length] && !removes)
        return base_error_set (error, -EINVAL,
                               "\"%s\" is not a label: give NAME=VALUE, or NAME- to remove it", text);
    char *name = strndup (text, removes ? whole - 1 : length), *value = NULL;
    if (name && !removes && !(value = strdup (text + length + 1))) {
        free (name);
        name = NULL;
    }
    if (!name)
        return base_error_set (error, -ENOMEM, "out of memory");
    *ret_label = (struct wire_label){.name = name, .value = value};
    if (removes || (*name && *value))
        return 0;
    return base_error_set (error, -EINVAL,
                           "\"%s\" is not a label: it needs a name and a value (%s- removes it)", text,
                           *name ? name : "NAME");
}

enum { LABELS_MOST = 32 /* as in schemas/operator.def */ };

struct labels {
    struct wire_label list[LABELS_MOST];
    size_t count;
};

static void labels_deinit (struct labels *labels)
{
    for (size_t i = 0; i < labels->count; i++)
        wire_label_deinit (&labels->list[i]);
}

int noded_client_label (noded_client *client, const char *const *nodes, size_t n_nodes,
                        const char *const *labels, size_t n_labels, char **ret_json)
{
    base_cleanup (client_question_deinit) struct client_question question = {.client = client,
                                                                             .what = "label the nodes"};
    base_cleanup (labels_deinit) struct labels parsed = {.count = 0};
    if (!n_labels || n_labels > LABELS_MOST)
        return base_error_set (&client->error, -EINVAL, "cannot label the nodes: give 1 to %d labels",
                               LABELS_MOST);
    while (parsed.count < n_labels) {
        struct wire_label *label = &parsed.list[parsed.count];
        int rc = label_parse (&client->error, labels[parsed.count++], label);
        if (rc != 0)
            return rc;
    }
    question.request.verb = WIRE_VERB_LABEL;
    question.request.all = !nodes;
    question.request.labels = parsed.list;
    question.request.n_labels = parsed.count;
    int rc = nodes && !n_nodes
                 ? 0
                 : client_question_ask (&question, nodes, nodes ? n_nodes : 0, CLIENT_ORDER_NODES);
    return rc == 0 ? client_question_finish (&question, ret_json) : rc;
}

int noded_client_why (noded_client *client, const char *application, const char *node, char **ret_json)
{
    base_cleanup (client_question_deinit) struct client_question question = {
        .client = client, .what = "list the node's reports"};
    question.request.verb = WIRE_VERB_WHY;
    question.request.application = (char *) application;
    int rc = client_question_ask (&question, &node, 1, 1);
    return rc == 0 ? client_question_finish (&question, ret_json) : rc;
}
