/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/rollout_view.c - plans, lists and histories of rollouts as tables and sentences */

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
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

void ctl_rollouts_print (FILE *out, const noded_rollouts *rollouts, size_t width)
{
    base_assert (out && rollouts);
    base_assert (rollouts->items || rollouts->count == 0);
    static const char *const titles[] = {"ROLLOUT", "APPLICATION", "VERSION", "PHASE",  "WAVE",
                                         "UPDATED", "FAILED",      "STARTED", "REASON", NULL};
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 9};
    if (!rollouts->count) {
        (void) fputs ("no rollouts\n", out);
        return;
    }
    table_head (&table, titles);
    for (size_t i = 0; i < rollouts->count; i++) {
        const noded_rollout *rollout = &rollouts->items[i];
        uint64_t updated = 0, count = 0, failed = 0;
        for (size_t j = 0; j < rollout->n_waves; j++) {
            updated += rollout->waves[j].updated;
            count += rollout->waves[j].count;
            failed += rollout->waves[j].failed + rollout->waves[j].lost_before;
        }
        ctl_table_cell (&table, rollout->id);
        ctl_table_cell (&table, rollout->spec->application);
        ctl_table_cell (&table, rollout->version);
        ctl_table_printf (&table, "%s%s", noded_phase_word (rollout->phase),
                          rollout->paused && !rollout->over ? ", paused" : "");
        ctl_table_printf (&table, "%" PRIu64 "/%zu", rollout->wave, rollout->n_waves);
        ctl_table_printf (&table, "%" PRIu64 "/%" PRIu64, updated, count);
        ctl_table_printf (&table, "%" PRIu64, failed);
        cell_time (&table, rollout->started);
        ctl_table_cell (&table, rollout->reason);
    }
    ctl_table_print (&table, out, width);
}

void ctl_members_print (FILE *out, const noded_members *members, size_t width)
{
    base_assert (out && members);
    base_assert (members->items || members->count == 0);
    static const char *const titles[] = {"WAVE", "NODE", "STATE", "SINCE", "STEP", "REASON", NULL};
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 6};
    table_head (&table, titles);
    for (size_t i = 0; i < members->count; i++) {
        const noded_member *member = &members->items[i];
        char span[CTL_SPAN_SIZE];
        if (member->wave)
            ctl_table_printf (&table, "%" PRIu64, member->wave);
        else
            ctl_table_cell (&table, NULL);
        ctl_table_cell (&table, member->node);
        ctl_table_printf (&table, "%s%s", noded_member_word (member->state),
                          member->charged       ? " (failed)"
                          : member->lost_before ? " (lost contact before)"
                          : member->forgiven    ? " (forgiven)"
                                                : "");
        cell_time (&table, member->since);
        ctl_table_cell (&table, member->step);
        if (!member->reason && member->revert_ms)
            ctl_table_printf (&table, "the rehearsed revert took %s",
                              ctl_span_format (member->revert_ms, span));
        else
            ctl_table_cell (&table, member->reason);
    }
    ctl_table_print (&table, out, width);
}

/*  Which members a line of names is about: those of a wave (0: those that are skipped) that have a reason (NULL:
    any). */
struct choice {
    const noded_members *members;
    uint64_t wave;
    const char *reason;
};

static bool choice_has (const struct choice *choice, const noded_member *member)
{
    base_assert (choice && member);
    return member->wave == choice->wave &&
           (!choice->reason || strcmp (ctl_text (member->reason), choice->reason) == 0);
}

/*  Appends "a, b, c and 5 more", as many names as fit into width, at least one. all: every name. */
static void names_append (struct base_buffer *text, const struct choice *choice, size_t width, bool all)
{
    base_assert (choice->members);
    enum { MORE = 16 /* " and 12345 more" */ };
    const noded_members *members = choice->members;
    size_t count = 0, shown = 0, used = 0, total = 0;
    for (size_t i = 0; i < members->count; i++) {
        if (!choice_has (choice, &members->items[i]))
            continue;
        total += (count ? 2 : 0) + strlen (members->items[i].node);
        count++;
    }
    if (total > width && !all)
        width = width > MORE ? width - MORE : 0;
    for (size_t i = 0; i < members->count; i++) {
        const char *node = members->items[i].node;
        if (!choice_has (choice, &members->items[i]))
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

static void names_put (FILE *out, const char *head, const struct choice *choice, size_t width, bool all)
{
    base_assert (out && head && choice);
    base_cleanup (base_buffer_deinit) struct base_buffer names = {.size = 0};
    size_t taken = ctl_text_width (head), total = width ? width : NAMES_WIDTH;
    names_append (&names, choice, total > taken ? total - taken : 0, all);
    base_cleanup (base_free_p) char *text = base_buffer_take_text (&names);
    ctl_text_put (out, head);
    ctl_text_put (out, text ? text : "");
    (void) fputc ('\n', out);
}

static bool list_has (char *const *list, const char *text)
{
    for (; list && *list; list++)
        if (strcmp (*list, text) == 0)
            return true;
    return false;
}

void ctl_skipped_print (FILE *out, const noded_members *members, size_t width, bool all)
{
    base_assert (out && members);
    char **done = NULL;
    for (size_t i = 0; i < members->count; i++) {
        const struct choice choice = {.members = members, .reason = ctl_text (members->items[i].reason)};
        size_t count = 0;
        if (members->items[i].wave || list_has (done, choice.reason))
            continue;
        for (size_t j = 0; j < members->count; j++)
            count += choice_has (&choice, &members->items[j]);
        base_cleanup (base_free_p) char *head =
            base_text_printf ("  %zu node%s skipped (%s): ", count, plural (count),
                              *choice.reason ? choice.reason : "no reason given");
        names_put (out, head ? head : "", &choice, width, all);
        (void) base_list_append (&done, choice.reason);
    }
    base_list_free (done);
}

static void spec_put (FILE *out, const noded_rollout_spec *spec)
{
    base_assert (out && spec);
    char text[CTL_SPAN_SIZE];
    (void) fprintf (out, "halts      when more than %" PRIu64 " node%s in all", spec->budget,
                    spec->budget == 1 ? " fails" : "s fail");
    if (spec->wave_budget < spec->budget)
        (void) fprintf (out, ", or more than %" PRIu64 " in one wave", spec->wave_budget);
    if (spec->significance)
        (void) fputs (", or when updated nodes fail more often than the others", out);
    bool revert = spec->on_halt == NODED_ON_HALT_REVERT;
    (void) fprintf (out, "; updated nodes then %s\n", revert ? "are reverted" : "keep the release");
    (void) fprintf (out, "soak       %s a wave", ctl_span_format (spec->soak_ms, text));
    if (spec->concurrency)
        (void) fprintf (out, "; at most %" PRIu64 " nodes under way", spec->concurrency);
    if (spec->stagger_ms)
        (void) fprintf (out, "; nodes are started over %s", ctl_span_format (spec->stagger_ms, text));
    if (spec->rehearse_revert)
        (void) fprintf (out, "; the first wave is updated, reverted within %s, and updated again",
                        ctl_span_format (spec->revert_limit_ms, text));
    (void) fputc ('\n', out);
}

static void window_put (FILE *out, const noded_window *window)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    if (!window)
        return;
    (void) fputs ("window    ", out);
    for (size_t i = 0; i < 7; i++)
        if (window->days >> i & 1)
            (void) fprintf (out, " %s", days[i]);
    (void) fprintf (out,
                    "%s %02" PRIu64 ":%02" PRIu64 "-%02" PRIu64 ":%02" PRIu64
                    " UTC; not included in the expected time\n",
                    window->days ? "" : " every day", window->from / 60, window->from % 60,
                    window->until / 60, window->until % 60);
}

static void waves_put (FILE *out, const noded_plan *plan, const noded_members *members, size_t width,
                       bool all)
{
    for (size_t i = 0; i < plan->n_waves; i++) {
        const noded_wave_state *wave = &plan->waves[i];
        const struct choice choice = {.members = members, .wave = i + 1};
        bool approval = wave->approval || (i < plan->spec->n_waves && plan->spec->waves[i].approval);
        base_cleanup (base_free_p) char *begin =
            base_text_printf ("  wave %zu: %" PRIu64 " node%s%s: ", i + 1, wave->count, plural (wave->count),
                              approval ? ", once approved" : "");
        names_put (out, begin ? begin : "", &choice, width, all);
    }
}

void ctl_plan_print (FILE *out, const noded_plan *plan, const noded_members *members, const char *command,
                     size_t width, bool all)
{
    base_assert (out && plan && members);
    base_assert (plan->spec);
    char text[CTL_SPAN_SIZE], digest[CTL_DIGEST_SIZE], hash[65];
    base_cleanup (base_free_p) char *head =
        base_text_printf ("%s %s (%s) to %" PRIu64 " node%s in %zu wave%s", plan->spec->application,
                          ctl_text (plan->version), ctl_digest_format (&plan->spec->release, digest),
                          plan->updated, plural (plan->updated), plan->n_waves, plural (plan->n_waves));
    ctl_line_put (out, head ? head : "", 0);
    (void) fputc ('\n', out);
    waves_put (out, plan, members, width, all);
    ctl_skipped_print (out, members, width, all);
    (void) fputc ('\n', out);
    if (plan->updated) {
        spec_put (out, plan->spec);
        window_put (out, plan->spec->window);
        (void) fprintf (out, "download   %s at most, in all\n", ctl_size_format (plan->bytes, text));
        (void) fprintf (out, "expected   %s, if nothing fails\n", ctl_span_format (plan->expected_ms, text));
    }
    (void) fprintf (out, "plan       %s\n", noded_digest_text (&plan->hash, hash));
    if (plan->updated && command) {
        (void) fputs ("\nTo start this plan:\n\n    ", out);
        ctl_text_put (out, command);
        (void) fputc ('\n', out);
    } else if (!plan->updated)
        (void) fputs (members->count ? "\nNothing to do.\n" : "\nNothing to do: no node is selected.\n", out);
}

static void phase_append (struct base_buffer *text, const noded_transition *transition)
{
    base_assert (transition);
    static const struct {
        const char *words;
        const char *after; /* text after the wave's number; NULL: no number is shown */
    } table[] = {
        [NODED_PHASE_APPROVAL] = {"wave ", " waits for approval"},
        [NODED_PHASE_UPDATING] = {"updating wave ", ""},
        [NODED_PHASE_SOAKING] = {"wave ", " finished, soaking"},
        [NODED_PHASE_HALTED] = {"halted in wave ", ""},
        [NODED_PHASE_REVERTING] = {"reverting updated nodes", NULL},
        [NODED_PHASE_DONE] = {"done: every wave has passed", NULL},
        [NODED_PHASE_ABORTED] = {"aborted; updated nodes keep the release", NULL},
        [NODED_PHASE_REVERTED] = {"updated nodes are reverted", NULL},
        [NODED_PHASE_QUEUED] = {"waiting until no other rollout has one of its nodes", NULL},
        [NODED_PHASE_SUPERSEDED] = {"ended: another rollout has taken over all its nodes", NULL},
    };
    enum noded_phase phase = transition->phase;
    bool known = phase < sizeof table / sizeof *table && table[phase].words;
    (void) base_buffer_append_text (text, known ? table[phase].words : noded_phase_word (phase));
    if (known && table[phase].after)
        (void) base_buffer_printf (text, "%" PRIu64 "%s", transition->wave, table[phase].after);
}

static char *transition_text (const noded_transition *transition)
{
    base_assert (transition);
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    phase_append (&text, transition);
    if (transition->paused)
        (void) base_buffer_append_text (&text, "; paused");
    if (transition->reason)
        (void) base_buffer_printf (&text, ": %s", transition->reason);
    if (transition->command)
        (void) base_buffer_printf (&text, " (%s%s%s)", noded_command_word (transition->command),
                                   transition->user ? " by " : "", ctl_text (transition->user));
    return base_buffer_take_text (&text);
}

char *ctl_rollout_event_line (const noded_rollout_event *rollout_event)
{
    base_assert (rollout_event && rollout_event->transition);
    const noded_transition *transition = rollout_event->transition;
    base_cleanup (base_free_p) char *words = transition_text (transition);
    char time[CTL_TIME_SIZE];
    return base_text_printf ("%s  %s  %s %s  %s", ctl_time_format (transition->time, time),
                             transition->rollout, rollout_event->application,
                             ctl_text (rollout_event->version), words ? words : "");
}

void ctl_rollout_why_print (FILE *out, const noded_rollout *rollout, const noded_transitions *transitions)
{
    base_assert (out && rollout && transitions);
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 2};
    char **picture = ctl_rollout_picture (rollout, 0, 0), time[CTL_TIME_SIZE];
    for (size_t i = 0; i < transitions->count; i++) {
        base_cleanup (base_free_p) char *words = transition_text (&transitions->items[i]);
        ctl_table_printf (&table, "  %s", ctl_time_format (transitions->items[i].time, time));
        ctl_table_cell (&table, words);
    }
    if (!transitions->count)
        (void) fputs ("No transition yet.\n", out);
    ctl_table_print (&table, out, 0);
    (void) fputs ("\nNow: ", out);
    for (char **line = picture; line && *line; line++) {
        ctl_text_put (out, *line);
        (void) fputc ('\n', out);
    }
    base_list_free (picture);
}
