/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/label.c - the command label, and the selection of nodes by --select */

#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/text.h"

void ctl_ids_free_p (char ***list)
{
    base_list_free (*list);
}

static enum ctl_exit nodes_ask (struct ctl *ctl, const char *id, noded_nodes *ret_nodes)
{
    base_assert (id || ctl->options.select);
    base_assert (ret_nodes);
    if (id)
        return ctl_node_find (ctl, id, ret_nodes);
    int r =
        noded_client_nodes (ctl->client, &(noded_nodes_query){.selector = ctl->options.select}, ret_nodes);
    return r < 0 ? ctl_fail (ctl, r) : CTL_OK;
}

static void labels_print (struct ctl *ctl, const noded_nodes *nodes)
{
    base_assert (nodes->items || nodes->count == 0);
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 4};
    static const char *const titles[] = {"NODE", "LABEL", "VALUE", "SET"};
    for (size_t i = 0; i < 4; i++)
        ctl_table_cell (&table, titles[i]);
    for (size_t i = 0; i < nodes->count; i++)
        for (size_t j = 0; j < nodes->items[i].n_labels; j++) {
            const noded_label *label = &nodes->items[i].labels[j];
            ctl_table_cell (&table, nodes->items[i].id);
            ctl_table_cell (&table, label->name);
            ctl_table_cell (&table, label->value);
            ctl_table_cell (&table, label->own ? "on the node" : "by an operator");
        }
    ctl_table_print (&table, ctl->out, ctl->width);
}

static enum ctl_exit labels_list (struct ctl *ctl, const char *id)
{
    base_assert (id || ctl->options.select);
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    enum ctl_exit code = nodes_ask (ctl, id, &nodes);
    if (code == CTL_OK && ctl->options.json)
        return ctl_print_json (ctl, noded_nodes_json (nodes.items, nodes.count));
    if (code == CTL_OK)
        labels_print (ctl, &nodes);
    return code;
}

static enum ctl_exit labelled_print (struct ctl *ctl, const noded_orders *orders)
{
    enum ctl_exit code = CTL_OK;
    size_t good = 0;
    for (size_t i = 0; i < orders->count; i++) {
        const noded_order *order = &orders->items[i];
        if (order->status == NODED_STATUS_OK)
            good++;
        else
            code = ctl_error (ctl, "%s: %s", order->node, ctl_text (order->reason));
    }
    if (ctl->options.json)
        (void) ctl_print_json (ctl, noded_orders_json (orders->items, orders->count));
    else if (good == 1 && orders->count == 1) {
        ctl_text_put (ctl->out, orders->items[0].node);
        (void) fputs ("  labelled\n", ctl->out);
    } else
        (void) fprintf (ctl->out, "%zu of %zu nodes labelled\n", good, orders->count);
    return code;
}

static enum ctl_exit ids_find (struct ctl *ctl, const char *id, char ***ret_ids)
{
    base_assert (ret_ids && !*ret_ids);
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    base_cleanup (ctl_ids_free_p) char **ids = NULL;
    if (id)
        return base_list_append (ret_ids, id) == 0 ? CTL_OK : ctl_error (ctl, "out of memory");
    enum ctl_exit code = nodes_ask (ctl, NULL, &nodes);
    if (code != CTL_OK)
        return code;
    for (size_t i = 0; i < nodes.count; i++)
        if (base_list_append (&ids, nodes.items[i].id) != 0)
            return ctl_error (ctl, "out of memory");
    if (!ids)
        return ctl_error (ctl, "no node matches \"%s\": nodectl label NODE shows labels",
                          ctl->options.select);
    *ret_ids = base_take (ids);
    return CTL_OK;
}

enum ctl_exit ctl_nodes_selected (struct ctl *ctl, char ***ret_ids)
{
    return ids_find (ctl, NULL, ret_ids);
}

enum ctl_exit ctl_label (struct ctl *ctl)
{
    base_assert (ctl->client);
    base_cleanup (ctl_ids_free_p) char **ids = NULL;
    base_cleanup (noded_orders_free) noded_orders orders = {.count = 0};
    size_t first = ctl->options.select ? 0 : 1;
    if (first && !ctl->n_words)
        return ctl_misused (ctl, "name a node, or give --select SELECTOR");
    const char *id = first ? ctl->words[0] : NULL;
    if (ctl->n_words == first)
        return labels_list (ctl, id);
    enum ctl_exit code = ids_find (ctl, id, &ids);
    if (code != CTL_OK)
        return code;
    const noded_targets targets = {.nodes = (const char *const *) ids, .n_nodes = base_list_count (ids)};
    int r = noded_client_label (ctl->client, &targets, (const char *const *) ctl->words + first,
                                ctl->n_words - first, &orders);
    if (r == -EINVAL)
        return ctl_misused (ctl, "%s", noded_client_error (ctl->client));
    return r < 0 ? ctl_fail (ctl, r) : labelled_print (ctl, &orders);
}
