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

static int nodes_ask (struct ctl *ctl, const char *id, json_t **ret_nodes)
{
    char *text;
    if (id) {
        json_t *node, *list = json_array ();
        int code = list ? ctl_node_find (ctl, id, &node) : ctl_tell (ctl, "out of memory");
        if (code != CTL_OK) {
            json_decref (list);
            return code;
        }
        (void) json_array_append_new (list, node);
        *ret_nodes = list;
        return CTL_OK;
    }
    int rc = noded_client_nodes_selected (ctl->client, NULL, ctl->options.select, &text);
    return rc == 0 ? ctl_read_json (ctl, text, ret_nodes) : ctl_fail (ctl, rc);
}

static void print_labels (struct ctl *ctl, const json_t *nodes)
{
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 4};
    static const char *const titles[] = {"NODE", "LABEL", "VALUE", "SET"};
    size_t i, j;
    const json_t *node, *label;
    for (i = 0; i < 4; i++)
        ctl_table_cell (&table, titles[i]);
    json_array_foreach (nodes, i, node) json_array_foreach (json_object_get (node, "labels"), j, label)
    {
        ctl_table_cell (&table, ctl_json_text (node, "id"));
        ctl_table_cell (&table, ctl_json_text (label, "name"));
        ctl_table_cell (&table, ctl_json_text (label, "value"));
        ctl_table_cell (&table, ctl_json_flag (label, "own") ? "on the node" : "by an operator");
    }
    ctl_table_print (&table, ctl->out, ctl->width);
}

static int list_labels (struct ctl *ctl, const char *id)
{
    base_cleanup (ctl_json_free_p) json_t *nodes = NULL;
    const json_t *node;
    int code = nodes_ask (ctl, id, &nodes);
    if (code != CTL_OK)
        return code;
    if (!ctl->options.json) {
        print_labels (ctl, nodes);
        return CTL_OK;
    }
    base_cleanup (ctl_json_free_p) json_t *list = json_array ();
    size_t i;
    json_array_foreach (nodes, i, node) (void)
        json_array_append_new (list, json_pack ("{s:O, s:O}", "node", json_object_get (node, "id"), "labels",
                                                json_object_get (node, "labels")));
    (void) ctl_print_value (ctl, list);
    return CTL_OK;
}

static int print_orders (struct ctl *ctl, const json_t *orders)
{
    int code = CTL_OK;
    size_t i, good = 0;
    const json_t *order;
    json_array_foreach (orders, i, order)
    {
        if (strcmp (ctl_json_text (order, "status"), "ok") == 0) {
            good++;
            continue;
        }
        code = ctl_tell (ctl, "%s: %s", ctl_json_text (order, "node"), ctl_json_text (order, "reason"));
    }
    if (ctl->options.json)
        (void) ctl_print_value (ctl, orders);
    else if (good == 1 && json_array_size (orders) == 1) {
        ctl_text_put (ctl->out, ctl_json_text (json_array_get (orders, 0), "node"));
        (void) fputs ("  labelled\n", ctl->out);
    } else
        (void) fprintf (ctl->out, "%zu of %zu nodes labelled\n", good, json_array_size (orders));
    return code;
}

static int ids_of (struct ctl *ctl, const char *id, char ***ret_ids)
{
    base_cleanup (ctl_json_free_p) json_t *nodes = NULL;
    base_cleanup (ctl_ids_free_p) char **ids = NULL;
    const json_t *node;
    size_t i;
    if (id)
        return base_list_append (ret_ids, id) == 0 ? CTL_OK : ctl_tell (ctl, "out of memory");
    int code = nodes_ask (ctl, NULL, &nodes);
    if (code != CTL_OK)
        return code;
    json_array_foreach (nodes, i, node) if (base_list_append (&ids, ctl_json_text (node, "id")) !=
                                            0) return ctl_tell (ctl, "out of memory");
    if (!ids)
        return ctl_tell (ctl, "no node matches \"%s\": nodectl label NODE shows labels", ctl->options.select);
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
    base_cleanup (ctl_json_free_p) json_t *orders = NULL;
    size_t first = ctl->options.select ? 0 : 1;
    if (first && !ctl->n_words)
        return ctl_misused (ctl, "name a node, or give --select SELECTOR");
    const char *id = first ? ctl->words[0] : NULL;
    if (ctl->n_words == first)
        return list_labels (ctl, id);
    int code = ids_of (ctl, id, &ids);
    if (code != CTL_OK)
        return code;
    char *text;
    int rc = noded_client_label (ctl->client, (const char *const *) ids, base_list_count (ids),
                                 (const char *const *) ctl->words + first, ctl->n_words - first, &text);
    if (rc == -EINVAL)
        return ctl_misused (ctl, "%s", noded_client_error (ctl->client));
    if (rc != 0)
        return ctl_fail (ctl, rc);
    code = ctl_read_json (ctl, text, &orders);
    return code == CTL_OK ? print_orders (ctl, orders) : code;
}
