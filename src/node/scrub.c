/* SPDX-License-Identifier: MPL-2.0 */
/*  node/scrub.c - verifies periodically the workspaces of stable and previous, and reports damage

    Otherwise only a revert, or the next start, would find the damage. A scrub changes and removes nothing in
    the workspaces. A round reads both, one after the other, on a thread, with a pause after each slice
    (disk/pace.h). Then half of the period passes until the next round; less while there is damage, because a
    person may have repaired it. var/scrub records when the last round ended, by the clock of this boot, and
    what it found. Each boot begins with a round: the disk may have changed while the host was down. */

#include "node/scrub.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "disk/pace.h"
#include "node/application.h"
#include "root/manifest.h"
#include "root/record.h"
#include "root/verified.h"
#include "root/workspace.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

enum {
    LINKS = 2,
    STATE_MOST = 4096,
    FAULT_SIZE = 120,
    BOOT_MS = 10 * 60 * 1000,    /* from a start to the first round of a boot; at random up to twice */
    DAMAGED_MS = 60 * 60 * 1000, /* from one round to the next, while there is damage */
    BUSY_MS = 60 * 1000,         /* from one check to the next whether the update has ended */
};

static const char *const links[LINKS] = {ROOT_STABLE, ROOT_PREVIOUS};

struct fault {
    char workspace[ROOT_NAME_SIZE]; /* empty: no damage is known */
    char text[FAULT_SIZE];
};

struct state {
    char boot[40];
    uint64_t at_ms; /* end of the last round, by the clock of that boot */
    struct fault faults[LINKS];
};

/*  A round on its thread. */
struct round {
    const struct root *root;
    int stop;                          /* eventfd that ends the round; owned */
    uint8_t *block;                    /* DISK_PACE_SLICE bytes; owned */
    char names[LINKS][ROOT_NAME_SIZE]; /* empty: not read */
    int results[LINKS];                /* 0, ROOT_E_... or -errno */
    struct base_error errors[LINKS];
};

struct node_scrub {
    struct node_application *app;
    struct state state;
    struct bus_work *work;
    struct round *round;
    int timer;
};

/*  Either a round runs, or a timer waits for the next one. (A timer may be missing: out of memory.) */
static void scrub_check (const struct node_scrub *scrub)
{
    base_assert (scrub && scrub->app && scrub->app->scrub == scrub);
    base_assert (!scrub->work == !scrub->round);
    base_assert (!scrub->work || scrub->timer <= 0);
}

/*  the record */

static void boot_read (char boot[40])
{
    FILE *file = fopen (BOOT_ID, "re");
    *boot = '\0';
    if (file && !fgets (boot, 40, file))
        *boot = '\0';
    boot[strcspn (boot, "\n")] = '\0';
    if (file)
        (void) fclose (file);
}

/*  Parses "LINK WORKSPACE TEXT". Ignores anything else. */
static void state_parse_fault (struct state *state, char *line)
{
    const char *link = strsep (&line, " "), *name = line ? strsep (&line, " ") : NULL;
    for (size_t i = 0; line && i < LINKS; i++)
        if (strcmp (link, links[i]) == 0 && root_name_is_valid (name)) {
            (void) base_text_copy (state->faults[i].workspace, ROOT_NAME_SIZE, name);
            (void) snprintf (state->faults[i].text, FAULT_SIZE, "%s", line);
            base_text_clean (state->faults[i].text);
        }
}

static void state_load (const struct root *root, struct state *ret_state)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    *ret_state = (struct state){.at_ms = 0};
    int r = disk_file_read (&disk_system, root->fd, ROOT_SCRUB, STATE_MOST, &buffer);
    if (r == 0)
        r = base_buffer_append (&buffer, "", 1);
    if (r < 0)
        return;
    char *rest = (char *) buffer.data, *line;
    while ((line = strsep (&rest, "\n")))
        if (strncmp (line, "boot ", 5) == 0)
            (void) base_text_copy (ret_state->boot, sizeof ret_state->boot, line + 5);
        else if (strncmp (line, "at ", 3) == 0)
            (void) base_text_parse_u64 (line + 3, UINT64_MAX, &ret_state->at_ms);
        else
            state_parse_fault (ret_state, line);
}

static void state_save (const struct root *root, const struct state *state)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    struct base_error error;
    int r =
        base_buffer_printf (&buffer, "boot %s\nat %llu\n", state->boot, (unsigned long long) state->at_ms);
    for (size_t i = 0; r == 0 && i < LINKS; i++)
        if (*state->faults[i].workspace)
            r = base_buffer_printf (&buffer, "%s %s %s\n", links[i], state->faults[i].workspace,
                                    state->faults[i].text);
    if (r < 0)
        (void) base_error_errno (&error, r, "cannot format it");
    else
        r = root_cache_put (root, ROOT_SCRUB, 0644, buffer.data, buffer.size, &error);
    if (r < 0)
        base_log (BASE_LOG_WARNING, "cannot record the result of the scrub, ignoring: %s", error.text);
}

/*  Returns whether the link still points to the workspace of the fault. */
static bool fault_is_current (const struct root *root, size_t link, const struct fault *fault)
{
    base_assert (link < LINKS);
    char name[ROOT_NAME_SIZE];
    base_cleanup (base_close_p) int fd = -1;
    return *fault->workspace && root_link (root, links[link], name) == 0 &&
           strcmp (name, fault->workspace) == 0 && root_workspace_open (root, name, &fd) == 0;
}

static void fault_describe (size_t link, const struct fault *fault, char text[NODE_SCRUB_TEXT / LINKS])
{
    base_assert (link < LINKS && *fault->workspace);
    (void) snprintf (text, NODE_SCRUB_TEXT / LINKS, "%s is damaged (%s: %s): %s", links[link],
                     fault->workspace, fault->text,
                     link ? "no revert until the next confirmed update replaces it"
                          : "the next start is rolled back; an update repairs it");
}

static bool state_describe (const struct root *root, const struct state *state,
                            char ret_text[NODE_SCRUB_TEXT])
{
    char text[NODE_SCRUB_TEXT / LINKS];
    size_t used = 0;
    for (size_t i = 0; i < LINKS; i++)
        if (fault_is_current (root, i, &state->faults[i])) {
            fault_describe (i, &state->faults[i], text);
            base_assert (used < NODE_SCRUB_TEXT);
            used +=
                (size_t) snprintf (ret_text + used, NODE_SCRUB_TEXT - used, "%s%s", used ? "; " : "", text);
        }
    return used > 0;
}

bool node_scrub_read (const struct root *root, char ret_text[NODE_SCRUB_TEXT])
{
    base_assert (root_is_open (root) && ret_text);
    struct state state;
    state_load (root, &state);
    return state_describe (root, &state, ret_text);
}

bool node_scrub_describe (const struct node_application *app, char ret_text[NODE_SCRUB_TEXT])
{
    return app->scrub && state_describe (app->root, &app->scrub->state, ret_text);
}

/*  a round, on its thread */

/*  Waits. Returns whether the round continues. */
static bool round_pause (const struct round *round, uint64_t ms)
{
    struct pollfd stop = {.fd = round->stop, .events = POLLIN};
    return poll (&stop, 1, ms > INT32_MAX ? INT32_MAX : (int) ms) == 0;
}

static int round_digest (void *context, int fd, struct base_digest *ret_digest)
{
    struct round *round = context;
    struct base_hash hash;
    uint64_t offset = 0;
    base_hash_init (&hash);
    for (;;) {
        uint64_t before_ns = disk_pace_cpu_ns ();
        ssize_t got = disk_pace_read (fd, round->block, DISK_PACE_SLICE, offset);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got > 0)
            base_hash_update (&hash, round->block, (size_t) got);
        offset += got > 0 ? (uint64_t) got : 0;
        if (!round_pause (round, disk_pace_pause_ms (got > 0 ? (uint64_t) got : 0, DISK_PACE_RATE,
                                                     disk_pace_cpu_ns () - before_ns)))
            return -ECANCELED;
        if (got == 0)
            break;
    }
    *ret_digest = base_hash_final (&hash);
    return 0;
}

static int round_run (void *context)
{
    struct round *round = ((struct node_scrub *) context)->round;
    const struct root_manifest_reader reader = {.digest = round_digest, .context = round};
    for (size_t i = 0; i < LINKS; i++) {
        base_cleanup (base_close_p) int fd = -1;
        if (!*round->names[i])
            continue;
        int r = root_workspace_open (round->root, round->names[i], &fd);
        round->results[i] = r ? -ENOENT : root_manifest_verify_by (&reader, fd, &round->errors[i]);
        if (round->results[i] == -ECANCELED)
            return -ECANCELED;
    }
    return 0;
}

/*  in the loop */

static void round_free (struct round *round)
{
    if (!round)
        return;
    if (round->stop >= 0)
        (void) close (round->stop);
    free (round->block);
    free (round);
}

static void fault_report (struct node_application *app, size_t link, const struct fault *fault, bool damaged)
{
    char text[NODE_SCRUB_TEXT / LINKS];
    struct wire_entry entry = {.application = app->name,
                               .step = "scrub",
                               .outcome = damaged ? WIRE_OUTCOME_FAILED : WIRE_OUTCOME_PASSED,
                               .reason = text,
                               .workspace = fault->workspace};
    if (damaged)
        fault_describe (link, fault, text);
    else
        (void) snprintf (text, sizeof text, "%s (%s) is undamaged again", links[link], fault->workspace);
    if (damaged)
        base_log (BASE_LOG_ERROR,
                  "%s/%s: %s; noded verify --root %s lists all damage, nodectl update %s repairs it",
                  app->root->path, fault->workspace, text, app->root->path, app->process->config->id);
    else
        base_log (BASE_LOG_INFO, "%s", text);
    node_journal_append (app->process, &entry);
}

/*  Returns whether the result of a workspace says anything about its files. */
static bool result_is_known (int result)
{
    return result >= 0 || result == -EIO;
}

/*  Takes the result of a workspace from the round and reports it if it differs from what is known. Returns
    whether it does. */
static bool round_take_result (struct node_scrub *scrub, size_t link)
{
    struct round *round = scrub->round;
    base_assert (round && link < LINKS);
    struct fault *known = &scrub->state.faults[link], found = {.workspace = ""};
    int result = round->results[link];
    if (!*round->names[link] || !result_is_known (result))
        return false;
    if (result) {
        memcpy (found.workspace, round->names[link], ROOT_NAME_SIZE);
        (void) snprintf (found.text, sizeof found.text, "%.*s", FAULT_SIZE - 1, round->errors[link].text);
        base_text_clean (found.text);
    }
    if (result ? !fault_is_current (scrub->app->root, link, &found)
               : strcmp (known->workspace, round->names[link]) != 0)
        return false; /* it was replaced meanwhile, or was not known as damaged */
    bool is_news = strcmp (known->workspace, found.workspace) != 0 || strcmp (known->text, found.text) != 0;
    if (is_news)
        fault_report (scrub->app, link, result ? &found : known, result);
    *known = found;
    if (result) /* cached digests may be wrong: the next start, and a revert, must read the files again */
        (void) disk_unlink (&disk_unsynced, scrub->app->root->fd, ROOT_VERIFIED);
    return is_news;
}

/*  Returns the time from the end of a round to the next. */
static uint64_t round_interval_ms (const struct node_scrub *scrub)
{
    char text[NODE_SCRUB_TEXT];
    uint64_t half_ms = scrub->app->process->config->scrub_ms / 2;
    return half_ms > DAMAGED_MS && state_describe (scrub->app->root, &scrub->state, text) ? DAMAGED_MS
                                                                                          : half_ms;
}

static void on_timer (void *context);

static void timer_start (struct node_scrub *scrub, uint64_t ms)
{
    base_assert (scrub->timer == 0 && !scrub->round);
    scrub->timer = bus_timer_start (scrub->app->process->loop, ms ? ms : 1, on_timer, scrub);
}

/*  Waits until the thread has ended. */
static void round_end (struct node_scrub *scrub)
{
    scrub->work = bus_work_free (scrub->work);
    round_free (scrub->round);
    scrub->round = NULL;
}

static void on_round (void *context, int r)
{
    struct node_scrub *scrub = context;
    bool is_news = false;
    scrub_check (scrub);
    for (size_t i = 0; r == 0 && i < LINKS; i++)
        is_news |= round_take_result (scrub, i);
    round_end (scrub);
    boot_read (scrub->state.boot);
    scrub->state.at_ms = base_time_boot_ms ();
    state_save (scrub->app->root, &scrub->state);
    if (is_news && scrub->app->subject.session)
        node_subject_changed (&scrub->app->subject);
    timer_start (scrub, round_interval_ms (scrub));
}

/*  Returns 0 or -errno; on failure round_end must follow. */
static int round_begin (struct node_scrub *scrub)
{
    const struct node_application *app = scrub->app;
    base_assert (!scrub->round && !scrub->work);
    struct round *round = calloc (1, sizeof *round);
    if (!round)
        return -ENOMEM;
    scrub->round = round;
    round->root = app->root;
    round->block = malloc (DISK_PACE_SLICE);
    round->stop = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (size_t i = 0; i < LINKS; i++)
        if (root_link (app->root, links[i], round->names[i]))
            *round->names[i] = '\0';
    if (strcmp (round->names[0], round->names[1]) == 0)
        *round->names[1] = '\0';
    if (!round->block || round->stop < 0)
        return -ENOMEM;
    return bus_work_start (app->process->loop, round_run, on_round, scrub, &scrub->work);
}

static void on_timer (void *context)
{
    struct node_scrub *scrub = context;
    uint64_t busy_ms = scrub->app->process->config->scrub_ms / 2;
    scrub_check (scrub);
    scrub->timer = 0;
    if (update_order_at_rest (scrub->app->procedure.state) && round_begin (scrub) == 0)
        return;
    round_end (scrub);
    timer_start (scrub, busy_ms > BUSY_MS ? BUSY_MS : busy_ms);
}

/*  Returns the time until the first round of this process. */
static uint64_t round_first_ms (const struct node_scrub *scrub)
{
    char boot[40];
    uint64_t now_ms = base_time_boot_ms (), all_ms = round_interval_ms (scrub);
    uint64_t boot_ms = BOOT_MS + base_random_below (BOOT_MS);
    boot_read (boot);
    if (*boot && strcmp (boot, scrub->state.boot) == 0 && scrub->state.at_ms <= now_ms) {
        uint64_t past_ms = now_ms - scrub->state.at_ms;
        return past_ms < all_ms ? all_ms - past_ms : 0;
    }
    return all_ms < boot_ms ? all_ms : boot_ms;
}

void node_scrub_begin (struct node_application *app)
{
    base_assert (app->process && app->process->loop && root_is_open (app->root));
    base_assert (!app->scrub);
    if (app->process->config->depth != IDENTITY_DEPTH_SERVICE || !app->process->config->scrub_ms)
        return;
    struct node_scrub *scrub = calloc (1, sizeof *scrub);
    if (!scrub)
        return;
    scrub->app = app;
    state_load (app->root, &scrub->state);
    app->scrub = scrub;
    timer_start (scrub, round_first_ms (scrub));
}

void node_scrub_end (struct node_application *app)
{
    struct node_scrub *scrub = app->scrub;
    if (!scrub)
        return;
    scrub_check (scrub);
    bus_timer_cancel (app->process->loop, scrub->timer);
    if (scrub->round)
        (void) eventfd_write (scrub->round->stop, 1);
    round_end (scrub);
    free (scrub);
    app->scrub = NULL;
}
