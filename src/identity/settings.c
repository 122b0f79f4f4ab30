/* SPDX-License-Identifier: MPL-2.0 */
/*  identity/settings.c - loads, keeps and tries the settings of a node manager */

#include "identity/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/log.h"
#include "base/text.h"
#include "root/record.h"

enum { FILE_MOST = 1024 * 1024 };

/*  Loads one file over the defaults, as far as it can be used. config is untouched if nothing can be used. */
static int file_load (struct identity_config *config, const char *path,
                      struct identity_config_faults *ret_faults, struct base_error *error)
{
    base_assert (config && config->root);
    base_assert (path && ret_faults);
    struct identity_config loaded;
    base_cleanup (base_free_p) char *file = base_text_printf ("%s/%s", config->root, path);
    *ret_faults = (struct identity_config_faults){.texts = NULL};
    int r = file ? identity_config_init (&loaded, config->root) : -ENOMEM;
    if (r < 0)
        return base_error_errno (error, r, "cannot read %s", path);
    r = identity_config_read (&loaded, file, ret_faults, error);
    if (r < 0) {
        identity_config_deinit (&loaded);
        return r;
    }
    identity_config_deinit (config);
    *config = loaded;
    return 0;
}

static bool faults_are_essential (const struct identity_config_faults *faults)
{
    return faults->id || faults->origin || faults->keys;
}

/*  Sets error to the reason why a readable file lacks an essential setting. */
static void lack_describe (const struct identity_config *config, const struct identity_config_faults *faults,
                           struct base_error *error)
{
    base_assert (faults_are_essential (faults));
    if (faults->texts)
        (void) base_error_set (error, -EINVAL, "%s", faults->texts[0]);
    else
        (void) base_error_set (error, -EINVAL, "%s/" ROOT_SETTINGS " names no broker: set node/broker in it",
                               config->root);
}

/*  Formats the path of the record of what the running workspace used last. Each version reads only its
    own. */
static bool used_path_format (char path[sizeof ROOT_SETTINGS_USED + ROOT_NAME_SIZE])
{
    char program[PATH_MAX];
    ssize_t length = readlink ("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return false;
    program[length] = '\0';
    char *slash = strrchr (program, '/');
    if (!slash)
        return false;
    *slash = '\0';
    const char *name = strrchr (program, '/') ? strrchr (program, '/') + 1 : program;
    if (!root_name_is_valid (name))
        return false;
    (void) snprintf (path, sizeof ROOT_SETTINGS_USED + ROOT_NAME_SIZE, ROOT_SETTINGS_USED "%.*s",
                     ROOT_NAME_SIZE - 1, name);
    return true;
}

/*  Takes missing essential settings from another file, if that has them. */
static void config_fill_from (struct identity_config *config, struct identity_config_faults *lacking,
                              const char *path)
{
    struct identity_config other;
    base_cleanup (identity_config_faults_deinit) struct identity_config_faults faults = {.texts = NULL};
    if (!faults_are_essential (lacking) || identity_config_init (&other, config->root) < 0)
        return;
    if (file_load (&other, path, &faults, NULL) == 0) {
        if (lacking->id && !faults.id) {
            memcpy (config->id, other.id, sizeof config->id);
            lacking->id = false;
        }
        if (lacking->origin && !faults.origin) {
            config->endpoints = other.endpoints;
            lacking->origin = false;
        }
        if (lacking->keys && !faults.keys) {
            config->keys = other.keys;
            config->has_keys = other.has_keys;
            lacking->keys = false;
        }
    }
    identity_config_deinit (&other);
}

/*  Takes them from what this workspace used last. Returns whether nothing essential is missing any more. */
static bool config_fill (struct identity_config *config, struct identity_config_faults *lacking)
{
    char used[sizeof ROOT_SETTINGS_USED + ROOT_NAME_SIZE];
    if (faults_are_essential (lacking) && used_path_format (used))
        config_fill_from (config, lacking, used);
    return !faults_are_essential (lacking);
}

static int file_read (const char *root, const char *path, struct base_buffer *content)
{
    base_cleanup (base_free_p) char *file = base_text_printf ("%s/%s", root, path);
    return file ? disk_file_read (&disk_system, AT_FDCWD, file, FILE_MOST, content) : -ENOMEM;
}

struct base_digest identity_settings_digest (const char *root)
{
    base_assert (root);
    base_cleanup (base_buffer_deinit) struct base_buffer content = {0};
    if (file_read (root, ROOT_SETTINGS, &content) < 0)
        return (struct base_digest){.bytes = {0}};
    return base_digest_of (content.data, content.size);
}

bool identity_settings_given_up (const char *root)
{
    base_assert (root);
    base_cleanup (base_buffer_deinit) struct base_buffer content = {0};
    char text[BASE_DIGEST_TEXT];
    struct base_digest digest = identity_settings_digest (root);
    return !base_digest_is_null (&digest) && file_read (root, ROOT_SETTINGS_GIVEN_UP, &content) == 0 &&
           content.size == BASE_DIGEST_TEXT - 1 &&
           memcmp (content.data, base_digest_format (&digest, text), content.size) == 0;
}

/*  Faults that do not keep a node from its origin are logged once at each start. */
static void faults_warn (const struct identity_config_faults *faults)
{
    for (size_t i = 0; faults->texts && faults->texts[i]; i++)
        base_log (BASE_LOG_WARNING, "%s; ignoring it", faults->texts[i]);
    for (size_t i = 0; faults->ignored && faults->ignored[i]; i++)
        base_log (BASE_LOG_WARNING, "%s", faults->ignored[i]);
}

/*  Loads the kept settings, as far as this version can use them. If they cannot be read, config stays, with
    the faults own. Returns whether nothing essential is missing any more. */
static bool kept_load (struct identity_config *config, const struct identity_config_faults *own,
                       bool needs_keys)
{
    base_cleanup (identity_config_faults_deinit) struct identity_config_faults kept = {.texts = NULL};
    struct identity_config_faults lacking = {.id = own->id, .origin = own->origin, .keys = own->keys};
    if (file_load (config, ROOT_SETTINGS_KEPT, &kept, NULL) == 0) {
        lacking = (struct identity_config_faults){.id = kept.id, .origin = kept.origin, .keys = kept.keys};
        faults_warn (&kept);
    }
    return config_fill (config, &lacking) && (config->has_keys || !needs_keys);
}

/*  Whether a file has keys, usable or not. Returns -errno if it cannot be read. */
static int file_wants_keys (const char *root, const char *path)
{
    struct identity_config config;
    base_cleanup (identity_config_faults_deinit) struct identity_config_faults faults = {.texts = NULL};
    int r = identity_config_init (&config, root);
    if (r < 0)
        return r;
    r = file_load (&config, path, &faults, NULL);
    if (r == 0)
        r = config.has_keys || faults.keys;
    identity_config_deinit (&config);
    return r;
}

/*  Whether this node must not run without keys: without them it would obey whoever answers at the address of
    its broker. */
static bool keys_are_wanted (const char *root)
{
    int r = file_wants_keys (root, ROOT_SETTINGS);
    if (r < 0)
        r = file_wants_keys (root, ROOT_SETTINGS_KEPT);
    return r > 0;
}

enum identity_settings identity_settings_load (struct identity_config *config, struct base_error *ret_wrong)
{
    base_assert (config && config->root);
    base_assert (ret_wrong);
    base_cleanup (identity_config_faults_deinit) struct identity_config_faults faults = {.texts = NULL};
    const struct identity_config_faults all = {.id = true, .origin = true, .keys = true};
    const bool needs_keys = keys_are_wanted (config->root);
    if (identity_settings_given_up (config->root) && kept_load (config, &all, needs_keys)) {
        (void) base_error_set (ret_wrong, ROOT_E_NONE, "%s/" ROOT_SETTINGS " reached no broker",
                               config->root);
        return IDENTITY_SETTINGS_BACK;
    }
    if (file_load (config, ROOT_SETTINGS, &faults, ret_wrong) < 0)
        return kept_load (config, &all, needs_keys) ? IDENTITY_SETTINGS_KEPT : IDENTITY_SETTINGS_NONE;
    if (!faults_are_essential (&faults)) {
        faults_warn (&faults);
        return IDENTITY_SETTINGS_OWN;
    }
    lack_describe (config, &faults, ret_wrong);
    return kept_load (config, &faults, needs_keys) ? IDENTITY_SETTINGS_KEPT : IDENTITY_SETTINGS_NONE;
}

int identity_settings_faults (const char *root, char ***ret_texts, struct base_error *error)
{
    base_assert (root && ret_texts);
    struct identity_config config;
    struct identity_config_faults faults = {.texts = NULL};
    struct base_error wrong = {.code = 0};
    *ret_texts = NULL;
    int r = identity_config_init (&config, root);
    if (r < 0)
        return base_error_errno (error, r, "cannot read the settings");
    r = file_load (&config, ROOT_SETTINGS, &faults, &wrong);
    if (r < 0 || (faults_are_essential (&faults) && !faults.texts)) {
        if (r == 0)
            lack_describe (&config, &faults, &wrong);
        (void) base_list_append (ret_texts, wrong.text);
    }
    for (size_t i = 0; faults.texts && faults.texts[i]; i++)
        (void) base_list_append (ret_texts, faults.texts[i]);
    r = *ret_texts ? base_error_set (error, -EINVAL, "%s", **ret_texts) : 0;
    for (size_t i = 0; faults.ignored && faults.ignored[i]; i++)
        (void) base_list_append (ret_texts, faults.ignored[i]);
    identity_config_faults_deinit (&faults);
    identity_config_deinit (&config);
    return r;
}

int identity_settings_check (const char *root, struct base_error *error)
{
    base_assert (root);
    char **texts;
    int r = identity_settings_faults (root, &texts, error);
    base_list_free (texts);
    return r;
}

static void settings_journal (const struct root *root, enum wire_outcome outcome, const char *reason)
{
    base_assert (root && reason);
    struct wire_entry entry = {
        .application = "noded", .step = "settings", .outcome = outcome, .reason = reason};
    struct base_error error = {.code = 0};
    if (root_journal_append (root, &entry, &error))
        base_log (BASE_LOG_WARNING, "cannot write a journal line, ignoring: %s", error.text);
}

void identity_settings_log (const struct root *root, enum identity_settings settings, bool asked,
                            const char *wrong)
{
    base_assert (root && wrong);
    char reason[BASE_ERROR_SIZE + 128];
    (void) snprintf (reason, sizeof reason, "%s; %s", wrong,
                     asked ? "keeping the previous settings until it is corrected"
                     : settings == IDENTITY_SETTINGS_KEPT || settings == IDENTITY_SETTINGS_BACK
                         ? "using the settings with which the origin was last reached"
                         : "no update is possible until it is corrected");
    base_log (BASE_LOG_ERROR, "%s", reason);
    settings_journal (root, WIRE_OUTCOME_FAILED, reason);
}

static bool files_read (const struct root *root, struct base_buffer *own, struct base_buffer *kept)
{
    return disk_file_read (root->disk, root->fd, ROOT_SETTINGS, FILE_MOST, own) == 0 &&
           disk_file_read (root->disk, root->fd, ROOT_SETTINGS_KEPT, FILE_MOST, kept) == 0;
}

static bool files_are_equal (const struct base_buffer *a, const struct base_buffer *b)
{
    return a->size == b->size && memcmp (a->data, b->data, a->size) == 0;
}

/*  A file that a person has written meanwhile is not what the origin was reached with. */
void identity_settings_keep (const struct root *root, const struct base_digest *loaded)
{
    base_assert (root_is_open (root));
    base_assert (loaded);
    base_cleanup (base_buffer_deinit) struct base_buffer own = {0};
    base_cleanup (base_buffer_deinit) struct base_buffer kept = {0};
    struct base_error error = {.code = 0};
    bool both = files_read (root, &own, &kept);
    struct base_digest now = base_digest_of (own.data, own.size);
    if (!base_digest_equal (&now, loaded) || (both && files_are_equal (&own, &kept)))
        return;
    if (root_cache_put (root, ROOT_SETTINGS_KEPT, 0600, own.data, own.size, &error))
        base_log (BASE_LOG_WARNING, "cannot save a copy of the settings, ignoring: %s", error.text);
}

/*  Removes the records of workspaces that do not exist any more. */
static void used_collect (const struct root *root)
{
    const char *prefix = &ROOT_SETTINGS_USED[sizeof ROOT_VAR]; /* without "var/" */
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root->fd, ROOT_VAR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    for (const struct dirent *entry; directory && (entry = readdir (directory));) {
        const char *workspace = entry->d_name + strlen (prefix);
        if (strncmp (entry->d_name, prefix, strlen (prefix)) == 0 &&
            faccessat (root->fd, workspace, F_OK, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
            (void) disk_unlink (root->disk, dirfd (directory), entry->d_name);
    }
}

void identity_settings_used (const struct root *root, const struct identity_config *config)
{
    base_assert (root_is_open (root));
    base_assert (config);
    char path[sizeof ROOT_SETTINGS_USED + ROOT_NAME_SIZE];
    base_cleanup (base_buffer_deinit) struct base_buffer before = {0};
    base_cleanup (base_free_p) char *text = identity_config_essential_file (config);
    struct base_error error = {.code = 0};
    if (!text || !used_path_format (path) ||
        (disk_file_read (root->disk, root->fd, path, FILE_MOST, &before) == 0 &&
         before.size == strlen (text) && memcmp (before.data, text, before.size) == 0))
        return;
    if (root_cache_put (root, path, 0600, text, strlen (text), &error))
        base_log (BASE_LOG_WARNING, "cannot record the settings in use, ignoring: %s", error.text);
    used_collect (root);
}

int identity_settings_give_up (const struct root *root)
{
    base_assert (root_is_open (root));
    base_cleanup (base_buffer_deinit) struct base_buffer own = {0};
    base_cleanup (base_buffer_deinit) struct base_buffer kept = {0};
    char text[BASE_DIGEST_TEXT];
    if (!files_read (root, &own, &kept) || files_are_equal (&own, &kept))
        return ROOT_E_NONE;
    if (file_wants_keys (root->path, ROOT_SETTINGS) > 0 &&
        file_wants_keys (root->path, ROOT_SETTINGS_KEPT) <= 0)
        return ROOT_E_NONE;
    struct base_digest digest = base_digest_of (own.data, own.size);
    if (root_cache_put (root, ROOT_SETTINGS_GIVEN_UP, 0644, base_digest_format (&digest, text),
                        BASE_DIGEST_TEXT - 1, NULL))
        return ROOT_E_NONE;
    return 0;
}

void identity_settings_retry (const struct root *root)
{
    base_assert (root_is_open (root));
    (void) disk_unlink (root->disk, root->fd, ROOT_SETTINGS_GIVEN_UP);
}

void identity_settings_taken (const struct root *root)
{
    base_assert (root);
    base_log (BASE_LOG_INFO, "restarting with the settings in %s/" ROOT_SETTINGS, root->path);
    settings_journal (root, WIRE_OUTCOME_PASSED, ROOT_SETTINGS " is valid: loaded");
}
