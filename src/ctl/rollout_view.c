/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/rollout_view.c - plans, lists and histories of rollouts as tables and sentences */

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/rollout.h"
#include "ctl/text.h"

enum { NAMES_WIDTH = 80 /* width of a line of names if the terminal's width is unknown */ };

static const char *plural (uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void table_head (struct ctl_table *table, const char *const *titles)
{
    for (; *titles; titles++)
        ctl_table_cell (table, *titles);
}

static void cell_time (struct ctl_table *table, const char *time)
{
    char text[CTL_TIME_SIZE];
    ctl_table_cell (table, ctl_time_format (time, text));
}

static uint64_t waves_sum (const json_t *waves, const char *key)
{
    size_t i;
    const json_t *wave;
    uint64_t total = 0;
    json_array_foreach (waves, i, wave) total += ctl_json_uint (wave, key);
    return total;
}

void ctl_rollouts_print (FILE *out, const json_t *rollouts, size_t width)
{
    static const char *const titles[] = {"ROLLOUT", "APPLICATION", "VERSION", "PHASE",  "WAVE",
                                         "UPDATED", "FAILED",      "STARTED", "REASON", NULL};
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 9};
    size_t i;
    const json_t *rollout;
    if (!json_array_size (rollouts)) {
        (void) fputs ("no rollouts\n", out);
        return;
    }
    table_head (&table, titles);
    json_array_foreach (rollouts, i, rollout)
    {
        const json_t *waves = json_object_get (rollout, "waves");
        bool paused = ctl_json_flag (rollout, "paused") && !ctl_json_flag (rollout, "over");
        ctl_table_cell (&table, ctl_json_text (rollout, "id"));
        ctl_table_cell (&table, ctl_json_text (json_object_get (rollout, "spec"), "application"));
        ctl_table_cell (&table, ctl_json_text (rollout, "version"));
        ctl_table_printf (&table, "%s%s", ctl_json_text (rollout, "phase"), paused ? ", paused" : "");
        ctl_table_printf (&table, "%" PRIu64 "/%zu", ctl_json_uint (rollout, "wave"),
                          json_array_size (waves));
        ctl_table_printf (&table, "%" PRIu64 "/%" PRIu64, waves_sum (waves, "updated"),
                          waves_sum (waves, "count"));
        ctl_table_printf (&table, "%" PRIu64, waves_sum (waves, "bad") + waves_sum (waves, "already_bad"));
        cell_time (&table, ctl_json_text (rollout, "begun"));
        ctl_table_cell (&table, ctl_json_text (rollout, "reason"));
    }
    ctl_table_print (&table, out, width);
}

void ctl_members_print (FILE *out, const json_t *members, size_t width)
{
    static const char *const titles[] = {"WAVE", "NODE", "STATE", "SINCE", "STEP", "REASON", NULL};
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 6};
    size_t i;
    const json_t *member;
    table_head (&table, titles);
    json_array_foreach (members, i, member)
    {
        uint64_t wave = ctl_json_uint (member, "wave");
        const char *reason = ctl_json_text (member, "reason");
        char span[CTL_SPAN_SIZE];
        if (wave)
            ctl_table_printf (&table, "%" PRIu64, wave);
        else
            ctl_table_cell (&table, NULL);
        ctl_table_cell (&table, ctl_json_text (member, "node"));
        ctl_table_printf (&table, "%s%s", ctl_json_text (member, "state"),
                          ctl_json_flag (member, "charged")    ? " (failed)"
                          : ctl_json_flag (member, "was_bad")  ? " (lost contact before)"
                          : ctl_json_flag (member, "forgiven") ? " (forgiven)"
                                                               : "");
        cell_time (&table, ctl_json_text (member, "since"));
        ctl_table_cell (&table, ctl_json_text (member, "step"));
        uint64_t revert_ms = ctl_json_uint (member, "revert_ms");
        if (!*reason && revert_ms)
            ctl_table_printf (&table, "the rehearsed revert took %s", ctl_span_format (revert_ms, span));
        else
            ctl_table_cell (&table, reason);
    }
    ctl_table_print (&table, out, width);
}

/*  Whether member belongs to wave (0: it is skipped) and has that reason (NULL: any). */
static bool member_fits (const json_t *member, uint64_t wave, const char *reason)
{
    return ctl_json_uint (member, "wave") == wave &&
           (!reason || strcmp (ctl_json_text (member, "reason"), reason) == 0);
}

/*  Appends "a, b, c and 5 more", as many names as fit into width, at least one. all: every name. */
static void append_names (struct base_buffer *text, const json_t *members, uint64_t wave, const char *reason,
                          size_t width, bool all)
{
    enum { MORE = 16 /* " and 12345 more" */ };
    size_t i, count = 0, shown = 0, used = 0, whole = 0;
    const json_t *member;
    json_array_foreach (members, i, member)
    {
        if (!member_fits (member, wave, reason))
            continue;
        whole += (count ? 2 : 0) + strlen (ctl_json_text (member, "node"));
        count++;
    }
    if (whole > width && !all)
        width = width > MORE ? width - MORE : 0;
    json_array_foreach (members, i, member)
    {
        const char *node = ctl_json_text (member, "node");
        if (!member_fits (member, wave, reason))
            continue;
        used += (shown ? 2 : 0) + strlen (node);
        if (!all && shown && used > width)
            break;
        (void) base_buffer_printf (text, "%s%s", shown ? ", " : "", node);
        shown++;
    }
    if (count > shown)
        (void) base_buffer_printf (text, " and %zu more", count - shown);
}

static void put_names (FILE *out, const char *head, const json_t *members, uint64_t wave, const char *reason,
                       size_t width, bool all)
{
    base_cleanup (base_buffer_deinit) struct base_buffer names = {.size = 0};
    size_t taken = ctl_text_width (head), whole = width ? width : NAMES_WIDTH;
    append_names (&names, members, wave, reason, whole > taken ? whole - taken : 0, all);
    base_cleanup (base_free_p) char *text = base_buffer_take_text (&names);
    ctl_text_put (out, head);
    ctl_text_put (out, text ? text : "");
    (void) fputc ('\n', out);
}

static size_t count_left_out (const json_t *members, const char *reason)
{
    size_t i, count = 0;
    const json_t *member;
    json_array_foreach (members, i, member) count += member_fits (member, 0, reason);
    return count;
}

static bool list_has (char *const *list, const char *text)
{
    for (; list && *list; list++)
        if (strcmp (*list, text) == 0)
            return true;
    return false;
}

void ctl_left_out_print (FILE *out, const json_t *members, size_t width, bool all)
{
    char **told = NULL;
    size_t i;
    const json_t *member;
    json_array_foreach (members, i, member)
    {
        const char *reason = ctl_json_text (member, "reason");
        if (ctl_json_uint (member, "wave") || list_has (told, reason))
            continue;
        size_t count = count_left_out (members, reason);
        base_cleanup (base_free_p) char *head = base_text_printf (
            "  %zu node%s skipped (%s): ", count, plural (count), *reason ? reason : "no reason given");
        put_names (out, head ? head : "", members, 0, reason, width, all);
        (void) base_list_append (&told, reason);
    }
    base_list_free (told);
}

static void put_spec (FILE *out, const json_t *spec)
{
    char text[CTL_SPAN_SIZE];
    uint64_t budget = ctl_json_uint (spec, "budget"), wave_budget = ctl_json_uint (spec, "wave_budget");
    (void) fprintf (out, "halts      when more than %" PRIu64 " node%s in all", budget,
                    budget == 1 ? " fails" : "s fail");
    if (wave_budget < budget)
        (void) fprintf (out, ", or more than %" PRIu64 " in one wave", wave_budget);
    if (ctl_json_uint (spec, "false_halt"))
        (void) fputs (", or when updated nodes fail more often than the others", out);
    bool revert = strcmp (ctl_json_text (spec, "on_halt"), "revert") == 0;
    (void) fprintf (out, "; updated nodes then %s\n", revert ? "are reverted" : "keep the release");
    (void) fprintf (out, "soak       %s a wave", ctl_span_format (ctl_json_uint (spec, "soak_ms"), text));
    if (ctl_json_uint (spec, "concurrency"))
        (void) fprintf (out, "; at most %" PRIu64 " nodes under way", ctl_json_uint (spec, "concurrency"));
    if (ctl_json_uint (spec, "spread_ms"))
        (void) fprintf (out, "; starts are spread over %s",
                        ctl_span_format (ctl_json_uint (spec, "spread_ms"), text));
    if (ctl_json_flag (spec, "rehearse_revert"))
        (void) fprintf (out, "; the first wave is updated, reverted within %s, and updated again",
                        ctl_span_format (ctl_json_uint (spec, "revert_limit_ms"), text));
    (void) fputc ('\n', out);
}

static void put_window (FILE *out, const json_t *spec)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    const json_t *window = json_object_get (spec, "window");
    uint64_t on = ctl_json_uint (window, "days"), from = ctl_json_uint (window, "from"),
             until = ctl_json_uint (window, "until");
    if (!json_is_object (window))
        return;
    (void) fputs ("window    ", out);
    for (size_t i = 0; i < 7; i++)
        if (on >> i & 1)
            (void) fprintf (out, " %s", days[i]);
    (void) fprintf (out,
                    "%s %02" PRIu64 ":%02" PRIu64 "-%02" PRIu64 ":%02" PRIu64
                    " UTC; not included in the expected time\n",
                    on ? "" : " every day", from / 60, from % 60, until / 60, until % 60);
}

void ctl_plan_print (FILE *out, const json_t *plan, const json_t *members, const char *command, size_t width,
                     bool all)
{
    const json_t *spec = json_object_get (plan, "spec"), *waves = json_object_get (plan, "waves"), *wave;
    uint64_t updated = ctl_json_uint (plan, "updated");
    char text[CTL_SPAN_SIZE], digest[CTL_DIGEST_SIZE];
    size_t i, count = json_array_size (waves);
    base_cleanup (base_free_p) char *head = base_text_printf (
        "%s %s (%s) to %" PRIu64 " node%s in %zu wave%s", ctl_json_text (spec, "application"),
        ctl_json_text (plan, "version"), ctl_digest_format (ctl_json_text (spec, "release"), digest), updated,
        plural (updated), count, plural (count));
    ctl_line_put (out, head ? head : "", 0);
    (void) fputc ('\n', out);
    json_array_foreach (waves, i, wave)
    {
        uint64_t nodes = ctl_json_uint (wave, "count");
        const json_t *planned = json_array_get (json_object_get (spec, "waves"), i);
        bool approval = ctl_json_flag (wave, "approval") || ctl_json_flag (planned, "approval");
        base_cleanup (base_free_p) char *begin =
            base_text_printf ("  wave %zu: %" PRIu64 " node%s%s: ", i + 1, nodes, plural (nodes),
                              approval ? ", once approved" : "");
        put_names (out, begin ? begin : "", members, i + 1, NULL, width, all);
    }
    ctl_left_out_print (out, members, width, all);
    (void) fputc ('\n', out);
    if (updated) {
        put_spec (out, spec);
        put_window (out, spec);
        (void) fprintf (out, "download   %s at most, in all\n",
                        ctl_size_format (ctl_json_uint (plan, "bytes"), text));
        (void) fprintf (out, "expected   %s, if nothing fails\n",
                        ctl_span_format (ctl_json_uint (plan, "expected_ms"), text));
    }
    (void) fprintf (out, "plan       %s\n", ctl_json_text (plan, "hash"));
    if (updated && command) {
        (void) fputs ("\nTo start this plan:\n\n    ", out);
        ctl_text_put (out, command);
        (void) fputc ('\n', out);
    } else if (!updated)
        (void) fputs (json_array_size (members) ? "\nNothing to do.\n"
                                                : "\nNothing to do: no node is selected.\n",
                      out);
}

static void append_phase (struct base_buffer *text, const json_t *turn)
{
    static const struct {
        const char *phase, *words;
        const char *after; /* text after the wave's number; NULL: no number is shown */
    } table[] = {
        {"approval", "wave ", " waits for approval"},
        {"updating", "updating wave ", ""},
        {"soaking", "wave ", " finished, soaking"},
        {"halted", "halted in wave ", ""},
        {"reverting", "reverting updated nodes", NULL},
        {"done", "done: every wave has passed", NULL},
        {"aborted", "aborted; updated nodes keep the release", NULL},
        {"reverted", "updated nodes are reverted", NULL},
        {"queued", "waiting until no other rollout has one of its nodes", NULL},
        {"superseded", "ended: another rollout has taken over all its nodes", NULL},
    };
    const char *phase = ctl_json_text (turn, "phase");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp (table[i].phase, phase) != 0)
            continue;
        (void) base_buffer_append_text (text, table[i].words);
        if (table[i].after)
            (void) base_buffer_printf (text, "%" PRIu64 "%s", ctl_json_uint (turn, "wave"), table[i].after);
        return;
    }
    (void) base_buffer_append_text (text, phase);
}

static char *turn_text (const json_t *turn)
{
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    const char *command = ctl_json_text (turn, "command"), *place = ctl_json_text (turn, "place"),
               *reason = ctl_json_text (turn, "reason");
    append_phase (&text, turn);
    if (ctl_json_flag (turn, "paused"))
        (void) base_buffer_append_text (&text, "; paused");
    if (*reason)
        (void) base_buffer_printf (&text, ": %s", reason);
    if (*command)
        (void) base_buffer_printf (&text, " (%s%s%s)", command, *place ? " by " : "", place);
    return base_buffer_take_text (&text);
}

char *ctl_rolled_line (const json_t *rolled)
{
    const json_t *turn = json_object_get (rolled, "turn");
    base_cleanup (base_free_p) char *words = turn_text (turn);
    char time[CTL_TIME_SIZE];
    return base_text_printf ("%s  %s  %s %s  %s", ctl_time_format (ctl_json_text (turn, "time"), time),
                             ctl_json_text (turn, "rollout"), ctl_json_text (rolled, "application"),
                             ctl_json_text (rolled, "version"), words ? words : "");
}

static void put_turn (struct ctl_table *table, const json_t *turn)
{
    char time[CTL_TIME_SIZE];
    base_cleanup (base_free_p) char *words = turn_text (turn);
    ctl_table_printf (table, "  %s", ctl_time_format (ctl_json_text (turn, "time"), time));
    ctl_table_cell (table, words);
}

void ctl_rollout_why_print (FILE *out, const json_t *rollout, const json_t *turns)
{
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 2};
    char **picture = ctl_rollout_picture (rollout, 0, 0);
    size_t i;
    const json_t *turn;
    json_array_foreach (turns, i, turn) put_turn (&table, turn);
    if (!i)
        (void) fputs ("No transition yet.\n", out);
    ctl_table_print (&table, out, 0);
    (void) fputs ("\nNow: ", out);
    for (char **line = picture; line && *line; line++) {
        ctl_text_put (out, *line);
        (void) fputc ('\n', out);
    }
    base_list_free (picture);
}
