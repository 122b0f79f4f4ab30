/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/labels.c - labels of nodes */

#include "broker/labels.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "wire/text.h"
#include "wire/label.h"

/*  Returns the first label of that name, or NULL. */
static const struct wire_label *label_find (const struct broker_node *node, const char *name)
{
    size_t low = 0, high = node->n_labels;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp (node->labels[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < node->n_labels && strcmp (node->labels[low].name, name) == 0 ? &node->labels[low] : NULL;
}

const char *broker_node_label (const struct broker_node *node, const char *name)
{
    base_assert (node && name);
    const struct wire_label *label;

    if (strcmp (name, "id") == 0)
        return node->id;
    if (strcmp (name, "platform") == 0)
        return node->platform;
    if (strcmp (name, "kernel") == 0)
        return node->kernel;
    if (strcmp (name, "version") == 0)
        return node->software;
    label = label_find (node, name);
    return label ? label->value : NULL;
}

const char *broker_label_of (const void *node, const char *name)
{
    base_assert (node && name);
    return broker_node_label (node, name);
}

const char *broker_node_group (const struct broker_node *node)
{
    base_assert (node);
    const struct wire_label *label = label_find (node, "group");

    if (label && !label->own)
        label++;
    return label && label < node->labels + node->n_labels && label->own && strcmp (label->name, "group") == 0
               ? label->value
               : NULL;
}

/*  A copy under construction. */
struct copy {
    struct wire_label *labels;
    size_t count;
};

static void copy_deinit (struct copy *copy)
{
    for (size_t i = 0; i < copy->count; i++)
        wire_label_deinit (&copy->labels[i]);
    free (copy->labels);
}

static int copy_add (void *context, const struct wire_label *label)
{
    struct copy *copy = context;
    struct wire_label *grown = reallocarray (copy->labels, copy->count + 1, sizeof *grown);

    if (!grown)
        return -ENOMEM;
    copy->labels = grown;
    if (wire_copy (&wire_label_record, label, &grown[copy->count]) != 0)
        return -ENOMEM;
    copy->count++;
    return 0;
}

int broker_labels_load (struct broker *broker, struct broker_node *node, struct base_error *error)
{
    base_assert (broker && node);
    base_cleanup (copy_deinit) struct copy copy = {.count = 0};
    struct copy before = {.labels = node->labels, .count = node->n_labels};
    int r = records_labels (broker->records, node->id, copy_add, &copy, error);

    if (r == -ENOMEM)
        return base_error_errno (error, r, "cannot load the labels of %s", node->id);
    if (r < 0)
        return r;
    node->labels = copy.labels;
    node->n_labels = copy.count;
    copy = before;
    return 0;
}

/*  Returns whether the node reported exactly these labels before. noded sends them sorted by name; labels in
    another order are stored again. */
static bool labels_are_known (const struct broker_node *node, const struct wire_hello *hello)
{
    size_t reported = 0;

    for (size_t i = 0; node && i < node->n_labels; i++) {
        const struct wire_label *label = &node->labels[i];
        if (!label->own)
            continue;
        if (reported == hello->n_labels || strcmp (hello->labels[reported].name, label->name) != 0 ||
            !hello->labels[reported].value || strcmp (hello->labels[reported].value, label->value) != 0)
            return false;
        reported++;
    }
    return reported == hello->n_labels;
}

/*  Stores one label that the node reports; an invalid one is logged and ignored. */
static int label_store (struct broker *broker, const char *node, const struct wire_label *reported,
                        struct base_error *error)
{
    struct wire_label label = *reported;
    struct base_error wrong = {.text = "a label without a value"};

    label.own = true;
    if (label.value && wire_label_check (label.name, label.value, WIRE_LABEL_AT_NODE, &wrong) == 0)
        return records_label_put (broker->records, node, &label, error);
    base_log_limited (&broker->log, BASE_LOG_WARNING, "node %s: ignoring %s", node, wrong.text);
    return 0;
}

int broker_labels_report (struct broker *broker, const struct wire_hello *hello, bool *ret_changed,
                          struct base_error *error)
{
    base_assert (broker && hello && ret_changed);
    const struct broker_node *node = broker_registry_find (&broker->registry, hello->node);

    *ret_changed = !labels_are_known (node, hello);
    if (!*ret_changed)
        return 0;
    int r = records_labels_forget_own (broker->records, hello->node, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < hello->n_labels; i++) {
        r = label_store (broker, hello->node, &hello->labels[i], error);
        if (r < 0)
            return r;
    }
    return 0;
}

int broker_labels_check (const struct wire_label *labels, size_t count, struct base_error *error)
{
    base_assert (labels || count == 0);
    if (count == 0)
        return base_error_set (error, -EINVAL, "name the labels to set or to remove");
    for (size_t i = 0; i < count; i++)
        if (wire_label_check (labels[i].name, labels[i].value, WIRE_LABEL_AT_BROKER, error) != 0)
            return -EINVAL;
    return 0;
}

static size_t labels_count_set (const struct broker_node *node)
{
    size_t count = 0;

    for (size_t i = 0; i < node->n_labels; i++)
        count += !node->labels[i].own;
    return count;
}

/*  Counts the labels to set that no operator has set on the node yet. */
static size_t labels_count_new (const struct broker_node *node, const struct wire_label *labels, size_t count)
{
    size_t added = 0;

    for (size_t i = 0; i < count; i++) {
        const struct wire_label *label = label_find (node, labels[i].name);
        added += labels[i].value && (!label || label->own);
    }
    return added;
}

int broker_labels_order (struct broker *broker, const struct broker_node *node,
                         const struct wire_label *labels, size_t count, struct wire_order_result *ordered,
                         struct base_error *error)
{
    base_assert (broker && node && ordered);
    base_assert (labels && count > 0);
    if (labels_count_set (node) + labels_count_new (node, labels, count) > BROKER_LABELS_MOST)
        return wire_answer_set (ordered, WIRE_STATUS_REFUSED,
                                "operators can set at most %d labels on a node: remove some first",
                                BROKER_LABELS_MOST);
    for (size_t i = 0; i < count; i++) {
        struct wire_label label = {.name = labels[i].name, .value = labels[i].value};
        int r = records_label_put (broker->records, node->id, &label, error);
        if (r < 0)
            return r;
    }
    ordered->status = WIRE_STATUS_OK;
    return 0;
}

int broker_labels_show (const struct broker_node *node, struct wire_node *shown)
{
    base_assert (node && shown && !shown->labels);
    if (node->n_labels == 0)
        return 0;
    shown->labels = calloc (node->n_labels, sizeof *shown->labels);
    if (!shown->labels)
        return -ENOMEM;
    for (size_t i = 0; i < node->n_labels; i++) {
        if (i > 0 && strcmp (node->labels[i].name, node->labels[i - 1].name) == 0)
            continue; /* an operator's label precedes it */
        if (wire_copy (&wire_label_record, &node->labels[i], &shown->labels[shown->n_labels]) != 0)
            return -ENOMEM;
        shown->n_labels++;
    }
    return 0;
}
