/* SPDX-License-Identifier: MPL-2.0 */
/*  node/journal.c - the journal, and whether it still matches what was reported

    The origin keeps serial and digest of the last line that was reported to it, and sends them when the node
    connects. Then, and periodically, the node checks that this line still exists and that all lines follow
    each other. A mismatch is reported and has no other effect. */

#include <errno.h>

#include "base/assert.h"
#include "base/text.h"
#include "base/time.h"
#include "node/process.h"

/*  A check on a thread. */
struct node_journal_look {
    struct bus_work *work;
    struct node_process *process;
    const struct root *root;
    struct root_journal_head reported; /* the line that must exist */
    struct base_error error;
};

/*  Lines about the start of a step are not synced; they are reported with the next synced line. */
void node_journal_open (struct node_process *process)
{
    struct base_error error = {.code = 0};
    size_t cut;
    base_assert (root_is_open (&process->root) && !process->look);
    int r = root_journal_repair (&process->root, &cut, &error);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "cannot repair the journal, ignoring: %s", error.text);
    else if (cut)
        base_log (BASE_LOG_INFO, "cut off %zu bytes at the end of the journal that had not reached the disk",
                  cut);
    process->journal_last = root_journal_head (&process->root);
    r = root_journal_sync (&process->root);
    if (r == 0) /* else these lines are reported only after a later line was synced */
        process->journal = process->journal_last;
    process->looked_ms = base_time_boot_ms ();
}

void node_journal_close (struct node_process *process)
{
    if (process->look)
        (void) bus_work_free (process->look->work);
    free (process->look);
    process->look = NULL;
    process->look_for = (struct root_journal_head){.serial = 0};
}

static void journal_set_fault (struct node_process *process, const char *text)
{
    base_assert (text);
    char fault[sizeof process->journal_fault];
    (void) snprintf (fault, sizeof fault, "%.480s", text);
    base_text_clean (fault);
    if (strcmp (fault, process->journal_fault) == 0)
        return;
    memcpy (process->journal_fault, fault, sizeof fault);
    base_log (BASE_LOG_WARNING, "the journal is not intact: %s", fault);
    if (process->session)
        node_session_hello_again (process->session);
}

void node_journal_describe (const struct node_process *process, struct wire_hello *hello)
{
    base_assert (hello);
    hello->journal_serial = process->journal.serial;
    hello->journal_head = process->journal.digest;
    hello->journal_fault = *process->journal_fault ? process->journal_fault : NULL;
}

static int journal_check (void *context)
{
    struct node_journal_look *look = context;
    return root_journal_check (look->root, &look->reported, &look->error);
}

static void look_begin (struct node_process *process, const struct root_journal_head *reported);

static void on_checked (void *context, int r)
{
    struct node_journal_look *look = context;
    struct node_process *process = look->process;
    struct root_journal_head next = process->look_for;
    base_assert (process->look == look);
    if (r == ROOT_E_DAMAGED)
        journal_set_fault (process, look->error.text);
    node_journal_close (process);
    if (next.serial)
        look_begin (process, &next);
}

/*  Checks the journal for a line, after the running check if there is one. Not in a probe. */
static void look_begin (struct node_process *process, const struct root_journal_head *reported)
{
    if (process->config->depth != IDENTITY_DEPTH_SERVICE)
        return;
    if (process->look) {
        process->look_for = *reported;
        return;
    }
    process->look = calloc (1, sizeof *process->look);
    if (!process->look)
        return;
    process->looked_ms = base_time_boot_ms ();
    *process->look =
        (struct node_journal_look){.process = process, .root = &process->root, .reported = *reported};
    int r = bus_work_start (process->loop, journal_check, on_checked, process->look, &process->look->work);
    if (r < 0)
        node_journal_close (process);
}

/*  Checks that a new line follows the last one that this process knows. Other processes (noded revert)
    append, too: if there are lines between the two, a check must still find the known line. */
static void line_check_order (struct node_process *process, const struct wire_entry *entry)
{
    const struct root_journal_head *last = &process->journal_last;
    char text[160];
    bool changed = entry->serial == last->serial + 1 && !base_digest_equal (&entry->before, &last->digest);
    if (!last->serial)
        return;
    if (entry->serial > last->serial + 1)
        look_begin (process, last);
    if (entry->serial > last->serial && !changed)
        return;
    (void) snprintf (text, sizeof text, "line %llu of the journal was %s while the node manager ran",
                     (unsigned long long) last->serial, changed ? "changed" : "removed");
    journal_set_fault (process, text);
}

void node_journal_append (struct node_process *process, struct wire_entry *entry)
{
    struct base_error error;
    base_assert (root_is_open (&process->root));
    base_assert (entry && entry->application && entry->step && entry->outcome);
    int r = root_journal_append (&process->root, entry, &error);
    if (r < 0) {
        base_log (BASE_LOG_WARNING, "cannot write a journal line, ignoring: %s", error.text);
        return;
    }
    line_check_order (process, entry);
    process->journal_last = root_journal_head (&process->root);
    if (entry->outcome != WIRE_OUTCOME_STARTED)
        process->journal = process->journal_last;
}

void node_journal_welcome (struct node_process *process, const struct wire_welcome *welcome)
{
    struct root_journal_head reported = {.serial = welcome->journal_serial, .digest = welcome->journal_head};
    look_begin (process, &reported);
}

void node_journal_keep (struct node_process *process)
{
    if (base_time_boot_ms () - process->looked_ms >= process->config->ask_ms)
        look_begin (process, &process->journal_last);
}
