/* SPDX-License-Identifier: MPL-2.0 */
/*  node/reach.c - finds out why the broker cannot be reached, and reports the reason */

#include "node/reach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "bus/reach.h"
#include "root/record.h"

enum { PAUSE_MS = 60 * 1000, REASON_SIZE = 500, LINE_MOST = 1024 };

struct node_reach {
    struct bus_loop *loop;
    const struct identity_config *config;
    const struct root *root;
    struct bus_reach *check;
    int timer;
    uint64_t since_ns, since_ms; /* start of the wait, by the wall clock and by the boot clock */
    char refused[REASON_SIZE];   /* why the origin refused hello; empty: it did not */
    char reported[REASON_SIZE];  /* the last reason that was reported; empty: none */
};

static void check_start (void *context);

static void check_start_in (struct node_reach *reach, uint64_t delay_ms)
{
    bus_timer_cancel (reach->loop, reach->timer);
    reach->timer = bus_timer_start (reach->loop, delay_ms, check_start, reach);
}

static void reason_report (struct node_reach *reach, const char *reason)
{
    char since[BASE_TIME_TEXT], line[LINE_MOST];
    base_assert (*reason);
    if (strcmp (reason, reach->reported) == 0)
        return;
    (void) base_text_copy (reach->reported, sizeof reach->reported, reason);
    int length =
        snprintf (line, sizeof line, "the broker at %.200s has not been reachable since %.19sZ (last: %s)",
                  reach->config->endpoints.control, base_time_format (reach->since_ns, since), reason);
    base_assert (length > 0 && length < LINE_MOST);
    base_log (BASE_LOG_WARNING, "%s", line);
    (void) root_cache_put (reach->root, ROOT_UNREACHED, 0644, line, (size_t) length, NULL);
}

/*  wrong: what the check found; NULL: nothing. */
static void on_checked (void *context, const char *wrong)
{
    struct node_reach *reach = context;
    base_assert (reach->timer <= 0);
    char reason[REASON_SIZE];
    (void) snprintf (reason, sizeof reason, "%s",
                     wrong             ? wrong
                     : *reach->refused ? reach->refused
                                       : "connected, but no answer to hello: is it a broker, "
                                         "and are the CURVE keys right?");
    reach->check = bus_reach_free (reach->check);
    reason_report (reach, reason);
    check_start_in (reach, PAUSE_MS);
}

static void check_start (void *context)
{
    struct node_reach *reach = context;
    reach->timer = 0;
    base_assert (!reach->check);
    int r = bus_reach_start (reach->loop, reach->config->endpoints.control, on_checked, reach, &reach->check);
    if (r < 0)
        on_checked (reach, NULL);
}

static void wait_begin (struct node_reach *reach)
{
    base_assert (reach->timer <= 0 && !reach->check);
    reach->since_ns = base_time_real_ns ();
    reach->since_ms = base_time_boot_ms ();
    check_start_in (reach, reach->config->answer_ms);
}

struct node_reach *node_reach_new (struct bus_loop *loop, const struct identity_config *config,
                                   const struct root *root)
{
    base_assert (loop && config && root_is_open (root));
    struct node_reach *reach = calloc (1, sizeof *reach);
    if (!reach)
        return NULL;
    *reach = (struct node_reach){.loop = loop, .config = config, .root = root};
    (void) disk_unlink (root->disk, root->fd, ROOT_UNREACHED);
    wait_begin (reach);
    return reach;
}

struct node_reach *node_reach_free (struct node_reach *reach)
{
    if (!reach)
        return NULL;
    bus_timer_cancel (reach->loop, reach->timer);
    (void) bus_reach_free (reach->check);
    free (reach);
    return NULL;
}

void node_reach_welcome (struct node_reach *reach)
{
    if (!reach)
        return;
    bus_timer_cancel (reach->loop, reach->timer);
    reach->timer = 0;
    reach->check = bus_reach_free (reach->check);
    if (*reach->reported) {
        base_log (BASE_LOG_INFO, "the broker at %s is reachable, after %llu s",
                  reach->config->endpoints.control,
                  (unsigned long long) (base_time_boot_ms () - reach->since_ms) / 1000);
        (void) disk_unlink (reach->root->disk, reach->root->fd, ROOT_UNREACHED);
    }
    *reach->reported = *reach->refused = '\0';
}

void node_reach_lost (struct node_reach *reach)
{
    if (reach && !reach->timer && !reach->check)
        wait_begin (reach);
}

void node_reach_refused (struct node_reach *reach, const char *reason)
{
    if (!reach)
        return;
    base_assert (reason);
    (void) snprintf (reach->refused, sizeof reach->refused, "it refuses this node: %.400s", reason);
    node_reach_lost (reach);
}

/*  Any program may have written to the file. Only one line of plain text is printed. */
void node_reach_print (const struct root *root)
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
