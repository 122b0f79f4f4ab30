/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/lists.c - the lists that operators read, a page at a time */

#include "broker/lists.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/labels.h"
#include "broker/operator.h"
#include "broker/orders.h"
#include "wire/page.h"
#include "broker/serving.h"
#include "wire/text.h"
#include "rollout/selector.h"

/*  Nodes. */

/*  Fills shown, which the caller owns, also on failure. name: of the application. */
static int node_describe (struct broker *broker, const struct broker_node *node, const char *name,
                          struct wire_node *shown, struct base_error *error)
{
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    base_cleanup (records_journal_deinit) struct records_journal journal = {.serial = 0};
    const struct deploy_rollout *rollout;
    bool may_come = node->settle_ms > base_time_boot_ms ();
    char last_seen[BASE_TIME_TEXT];
    uint32_t index;
    int r;

    shown->online = broker_node_is_online (node);
    shown->revision = node->revision;
    shown->restarts = node->restarts;
    (void) broker_node_last_seen (node, last_seen);
    if (wire_text_set (&shown->id, node->id) != 0 || wire_text_set (&shown->host_pid, node->host_pid) != 0 ||
        wire_text_set (&shown->software, node->software) != 0 ||
        wire_text_set (&shown->platform, node->platform) != 0 ||
        wire_text_set (&shown->last_seen, last_seen) != 0 ||
        wire_text_set (&shown->kernel, node->kernel) != 0 || broker_labels_show (node, shown) != 0)
        return -ENOMEM;
    rollout = deploy_rollout_of (&broker->deploy, node->id, name, &index);
    if (rollout) {
        base_assert (index < rollout->machine.n_members);
        shown->wave = rollout->machine.members[index].wave + 1;
        if (wire_text_set (&shown->rollout, rollout->state.id) != 0)
            return -ENOMEM;
    }
    r = records_journal_get (broker->records, node->id, &journal, error);
    if (r < 0 && r != -ENOENT)
        return r;
    shown->journal_serial = journal.serial;
    shown->journal_head = journal.head;
    shown->journal_fault = base_take (journal.fault);
    r = records_application_get (broker->records, node->id, name, &application, error);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    r = broker_order_outcome (broker->records, &application, may_come, shown, NULL, error);
    if (r < 0 || !application.is_reported)
        return r;
    shown->application = malloc (sizeof *shown->application);
    if (!shown->application)
        return -ENOMEM;
    *shown->application = application.reported;
    application.reported = (struct wire_application){.name = NULL};
    return 0;
}

static int ids_compare (const void *a, const void *b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

/*  Returns the named ids, sorted, each once. The caller owns the array, not the ids. */
static char **ids_sorted (const struct broker_named *named, size_t *ret_count)
{
    char **ids = calloc (named->n_nodes + 1, sizeof *ids);
    size_t count = 0;

    if (!ids)
        return NULL;
    memcpy (ids, named->nodes, named->n_nodes * sizeof *ids);
    qsort (ids, named->n_nodes, sizeof *ids, ids_compare);
    for (size_t i = 0; i < named->n_nodes; i++)
        if (count == 0 || strcmp (ids[count - 1], ids[i]) != 0)
            ids[count++] = ids[i];
    *ret_count = count;
    return ids;
}

int broker_nodes_each (struct broker *broker, const struct broker_named *named, broker_node_visit *visit,
                       void *context)
{
    base_assert (broker && named && visit);
    base_assert (named->nodes || named->n_nodes == 0);
    base_cleanup (base_free_p) char **ids = NULL;
    size_t count;
    int r = 0;

    if (named->n_nodes == 0) {
        for (size_t i = broker_registry_behind (&broker->registry, named->after);
             r == 0 && i < broker->registry.n_nodes; i++)
            r = visit (context, broker->registry.nodes[i]->id, broker->registry.nodes[i]);
        return r;
    }
    ids = ids_sorted (named, &count);
    if (!ids)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++)
        if (!named->after || strcmp (ids[i], named->after) > 0)
            r = visit (context, ids[i], broker_registry_find (&broker->registry, ids[i]));
    return r;
}

struct node_list {
    struct broker *broker;
    const char *application;
    struct rollout_selector *selector; /* NULL: every node */
    uint64_t since;
    struct wire_page page;
    char unknown[RECORDS_ID_SIZE];
    struct base_error *error;
};

static int node_list_visit (void *context, const char *id, struct broker_node *node)
{
    struct node_list *list = context;
    base_cleanup (wire_node_deinit) struct wire_node shown = {.revision = 0};
    int r;

    if (!node) {
        if (!list->unknown[0])
            (void) base_text_copy (list->unknown, sizeof list->unknown, id);
        return 0;
    }
    if (node->revision <= list->since ||
        (list->selector && !rollout_selector_fits (list->selector, broker_label_of, node)))
        return 0;
    r = node_describe (list->broker, node, list->application, &shown, list->error);
    if (r < 0)
        return r;
    return wire_page_add (&list->page, &shown);
}

/*  A `since` above the last revision (the records were restored from a backup) counts as 0. If a named node
    is not known, the status is none. */
static int node_list_make (struct broker_call *call, const struct wire_list_nodes *request,
                           struct rollout_selector *selector, struct wire_nodes *answer)
{
    struct broker *broker = call->broker;
    struct node_list list = {.broker = broker,
                             .application = request->application ? request->application : "noded",
                             .selector = selector,
                             .since = request->since > broker->revision ? 0 : request->since,
                             .page = {.record = &wire_node_record},
                             .error = call->error};
    const struct broker_named named = {
        .nodes = request->nodes, .n_nodes = request->n_nodes, .after = request->after};
    int r = broker_nodes_each (broker, &named, node_list_visit, &list);

    if (r < 0) {
        wire_page_deinit (&list.page);
        return r;
    }
    answer->status = WIRE_STATUS_OK;
    answer->nodes = list.page.items;
    answer->n_nodes = list.page.count;
    if (r == WIRE_PAGE_FULL && answer->n_nodes > 0) {
        answer->more = true;
        return wire_text_set (&answer->next, answer->nodes[answer->n_nodes - 1].id);
    }
    if (list.unknown[0])
        return wire_answer_set (answer, WIRE_STATUS_NONE, "no node %s: nodectl nodes lists them",
                                list.unknown);
    return 0;
}

int broker_serve_list_nodes (struct broker_call *call, const struct wire_list_nodes *request,
                             struct wire_nodes *answer)
{
    base_assert (call && request && answer);
    struct rollout_selector *selector = NULL;
    struct base_error wrong = {.code = 0};
    int r = request->selector ? rollout_selector_parse (request->selector, &selector, &wrong) : 0;

    if (r == -EINVAL)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "%s", wrong.text);
    if (r < 0)
        return r;
    r = node_list_make (call, request, selector, answer);
    (void) rollout_selector_free (selector);
    if (r < 0)
        return r;
    r = records_fleet_head (call->broker->records, &answer->heads, &answer->fleet_head, call->error);
    if (r < 0)
        return r;
    if (answer->status != WIRE_STATUS_OK || answer->n_nodes > 0 || !request->since || request->after)
        return 0;
    return broker_call_wait (call, request->wait_ms, &answer->status, &answer->reason);
}

/*  Releases. */

struct release_list {
    struct broker *broker;
    struct wire_page page;
    uint64_t last; /* serial of the last one on the page */
};

static int release_describe (const struct records_release *release, struct wire_release_state *published)
{
    const struct wire_release *document = &release->document;
    const char **platforms;

    published->release = release->digest;
    published->withdrawn = release->withdrawn;
    published->platforms = platforms = calloc (document->n_envelopes + 1, sizeof *platforms);
    if (!platforms || wire_text_set (&published->application, document->application) != 0 ||
        wire_text_set (&published->version, document->version) != 0 ||
        wire_text_set (&published->time, release->time) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < document->n_envelopes; i++) {
        const struct wire_envelope *envelope = &document->envelopes[i];
        platforms[i] = strdup (envelope->platform ? envelope->platform : "");
        if (!platforms[i])
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
    base_cleanup (wire_release_state_deinit) struct wire_release_state published = {.size = 0};
    int r = release_describe (release, &published);
    if (r < 0)
        return r;
    if (!release->withdrawn)
        published.missing = broker_serving_missing (list->broker, &release->document);
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

static int serial_set (const char **field, uint64_t serial)
{
    *field = base_text_printf ("%llu", (unsigned long long) serial);
    return *field ? 0 : -ENOMEM;
}

int broker_serve_list_releases (struct broker_call *call, const struct wire_list_releases *request,
                                struct wire_releases *answer)
{
    base_assert (call && request && answer);
    struct broker *broker = call->broker;
    struct release_list list = {.broker = broker, .page = {.record = &wire_release_state_record}};
    uint64_t before;
    int r;

    if (serial_read (request->after, &before) != 0)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "after must be the next of an earlier answer");
    r = records_releases (broker->records, request->application, before, release_list_visit, &list,
                          call->error);
    if (r < 0) {
        wire_page_deinit (&list.page);
        return r;
    }
    answer->status = WIRE_STATUS_OK;
    answer->releases = list.page.items;
    answer->n_releases = list.page.count;
    answer->more = r == WIRE_PAGE_FULL;
    return answer->more ? serial_set (&answer->next, list.last) : 0;
}

/*  Reports. */

static int report_list_visit (void *context, const struct wire_stored_report *report)
{
    struct wire_page *page = context;
    base_cleanup (wire_stored_report_deinit) struct wire_stored_report copy = {.serial = 0};
    int r = wire_copy (&wire_stored_report_record, report, &copy);
    if (r < 0)
        return r;
    return wire_page_add (page, &copy);
}

int broker_serve_list_reports (struct broker_call *call, const struct wire_list_reports *request,
                               struct wire_reports *answer)
{
    base_assert (call && request && answer);
    struct wire_page page = {.record = &wire_stored_report_record};
    const char *application = request->application ? request->application : "noded";
    uint64_t after;
    int r;

    if (serial_read (request->after, &after) != 0)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "after must be the next of an earlier answer");
    if (!broker_registry_find (&call->broker->registry, request->node))
        return wire_answer_set (answer, WIRE_STATUS_NONE, "no node %s: nodectl nodes lists them",
                                request->node);
    r = records_reports (call->broker->records, request->node, application, after, report_list_visit, &page,
                         call->error);
    if (r < 0) {
        wire_page_deinit (&page);
        return r;
    }
    answer->status = WIRE_STATUS_OK;
    answer->reports = page.items;
    answer->n_reports = page.count;
    answer->more = r == WIRE_PAGE_FULL;
    return answer->more ? serial_set (&answer->next, answer->reports[answer->n_reports - 1].serial) : 0;
}

/*  quarantine */

static int failure_list_visit (void *context, const struct wire_failure *failure)
{
    struct wire_page *page = context;
    base_cleanup (wire_failure_deinit) struct wire_failure copy = {.reason = NULL};
    int r = wire_copy (&wire_failure_record, failure, &copy);

    return r == 0 ? wire_page_add (page, &copy) : r;
}

static int release_give (const char **field, const struct base_digest *release)
{
    char text[BASE_DIGEST_TEXT];

    return wire_text_set (field, base_digest_format (release, text));
}

int broker_serve_list_quarantine (struct broker_call *call, const struct wire_list_quarantine *request,
                                  struct wire_failures *answer)
{
    struct wire_page page = {.record = &wire_failure_record};
    const char *application = request->application ? request->application : "noded";
    struct base_digest after;
    int r;

    if (request->after && base_digest_parse (request->after, &after) != 0)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "after must be the next of an earlier answer");
    if (!broker_registry_find (&call->broker->registry, request->node))
        return wire_answer_set (answer, WIRE_STATUS_NONE, "no node %s: nodectl nodes lists them",
                                request->node);
    r = records_quarantine (call->broker->records, request->node, application, request->after ? &after : NULL,
                            failure_list_visit, &page, call->error);
    if (r < 0) {
        wire_page_deinit (&page);
        return r;
    }
    answer->status = WIRE_STATUS_OK;
    answer->failures = page.items;
    answer->n_failures = page.count;
    answer->more = r == 1;
    return answer->more ? release_give (&answer->next, &answer->failures[answer->n_failures - 1].release) : 0;
}
