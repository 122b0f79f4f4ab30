/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/quarantine.c - the releases that are quarantined on nodes, collected page by page */

#include "broker/quarantine.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/publish.h"
#include "broker/commit.h"
#include "broker/sessions.h"
#include "wire/envelope.h"
#include "wire/list.h"

enum { PAGES_AT_ONCE = 120, PAGES_A_MINUTE = 120 /* of a node */ };

/*  A list of which the first pages are here. */
struct broker_collecting {
    char node[RECORDS_ID_SIZE];
    char application[RECORDS_ID_SIZE];
    struct base_digest list;
    uint64_t heard_ms;
    struct wire_failure *failures; /* room for `total` */
    size_t n_failures, total;
};

static void failures_free (struct wire_failure *failures, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wire_failure_deinit (&failures[i]);
    free (failures);
}

static void collecting_free (struct broker_collecting **collecting)
{
    if (!*collecting)
        return;
    failures_free ((*collecting)->failures, (*collecting)->n_failures);
    free (*collecting);
    *collecting = NULL;
}

void broker_quarantine_deinit (struct broker *broker)
{
    for (size_t i = 0; i < BROKER_COLLECTING_MOST; i++)
        collecting_free (&broker->collecting[i]);
}

/*  The slot of a node; NULL: it has none. */
static struct broker_collecting **collecting_of (struct broker *broker, const char *node)
{
    for (size_t i = 0; i < BROKER_COLLECTING_MOST; i++)
        if (broker->collecting[i] && strcmp (broker->collecting[i]->node, node) == 0)
            return &broker->collecting[i];
    return NULL;
}

/*  A slot for a node that has none: an empty one, or that of the list that has waited longest for a page.
    NULL: all are in use. */
static struct broker_collecting **slot_find (struct broker *broker, uint64_t now_ms)
{
    struct broker_collecting **oldest = NULL;

    for (size_t i = 0; i < BROKER_COLLECTING_MOST; i++) {
        struct broker_collecting **slot = &broker->collecting[i];
        if (!*slot)
            return slot;
        if (!oldest || (*slot)->heard_ms < (*oldest)->heard_ms)
            oldest = slot;
    }
    if (now_ms - (*oldest)->heard_ms < BROKER_COLLECTING_IDLE_MS)
        return NULL;
    collecting_free (oldest);
    return oldest;
}

/*  storing */

/*  A complete list that is being written. */
struct quarantining {
    struct bus_peer peer;
    char node[RECORDS_ID_SIZE];
    char application[RECORDS_ID_SIZE];
    struct base_digest list;
    uint64_t first; /* of the last page */
    struct wire_failure *failures;
    size_t n_failures;
};

static void quarantining_free (struct quarantining *quarantining)
{
    failures_free (quarantining->failures, quarantining->n_failures);
    free (quarantining);
}

static int quarantining_store (struct broker *broker, void *item, struct base_error *error)
{
    struct quarantining *quarantining = item;

    return records_quarantine_put (broker->records, quarantining->node, quarantining->application,
                                   &quarantining->list, quarantining->failures, quarantining->n_failures,
                                   error);
}

static void quarantining_ended (struct broker *broker, void *item, bool kept)
{
    struct quarantining *quarantining = item;
    struct broker_node *node = broker_registry_find (&broker->registry, quarantining->node);
    struct wire_quarantined answer = {.application = quarantining->application,
                                      .list = quarantining->list,
                                      .first = quarantining->first,
                                      .next = quarantining->n_failures,
                                      .status = kept ? WIRE_STATUS_OK : WIRE_STATUS_FAILED};

    (void) origin_answer (broker->origin, &quarantining->peer, &wire_quarantined_record, &answer);
    if (kept && node)
        broker_node_publish (broker, &(struct broker_node_change){.node = node, .flags = BROKER_NODE_REPORT});
    quarantining_free (quarantining);
}

static const struct broker_write_ops quarantining_ops = {.store = quarantining_store,
                                                         .ended = quarantining_ended};

/*  Stores a complete list; takes its failures. Returns 0: it is answered later; -ENOENT: there is no such
    application; or another -errno. */
static int list_store (struct broker *broker, const struct bus_peer *peer, const struct wire_quarantine *page,
                       struct wire_failure *failures, size_t count, struct base_error *error)
{
    struct quarantining *quarantining = calloc (1, sizeof *quarantining);
    int r;

    if (!quarantining) {
        failures_free (failures, count);
        return base_error_errno (error, -ENOMEM, "cannot process the quarantine of a node");
    }
    *quarantining = (struct quarantining){
        .peer = *peer, .list = page->list, .first = page->first, .failures = failures, .n_failures = count};
    r = base_text_copy (quarantining->node, sizeof quarantining->node, page->node);
    if (r == 0)
        r = base_text_copy (quarantining->application, sizeof quarantining->application, page->application);
    if (r == 0)
        r = broker_commit_add (broker, &quarantining_ops, quarantining, error);
    if (r != 0)
        quarantining_free (quarantining);
    return r;
}

/*  pages */

static bool page_is_valid (const struct wire_quarantine *page)
{
    if (!wire_application_is_valid (page->application) || page->n_failures == 0 ||
        page->first + page->n_failures > page->total)
        return false;
    for (size_t i = 0; i < page->n_failures; i++)
        if (base_digest_is_null (&page->failures[i].release))
            return false;
    return true;
}

/*  Returns whether the records have this list already, as after a repeated page. */
static bool list_is_stored (struct broker *broker, const struct wire_quarantine *page)
{
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};

    return records_application_get (broker->records, page->node, page->application, &application, NULL) ==
               0 &&
           base_digest_equal (&application.quarantine, &page->list);
}

/*  Makes an empty list. NULL: memory is exhausted. */
static struct broker_collecting *collecting_new (const struct wire_quarantine *page)
{
    struct broker_collecting *collecting = calloc (1, sizeof *collecting);

    if (!collecting)
        return NULL;
    collecting->list = page->list;
    collecting->total = page->total;
    collecting->failures = calloc (page->total, sizeof *collecting->failures);
    if (!collecting->failures ||
        base_text_copy (collecting->node, sizeof collecting->node, page->node) != 0 ||
        base_text_copy (collecting->application, sizeof collecting->application, page->application) != 0)
        collecting_free (&collecting);
    return collecting;
}

/*  Adds a page. Returns 0 or -ENOMEM; then its first entries may have been added. */
static int page_add (struct broker_collecting *collecting, const struct wire_quarantine *page)
{
    base_assert (collecting->n_failures + page->n_failures <= collecting->total);
    for (size_t i = 0; i < page->n_failures; i++) {
        if (wire_copy (&wire_failure_record, &page->failures[i],
                       &collecting->failures[collecting->n_failures]) != 0)
            return -ENOMEM;
        collecting->n_failures++;
    }
    return 0;
}

/*  All pages are here: checks the digest, and stores the list. */
static int collecting_end (struct broker *broker, const struct bus_peer *peer,
                           struct broker_collecting **slot, const struct wire_quarantine *page,
                           struct wire_quarantined *answer)
{
    struct broker_collecting *collecting = *slot;
    struct base_digest list = wire_quarantine_digest (collecting->failures, collecting->n_failures);
    struct base_error error = {.code = 0};
    int r;

    if (!base_digest_equal (&list, &collecting->list)) {
        base_log_limited (&broker->log, BASE_LOG_WARNING,
                          "node %s: ignoring its quarantine of %s: the digest does not match", page->node,
                          page->application);
        collecting_free (slot);
        answer->status = WIRE_STATUS_INVALID;
        return 0;
    }
    r = list_store (broker, peer, page, collecting->failures, collecting->n_failures, &error);
    collecting->failures = NULL;
    collecting->n_failures = 0;
    collecting_free (slot);
    if (r != -ENOENT)
        return r == 0 ? ORIGIN_LATER : broker_storage_failed (broker, &error);
    answer->status = WIRE_STATUS_INVALID;
    return 0;
}

/*  Begins a list at a slot, with its first page. Returns 0, ORIGIN_LATER or -errno. */
static int list_begin (struct broker *broker, const struct bus_peer *peer, const struct wire_quarantine *page,
                       struct broker_collecting **slot, struct wire_quarantined *answer)
{
    base_assert (!*slot && page->first == 0);
    *slot = collecting_new (page);
    if (!*slot || page_add (*slot, page) != 0) {
        collecting_free (slot);
        return -ENOMEM;
    }
    (*slot)->heard_ms = base_time_boot_ms ();
    answer->next = page->n_failures;
    return page->n_failures == page->total ? collecting_end (broker, peer, slot, page, answer) : 0;
}

/*  The first page of a list, of a node that has no slot or has one for another application. */
static int page_first (struct broker *broker, const struct bus_peer *peer, const struct wire_quarantine *page,
                       struct broker_collecting **other, struct wire_quarantined *answer)
{
    struct broker_collecting *whole = NULL, **slot;
    uint64_t now_ms = base_time_boot_ms ();

    if (list_is_stored (broker, page)) {
        answer->next = page->total;
        return 0;
    }
    if (page->first > 0)
        return 0; /* next 0: from the beginning */
    if (page->n_failures == page->total)
        return list_begin (broker, peer, page, &whole, answer); /* needs no slot */
    if (other && now_ms - (*other)->heard_ms >= BROKER_COLLECTING_IDLE_MS)
        collecting_free (other);
    slot = other ? other : slot_find (broker, now_ms);
    if (!slot || *slot) {
        answer->status = WIRE_STATUS_BUSY;
        return 0;
    }
    return list_begin (broker, peer, page, slot, answer);
}

static int page_take (struct broker *broker, const struct bus_peer *peer, const struct wire_quarantine *page,
                      struct wire_quarantined *answer)
{
    struct broker_collecting **slot = collecting_of (broker, page->node);

    if (!slot || strcmp ((*slot)->application, page->application) != 0)
        return page_first (broker, peer, page, slot, answer);
    if (!base_digest_equal (&(*slot)->list, &page->list) || (*slot)->total != page->total) {
        collecting_free (slot); /* the node has another list now */
        return page_first (broker, peer, page, NULL, answer);
    }
    if (page->first == (*slot)->n_failures) { /* a repeated page does not hold the slot */
        (*slot)->heard_ms = base_time_boot_ms ();
        if (page_add (*slot, page) != 0) {
            collecting_free (slot);
            return -ENOMEM;
        }
    }
    answer->next = (*slot)->n_failures;
    return (*slot)->n_failures == (*slot)->total ? collecting_end (broker, peer, slot, page, answer) : 0;
}

int broker_on_quarantine (void *context, const struct bus_peer *peer, const struct wire_quarantine *page,
                          struct wire_quarantined *answer)
{
    struct broker *broker = context;
    struct broker_node *node = broker_hear (broker, peer, page->node, page->session);

    answer->status = WIRE_STATUS_OK;
    if (!node)
        answer->status = WIRE_STATUS_REFUSED;
    else if (!page_is_valid (page))
        answer->status = WIRE_STATUS_INVALID;
    else if (!broker_pace_take (&node->pages, PAGES_AT_ONCE, PAGES_A_MINUTE, base_time_boot_ms ()))
        answer->status = WIRE_STATUS_FAILED;
    else
        return page_take (broker, peer, page, answer);
    return 0;
}
