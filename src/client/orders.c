/* SPDX-License-Identifier: MPL-2.0 */
/*  client/orders.c - orders to nodes, and labels

    Nodes are named in portions whose requests and answers fit into a frame; each portion of an order has its
    own key. */

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "client/list.h"

/*  How the requests of orders end up in one array of results. The members are those of the request. */
struct ordering {
    struct client_list list;
    size_t key, nodes, n_nodes;
    void *request; /* its application, release and so on are filled in */
    const char *what;
};

#define ORDERING(name_, request_, what_)                                                                     \
    {                                                                                                        \
        .list = CLIENT_LIST_OF (name_, orders, order_result), .key = offsetof (struct wire_##name_, key),    \
        .nodes = offsetof (struct wire_##name_, nodes), .n_nodes = offsetof (struct wire_##name_, n_nodes),  \
        .request = (request_), .what = (what_)                                                               \
    }

static int ordering_run (noded_client *client, const struct ordering *ordering, const noded_targets *targets,
                         noded_orders *ret_orders)
{
    base_assert (ordering->request && ordering->what);
    base_assert (ret_orders);
    struct client_items items = {.count = 0};
    char *request = ordering->request;
    size_t at = 0, total = targets->nodes ? targets->n_nodes : 0;
    *ret_orders = (noded_orders){.count = 0};
    if (targets->nodes && !total)
        return 0; /* no node is not every node */
    do {
        size_t count = total - at < CLIENT_ORDER_NODES ? total - at : CLIENT_ORDER_NODES;
        *(const char *const **) (void *) (request + ordering->nodes) = count ? targets->nodes + at : NULL;
        *(size_t *) (void *) (request + ordering->n_nodes) = count;
        *(const char **) (void *) (request + ordering->key) = NULL;
        at += count;
        int r = client_list_ask (client, &ordering->list, request, 0, ordering->what, &items);
        if (r < 0) {
            client_items_deinit (&ordering->list, &items);
            return r;
        }
    } while (at < total);
    *ret_orders = (noded_orders){.items = items.items, .count = items.count};
    return 0;
}

static int release_read (noded_client *client, const char *release, struct base_digest *ret_release)
{
    base_assert (ret_release);
    if (release && base_digest_parse (release, ret_release) != 0)
        return base_error_set (&client->error, -EINVAL,
                               "\"%s\" is not a release: give the 64 hexadecimal digits that publish printed",
                               release);
    return 0;
}

int noded_client_update (noded_client *client, const noded_targets *targets, const char *release,
                         noded_orders *ret_orders)
{
    struct wire_order_update request = {.application = targets->application};
    const struct ordering ordering = ORDERING (order_update, &request, "order the update");
    *ret_orders = (noded_orders){.count = 0};
    int r = release_read (client, release, &request.release);
    return r < 0 ? r : ordering_run (client, &ordering, targets, ret_orders);
}

int noded_client_revert (noded_client *client, const noded_targets *targets, noded_orders *ret_orders)
{
    struct wire_order_revert request = {.application = targets->application, .all = !targets->nodes};
    const struct ordering ordering = ORDERING (order_revert, &request, "order the revert");
    return ordering_run (client, &ordering, targets, ret_orders);
}

int noded_client_hold (noded_client *client, const noded_targets *targets, int hold, noded_orders *ret_orders)
{
    struct wire_order_hold holds = {.application = targets->application, .all = !targets->nodes};
    struct wire_order_unhold ends = {.application = targets->application, .all = !targets->nodes};
    const struct ordering begin = ORDERING (order_hold, &holds, "order the hold");
    const struct ordering end = ORDERING (order_unhold, &ends, "end the hold");
    return ordering_run (client, hold ? &begin : &end, targets, ret_orders);
}

int noded_client_cancel (noded_client *client, const noded_targets *targets, noded_orders *ret_orders)
{
    struct wire_order_cancel request = {.application = targets->application, .all = !targets->nodes};
    const struct ordering ordering = ORDERING (order_cancel, &request, "cancel the update");
    return ordering_run (client, &ordering, targets, ret_orders);
}

int noded_client_clear (noded_client *client, const noded_targets *targets, const char *release,
                        noded_orders *ret_orders)
{
    struct wire_order_clear request = {.application = targets->application, .all = !targets->nodes};
    const struct ordering ordering = ORDERING (order_clear, &request, "clear the quarantine");
    *ret_orders = (noded_orders){.count = 0};
    int r = release_read (client, release, &request.release);
    return r == 0 ? ordering_run (client, &ordering, targets, ret_orders) : r;
}

int noded_client_forget (noded_client *client, const noded_targets *targets, noded_orders *ret_orders)
{
    struct wire_forget_nodes request = {.all = !targets->nodes};
    const struct ordering ordering = ORDERING (forget_nodes, &request, "forget the nodes");
    return ordering_run (client, &ordering, targets, ret_orders);
}

/*  Parses "NAME=VALUE" or "NAME-". */
static int label_parse (struct base_error *error, const char *text, struct wire_label *ret_label)
{
    base_assert (error);
    base_assert (ret_label);
    size_t length = strcspn (text, "="), size = strlen (text);
    bool removes = !text[length] && size > 1 && text[size - 1] == '-';
    if (!text[length] && !removes)
        return base_error_set (error, -EINVAL,
                               "\"%s\" is not a label: give NAME=VALUE, or NAME- to remove it", text);
    char *name = strndup (text, removes ? size - 1 : length), *value = NULL;
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
    base_assert (labels->count <= LABELS_MOST);
    for (size_t i = 0; i < labels->count; i++)
        wire_label_deinit (&labels->list[i]);
}

int noded_client_label (noded_client *client, const noded_targets *targets, const char *const *labels,
                        size_t n_labels, noded_orders *ret_orders)
{
    base_cleanup (labels_deinit) struct labels parsed = {.count = 0};
    *ret_orders = (noded_orders){.count = 0};
    if (!n_labels || n_labels > LABELS_MOST)
        return base_error_set (&client->error, -EINVAL, "cannot label the nodes: give 1 to %d labels",
                               LABELS_MOST);
    while (parsed.count < n_labels) {
        struct wire_label *label = &parsed.list[parsed.count];
        int r = label_parse (&client->error, labels[parsed.count++], label);
        if (r < 0)
            return r;
    }
    struct wire_label_nodes request = {
        .all = !targets->nodes, .labels = parsed.list, .n_labels = parsed.count};
    const struct ordering ordering = ORDERING (label_nodes, &request, "label the nodes");
    return ordering_run (client, &ordering, targets, ret_orders);
}
