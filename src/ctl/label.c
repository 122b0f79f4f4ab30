/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/label.c - the command label, and the selection of nodes by --select */

#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/text.h"

void ctl_ids_free_p (char ***list)
{
    base_list_free (*list);
}

static int nodes_ask (struct ctl *ctl, const char *id, noded_nodes *ret_nodes)
{
    if (id)
        return ctl_node_find (ctl, id, ret_nodes);
    int rc =
        noded_client_nodes (ctl->client, &(noded_nodes_query){.selector = ctl->options.select}, ret_nodes);
    return rc == 0 ? CTL_OK : ctl_fail (ctl, rc);
}

static void print_labels (struct ctl *ctl, const noded_nodes *nodes)
{
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

static int list_labels (struct ctl *ctl, const char *id)
{
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    int code = nodes_ask (ctl, id, &nodes);
    if (code == CTL_OK && ctl->options.json)
        return ctl_print_json (ctl, noded_nodes_json (nodes.items, nodes.count));
    if (code == CTL_OK)
        print_labels (ctl, &nodes);
    return code;
}

static int print_labelled (struct ctl *ctl, const noded_orders *orders)
{
    int code = CTL_OK;
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

static int ids_of (struct ctl *ctl, const char *id, char ***ret_ids)
{
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    base_cleanup (ctl_ids_free_p) char **ids = NULL;
    if (id)
        return base_list_append (ret_ids, id) == 0 ? CTL_OK : ctl_error (ctl, "out of memory");
    int code = nodes_ask (ctl, NULL, &nodes);
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

int ctl_nodes_selected (struct ctl *ctl, char ***ret_ids)
{
    return ids_of (ctl, NULL, ret_ids);
}

int ctl_label (struct ctl *ctl)
{
    base_cleanup (ctl_ids_free_p) char **ids = NULL;
    base_cleanup (noded_orders_free) noded_orders orders = {.count = 0};
    size_t first = ctl->options.select ? 0 : 1;
    if (first && !ctl->n_words)
        return ctl_misused (ctl, "name a node, or give --select SELECTOR");
    const char *id = first ? ctl->words[0] : NULL;
    if (ctl->n_words == first)
        return list_labels (ctl, id);
    int code = ids_of (ctl, id, &ids);
    if (code != CTL_OK)
        return code;
    const noded_targets targets = {.nodes = (const char *const *) ids, .n_nodes = base_list_count (ids)};
    int rc = noded_client_label (ctl->client, &targets, (const char *const *) ctl->words + first,
                                 ctl->n_words - first, &orders);
    if (rc == -EINVAL)
        return ctl_misused (ctl, "%s", noded_client_error (ctl->client));
    return rc == 0 ? print_labelled (ctl, &orders) : ctl_fail (ctl, rc);
}
