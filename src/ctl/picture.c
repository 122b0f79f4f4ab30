/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/picture.c - the state of a rollout in a few lines */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/rollout.h"
#include "ctl/text.h"

/*  Appends a line. If memory is out, the line is missing from the picture. */
__attribute__ ((format (printf, 2, 3))) static void line_append (char ***list, const char *format, ...)
{
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

const char *ctl_rollout_bar (const json_t *wave, size_t cells, char text[CTL_BAR_SIZE])
{
    static const struct {
        const char *key;
        char mark;
    } kinds[] = {{"bad", '!'}, {"forgiven", 'x'}, {"under_way", '>'}, {"reverted", '<'}, {"updated", '#'}};
    enum { KINDS = sizeof kinds / sizeof *kinds };
    uint64_t count = ctl_json_uint (wave, "count");
    size_t lengths[KINDS] = {0}, left = cells < CTL_BAR_CELLS ? cells : CTL_BAR_CELLS, at = 0;
    size_t total = left;
    /*  Each kind with a node gets at least one cell, so that one failed node of thousands is visible. Failed
        nodes get their cells first: they matter most. */
    for (size_t i = 0; i < KINDS && count; i++) {
        uint64_t nodes = ctl_json_uint (wave, kinds[i].key);
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

static uint64_t wave_sum (const json_t *rollout, const char *key)
{
    size_t i;
    const json_t *wave;
    uint64_t sum = 0;
    json_array_foreach (json_object_get (rollout, "waves"), i, wave) sum += ctl_json_uint (wave, key);
    return sum;
}

/*  "updating wave 2 of 3", "paused, updating wave 2 of 3", "done". On the heap; NULL if memory is out. */
static char *rollout_state_text (const json_t *rollout)
{
    const char *phase = ctl_json_text (rollout, "phase");
    uint64_t wave = ctl_json_uint (rollout, "wave");
    size_t waves = json_array_size (json_object_get (rollout, "waves"));
    bool over = ctl_json_flag (rollout, "over"), paused = ctl_json_flag (rollout, "paused") && !over;
    if (over || strcmp (phase, "reverting") == 0)
        return base_text_printf ("%s", phase);
    if (strcmp (phase, "queued") == 0)
        return base_text_printf ("%squeued", paused ? "paused, " : "");
    if (strcmp (phase, "approval") == 0)
        return base_text_printf ("%swave %" PRIu64 " of %zu waits for approval", paused ? "paused, " : "",
                                 wave, waves);
    return base_text_printf ("%s%s wave %" PRIu64 " of %zu", paused ? "paused, " : "",
                             strcmp (phase, "halted") == 0 ? "halted in" : phase, wave, waves);
}

static void head_line (char ***list, const json_t *rollout, size_t width)
{
    char digest[CTL_DIGEST_SIZE], time[CTL_TIME_SIZE];
    const json_t *spec = json_object_get (rollout, "spec");
    base_cleanup (base_free_p) char *where = rollout_state_text (rollout);
    base_cleanup (base_free_p) char *what = base_text_printf (
        "rollout %s: %s %s (%s)", ctl_json_text (rollout, "id"), ctl_json_text (spec, "application"),
        ctl_json_text (rollout, "version"), ctl_digest_format (ctl_json_text (spec, "release"), digest));
    base_cleanup (base_free_p) char *stand = base_text_printf (
        "%s since %s", where ? where : "", ctl_time_format (ctl_json_text (rollout, "since"), time));
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
static void append_counts (struct base_buffer *text, const json_t *wave)
{
    static const struct {
        const char *key, *words;
    } counts[] = {{"updated", "updated"},
                  {"reverted", "reverted"},
                  {"under_way", "under way"},
                  {"bad", "failed"},
                  {"already_bad", "lost contact before"},
                  {"forgiven", "forgiven"},
                  {"taken", "taken over"}};
    size_t before = text->size;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint64_t count = ctl_json_uint (wave, counts[i].key);
        if (count)
            (void) base_buffer_printf (text, "%s%" PRIu64 " %s", text->size > before ? ", " : "", count,
                                       counts[i].words);
    }
    if (text->size == before)
        (void) base_buffer_append_text (text,
                                        *ctl_json_text (wave, "begun") ? "none under way" : "not started");
}

/*  Number of digits of the largest wave's count of nodes. */
static int count_width (const json_t *waves)
{
    size_t i;
    const json_t *wave;
    int width = 1;
    json_array_foreach (waves, i, wave)
    {
        int digits = 1;
        for (uint64_t count = ctl_json_uint (wave, "count"); count >= 10; count /= 10)
            digits++;
        width = digits > width ? digits : width;
    }
    return width;
}

static void wave_line (char ***list, const json_t *waves, size_t number, size_t cells)
{
    const json_t *wave = json_array_get (waves, number - 1);
    char bar[CTL_BAR_SIZE], time[CTL_TIME_SIZE];
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    uint64_t count = ctl_json_uint (wave, "count");
    append_counts (&text, wave);
    if (*ctl_json_text (wave, "ended"))
        (void) base_buffer_printf (&text, "; done at %s",
                                   ctl_time_format (ctl_json_text (wave, "ended"), time));
    else if (ctl_json_flag (wave, "approval") && !*ctl_json_text (wave, "begun"))
        (void) base_buffer_append_text (&text, "; needs approval");
    line_append (list, "  wave %*zu  %*" PRIu64 " node%s  %s  %.*s", json_array_size (waves) > 9 ? 2 : 1,
                 number, count_width (waves), count, count == 1 ? " " : "s",
                 ctl_rollout_bar (wave, cells, bar), (int) text.size,
                 text.data ? (const char *) text.data : "");
}

/*  room: number of lines; 0: no limit. Earlier waves are left out first, then the last ones. */
static void wave_lines (char ***list, const json_t *rollout, size_t width, size_t room)
{
    enum { NARROW = 80, NARROW_CELLS = 8 };
    size_t cells = width && width < NARROW ? NARROW_CELLS : CTL_BAR_CELLS;
    const json_t *waves = json_object_get (rollout, "waves");
    size_t count = json_array_size (waves), at = ctl_json_uint (rollout, "wave"), first = 0, last = count;
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
        wave_line (list, waves, i + 1, cells);
    if (last < count)
        line_append (list, "  wave%s %zu to %zu: later, not shown", plural (count - last), last + 1, count);
}

static void budget_line (char ***list, const json_t *rollout)
{
    const json_t *spec = json_object_get (rollout, "spec");
    uint64_t bad = wave_sum (rollout, "bad") + wave_sum (rollout, "already_bad");
    uint64_t left_out = ctl_json_uint (rollout, "left_out"), forgiven = wave_sum (rollout, "forgiven");
    uint64_t budget = ctl_json_uint (spec, "budget"), wave_budget = ctl_json_uint (spec, "wave_budget");
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    if (wave_budget < budget)
        (void) base_buffer_printf (&text, ", %" PRIu64 " a wave", wave_budget);
    if (forgiven)
        (void) base_buffer_printf (&text, "; %" PRIu64 " forgiven", forgiven);
    if (left_out)
        (void) base_buffer_printf (&text, "; %" PRIu64 " node%s skipped", left_out, plural (left_out));
    if (ctl_json_uint (rollout, "factor") > 1)
        (void) base_buffer_printf (
            &text,
            "; updated nodes fail more often than the others (probability for a good release: at most "
            "1 in %" PRIu64 ")",
            ctl_json_uint (rollout, "factor"));
    line_append (list, "  failed nodes: %" PRIu64 ", %" PRIu64 " allowed%.*s", bad, budget, (int) text.size,
                 text.data ? (const char *) text.data : "");
}

static void cause_lines (char ***list, const json_t *rollout)
{
    size_t i, j;
    const json_t *cause, *node;
    json_array_foreach (json_object_get (rollout, "causes"), i, cause)
    {
        base_cleanup (base_buffer_deinit) struct base_buffer names = {.size = 0};
        const json_t *nodes = json_object_get (cause, "nodes");
        const char *step = ctl_json_text (cause, "step"), *reason = ctl_json_text (cause, "reason");
        uint64_t count = ctl_json_uint (cause, "count");
        json_array_foreach (nodes, j, node) (void)
            base_buffer_printf (&names, "%s%s", j ? ", " : "", json_string_value (node));
        if (count > json_array_size (nodes))
            (void) base_buffer_printf (&names, " and %" PRIu64 " more",
                                       count - (uint64_t) json_array_size (nodes));
        line_append (list, "  failed: %.*s%s%s%s%s", (int) names.size,
                     names.data ? (const char *) names.data : "", *step ? ", in " : "", step,
                     *reason ? ": " : "", reason);
    }
}

char *ctl_rollout_advice (const json_t *rollout)
{
    const char *id = ctl_json_text (rollout, "id"), *phase = ctl_json_text (rollout, "phase");
    if (ctl_json_flag (rollout, "over"))
        return NULL;
    if (strcmp (phase, "halted") == 0 && ctl_json_flag (rollout, "unproven"))
        return base_text_printf ("nodectl rollout resume %s retries wave %" PRIu64 ", approve %s skips it, "
                                 "revert %s reverts updated nodes, abort %s keeps them",
                                 id, ctl_json_uint (rollout, "wave"), id, id, id);
    if (strcmp (phase, "halted") == 0)
        return base_text_printf ("nodectl rollout resume %s continues, revert %s reverts updated nodes, "
                                 "abort %s keeps them",
                                 id, id, id);
    if (strcmp (phase, "approval") == 0)
        return base_text_printf ("nodectl rollout approve %s starts the wave", id);
    if (ctl_json_flag (rollout, "paused"))
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

char **ctl_rollout_picture (const json_t *rollout, size_t width, size_t height)
{
    char **list = NULL, **rest = NULL;
    base_cleanup (base_free_p) char *advice = ctl_rollout_advice (rollout);
    budget_line (&rest, rollout);
    const char *gate = ctl_json_text (rollout, "gate");
    if (*ctl_json_text (rollout, "reason"))
        line_append (&rest, "  %s%s%s%s: %s",
                     ctl_json_flag (rollout, "paused") && !ctl_json_flag (rollout, "over")
                         ? "paused"
                         : ctl_json_text (rollout, "phase"),
                     *gate ? " (gate " : "", gate, *gate ? ")" : "", ctl_json_text (rollout, "reason"));
    cause_lines (&rest, rollout);
    /*  If an operator has to decide, the advice below says more than the broker's text, which is for JSON. */
    if (*ctl_json_text (rollout, "waits") && !ctl_json_flag (rollout, "over") && !advice)
        line_append (&rest, "  waits for %s", ctl_json_text (rollout, "waits"));
    if (advice)
        line_append (&rest, "  action required: %s", advice);
    head_line (&list, rollout, width);
    /*  On a low terminal the waves get at least half of the height. */
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

char *ctl_rollout_news (const json_t *rollout)
{
    enum { STEPS = 10 /* lines for a large wave */ };
    const json_t *waves = json_object_get (rollout, "waves");
    uint64_t number = ctl_json_uint (rollout, "wave");
    const json_t *wave = json_array_get (waves, number ? number - 1 : 0);
    uint64_t count = ctl_json_uint (wave, "count"), updated = ctl_json_uint (wave, "updated");
    uint64_t bad = wave_sum (rollout, "bad") + wave_sum (rollout, "already_bad");
    base_cleanup (base_free_p) char *where = rollout_state_text (rollout);
    const char *reason = ctl_json_text (rollout, "reason"), *phase = ctl_json_text (rollout, "phase");
    if (!where)
        return NULL;
    bool all = ctl_json_flag (rollout, "over") || strcmp (phase, "reverting") == 0;
    uint64_t total = wave_sum (rollout, "count"), reverted = wave_sum (rollout, "reverted");
    if (all)
        return base_text_printf ("%s: %" PRIu64 " of %" PRIu64 " updated%s, %" PRIu64 " failed%s%s", where,
                                 wave_sum (rollout, "updated"), total, reverted ? ", others reverted" : "",
                                 bad, *reason ? ": " : "", reason);
    if (count > STEPS && updated < count)
        updated = updated * STEPS / count * count / STEPS;
    return base_text_printf ("%s: %s%" PRIu64 " of %" PRIu64 " updated, %" PRIu64 " failed%s%s", where,
                             count > STEPS && updated < count ? "about " : "", updated, count, bad,
                             *reason ? ": " : "", reason);
}

enum ctl_rollout_end ctl_rollout_end (const json_t *rollout)
{
    const char *phase = ctl_json_text (rollout, "phase");
    const char *on_halt = ctl_json_text (json_object_get (rollout, "spec"), "on_halt");
    if (strcmp (phase, "done") == 0)
        return CTL_ROLLOUT_DONE;
    if (ctl_json_flag (rollout, "over"))
        return CTL_ROLLOUT_ENDED;
    /*  With on_halt revert, a halt is followed by the revert without an operator. */
    return strcmp (phase, "halted") == 0 && strcmp (on_halt, "revert") != 0 ? CTL_ROLLOUT_HALTED
                                                                            : CTL_ROLLOUT_GOES_ON;
}
