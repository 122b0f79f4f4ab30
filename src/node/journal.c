/*  The journal, and whether it is still what was told of it.

    The origin keeps the last line that it was told of, by number and digest, and says so when the node comes;
    the node looks then, and from time to time, whether that line is still there and whether all follow each
    other. What does not fit is told: nothing else comes of it. */

#include <errno.h>

#include "base/text.h"
#include "base/time.h"
#include "node/manager.h"

struct node_journal_look {
    struct bus_work *work;
    struct node_manager *node;
    const struct root *root; /* of the job */
    struct root_journal_head told;
    struct base_error error;
};

/*  Lines that tell how a step began are not synced: they are told of with the next that is. */
void node_journal_open (struct node_manager *node)
{
    struct base_error error = {.code = 0};
    size_t cut;
    if (root_journal_mend (&node->root, &cut, &error))
        base_log (BASE_LOG_WARNING, "going on with the journal as it is: %s", error.text);
    else if (cut)
        base_log (BASE_LOG_INFO, "%zu bytes at the end of the journal were not on the disk, and are cut off",
                  cut);
    node->journal_last = root_journal_head (&node->root);
    if (!root_journal_sync (&node->root)) /* else nothing is reported of it until a line is synced */
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
    base_log (BASE_LOG_WARNING, "the journal is not what it was: %s", fault);
    if (node->session)
        node_session_hello_again (node->session);
}

void node_journal_describe (const struct node_manager *node, struct wire_hello *hello)
{
    hello->journal_serial = node->journal.serial;
    hello->journal_head = node->journal.digest;
    hello->journal_fault = *node->journal_fault ? (char *) node->journal_fault : NULL;
}

static int look (void *context)
{
    struct node_journal_look *job = context;
    return root_journal_check (job->root, &job->told, &job->error);
}

static void begin_look (struct node_manager *node, const struct root_journal_head *told);

static void looked (void *context, int result)
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
    if (bus_work_start (node->loop, look, looked, node->look, &node->look->work))
        node_journal_close (node);
}

/*  Whether a line follows what this process knew as the last one. Others (noded revert) append too: where there
    are lines between the two, the last one has to be among what they follow. */
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
        base_log (BASE_LOG_WARNING, "going on without a line in the journal: %s", error.text);
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
