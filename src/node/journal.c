/* SPDX-License-Identifier: MPL-2.0 */
/*  node/journal.c - the journal, and whether it still fits what was reported of it

    The origin keeps number and digest of the last line that was reported to it, and sends them when the node
    connects. Then, and from time to time, the node checks that this line is still there and that all lines
    follow each other. A mismatch is reported and has no other effect. */

#include <errno.h>

#include "base/text.h"
#include "base/time.h"
#include "node/manager.h"

struct node_journal_look {
    struct bus_work *work;
    struct node_manager *node;
    const struct root *root; /* for the job */
    struct root_journal_head told;
    struct base_error error;
};

/*  Lines about the start of a step are not synced; they are reported with the next synced line. */
void node_journal_open (struct node_manager *node)
{
    struct base_error error = {.code = 0};
    size_t cut;
    if (root_journal_repair (&node->root, &cut, &error))
        base_log (BASE_LOG_WARNING, "cannot repair the journal, ignoring: %s", error.text);
    else if (cut)
        base_log (BASE_LOG_INFO, "cut off %zu bytes at the end of the journal that had not reached the disk",
                  cut);
    node->journal_last = root_journal_head (&node->root);
    if (!root_journal_sync (&node->root)) /* on failure, nothing of it is reported until a line is synced */
        node->journal = node->journal_last;
    node->looked_ms = base_time_boot_ms ();
}

void node_journal_close (struct node_manager *node)
{
    if (node->look)
        (void) bus_work_free (node->look->work);
    free (node->look);
    node->look = NULL;
    node->look_for = (struct root_journal_head){.serial = 0};
}

static void set_fault (struct node_manager *node, const char *text)
{
    char fault[sizeof node->journal_fault];
    (void) snprintf (fault, sizeof fault, "%.480s", text);
    base_text_clean (fault);
    if (strcmp (fault, node->journal_fault) == 0)
        return;
    memcpy (node->journal_fault, fault, sizeof fault);
    base_log (BASE_LOG_WARNING, "the journal is not intact: %s", fault);
    if (node->session)
        node_session_hello_again (node->session);
}

void node_journal_describe (const struct node_manager *node, struct wire_hello *hello)
{
    hello->journal_serial = node->journal.serial;
    hello->journal_head = node->journal.digest;
    hello->journal_fault = *node->journal_fault ? (char *) node->journal_fault : NULL;
}

static int journal_check (void *context)
{
    struct node_journal_look *job = context;
    return root_journal_check (job->root, &job->told, &job->error);
}

static void begin_look (struct node_manager *node, const struct root_journal_head *told);

static void on_checked (void *context, int result)
{
    struct node_journal_look *job = context;
    struct node_manager *node = job->node;
    struct root_journal_head next = node->look_for;
    if (result == ROOT_E_DAMAGED)
        set_fault (node, job->error.text);
    node_journal_close (node);
    if (next.serial)
        begin_look (node, &next);
}

static void begin_look (struct node_manager *node, const struct root_journal_head *told)
{
    if (node->config->depth != NODE_DEPTH_SERVICE)
        return;
    if (node->look) {
        node->look_for = *told;
        return;
    }
    node->look = calloc (1, sizeof *node->look);
    if (!node->look)
        return;
    node->looked_ms = base_time_boot_ms ();
    *node->look = (struct node_journal_look){.node = node, .root = &node->root, .told = *told};
    if (bus_work_start (node->loop, journal_check, on_checked, node->look, &node->look->work))
        node_journal_close (node);
}

/*  Checks that a line follows the last one that this process knows. Others (noded revert) append, too: if
    there are lines between the two, a check looks for the known line among those before the new one. */
static void check_before (struct node_manager *node, const struct wire_entry *entry)
{
    const struct root_journal_head *last = &node->journal_last;
    char text[160];
    bool changed = entry->serial == last->serial + 1 && !base_digest_equal (&entry->before, &last->digest);
    if (!last->serial)
        return;
    if (entry->serial > last->serial + 1)
        begin_look (node, last);
    if (entry->serial > last->serial && !changed)
        return;
    (void) snprintf (text, sizeof text, "line %llu of the journal was %s while the node manager ran",
                     (unsigned long long) last->serial, changed ? "changed" : "removed");
    set_fault (node, text);
}

void node_journal_append (struct node_manager *node, struct wire_entry *entry)
{
    struct base_error error;
    if (root_journal_append (&node->root, entry, &error)) {
        base_log (BASE_LOG_WARNING, "cannot write a journal line, ignoring: %s", error.text);
        return;
    }
    check_before (node, entry);
    node->journal_last = root_journal_head (&node->root);
    if (entry->outcome != WIRE_OUTCOME_STARTED)
        node->journal = node->journal_last;
}

void node_journal_welcome (struct node_manager *node, const struct wire_welcome *welcome)
{
    struct root_journal_head told = {.serial = welcome->journal_serial, .digest = welcome->journal_head};
    begin_look (node, &told);
}

void node_journal_keep (struct node_manager *node)
{
    if (base_time_boot_ms () - node->looked_ms >= node->config->ask_ms)
        begin_look (node, &node->journal_last);
}
