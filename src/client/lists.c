/* SPDX-License-Identifier: MPL-2.0 */
/*  client/lists.c - lists of nodes, releases, reports and quarantined releases; the broker itself; withdrawing a release */

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "client/list.h"

int noded_client_releases (noded_client *client, const char *application, noded_releases *ret_releases)
{
    static const struct client_list list = CLIENT_LIST_OF (list_releases, releases, release_state);
    struct wire_list_releases request = {.application = application};
    struct client_items items = {.count = 0};
    int r = client_list_ask (client, &list, &request, 0, "list the releases", &items);
    if (r < 0)
        client_items_deinit (&list, &items);
    *ret_releases = (noded_releases){.items = items.items, .count = items.count};
    return r;
}

int noded_client_withdraw (noded_client *client, const char *release)
{
    struct wire_withdraw_release request = {.serial = 0};
    struct wire_withdrawn answer;
    if (!release)
        return base_error_set (&client->error, -EINVAL, "cannot withdraw: no release is named");
    if (base_digest_parse (release, &request.release) != 0)
        return base_error_set (&client->error, -EINVAL,
                               "\"%s\" is not a release: give the 64 hexadecimal digits that publish printed",
                               release);
    int r = client_ask (client, &wire_withdraw_release_record, &request, 0, "withdraw the release", &answer);
    wire_withdrawn_deinit (&answer);
    return r;
}

int noded_client_broker (noded_client *client, noded_broker **ret_broker)
{
    base_cleanup (wire_shown_deinit) struct wire_shown answer = {.serial = 0};
    struct wire_show_broker request = {.serial = 0};
    *ret_broker = NULL;
    int r = client_ask (client, &wire_show_broker_record, &request, 0, "show the broker", &answer);
    if (r < 0)
        return r;
    if (!answer.broker)
        return base_error_set (&client->error, -EPROTO,
                               "cannot show the broker: the broker's answer lacks its state");
    *ret_broker = (noded_broker *) (void *) base_take (answer.broker);
    return 0;
}

/*  Names the nodes in portions; total 0: the request names none. */
static int nodes_ask (noded_client *client, const noded_nodes_query *query, size_t total,
                      struct client_items *items)
{
    base_assert (query->nodes || total == 0);
    base_assert (items);
    static const struct client_list list =
        CLIENT_LIST_OF (list_nodes, nodes, node, .wait_ms = offsetof (struct wire_list_nodes, wait_ms));
    /*  Only a single request may wait: the first of several would delay the others. */
    bool waits = query->since && total <= CLIENT_LIST_NODES;
    uint64_t wait_ms = !waits                                 ? 0
                       : query->wait_ms < CLIENT_WAIT_MOST_MS ? query->wait_ms
                                                              : CLIENT_WAIT_MOST_MS;
    size_t at = 0;
    do {
        size_t count = total - at < CLIENT_LIST_NODES ? total - at : CLIENT_LIST_NODES;
        struct wire_list_nodes request = {.application = query->application,
                                          .nodes = count ? query->nodes + at : NULL,
                                          .n_nodes = count,
                                          .selector = query->selector,
                                          .since = query->since};
        at += count;
        int r = client_list_ask (client, &list, &request, wait_ms, "list the nodes", items);
        if (r < 0) {
            client_items_deinit (&list, items);
            return r;
        }
    } while (at < total);
    return 0;
}

int noded_client_nodes (noded_client *client, const noded_nodes_query *query, noded_nodes *ret_nodes)
{
    struct client_items items = {.count = 0};
    bool none = query->nodes && !query->n_nodes; /* no node is not every node */
    int r = none ? 0 : nodes_ask (client, query, query->nodes ? query->n_nodes : 0, &items);
    *ret_nodes = (noded_nodes){.items = items.items, .count = items.count, .revision = items.revision};
    return r;
}

int noded_client_why (noded_client *client, const char *application, const char *node,
                      noded_reports *ret_reports)
{
    static const struct client_list list = CLIENT_LIST_OF (list_reports, reports, stored_report);
    struct wire_list_reports request = {.node = node, .application = application};
    struct client_items items = {.count = 0};
    int r = client_list_ask (client, &list, &request, 0, "list the node's reports", &items);
    if (r < 0)
        client_items_deinit (&list, &items);
    *ret_reports = (noded_reports){.items = items.items, .count = items.count};
    return r;
}

int noded_client_quarantine (noded_client *client, const char *application, const char *node,
                             noded_failures *ret_failures)
{
    static const struct client_list list = CLIENT_LIST_OF (list_quarantine, failures, failure);
    struct wire_list_quarantine request = {.node = node, .application = application};
    struct client_items items = {.count = 0};
    int r = client_list_ask (client, &list, &request, 0, "list the quarantine of the node", &items);
    *ret_failures = (noded_failures){.count = 0};
    if (r != 0)
        client_items_deinit (&list, &items);
    else
        *ret_failures = (noded_failures){.items = items.items, .count = items.count};
    return r;
}
