/*  client/ask.c - orders and lists

    Nodes are named in portions that fit into a frame, answers included; each portion of an order has a key
    of its own. */

#include "client/client.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "client/json.h"

/*  Builds one list of JSON over all portions and pages. */
struct ask {
    noded_client *client;
    struct wire_request request;
    const char *what;
    uint64_t wait_ms;
    struct client_json json;
    uint64_t revision;
};

static void ask_deinit (struct ask *ask)
{
    client_json_deinit (&ask->json);
}

static int ask_take (void *context, const struct wire_answer *answer)
{
    struct ask *ask = context;
    const char *application = ask->request.application ? ask->request.application : "noded";
    for (size_t i = 0; i < answer->n_ordered; i++)
        client_json_record (&ask->json, &wire_ordered_record, &answer->ordered[i]);
    for (size_t i = 0; i < answer->n_nodes; i++)
        client_json_node (&ask->json, &answer->nodes[i], application);
    for (size_t i = 0; i < answer->n_releases; i++)
        client_json_record (&ask->json, &wire_published_record, &answer->releases[i]);
    for (size_t i = 0; i < answer->n_told; i++)
        client_json_record (&ask->json, &wire_told_record, &answer->told[i]);
    /*  The lowest of all pages: what changed while later ones were asked for is told again next time. */
    if (!ask->revision || answer->revision < ask->revision)
        ask->revision = answer->revision;
    return ask->json.failed ? -ENOMEM : 0;
}

/*  n_nodes is 0 where the request names none. */
static int ask_all (struct ask *ask, const char *const *nodes, size_t n_nodes, size_t portion)
{
    size_t at = 0;
    do {
        size_t count = n_nodes - at < portion ? n_nodes - at : portion;
        /*  Packing only reads them. */
        ask->request.nodes = count ? (char **) (nodes + at) : NULL;
        ask->request.n_nodes = count;
        ask->request.key = NULL;
        int rc = client_ask_pages (ask->client, &ask->request, ask->wait_ms, ask->what, ask_take, ask);
        if (rc != 0)
            return rc;
        at += count;
    } while (at < n_nodes);
    return 0;
}

static int ask_finish (struct ask *ask, char **ret_json)
{
    char *json = client_json_take (&ask->json);
    if (!json)
        return client_out_of_memory (ask->client);
    *ret_json = json;
    return 0;
}

static int ask_release (struct ask *ask, const char *release)
{
    if (release && base_digest_parse (release, &ask->request.release) != 0)
        return base_error_set (&ask->client->error, -EINVAL,
                               "\"%s\" is no release: give the 64 hexadecimal digits that publish printed",
                               release);
    return 0;
}

static int ask_order (noded_client *client, enum wire_verb verb, const char *what, const char *application,
                      const char *const *nodes, size_t n_nodes, const char *release, char **ret_json)
{
    base_cleanup (ask_deinit) struct ask ask = {.client = client, .what = what};
    ask.request.verb = verb;
    ask.request.application = (char *) application;
    ask.request.all = !nodes;
    if (nodes && !n_nodes)
        return ask_finish (&ask, ret_json);
    int rc = ask_release (&ask, release);
    if (rc == 0)
        rc = ask_all (&ask, nodes, nodes ? n_nodes : 0, CLIENT_ORDER_NODES);
    return rc == 0 ? ask_finish (&ask, ret_json) : rc;
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
    base_cleanup (ask_deinit) struct ask ask = {.client = client, .what = "list the releases"};
    ask.request.verb = WIRE_VERB_RELEASES;
    ask.request.application = (char *) application;
    int rc = ask_all (&ask, NULL, 0, 1);
    return rc == 0 ? ask_finish (&ask, ret_json) : rc;
}

int noded_client_withdraw (noded_client *client, const char *release)
{
    base_cleanup (ask_deinit) struct ask ask = {.client = client, .what = "withdraw the release"};
    ask.request.verb = WIRE_VERB_WITHDRAW;
    int rc = release ? ask_release (&ask, release)
                     : base_error_set (&client->error, -EINVAL, "cannot withdraw: no release is named");
    return rc == 0 ? ask_all (&ask, NULL, 0, 1) : rc;
}

int noded_client_nodes (noded_client *client, const char *application, const char *const *nodes,
                        size_t n_nodes, uint64_t since, uint64_t wait_ms, uint64_t *ret_revision,
                        char **ret_json)
{
    base_cleanup (ask_deinit) struct ask ask = {.client = client, .what = "list the nodes"};
    /*  Only a request that names every node may wait: of several the first would hold up the others. */
    bool waits = since && n_nodes <= CLIENT_LIST_NODES;
    ask.wait_ms = !waits ? 0 : wait_ms < CLIENT_WAIT_MOST_MS ? wait_ms : CLIENT_WAIT_MOST_MS;
    ask.request.verb = WIRE_VERB_NODES;
    ask.request.application = (char *) application;
    ask.request.all = !nodes;
    ask.request.since = since;
    ask.request.wait_ms = ask.wait_ms;
    int rc = nodes && !n_nodes ? 0 : ask_all (&ask, nodes, nodes ? n_nodes : 0, CLIENT_LIST_NODES);
    if (rc == 0)
        rc = ask_finish (&ask, ret_json);
    if (rc == 0 && ret_revision)
        *ret_revision = ask.revision;
    return rc;
}

int noded_client_why (noded_client *client, const char *application, const char *node, char **ret_json)
{
    base_cleanup (ask_deinit) struct ask ask = {.client = client, .what = "list the node's reports"};
    ask.request.verb = WIRE_VERB_WHY;
    ask.request.application = (char *) application;
    int rc = ask_all (&ask, &node, 1, 1);
    return rc == 0 ? ask_finish (&ask, ret_json) : rc;
}
