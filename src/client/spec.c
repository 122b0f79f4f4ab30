/* SPDX-License-Identifier: MPL-2.0 */
/*  client/spec.c - the spec of a rollout, read from settings in text form */

#include "client/spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "bus/settings.h"

enum { SPEC_WAVES = 32, SPEC_COUNT_MOST = 1000000 /* as in schemas/rollout.def */ };

/*  The reader's state, with settings that are applied once everything has been read. */
struct reading {
    struct client_spec *spec;
    bool approval, wave_budget;
    struct base_error *error;
};

typedef int spec_taker (struct reading *reading, size_t offset, const char *name, const char *value);

static int value_refuse (struct reading *reading, const char *name, const char *value, const char *right)
{
    base_assert (reading->error);
    base_assert (name && value && right);
    return base_error_set (reading->error, -EINVAL, "%s is \"%s\": give %s", name, value, right);
}

static void *member_of (struct reading *reading, size_t offset)
{
    base_assert (reading->spec);
    base_assert (offset < sizeof reading->spec->rollout);
    return (char *) &reading->spec->rollout + offset;
}

static int text_read (struct reading *reading, size_t offset, const char *name, const char *value)
{
    base_assert (name && value);
    char **member = member_of (reading, offset), *copy = *value ? strdup (value) : NULL;
    (void) name;
    if (*value && !copy)
        return base_error_set (reading->error, -ENOMEM, "out of memory");
    free (*member);
    *member = copy;
    return 0;
}

static int application_read (struct reading *reading, size_t offset, const char *name, const char *value)
{
    base_assert (name && value);
    return *value ? text_read (reading, offset, name, value)
                  : value_refuse (reading, name, value, "the name of an application, such as noded");
}

static int release_read (struct reading *reading, size_t offset, const char *name, const char *value)
{
    base_assert (value);
    (void) offset;
    char *copy = NULL;
    if (strcmp (value, "newest") != 0 && *value) {
        size_t length = strlen (value);
        if (length < 6 || length > 64 || strspn (value, "0123456789abcdefABCDEF") != length)
            return value_refuse (reading, name, value,
                                 "the digest of a release, at least the first 6 digits of it, or newest");
        copy = strdup (value);
        if (!copy)
            return base_error_set (reading->error, -ENOMEM, "out of memory");
    }
    for (char *at = copy; at && *at; at++)
        *at = (char) tolower ((unsigned char) *at);
    free (reading->spec->release);
    reading->spec->release = copy;
    return 0;
}

static int span_read (struct reading *reading, size_t offset, const char *name, const char *value)
{
    base_assert (name && value);
    uint64_t ms;
    if (base_text_parse_span_ms (value, &ms) != 0 || ms > WIRE_SPAN_MOST)
        return value_refuse (reading, name, value, "a span such as 500ms, 30s, 10m or 4h");
    *(uint64_t *) member_of (reading, offset) = ms;
    return 0;
}

static int count_read (struct reading *reading, size_t offset, const char *name, const char *value)
{
    base_assert (name && value);
    uint64_t count;
    if (base_text_parse_u64 (value, SPEC_COUNT_MOST, &count) != 0)
        return value_refuse (reading, name, value, "a number of nodes");
    *(uint64_t *) member_of (reading, offset) = count;
    reading->wave_budget |= offset == offsetof (struct wire_rollout, wave_budget);
    return 0;
}

static int concurrency_read (struct reading *reading, size_t offset, const char *name, const char *value)
{
    if (strcmp (value, "all") != 0)
        return strcmp (value, "0") == 0
                   ? value_refuse (reading, name, value, "a number of nodes from 1, or all")
                   : count_read (reading, offset, name, value);
    *(uint64_t *) member_of (reading, offset) = 0;
    return 0;
}

static int flag_parse (struct reading *reading, const char *name, const char *value, bool *ret_flag)
{
    base_assert (ret_flag);
    bool yes = strcmp (value, "yes") == 0;
    if (!yes && strcmp (value, "no") != 0)
        return value_refuse (reading, name, value, "yes or no");
    *ret_flag = yes;
    return 0;
}

static int flag_read (struct reading *reading, size_t offset, const char *name, const char *value)
{
    return flag_parse (reading, name, value, member_of (reading, offset));
}

static int approval_read (struct reading *reading, size_t offset, const char *name, const char *value)
{
    (void) offset;
    return flag_parse (reading, name, value, &reading->approval);
}

static int on_halt_read (struct reading *reading, size_t offset, const char *name, const char *value)
{
    enum wire_on_halt word = wire_on_halt_parse (value);
    if (word == WIRE_ON_HALT_NULL)
        return value_refuse (reading, name, value, "stay or revert");
    *(enum wire_on_halt *) member_of (reading, offset) = word;
    return 0;
}

/*  Reads a chance in tenths of a percent. */
static int chance_read (struct reading *reading, size_t offset, const char *name, const char *value)
{
    static const char right[] = "a probability from 0.1% to 50%, or off";
    uint64_t whole = 0, tenth = 0;
    char digits[8] = "";
    size_t length = strspn (value, "0123456789");
    const char *rest = value + length;
    if (strcmp (value, "off") != 0) {
        if (!length || length >= sizeof digits)
            return value_refuse (reading, name, value, right);
        memcpy (digits, value, length);
        (void) base_text_parse_u64 (digits, 1000, &whole);
        if (rest[0] == '.' && isdigit ((unsigned char) rest[1])) {
            tenth = (uint64_t) (rest[1] - '0');
            rest += 2;
        }
        if (strcmp (rest, "%") != 0 || whole * 10 + tenth == 0 || whole * 10 + tenth > 500)
            return value_refuse (reading, name, value, right);
    }
    *(uint64_t *) member_of (reading, offset) = whole * 10 + tenth;
    return 0;
}

/*  Cuts off the next word, which ends at one of `ends`; blanks around it are removed. NULL: there is none. */
static char *word_cut (char **text, const char *ends)
{
    base_assert (text && *text);
    base_assert (ends);
    char *word = *text + strspn (*text, " \t");
    size_t length = strcspn (word, ends);
    if (!*word)
        return NULL;
    *text = word[length] ? word + length + 1 : word + length;
    word[length] = '\0';
    for (size_t last = strlen (word); last && strchr (" \t", word[last - 1]); last--)
        word[last - 1] = '\0';
    return word;
}

/*  Parses "1", "10%" or "rest", each optionally followed by "approval". */
static bool wave_parse (char *text, struct wire_wave *ret_wave)
{
    base_assert (text && ret_wave);
    struct wire_wave wave = {.count = 0};
    char *size = word_cut (&text, " \t");
    char *approval = word_cut (&text, "");
    if (!size || (approval && strcmp (approval, "approval") != 0))
        return false;
    wave.approval = approval;
    size_t length = strlen (size);
    if (strcmp (size, "rest") != 0) {
        bool percent = length && size[length - 1] == '%';
        if (percent)
            size[length - 1] = '\0';
        uint64_t *number = percent ? &wave.percent : &wave.count;
        if (base_text_parse_u64 (size, percent ? 100 : SPEC_COUNT_MOST, number) != 0 || *number == 0)
            return false;
    }
    *ret_wave = wave;
    return true;
}

static int waves_read (struct reading *reading, size_t offset, const char *name, const char *value)
{
    base_assert (value);
    static const char right[] =
        "up to 32 waves with commas between them: numbers, percentages, rest; \"approval\" after "
        "one makes it wait for an operator: 1, 10%, rest approval";
    struct wire_rollout *rollout = &reading->spec->rollout;
    base_cleanup (base_free_p) char *copy = strdup (value);
    base_cleanup (base_free_p) struct wire_wave *waves = calloc (SPEC_WAVES, sizeof *waves);
    size_t count = 0;
    (void) offset;
    if (!copy || !waves)
        return base_error_set (reading->error, -ENOMEM, "out of memory");
    char *rest = copy;
    for (char *word; (word = word_cut (&rest, ","));) {
        bool after_rest = count && !waves[count - 1].count && !waves[count - 1].percent;
        if (count == SPEC_WAVES || after_rest || !wave_parse (word, &waves[count]))
            return value_refuse (reading, name, value, right);
        count++;
    }
    if (!count)
        return value_refuse (reading, name, value, right);
    free (rollout->waves);
    rollout->waves = base_take (waves);
    rollout->n_waves = count;
    return 0;
}

static int day_parse (const char *text, size_t length)
{
    base_assert (text);
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    for (int i = 0; i < 7; i++)
        if (length == 3 && strncasecmp (days[i], text, 3) == 0)
            return i;
    return -1;
}

/*  Parses "Mon-Fri", "Sat,Sun" or "Fri-Mon". */
static bool days_parse (const char *text, uint64_t *ret_days)
{
    base_assert (text && ret_days);
    uint64_t days = 0;
    for (;;) {
        size_t length = strcspn (text, ",");
        size_t first = strcspn (text, "-,");
        int from = day_parse (text, first), until = from;
        if (first < length)
            until = day_parse (text + first + 1, length - first - 1);
        if (from < 0 || until < 0)
            return false;
        for (int day = from;; day = (day + 1) % 7) {
            days |= UINT64_C (1) << day;
            if (day == until)
                break;
        }
        if (!text[length])
            break;
        text += length + 1;
    }
    *ret_days = days;
    return true;
}

static bool clock_parse (const char *text, uint64_t most, uint64_t *ret_minute)
{
    base_assert (text && ret_minute);
    static const char form[] = "00:00";
    for (size_t i = 0; i < sizeof form; i++)
        if (form[i] == '0' ? !isdigit ((unsigned char) text[i]) : text[i] != form[i])
            return false;
    uint64_t hours = (uint64_t) (text[0] - '0') * 10 + (uint64_t) (text[1] - '0');
    uint64_t minutes = (uint64_t) (text[3] - '0') * 10 + (uint64_t) (text[4] - '0');
    *ret_minute = hours * 60 + minutes;
    return minutes < 60 && *ret_minute <= most;
}

static int window_read (struct reading *reading, size_t offset, const char *name, const char *value)
{
    base_assert (value);
    static const char right[] =
        "days and hours, UTC, such as \"Mon-Fri 01:00-05:00\", \"Sat,Sun 22:00-04:00\" or "
        "\"01:00-05:00\"; or always";
    struct wire_rollout *rollout = &reading->spec->rollout;
    base_cleanup (base_free_p) char *copy = strdup (value);
    base_cleanup (base_free_p) struct wire_window *window = calloc (1, sizeof *window);
    (void) offset;
    if (!copy || !window)
        return base_error_set (reading->error, -ENOMEM, "out of memory");
    if (strcmp (value, "always") == 0) {
        free (rollout->window);
        rollout->window = NULL;
        return 0;
    }
    char *rest = copy, *hours = word_cut (&rest, " \t"), *second = word_cut (&rest, " \t");
    if (second) {
        if (!days_parse (hours, &window->days))
            return value_refuse (reading, name, value, right);
        hours = second;
    }
    char *until = hours ? strchr (hours, '-') : NULL;
    if (!until || word_cut (&rest, " \t"))
        return value_refuse (reading, name, value, right);
    *until++ = '\0';
    if (!clock_parse (hours, 24 * 60 - 1, &window->from) || !clock_parse (until, 24 * 60, &window->until))
        return value_refuse (reading, name, value, right);
    free (rollout->window);
    rollout->window = base_take (window);
    return 0;
}

#define MEMBER(member) offsetof (struct wire_rollout, member)

static const struct {
    const char *name, *value; /* the default; NULL: none */
    spec_taker *take;
    size_t offset;
} spec_table[] = {
    {"application", "noded", application_read, MEMBER (application)},
    {"release", "newest", release_read, 0},
    {"select", NULL, text_read, MEMBER (selector)},
    {"waves", "1, 10%, rest", waves_read, 0},
    {"approval", "no", approval_read, 0},
    {"concurrency", "500", concurrency_read, MEMBER (concurrency)},
    {"soak", "30s", span_read, MEMBER (soak_ms)},
    {"budget", "0", count_read, MEMBER (budget)},
    {"wave-budget", NULL, count_read, MEMBER (wave_budget)},
    {"node-deadline", "30m", span_read, MEMBER (node_deadline_ms)},
    {"wave-deadline", "24h", span_read, MEMBER (wave_deadline_ms)},
    {"window", "always", window_read, 0},
    {"stagger", "0s", span_read, MEMBER (stagger_ms)},
    {"on-halt", "stay", on_halt_read, MEMBER (on_halt)},
    {"rehearse-revert", "no", flag_read, MEMBER (rehearse_revert)},
    {"revert-limit", "60s", span_read, MEMBER (revert_limit_ms)},
    {"significance", "0.1%", chance_read, MEMBER (significance)},
    {"failure-domain", NULL, text_read, MEMBER (failure_domain)},
    {"queue", "no", flag_read, MEMBER (queue)},
    {"supersede", "no", flag_read, MEMBER (supersede)},
};
enum { SETTINGS = sizeof spec_table / sizeof *spec_table };

void client_spec_deinit (struct client_spec *spec)
{
    base_assert (spec);
    wire_rollout_deinit (&spec->rollout);
    free (spec->release);
    spec->release = NULL;
}

static int name_unknown (struct base_error *error, const char *name)
{
    base_assert (name);
    base_cleanup (base_buffer_deinit) struct base_buffer names = {.size = 0};
    for (size_t i = 0; i < SETTINGS; i++)
        (void) base_buffer_printf (&names, "%s%s", i ? ", " : "", spec_table[i].name);
    return base_error_set (error, -EINVAL, "\"%s\" is not a setting of a rollout; the settings are %.*s",
                           name, (int) names.size, names.data ? (const char *) names.data : "");
}

static void file_unknown (void *context, const char *path)
{
    struct base_error *error = context;
    if (error->code == 0)
        (void) name_unknown (error, path);
}

static void settings_free_p (struct bus_settings **settings)
{
    bus_settings_free (*settings);
}

static int file_read (struct reading *reading, const char *path)
{
    base_assert (reading->error);
    base_assert (path);
    base_cleanup (settings_free_p) struct bus_settings *settings = NULL;
    const char *known[SETTINGS + 1] = {NULL};
    struct base_error misspelt = {.code = 0};
    int r = bus_settings_load (path, &settings, reading->error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < SETTINGS; i++)
        known[i] = spec_table[i].name;
    bus_settings_check (settings, known, file_unknown, &misspelt);
    if (misspelt.code != 0)
        return base_error_set (reading->error, -EINVAL, "%s: %s", path, misspelt.text);
    for (size_t i = 0; i < SETTINGS; i++) {
        const char *value = bus_settings_get (settings, spec_table[i].name);
        if (!value)
            continue;
        r = spec_table[i].take (reading, spec_table[i].offset, spec_table[i].name, value);
        if (r < 0)
            return base_error_prefix (reading->error, "%s", path);
    }
    return 0;
}

static int setting_read (struct reading *reading, const char *setting)
{
    size_t length = strcspn (setting, "=");
    base_cleanup (base_free_p) char *name = strndup (setting, length);
    if (!name)
        return base_error_set (reading->error, -ENOMEM, "out of memory");
    if (!setting[length])
        return base_error_set (reading->error, -EINVAL, "\"%s\" is not a setting: give NAME=VALUE", setting);
    for (size_t i = 0; i < SETTINGS; i++)
        if (strcmp (spec_table[i].name, name) == 0)
            return spec_table[i].take (reading, spec_table[i].offset, name, setting + length + 1);
    return name_unknown (reading->error, name);
}

int client_spec_read (const char *const *settings, size_t n_settings, const char *file,
                      struct client_spec *ret_spec, struct base_error *error)
{
    base_assert (ret_spec && error);
    base_cleanup (client_spec_deinit) struct client_spec spec = {.release = NULL};
    struct reading reading = {.spec = &spec, .error = error};
    for (size_t i = 0; i < SETTINGS; i++) {
        if (!spec_table[i].value)
            continue;
        int r = spec_table[i].take (&reading, spec_table[i].offset, spec_table[i].name, spec_table[i].value);
        if (r < 0)
            return r;
    }
    if (file) {
        int r = file_read (&reading, file);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < n_settings; i++) {
        int r = setting_read (&reading, settings[i]);
        if (r < 0)
            return r;
    }
    if (!reading.wave_budget)
        spec.rollout.wave_budget = spec.rollout.budget;
    for (size_t i = 1; i < spec.rollout.n_waves && reading.approval; i++)
        spec.rollout.waves[i].approval = true;
    *ret_spec = spec;
    spec = (struct client_spec){.release = NULL};
    return 0;
}
