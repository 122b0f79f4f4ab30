/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/picture.c - the state of a rollout in a few lines */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/rollout.h"
#include "ctl/text.h"

/*  Appends a line. If memory is out, the line is missing from the picture. */
__attribute__ ((format (printf, 2, 3))) static void line_append (char ***list, const char *format, ...)
{
    base_assert (list && format);
    base_cleanup (base_free_p) char *text = NULL;
    va_list arguments;
    va_start (arguments, format);
    int length = vasprintf (&text, format, arguments);
    va_end (arguments);
    if (length < 0)
        text = NULL;
    if (text)
        (void) base_list_append (list, text);
}

static const char *plural (uint64_t count)
{
    return count == 1 ? "" : "s";
}

const char *ctl_rollout_bar (const noded_wave_state *wave, size_t cells, char text[CTL_BAR_SIZE])
{
    base_assert (wave && text);
    base_assert (cells > 0);
    const struct {
        uint64_t nodes;
        char mark;
    } kinds[] = {{wave->failed, '!'},
                 {wave->forgiven, 'x'},
                 {wave->under_way, '>'},
                 {wave->reverted, '<'},
                 {wave->updated, '#'}};
    enum { KINDS = sizeof kinds / sizeof *kinds };
    uint64_t count = wave->count;
    size_t lengths[KINDS] = {0}, left = cells < CTL_BAR_CELLS ? cells : CTL_BAR_CELLS, at = 0;
    size_t total = left;
    /*  Each kind with a node gets at least one cell, so that one failed node of thousands is visible. Failed
        nodes get their cells first: they matter most. */
    for (size_t i = 0; i < KINDS && count; i++) {
        uint64_t nodes = kinds[i].nodes;
        size_t length = nodes >= count ? total : (size_t) (nodes * total / count);
        if (nodes && !length)
            length = 1;
        lengths[i] = length < left ? length : left;
        left -= lengths[i];
    }
    text[at++] = '[';
    for (size_t i = KINDS; i-- > 0;) {
        memset (text + at, kinds[i].mark, lengths[i]);
        at += lengths[i];
    }
    memset (text + at, '.', left);
    at += left;
    text[at++] = ']';
    text[at] = '\0';
    return text;
}

/*  The nodes of all waves. */
static noded_wave_state waves_sum (const noded_rollout *rollout)
{
    base_assert (rollout->waves || rollout->n_waves == 0);
    noded_wave_state sum = {.count = 0};
    for (size_t i = 0; i < rollout->n_waves; i++) {
        const noded_wave_state *wave = &rollout->waves[i];
        sum.count += wave->count;
        sum.updated += wave->updated;
        sum.reverted += wave->reverted;
        sum.failed += wave->failed + wave->lost_before;
        sum.forgiven += wave->forgiven;
    }
    return sum;
}

/*  "updating wave 2 of 3", "paused, updating wave 2 of 3", "done". On the heap; NULL if memory is out. */
static char *rollout_state_text (const noded_rollout *rollout)
{
    const char *phase = noded_phase_word (rollout->phase);
    const char *paused = rollout->paused && !rollout->over ? "paused, " : "";
    if (rollout->over || rollout->phase == NODED_PHASE_REVERTING)
        return base_text_printf ("%s", phase);
    if (rollout->phase == NODED_PHASE_QUEUED)
        return base_text_printf ("%squeued", paused);
    if (rollout->phase == NODED_PHASE_APPROVAL)
        return base_text_printf ("%swave %" PRIu64 " of %zu waits for approval", paused, rollout->wave,
                                 rollout->n_waves);
    return base_text_printf ("%s%s wave %" PRIu64 " of %zu", paused,
                             rollout->phase == NODED_PHASE_HALTED ? "halted in" : phase, rollout->wave,
                             rollout->n_waves);
}

static void head_line (char ***list, const noded_rollout *rollout, size_t width)
{
    base_assert (list && rollout->spec);
    char digest[CTL_DIGEST_SIZE], time[CTL_TIME_SIZE];
    base_cleanup (base_free_p) char *where = rollout_state_text (rollout);
    base_cleanup (base_free_p) char *what =
        base_text_printf ("rollout %s: %s %s (%s)", rollout->id, rollout->spec->application,
                          ctl_text (rollout->version), ctl_digest_format (&rollout->spec->release, digest));
    base_cleanup (base_free_p) char *stand =
        base_text_printf ("%s since %s", where ? where : "", ctl_time_format (rollout->since, time));
    if (!what || !stand)
        return;
    /*  The state must not be cut off: it gets a line of its own if one line is too narrow. */
    if (!width || ctl_text_width (what) + 2 + ctl_text_width (stand) <= width)
        line_append (list, "%s: %s", what, stand);
    else {
        line_append (list, "%s", what);
        line_append (list, "  %s", stand);
    }
}

/*  Appends "4 updated, 3 under way, 1 failed", or that the wave is not started. */
static void counts_append (struct base_buffer *text, const noded_wave_state *wave)
{
    base_assert (text && wave);
    const struct {
        uint64_t count;
        const char *words;
    } counts[] = {{wave->updated, "updated"},
                  {wave->reverted, "reverted"},
                  {wave->under_way, "under way"},
                  {wave->failed, "failed"},
                  {wave->lost_before, "lost contact before"},
                  {wave->forgiven, "forgiven"},
                  {wave->taken, "taken over"}};
    size_t before = text->size;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].count)
            (void) base_buffer_printf (text, "%s%" PRIu64 " %s", text->size > before ? ", " : "",
                                       counts[i].count, counts[i].words);
    if (text->size == before)
        (void) base_buffer_append_text (text, wave->started ? "none under way" : "not started");
}

/*  Number of digits of the largest wave's count of nodes. */
static int count_width (const noded_rollout *rollout)
{
    int width = 1;
    for (size_t i = 0; i < rollout->n_waves; i++) {
        int digits = 1;
        for (uint64_t count = rollout->waves[i].count; count >= 10; count /= 10)
            digits++;
        width = digits > width ? digits : width;
    }
    return width;
}

static void wave_line (char ***list, const noded_rollout *rollout, size_t number, size_t cells)
{
    base_assert (number >= 1 && number <= rollout->n_waves);
    const noded_wave_state *wave = &rollout->waves[number - 1];
    char bar[CTL_BAR_SIZE], time[CTL_TIME_SIZE];
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    counts_append (&text, wave);
    if (wave->ended)
        (void) base_buffer_printf (&text, "; done at %s", ctl_time_format (wave->ended, time));
    else if (wave->approval && !wave->started)
        (void) base_buffer_append_text (&text, "; needs approval");
    line_append (list, "  wave %*zu  %*" PRIu64 " node%s  %s  %.*s", rollout->n_waves > 9 ? 2 : 1, number,
                 count_width (rollout), wave->count, wave->count == 1 ? " " : "s",
                 ctl_rollout_bar (wave, cells, bar), (int) text.size,
                 text.data ? (const char *) text.data : "");
}

/*  room: number of lines; 0: no limit. Earlier waves are left out first, then the last ones. */
static void wave_lines (char ***list, const noded_rollout *rollout, size_t width, size_t room)
{
    base_assert (list && rollout);
    enum { NARROW = 80, NARROW_CELLS = 8 };
    size_t cells = width && width < NARROW ? NARROW_CELLS : CTL_BAR_CELLS;
    size_t count = rollout->n_waves, at = rollout->wave, first = 0, last = count;
    if (room && count > room) {
        size_t shown = room > 2 ? room - 2 : 1;
        first = at > 1 ? at - 1 : 0;
        if (first + shown > count)
            first = count - shown;
        last = first + shown;
    }
    if (first)
        line_append (list, "  wave%s 1 to %zu: earlier, not shown", plural (first), first);
    for (size_t i = first; i < last; i++)
        wave_line (list, rollout, i + 1, cells);
    if (last < count)
        line_append (list, "  wave%s %zu to %zu: later, not shown", plural (count - last), last + 1, count);
}

static void budget_line (char ***list, const noded_rollout *rollout)
{
    base_assert (list && rollout->spec);
    noded_wave_state all = waves_sum (rollout);
    uint64_t budget = rollout->spec->budget, skipped = rollout->skipped;
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    if (rollout->spec->wave_budget < budget)
        (void) base_buffer_printf (&text, ", %" PRIu64 " a wave", rollout->spec->wave_budget);
    if (all.forgiven)
        (void) base_buffer_printf (&text, "; %" PRIu64 " forgiven", all.forgiven);
    if (skipped)
        (void) base_buffer_printf (&text, "; %" PRIu64 " node%s skipped", skipped, plural (skipped));
    if (rollout->factor > 1)
        (void) base_buffer_printf (
            &text,
            "; updated nodes fail more often than the others (probability for a good release: at most "
            "1 in %" PRIu64 ")",
            rollout->factor);
    line_append (list, "  failed nodes: %" PRIu64 ", %" PRIu64 " allowed%.*s", all.failed, budget,
                 (int) text.size, text.data ? (const char *) text.data : "");
}

static void cause_lines (char ***list, const noded_rollout *rollout)
{
    base_assert (rollout->causes || rollout->n_causes == 0);
    for (size_t i = 0; i < rollout->n_causes; i++) {
        base_cleanup (base_buffer_deinit) struct base_buffer names = {.size = 0};
        const noded_cause *cause = &rollout->causes[i];
        for (size_t j = 0; j < cause->n_nodes; j++)
            (void) base_buffer_printf (&names, "%s%s", j ? ", " : "", cause->nodes[j]);
        if (cause->count > cause->n_nodes)
            (void) base_buffer_printf (&names, " and %" PRIu64 " more", cause->count - cause->n_nodes);
        line_append (list, "  failed: %.*s%s%s%s%s", (int) names.size,
                     names.data ? (const char *) names.data : "", cause->step ? ", in " : "",
                     ctl_text (cause->step), cause->reason ? ": " : "", ctl_text (cause->reason));
    }
}

char *ctl_rollout_advice (const noded_rollout *rollout)
{
    base_assert (rollout);
    const char *id = rollout->id;
    if (rollout->over)
        return NULL;
    if (rollout->phase == NODED_PHASE_HALTED && rollout->unproven)
        return base_text_printf ("nodectl rollout resume %s retries wave %" PRIu64 ", approve %s skips it, "
                                 "revert %s reverts updated nodes, abort %s keeps them",
                                 id, rollout->wave, id, id, id);
    if (rollout->phase == NODED_PHASE_HALTED)
        return base_text_printf ("nodectl rollout resume %s continues, revert %s reverts updated nodes, "
                                 "abort %s keeps them",
                                 id, id, id);
    if (rollout->phase == NODED_PHASE_APPROVAL)
        return base_text_printf ("nodectl rollout approve %s starts the wave", id);
    if (rollout->paused)
        return base_text_printf ("nodectl rollout resume %s continues", id);
    return NULL;
}

static size_t list_cut (char **list, size_t height)
{
    size_t count = base_list_count (list);
    for (size_t i = height; height && i < count; i++) {
        free (list[i]);
        list[i] = NULL;
    }
    return count;
}

static void reason_line (char ***list, const noded_rollout *rollout)
{
    const char *gate = rollout->gate ? noded_gate_word (rollout->gate) : "";
    if (rollout->reason)
        line_append (list, "  %s%s%s%s: %s",
                     rollout->paused && !rollout->over ? "paused" : noded_phase_word (rollout->phase),
                     *gate ? " (gate " : "", gate, *gate ? ")" : "", rollout->reason);
}

char **ctl_rollout_picture (const noded_rollout *rollout, size_t width, size_t height)
{
    base_assert (rollout && rollout->spec);
    char **list = NULL, **rest = NULL;
    base_cleanup (base_free_p) char *advice = ctl_rollout_advice (rollout);
    budget_line (&rest, rollout);
    reason_line (&rest, rollout);
    cause_lines (&rest, rollout);
    /*  If an operator has to decide, the advice below says more than the broker's text, which is for JSON. */
    if (rollout->waiting_for && !rollout->over && !advice)
        line_append (&rest, "  waits for %s", rollout->waiting_for);
    if (advice)
        line_append (&rest, "  action required: %s", advice);
    head_line (&list, rollout, width);
    /*  On a terminal with few lines the waves get at least half of the height. */
    size_t others = base_list_count (rest) + base_list_count (list);
    wave_lines (&list, rollout, width,
                !height               ? 0
                : height > 2 * others ? height - others
                                      : (height + 1) / 2);
    for (size_t i = 0; rest && rest[i]; i++)
        line_append (&list, "%s", rest[i]);
    base_list_free (rest);
    list_cut (list, height);
    return list;
}

char *ctl_rollout_news (const noded_rollout *rollout)
{
    base_assert (rollout);
    enum { STEPS = 10 /* lines for a large wave */ };
    static const noded_wave_state none;
    size_t at = rollout->wave ? rollout->wave - 1 : 0;
    const noded_wave_state *wave = at < rollout->n_waves ? &rollout->waves[at] : &none;
    noded_wave_state all = waves_sum (rollout);
    uint64_t count = wave->count, updated = wave->updated;
    base_cleanup (base_free_p) char *where = rollout_state_text (rollout);
    const char *reason = ctl_text (rollout->reason);
    if (!where)
        return NULL;
    if (rollout->over || rollout->phase == NODED_PHASE_REVERTING)
        return base_text_printf ("%s: %" PRIu64 " of %" PRIu64 " updated%s, %" PRIu64 " failed%s%s", where,
                                 all.updated, all.count, all.reverted ? ", others reverted" : "", all.failed,
                                 *reason ? ": " : "", reason);
    if (count > STEPS && updated < count)
        updated = updated * STEPS / count * count / STEPS;
    return base_text_printf ("%s: %s%" PRIu64 " of %" PRIu64 " updated, %" PRIu64 " failed%s%s", where,
                             count > STEPS && updated < count ? "about " : "", updated, count, all.failed,
                             *reason ? ": " : "", reason);
}

enum ctl_rollout_end ctl_rollout_end (const noded_rollout *rollout)
{
    base_assert (rollout && rollout->spec);
    if (rollout->phase == NODED_PHASE_DONE)
        return CTL_ROLLOUT_DONE;
    if (rollout->over)
        return CTL_ROLLOUT_ENDED;
    /*  With on_halt revert, a halt is followed by the revert without an operator. */
    return rollout->phase == NODED_PHASE_HALTED && rollout->spec->on_halt != NODED_ON_HALT_REVERT
               ? CTL_ROLLOUT_HALTED
               : CTL_ROLLOUT_CONTINUES;
}
