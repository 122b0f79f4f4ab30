/* SPDX-License-Identifier: MPL-2.0 */
/*  node/connectivity.c - finds out why the broker cannot be reached, and reports the reason */

#include "node/connectivity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "bus/connectivity.h"
#include "root/record.h"

enum { PAUSE_MS = 60 * 1000, REASON_SIZE = 500, LINE_MOST = 1024 };

struct node_connectivity {
    struct bus_loop *loop;
    const struct identity_config *config;
    const struct root *root;
    struct bus_connectivity *check;
    int timer;
    uint64_t since_ns, since_ms; /* start of the wait, by the wall clock and by the boot clock */
    char refused[REASON_SIZE];   /* why the origin refused hello; empty: it did not */
    char reported[REASON_SIZE];  /* the last reason that was reported; empty: none */
};

static void check_start (void *context);

static void check_start_in (struct node_connectivity *connectivity, uint64_t delay_ms)
{
    bus_timer_cancel (connectivity->loop, connectivity->timer);
    connectivity->timer = bus_timer_start (connectivity->loop, delay_ms, check_start, connectivity);
}

static void reason_report (struct node_connectivity *connectivity, const char *reason)
{
    char since[BASE_TIME_TEXT], line[LINE_MOST];
    base_assert (*reason);
    if (strcmp (reason, connectivity->reported) == 0)
        return;
    (void) base_text_copy (connectivity->reported, sizeof connectivity->reported, reason);
    int length = snprintf (
        line, sizeof line, "the broker at %.200s has not been reachable since %.19sZ (last: %s)",
        connectivity->config->endpoints.control, base_time_format (connectivity->since_ns, since), reason);
    base_assert (length > 0 && length < LINE_MOST);
    base_log (BASE_LOG_WARNING, "%s", line);
    (void) root_cache_put (connectivity->root, ROOT_UNREACHED, 0644, line, (size_t) length, NULL);
}

/*  wrong: what the check found; NULL: nothing. */
static void on_checked (void *context, const char *wrong)
{
    struct node_connectivity *connectivity = context;
    base_assert (connectivity->timer <= 0);
    char reason[REASON_SIZE];
    (void) snprintf (reason, sizeof reason, "%s",
                     wrong                    ? wrong
                     : *connectivity->refused ? connectivity->refused
                                              : "connected, but no answer to hello: is it a broker, "
                                                "and are the CURVE keys right?");
    connectivity->check = bus_connectivity_free (connectivity->check);
    reason_report (connectivity, reason);
    check_start_in (connectivity, PAUSE_MS);
}

static void check_start (void *context)
{
    struct node_connectivity *connectivity = context;
    connectivity->timer = 0;
    base_assert (!connectivity->check);
    int r = bus_connectivity_start (connectivity->loop, connectivity->config->endpoints.control, on_checked,
                                    connectivity, &connectivity->check);
    if (r < 0)
        on_checked (connectivity, strerror (-r));
}

static void wait_begin (struct node_connectivity *connectivity)
{
    base_assert (connectivity->timer <= 0 && !connectivity->check);
    connectivity->since_ns = base_time_real_ns ();
    connectivity->since_ms = base_time_boot_ms ();
    check_start_in (connectivity, connectivity->config->answer_ms);
}

struct node_connectivity *node_connectivity_new (struct bus_loop *loop, const struct identity_config *config,
                                                 const struct root *root)
{
    base_assert (loop && config && root_is_open (root));
    struct node_connectivity *connectivity = calloc (1, sizeof *connectivity);
    if (!connectivity)
        return NULL;
    *connectivity = (struct node_connectivity){.loop = loop, .config = config, .root = root};
    (void) disk_unlink (root->disk, root->fd, ROOT_UNREACHED);
    wait_begin (connectivity);
    return connectivity;
}

struct node_connectivity *node_connectivity_free (struct node_connectivity *connectivity)
{
    if (!connectivity)
        return NULL;
    bus_timer_cancel (connectivity->loop, connectivity->timer);
    (void) bus_connectivity_free (connectivity->check);
    free (connectivity);
    return NULL;
}

void node_connectivity_welcome (struct node_connectivity *connectivity)
{
    if (!connectivity)
        return;
    bus_timer_cancel (connectivity->loop, connectivity->timer);
    connectivity->timer = 0;
    connectivity->check = bus_connectivity_free (connectivity->check);
    if (*connectivity->reported) {
        base_log (BASE_LOG_INFO, "the broker at %s is reachable, after %llu s",
                  connectivity->config->endpoints.control,
                  (unsigned long long) (base_time_boot_ms () - connectivity->since_ms) / 1000);
        (void) disk_unlink (connectivity->root->disk, connectivity->root->fd, ROOT_UNREACHED);
    }
    *connectivity->reported = *connectivity->refused = '\0';
}

void node_connectivity_lost (struct node_connectivity *connectivity)
{
    if (connectivity && !connectivity->timer && !connectivity->check)
        wait_begin (connectivity);
}

void node_connectivity_refused (struct node_connectivity *connectivity, const char *reason)
{
    if (!connectivity)
        return;
    base_assert (reason);
    (void) snprintf (connectivity->refused, sizeof connectivity->refused, "it refuses this node: %.400s",
                     reason);
    node_connectivity_lost (connectivity);
}

/*  Any program may have written to the file. Only one line of plain text is printed. */
void node_connectivity_print (const struct root *root)
{
    base_assert (root_is_open (root));
    base_cleanup (base_buffer_deinit) struct base_buffer line = {0};
    int r = disk_file_read (root->disk, root->fd, ROOT_UNREACHED, LINE_MOST, &line);
    if (r < 0 || line.size == 0 || !base_text_is_utf8 (line.data, line.size))
        return;
    for (size_t i = 0; i < line.size; i++)
        if ((unsigned char) line.data[i] < ' ' || line.data[i] == 0x7f)
            return;
    base_log_print (stdout, "%-10s %.*s", "broker", (int) line.size, (const char *) line.data);
}
