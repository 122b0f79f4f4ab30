/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/lists.c - the lists that operators read, a page at a time */

#include "broker/lists.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/labels.h"
#include "broker/orders.h"
#include "wire/page.h"
#include "broker/serving.h"
#include "wire/text.h"
#include "rollout/selector.h"

/*  nodes */

static int node_show (struct broker *broker, const struct broker_node *node, const char *name,
                      struct wire_node *shown, struct base_error *error)
{
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    base_cleanup (records_journal_deinit) struct records_journal journal = {.serial = 0};
    const struct deploy_rollout *rollout;
    bool may_come = node->settle_ms > base_time_boot_ms ();
    char last_seen[BASE_TIME_TEXT];
    uint32_t index;
    int r;

    shown->online = node->online;
    shown->revision = node->revision;
    shown->restarts = node->restarts;
    (void) broker_node_last_seen (node, last_seen);
    if (wire_text_set (&shown->id, node->id) != 0 || wire_text_set (&shown->place, node->place) != 0 ||
        wire_text_set (&shown->software, node->software) != 0 ||
        wire_text_set (&shown->platform, node->platform) != 0 ||
        wire_text_set (&shown->last_seen, last_seen) != 0 ||
        wire_text_set (&shown->kernel, node->kernel) != 0 || broker_labels_show (node, shown) != 0)
        return -ENOMEM;
    rollout = deploy_rollout_of (&broker->deploy, node->id, name, &index);
    if (rollout) {
        shown->wave = rollout->machine.members[index].wave + 1;
        if (wire_text_set (&shown->rollout, rollout->state.id) != 0)
            return -ENOMEM;
    }
    r = records_journal_get (broker->records, node->id, &journal, error);
    if (r != 0 && r != -ENOENT)
        return r;
    shown->journal_serial = journal.serial;
    shown->journal_head = journal.head;
    shown->journal_fault = base_take (journal.fault);
    r = records_application_get (broker->records, node->id, name, &application, error);
    if (r != 0)
        return r == -ENOENT ? 0 : r;
    r = broker_order_outcome (broker->records, &application, may_come, shown, NULL, error);
    if (r == 0 && application.is_told) {
        shown->application = malloc (sizeof *shown->application);
        if (!shown->application)
            return -ENOMEM;
        *shown->application = application.told;
        application.told = (struct wire_application){.name = NULL};
    }
    return r;
}

static int node_add (struct broker *broker, const struct broker_node *node,
                     const struct wire_request *request, struct wire_page *page, struct base_error *error)
{
    base_cleanup (wire_node_deinit) struct wire_node shown = {.revision = 0};
    int r = node_show (broker, node, broker_request_application (request), &shown, error);

    return r == 0 ? wire_page_add (page, &shown) : r;
}

static int compare_ids (const void *a, const void *b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

/*  Returns the ids of a request, sorted, each once. The caller owns the array, not the ids. */
static char **ids_sorted (const struct wire_request *request, size_t *ret_count)
{
    char **ids = calloc (request->n_nodes + 1, sizeof *ids);
    size_t count = 0;

    if (!ids)
        return NULL;
    memcpy (ids, request->nodes, request->n_nodes * sizeof *ids);
    qsort (ids, request->n_nodes, sizeof *ids, compare_ids);
    for (size_t i = 0; i < request->n_nodes; i++)
        if (count == 0 || strcmp (ids[count - 1], ids[i]) != 0)
            ids[count++] = ids[i];
    *ret_count = count;
    return ids;
}

int broker_nodes_each (struct broker *broker, const struct wire_request *request, broker_node_visit *visit,
                       void *context)
{
    base_cleanup (base_free_p) char **ids = NULL;
    size_t count;
    int r = 0;

    if (request->n_nodes == 0) {
        for (size_t i = broker_registry_behind (&broker->registry, request->after);
             r == 0 && i < broker->registry.n_nodes; i++)
            r = visit (context, broker->registry.nodes[i]->id, broker->registry.nodes[i]);
        return r;
    }
    ids = ids_sorted (request, &count);
    if (!ids)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++)
        if (!request->after || strcmp (ids[i], request->after) > 0)
            r = visit (context, ids[i], broker_registry_find (&broker->registry, ids[i]));
    return r;
}

struct node_list {
    struct broker *broker;
    const struct wire_request *request;
    struct rollout_selector *selector; /* NULL: every node */
    uint64_t since;
    struct wire_page page;
    char unknown[RECORDS_ID_SIZE];
    struct base_error *error;
};

static int node_list_visit (void *context, const char *id, struct broker_node *node)
{
    struct node_list *list = context;

    if (!node) {
        if (!list->unknown[0])
            (void) base_text_copy (list->unknown, sizeof list->unknown, id);
        return 0;
    }
    if (node->revision <= list->since ||
        (list->selector && !rollout_selector_fits (list->selector, broker_label_of, node)))
        return 0;
    return node_add (list->broker, node, list->request, &list->page, list->error);
}

static int node_list_make (struct broker *broker, const struct wire_request *request,
                           struct rollout_selector *selector, struct wire_answer *answer,
                           struct base_error *error)
{
    struct node_list list = {.broker = broker,
                             .request = request,
                             .selector = selector,
                             .since = request->since > broker->revision ? 0 : request->since,
                             .page = {.record = &wire_node_record},
                             .error = error};
    int r = broker_nodes_each (broker, request, node_list_visit, &list);

    if (r < 0) {
        wire_page_deinit (&list.page);
        return r;
    }
    answer->status = WIRE_STATUS_OK;
    answer->nodes = list.page.items;
    answer->n_nodes = list.page.count;
    if (r == 1 && answer->n_nodes > 0) {
        answer->more = true;
        return wire_text_set (&answer->next, answer->nodes[answer->n_nodes - 1].id);
    }
    if (list.unknown[0]) {
        answer->status = WIRE_STATUS_NONE;
        answer->reason = wire_reason ("no node %s: nodectl nodes lists them", list.unknown);
    }
    return 0;
}

int broker_list_nodes (struct broker *broker, const struct wire_request *request, struct wire_answer *answer,
                       struct base_error *error)
{
    struct rollout_selector *selector = NULL;
    struct base_error wrong = {.code = 0};
    int r = 0;

    if (request->spec && request->spec->selector)
        r = rollout_selector_parse (request->spec->selector, &selector, &wrong);
    if (r == -EINVAL) {
        answer->status = WIRE_STATUS_INVALID;
        answer->reason = wire_reason ("%s", wrong.text);
        return answer->reason ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = node_list_make (broker, request, selector, answer, error);
    if (r == 0)
        r = records_fleet_head (broker->records, &answer->heads, &answer->fleet_head, error);
    (void) rollout_selector_free (selector);
    return r;
}

/*  releases */

struct release_list {
    struct broker *broker;
    struct wire_page page;
    uint64_t last; /* serial of the last one on the page */
};

static int published_fill (const struct records_release *release, struct wire_published *published)
{
    const struct wire_release *document = &release->document;

    published->release = release->digest;
    published->withdrawn = release->withdrawn;
    published->platforms = calloc (document->n_envelopes + 1, sizeof *published->platforms);
    if (!published->platforms || wire_text_set (&published->application, document->application) != 0 ||
        wire_text_set (&published->version, document->version) != 0 ||
        wire_text_set (&published->time, release->time) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < document->n_envelopes; i++) {
        const struct wire_envelope *envelope = &document->envelopes[i];
        published->platforms[i] = strdup (envelope->platform ? envelope->platform : "");
        if (!published->platforms[i])
            return -ENOMEM;
        published->n_platforms++;
        published->size += envelope->size;
        for (size_t j = 0; j < envelope->n_files; j++)
            published->size += envelope->files[j].size;
    }
    if (published->size > WIRE_SIZE_MOST)
        published->size = WIRE_SIZE_MOST;
    return 0;
}

static int release_list_visit (void *context, const struct records_release *release)
{
    struct release_list *list = context;
    base_cleanup (wire_published_deinit) struct wire_published published = {.size = 0};
    int r = published_fill (release, &published);

    if (!release->withdrawn)
        published.missing = broker_serving_missing (list->broker, &release->document);
    if (r == 0)
        r = wire_page_add (&list->page, &published);
    if (r == 0)
        list->last = release->serial;
    return r;
}

static int serial_read (const char *after, uint64_t *ret_serial)
{
    *ret_serial = 0;
    return after ? base_text_parse_u64 (after, WIRE_EPOCH_MOST, ret_serial) : 0;
}

static int serial_give (char **field, uint64_t serial)
{
    *field = base_text_printf ("%llu", (unsigned long long) serial);
    return *field ? 0 : -ENOMEM;
}

static int invalid_after (struct wire_answer *answer)
{
    answer->status = WIRE_STATUS_INVALID;
    answer->reason = wire_reason ("after must be the next of an earlier answer");
    return 0;
}

int broker_list_releases (struct broker *broker, const struct wire_request *request,
                          struct wire_answer *answer, struct base_error *error)
{
    struct release_list list = {.broker = broker, .page = {.record = &wire_published_record}};
    uint64_t before;
    int r;

    if (serial_read (request->after, &before) != 0)
        return invalid_after (answer);
    r = records_releases (broker->records, request->application, before, release_list_visit, &list, error);
    if (r < 0) {
        wire_page_deinit (&list.page);
        return r;
    }
    answer->status = WIRE_STATUS_OK;
    answer->releases = list.page.items;
    answer->n_releases = list.page.count;
    answer->more = r == 1;
    return answer->more ? serial_give (&answer->next, list.last) : 0;
}

/*  reports */

static int report_list_visit (void *context, const struct wire_told *told)
{
    struct wire_page *page = context;
    base_cleanup (wire_told_deinit) struct wire_told copy = {.serial = 0};
    int r = wire_copy (&wire_told_record, told, &copy);

    return r == 0 ? wire_page_add (page, &copy) : r;
}

int broker_list_reports (struct broker *broker, const struct wire_request *request,
                         struct wire_answer *answer, struct base_error *error)
{
    struct wire_page page = {.record = &wire_told_record};
    uint64_t after;
    int r;

    if (request->n_nodes != 1) {
        answer->status = WIRE_STATUS_INVALID;
        answer->reason = wire_reason ("name one node");
        return 0;
    }
    if (serial_read (request->after, &after) != 0)
        return invalid_after (answer);
    if (!broker_registry_find (&broker->registry, request->nodes[0])) {
        answer->status = WIRE_STATUS_NONE;
        answer->reason = wire_reason ("no node %s: nodectl nodes lists them", request->nodes[0]);
        return 0;
    }
    r = records_reports (broker->records, request->nodes[0], request->application, after, report_list_visit,
                         &page, error);
    if (r < 0) {
        wire_page_deinit (&page);
        return r;
    }
    answer->status = WIRE_STATUS_OK;
    answer->told = page.items;
    answer->n_told = page.count;
    answer->more = r == 1;
    return answer->more ? serial_give (&answer->next, answer->told[answer->n_told - 1].serial) : 0;
}
