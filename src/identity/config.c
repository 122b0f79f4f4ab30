/* SPDX-License-Identifier: MPL-2.0 */
/*  identity/config.c - parses and writes settings files of a node */

#include "identity/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "bus/settings.h"
#include "wire/envelope.h"
#include "wire/label.h"

/*  A probe's deadlines are a fraction of its parent's, so that the innermost one ends first. */
enum { PROBE_PART = 3, PROBE_STEP_LEAST_MS = 500 };

enum value_kind { KIND_SPAN, KIND_SIZE, KIND_COUNT };

#define SPAN_MOST_MS (UINT64_C (7) * 24 * 3600 * 1000)

/*  Settings that are numbers. No deadline may be 0, which would mean none, and no request may be repeated
    without a pause. */
static const struct number {
    const char *key;
    enum value_kind kind;
    size_t offset;
    uint64_t least, most;
} numbers[] = {
#define SPAN_UP_TO(key, member, least, most)                                                                 \
    {                                                                                                        \
        key, KIND_SPAN, offsetof (struct identity_config, member), least, most                               \
    }
#define SPAN(key, member, least) SPAN_UP_TO (key, member, least, SPAN_MOST_MS)
    SPAN ("update/soak", soak_ms, 0),
    SPAN ("update/ask", ask_ms, 100),
    SPAN ("update/resend", resend_ms, 10),
    SPAN ("update/answer", answer_ms, 10),
    SPAN ("update/away", away_ms, 1),
    SPAN ("update/matching", limits.matching_ms, 1),
    SPAN ("update/fetching", limits.fetching_ms, 1),
    SPAN ("update/staging", limits.staging_ms, 1),
    SPAN ("update/probing", limits.probing_ms, 1),
    SPAN ("update/switching", limits.switching_ms, 1),
    SPAN ("update/unfit", limits.unfit_ms, 1),
    /* as much as a token of a trial may hold */
    SPAN_UP_TO ("trial/ready", trial.ready_ms, 1, ROOT_DEADLINE_MOST_MS),
    SPAN_UP_TO ("trial/confirm", trial.confirm_ms, 1, ROOT_DEADLINE_MOST_MS),
    SPAN_UP_TO ("trial/pause", trial.pause_ms, 0, ROOT_PAUSE_MOST_MS),
    SPAN ("rehearsal/step", rehearsal_step_ms, 1),
    SPAN ("node/scrub", scrub_ms, 0),
#undef SPAN
#undef SPAN_UP_TO
    {"update/keep", KIND_COUNT, offsetof (struct identity_config, keep), 2, 100},
    {"trial/starts", KIND_COUNT, offsetof (struct identity_config, trial.starts), 1, 9},
    {"update/chunk", KIND_SIZE, offsetof (struct identity_config, chunk), 4096, WIRE_CHUNK_MOST},
    {"update/window", KIND_SIZE, offsetof (struct identity_config, window), 4096, 32U * WIRE_CHUNK_MOST},
};

static const char *const texts[] = {
    "node/id",          "node/broker",      "node/announce",    "node/control",     "node/content",
    "node/log",         "node/restart",     "probe/callback",   "probe/nonce",      "probe/depth",
    "curve/public-key", "curve/secret-key", "curve/server-key", "curve/content-key"};

int identity_config_init (struct identity_config *config, const char *root)
{
    base_assert (config && root);
    *config = (struct identity_config){
        .keep = 3,
        .soak_ms = 30 * 1000,
        .ask_ms = 5 * 60 * 1000,
        .resend_ms = 2 * 1000,
        .answer_ms = 10 * 1000,
        .away_ms = 10 * 60 * 1000,
        .chunk = 256 * 1024,
        .window = 2 * 1024 * 1024,
        .limits = {.matching_ms = 60 * 1000,
                   .fetching_ms = 6 * 3600 * 1000,
                   .staging_ms = 10 * 60 * 1000,
                   .probing_ms = 10 * 60 * 1000,
                   .switching_ms = 60 * 1000,
                   .unfit_ms = 60 * 1000},
        .trial = root_limits_default,
        .rehearsal_step_ms = 30 * 1000,
        .scrub_ms = SPAN_MOST_MS,
        .depth = IDENTITY_DEPTH_SERVICE,
    };
    config->root = strdup (root);
    return config->root ? 0 : -ENOMEM;
}

void identity_config_deinit (struct identity_config *config)
{
    base_assert (config);
    free (config->root);
    config->tags = base_list_free (config->tags);
    for (size_t i = 0; i < config->n_labels; i++)
        wire_label_deinit (&config->labels[i]);
    free (config->labels);
    *config = (struct identity_config){.depth = IDENTITY_DEPTH_SERVICE};
}

static int number_set (struct identity_config *config, const struct number *number, const char *value,
                       struct base_error *error)
{
    base_assert (number->offset < sizeof *config && number->least <= number->most);
    uint64_t parsed = 0;
    int r = number->kind == KIND_SPAN ? base_text_parse_span_ms (value, &parsed)
                                      : base_text_parse_u64 (value, UINT64_MAX, &parsed);
    if (r < 0)
        return base_error_set (error, -EINVAL, "%s = %s: %s", number->key, value,
                               number->kind == KIND_SPAN
                                   ? "a time is a number with ms, s, m or h, such as 30s"
                                   : "expected a decimal number");
    if (parsed < number->least || parsed > number->most)
        return base_error_set (error, -EINVAL, "%s = %s: from %llu to %llu is allowed", number->key, value,
                               (unsigned long long) number->least, (unsigned long long) number->most);
    void *member = (char *) config + number->offset;
    if (number->kind == KIND_SPAN)
        *(uint64_t *) member = parsed;
    else
        *(uint32_t *) member = (uint32_t) parsed;
    return 0;
}

static int text_set (char *field, size_t size, const char *key, const char *value, struct base_error *error)
{
    base_assert (field && size > 0);
    if (base_text_copy (field, size, value) < 0)
        return base_error_set (error, -EINVAL, "%s: at most %zu bytes are allowed, %zu were given", key,
                               size - 1, strlen (value));
    return 0;
}

/*  Each tag is a topic to subscribe to. A broker ends a connection with more subscriptions than that. */
static int tag_add (struct identity_config *config, const char *value, struct base_error *error)
{
    if (base_list_count (config->tags) == IDENTITY_TAGS_MOST)
        return base_error_set (error, -EINVAL, "node/tag: at most %d tags are allowed", IDENTITY_TAGS_MOST);
    if (!*value || strlen (value) > IDENTITY_TAG_SIZE_MOST)
        return base_error_set (error, -EINVAL, "node/tag = %s: a tag has 1 to %d bytes", value,
                               IDENTITY_TAG_SIZE_MOST);
    return base_list_append (&config->tags, value);
}

int identity_config_set (struct identity_config *config, const char *key, const char *value,
                         struct base_error *error)
{
    base_assert (config && key && value);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp (key, numbers[i].key) == 0)
            return number_set (config, &numbers[i], value, error);
    if (strcmp (key, "node/id") == 0) {
        if (!wire_node_is_valid (value))
            return base_error_set (error, -EINVAL,
                                   "node/id = %s: an id has 1 to 64 letters, digits, '.', '_', '-' or ':'",
                                   value);
        return text_set (config->id, sizeof config->id, key, value, error);
    }
    if (strcmp (key, "node/broker") == 0)
        return bus_endpoints_parse (value, &config->endpoints, error);
    if (strcmp (key, "node/announce") == 0)
        return text_set (config->endpoints.announce, sizeof config->endpoints.announce, key, value, error);
    if (strcmp (key, "node/control") == 0)
        return text_set (config->endpoints.control, sizeof config->endpoints.control, key, value, error);
    if (strcmp (key, "node/content") == 0)
        return bus_content_parse (value, config->endpoints.content, error);
    if (strcmp (key, "node/tag") == 0)
        return tag_add (config, value, error);
    if (strcmp (key, "node/restart") == 0) {
        if (strcmp (value, "exec") != 0 && strcmp (value, "exit") != 0)
            return base_error_set (error, -EINVAL, "node/restart = %s: exec or exit is allowed", value);
        config->restart_by_init = strcmp (value, "exit") == 0;
        return 0;
    }
    if (strcmp (key, "node/log") == 0) {
        enum base_log_level level;
        if (!base_log_level_parse (value, &level))
            return base_error_set (error, -EINVAL, "node/log = %s: error, warning, info or debug is allowed",
                                   value);
        base_log_set_level (level);
        return 0;
    }
    if (strcmp (key, "probe/callback") == 0)
        return text_set (config->callback, sizeof config->callback, key, value, error);
    if (strcmp (key, "probe/nonce") == 0)
        return text_set (config->nonce, sizeof config->nonce, key, value, error);
    if (strcmp (key, "probe/depth") == 0) {
        uint64_t depth;
        if (base_text_parse_u64 (value, IDENTITY_DEPTH_MINTED, &depth) < 0)
            return base_error_set (error, -EINVAL, "probe/depth = %s: 0 to %d is allowed", value,
                                   IDENTITY_DEPTH_MINTED);
        config->depth = (int) depth;
        return 0;
    }
    struct bus_keys *keys = &config->keys;
    char *key_field = strcmp (key, "curve/public-key") == 0    ? keys->public_key
                      : strcmp (key, "curve/secret-key") == 0  ? keys->secret_key
                      : strcmp (key, "curve/server-key") == 0  ? keys->server_key
                      : strcmp (key, "curve/content-key") == 0 ? keys->content_key
                                                               : NULL;
    if (!key_field)
        return base_error_set (error, -EINVAL, "%s: there is no such setting", key);
    if (strlen (value) != 40)
        return base_error_set (error, -EINVAL, "%s: a key is 40 characters in Z85, %zu were given", key,
                               strlen (value));
    config->has_keys = true;
    return text_set (key_field, 41, key, value, error);
}

/*  The state of reading a file: the settings so far, and what could not be used. */
struct reading {
    struct identity_config *config;
    struct identity_config_faults *faults;
    const char *file;
    bool misspelt_key;
    int r; /* -ENOMEM: memory was exhausted at some point; else 0 */
};

/*  Essential faults come first: they explain why a node does not run with its own settings. */
static void fault_add (struct reading *reading, bool essential, const char *text)
{
    struct identity_config_faults *faults = reading->faults;
    base_cleanup (base_free_p) char *sentence = base_text_printf ("%s: %s", reading->file, text);
    if (!sentence || base_list_append (&faults->texts, sentence) < 0) {
        reading->r = -ENOMEM;
        return;
    }
    size_t last = base_list_count (faults->texts) - 1;
    char *added = faults->texts[last];
    if (essential) {
        memmove (faults->texts + 1, faults->texts, last * sizeof *faults->texts);
        faults->texts[0] = added;
    }
}

static bool key_is_below (const char *key, const char *section)
{
    return strncmp (key, section, strlen (section)) == 0;
}

static void value_read (struct reading *reading, const char *key, const char *value)
{
    struct identity_config_faults *faults = reading->faults;
    struct base_error error = {.code = 0};
    int r = identity_config_set (reading->config, key, value, &error);
    if (r == 0)
        return;
    if (r == -ENOMEM)
        reading->r = r;
    bool id = strcmp (key, "node/id") == 0, keys = key_is_below (key, "curve/");
    bool origin = strcmp (key, "node/broker") == 0 || strcmp (key, "node/announce") == 0 ||
                  strcmp (key, "node/control") == 0 || strcmp (key, "node/content") == 0;
    faults->id |= id;
    faults->keys |= keys;
    faults->origin |= origin;
    fault_add (reading, id || keys || origin, error.text);
}

static int label_add (void *context, const char *name, const char *value)
{
    base_assert (context && name);
    struct reading *reading = context;
    struct identity_config *config = reading->config;
    struct base_error error = {.code = 0};
    char text[BASE_ERROR_SIZE] = "";
    if (!value)
        (void) snprintf (text, sizeof text, "node/labels/%s: a label is NAME = VALUE", name);
    else if (wire_label_check (name, value, WIRE_LABEL_AT_NODE, &error) != 0)
        (void) snprintf (text, sizeof text, "node/labels/%s = %.300s: %.150s", name, value, error.text);
    else if (identity_config_label (config, name))
        (void) snprintf (text, sizeof text, "node/labels/%s is set twice", name);
    else if (config->n_labels == IDENTITY_LABELS_MOST)
        (void) snprintf (text, sizeof text, "node/labels: at most %d labels are allowed",
                         IDENTITY_LABELS_MOST);
    if (*text || !value) {
        fault_add (reading, false, text);
        return reading->r;
    }
    struct wire_label *grown = reallocarray (config->labels, config->n_labels + 1, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    config->labels = grown;
    grown[config->n_labels] =
        (struct wire_label){.name = strdup (name), .value = strdup (value), .own = true};
    config->n_labels++;
    return grown[config->n_labels - 1].name && grown[config->n_labels - 1].value ? 0 : -ENOMEM;
}

static int labels_compare (const void *a, const void *b)
{
    const struct wire_label *one = a, *other = b;
    return strcmp (one->name, other->name);
}

/*  Sorted, so that the same labels make the same bytes of a hello, in whatever order the file has them. */
static int labels_read (struct reading *reading, const struct bus_settings *settings)
{
    struct identity_config *config = reading->config;
    int r = bus_settings_each (settings, "node/labels", label_add, reading);
    if (r < 0)
        return r;
    if (config->n_labels)
        qsort (config->labels, config->n_labels, sizeof *config->labels, labels_compare);
    return 0;
}

const char *identity_config_label (const struct identity_config *config, const char *name)
{
    base_assert (config && name);
    base_assert (config->n_labels <= IDENTITY_LABELS_MOST);
    for (size_t i = 0; i < config->n_labels; i++)
        if (strcmp (config->labels[i].name, name) == 0)
            return config->labels[i].value;
    return NULL;
}

static void unknown_note (void *context, const char *path)
{
    base_assert (context && path);
    struct reading *reading = context;
    if (key_is_below (path, "curve/")) {
        char text[BASE_ERROR_SIZE];
        (void) snprintf (text, sizeof text, "%.300s: there is no such setting", path);
        reading->misspelt_key = true;
        fault_add (reading, true, text);
        return;
    }
    base_cleanup (base_free_p) char *text =
        base_text_printf ("%s: %s is ignored: there is no such setting", reading->file, path);
    if (!text || base_list_append (&reading->faults->ignored, text) < 0)
        reading->r = -ENOMEM;
}

/*  A node that has a key in its file must not run with incomplete keys, or without any. */
static void keys_check (struct reading *reading)
{
    struct identity_config *config = reading->config;
    bool all = *config->keys.public_key && *config->keys.secret_key && *config->keys.server_key;
    if (config->has_keys && !all && !reading->faults->keys && !reading->misspelt_key)
        fault_add (reading, true,
                   "curve/public-key, curve/secret-key and curve/server-key must be set "
                   "together");
    reading->faults->keys |= reading->misspelt_key || (config->has_keys && !all);
    if (!reading->faults->keys)
        return;
    config->keys = (struct bus_keys){.is_server = false};
    config->has_keys = false;
}

static void origin_check (struct reading *reading)
{
    const struct bus_endpoints *endpoints = &reading->config->endpoints;
    if (reading->faults->origin || (*endpoints->announce && *endpoints->control && *endpoints->content))
        return;
    reading->faults->origin = true;
}

static int settings_read (struct reading *reading, const struct bus_settings *settings)
{
    const char *known[sizeof texts / sizeof *texts + sizeof numbers / sizeof *numbers + 3];
    size_t count = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        known[count++] = texts[i];
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        known[count++] = numbers[i].key;
    for (size_t i = 0; i < count; i++) {
        const char *value = bus_settings_get (settings, known[i]);
        if (value)
            value_read (reading, known[i], value);
    }
    char **tags = bus_settings_get_all (settings, "node/tag");
    for (size_t i = 0; tags && tags[i]; i++)
        value_read (reading, "node/tag", tags[i]);
    base_list_free (tags);
    int r = labels_read (reading, settings);
    known[count++] = "node/tag";
    known[count++] = "node/labels/";
    base_assert (count < sizeof known / sizeof *known);
    known[count] = NULL;
    bus_settings_check (settings, known, unknown_note, reading);
    keys_check (reading);
    origin_check (reading);
    return r < 0 ? r : reading->r;
}

void identity_config_faults_deinit (struct identity_config_faults *faults)
{
    base_assert (faults);
    base_list_free (faults->texts);
    base_list_free (faults->ignored);
    *faults = (struct identity_config_faults){.texts = NULL};
}

int identity_config_read (struct identity_config *config, const char *path,
                          struct identity_config_faults *ret_faults, struct base_error *error)
{
    base_assert (config && config->root);
    base_assert (ret_faults);
    base_cleanup (base_free_p) char *standard = base_text_printf ("%s/%s", config->root, ROOT_SETTINGS);
    *ret_faults = (struct identity_config_faults){.texts = NULL};
    if (!standard)
        return base_error_errno (error, -ENOMEM, "cannot read the settings");
    struct reading reading = {.config = config, .faults = ret_faults, .file = path ? path : standard};
    struct bus_settings *settings = NULL;
    int r = bus_settings_load (reading.file, &settings, error);
    if (r < 0)
        return r;
    r = settings_read (&reading, settings);
    (void) bus_settings_free (settings);
    if (r == 0 && !*config->id) {
        char host[sizeof config->id] = "";
        (void) gethostname (host, sizeof host - 1);
        value_read (&reading, "node/id", host);
        r = reading.r;
    }
    if (r < 0) {
        identity_config_faults_deinit (ret_faults);
        return base_error_errno (error, r, "cannot read %s", reading.file);
    }
    return 0;
}

int identity_config_load (struct identity_config *config, const char *path, struct base_error *error)
{
    base_assert (config && config->root);
    base_cleanup (identity_config_faults_deinit) struct identity_config_faults faults = {.texts = NULL};
    int r = identity_config_read (config, path, &faults, error);
    if (r < 0)
        return r;
    return faults.texts ? base_error_set (error, -EINVAL, "%s", faults.texts[0]) : 0;
}

/*  Puts one setting of several into a file: the first failure is kept in *r, and nothing is put after it. */
static void setting_put (struct bus_settings *file, const char *key, const char *value, int *r)
{
    base_assert (file && key && value && r);
    if (*r == 0)
        *r = bus_settings_put (file, key, value);
}

static void setting_put_span (struct bus_settings *file, const char *key, uint64_t ms, int *r)
{
    char text[32];
    (void) snprintf (text, sizeof text, "%llums", (unsigned long long) ms);
    setting_put (file, key, text, r);
}

/*  Frees the file. Returns its text, or NULL if r < 0 or memory is exhausted. */
static char *file_finish (struct bus_settings *file, int r)
{
    char *text = r < 0 ? NULL : bus_settings_format (file);
    (void) bus_settings_free (file);
    return text;
}

uint64_t identity_config_probe_step_ms (const struct identity_config *config)
{
    base_assert (config);
    uint64_t step = config->rehearsal_step_ms / PROBE_PART;
    return step < PROBE_STEP_LEAST_MS ? PROBE_STEP_LEAST_MS : step;
}

char *identity_config_probe_file (const struct identity_config *config,
                                  const struct node_probe_settings *settings)
{
    base_assert (config && settings);
    base_assert (settings->callback && settings->nonce);
    struct bus_settings *file = bus_settings_new ();
    if (!file)
        return NULL;
    uint64_t step = identity_config_probe_step_ms (config);
    char depth[16];
    (void) snprintf (depth, sizeof depth, "%d", settings->depth);
    int r = 0;
    setting_put (file, "node/id", config->id, &r);
    setting_put (file, "node/announce", settings->endpoints.announce, &r);
    setting_put (file, "node/control", settings->endpoints.control, &r);
    setting_put (file, "node/content", settings->endpoints.content, &r);
    setting_put (file, "probe/callback", settings->callback, &r);
    setting_put (file, "probe/nonce", settings->nonce, &r);
    setting_put (file, "probe/depth", depth, &r);
    setting_put_span (file, "update/soak", 0, &r);
    setting_put_span (file, "update/resend", 500, &r);
    setting_put_span (file, "update/probing", config->rehearsal_step_ms, &r);
    setting_put_span (file, "rehearsal/step", step, &r);
    setting_put (file, "trial/starts", "1", &r);
    setting_put_span (file, "trial/ready", step, &r);
    setting_put_span (file, "trial/confirm", config->rehearsal_step_ms, &r);
    setting_put_span (file, "trial/pause", 10, &r);
    return file_finish (file, r);
}

char *identity_config_essential_file (const struct identity_config *config)
{
    base_assert (config);
    struct bus_settings *file = bus_settings_new ();
    if (!file)
        return NULL;
    int r = 0;
    setting_put (file, "node/id", config->id, &r);
    setting_put (file, "node/announce", config->endpoints.announce, &r);
    setting_put (file, "node/control", config->endpoints.control, &r);
    setting_put (file, "node/content", config->endpoints.content, &r);
    if (config->has_keys) {
        setting_put (file, "curve/public-key", config->keys.public_key, &r);
        setting_put (file, "curve/secret-key", config->keys.secret_key, &r);
        setting_put (file, "curve/server-key", config->keys.server_key, &r);
        if (*config->keys.content_key)
            setting_put (file, "curve/content-key", config->keys.content_key, &r);
    }
    return file_finish (file, r);
}

char *identity_config_install_file (const char *id, const char *broker, const char *content)
{
    base_assert (id && broker);
    struct bus_settings *file = bus_settings_new ();
    if (!file)
        return NULL;
    int r = 0;
    setting_put (file, "node/id", id, &r);
    setting_put (file, "node/broker", broker, &r);
    if (content)
        setting_put (file, "node/content", content, &r);
    return file_finish (file, r);
}
