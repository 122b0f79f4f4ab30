/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/offer.c - makes an offer, and checks what a probe made of it */

#include "rehearsal/offer.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "bus/callback.h"
#include "root/manifest.h"
#include "wire/envelope.h"
#include "wire/text.h"

enum {
    ODD_FILE_SIZE = 4096,
    MANIFEST_MOST = 4 * 1024 * 1024,
    ODD_ARGS = 4,
    ODD_ENV = 4,
    OWN_STRINGS_MOST = 240,     /* arguments or variables; the schema allows 256 */
    OWN_BYTES_MOST = 16 * 1024, /* of both; they return in one frame, with init's environment */
};

/*  Each of these was changed by some updater: quotes, newlines, expansions, an empty string, bytes that are
    not UTF-8. */
static const char *const odd_args[ODD_ARGS] = {"--label", "it's \"$HOME\" `id` \\ * \t\n;&|<> \xff\xfe",
                                               "--label", ""};
static const char *const odd_env[ODD_ENV] = {"NODED_ODD.NAME-1=a dotted name",
                                             "NODED_ODD_TEXT='\"$PATH\" \\\n\xc3\x28\xff",
                                             "NODED_ODD_EMPTY=", "NODED_ODD_EQUALS=a=b=c"};

static int odd_file_make (struct rehearsal_offer *offer)
{
    base_assert (offer->odd < 0);
    uint8_t bytes[ODD_FILE_SIZE];
    base_random_bytes (bytes, sizeof bytes);
    offer->odd = memfd_create ("odd", MFD_CLOEXEC);
    if (offer->odd < 0 || write (offer->odd, bytes, sizeof bytes) != (ssize_t) sizeof bytes)
        return -EIO;
    offer->odd_digest = base_digest_of (bytes, sizeof bytes);
    offer->odd_size = sizeof bytes;
    return 0;
}

static int list_grow (const char *const **list, size_t *count, const char *const *more, size_t n_more)
{
    base_assert (list && count && more);
    const char **grown = realloc (wire_texts_own (*list), (*count + n_more + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    *list = grown;
    for (size_t i = 0; i < n_more; i++) {
        grown[*count] = strdup (more[i]);
        if (!grown[*count])
            return -ENOMEM;
        ++*count;
    }
    return 0;
}

/*  Removes what must not reach the probe: this process's own callback and odd variables. */
static void envelope_drop_ready (struct wire_envelope *envelope)
{
    char **env = wire_texts_own (envelope->env);
    size_t kept = 0;
    for (size_t i = 0; i < envelope->n_env; i++)
        if (strncmp (env[i], "NODED_READY=", 12) == 0 || strncmp (env[i], "NODED_ODD", 9) == 0)
            free (env[i]);
        else
            env[kept++] = env[i];
    envelope->n_env = kept;
}

static size_t list_drop_all (char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free (list[i]);
    return 0;
}

/*  A large envelope has no room for the odd strings. Then its own arguments and variables are left out:
    without an offer no update could be rehearsed. */
static void envelope_make_room (struct wire_envelope *envelope)
{
    size_t bytes = 0;
    for (size_t i = 0; i < envelope->n_args; i++)
        bytes += strlen (envelope->args[i]);
    for (size_t i = 0; i < envelope->n_env; i++)
        bytes += strlen (envelope->env[i]);
    if (envelope->n_args > OWN_STRINGS_MOST || bytes > OWN_BYTES_MOST)
        envelope->n_args = list_drop_all (wire_texts_own (envelope->args), envelope->n_args);
    if (envelope->n_env > OWN_STRINGS_MOST || bytes > OWN_BYTES_MOST)
        envelope->n_env = list_drop_all (wire_texts_own (envelope->env), envelope->n_env);
}

static int odd_file_add (struct rehearsal_offer *offer)
{
    struct wire_envelope *envelope = &offer->envelope;
    struct wire_file *grown = realloc (envelope->files, (envelope->n_files + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    envelope->files = grown;
    char *path = base_text_printf ("odd '%s' $x \"é\"", offer->nonce);
    if (!path)
        return -ENOMEM;
    grown[envelope->n_files++] =
        (struct wire_file){.path = path, .digest = offer->odd_digest, .size = offer->odd_size};
    return 0;
}

int rehearsal_offer_make (const struct root *root, const struct identity_self *self, const char *callback,
                          struct rehearsal_offer *ret_offer, struct base_error *error)
{
    base_assert (root && self && self->running.installed.envelope);
    base_assert (callback && ret_offer);
    struct rehearsal_offer offer = {.root = root, .self = self, .odd = -1};
    (void) base_random_hex (offer.nonce, 16);
    (void) base_random_hex (offer.transaction, 16);
    int r = wire_copy (&wire_envelope_record, self->running.installed.envelope, &offer.envelope);
    if (r < 0)
        return r;
    envelope_drop_ready (&offer.envelope);
    envelope_make_room (&offer.envelope);
    base_cleanup (base_free_p) char *ready = base_text_printf ("NODED_READY=%s %s", callback, offer.nonce);
    const char *const ready_entry[] = {ready};
    r = ready ? odd_file_make (&offer) : -ENOMEM;
    if (r == 0)
        r = list_grow (&offer.envelope.args, &offer.envelope.n_args, odd_args, ODD_ARGS);
    if (r == 0)
        r = list_grow (&offer.envelope.env, &offer.envelope.n_env, odd_env, ODD_ENV);
    if (r == 0)
        r = list_grow (&offer.envelope.env, &offer.envelope.n_env, ready_entry, 1);
    if (r == 0)
        r = odd_file_add (&offer);
    if (r < 0) {
        rehearsal_offer_deinit (&offer);
        return base_error_errno (error, r, "cannot make the offer for a probe");
    }
    r = wire_envelope_check (&offer.envelope, error);
    if (r) {
        rehearsal_offer_deinit (&offer);
        return base_error_prefix (error, "cannot make the offer for a probe");
    }
    r = wire_envelope_pack_release (&offer.envelope, &offer.document, error);
    if (r) {
        rehearsal_offer_deinit (&offer);
        return base_error_prefix (error, "cannot make the offer for a probe");
    }
    offer.release = base_digest_of (offer.document.data, offer.document.size);
    *ret_offer = offer;
    return 0;
}

void rehearsal_offer_deinit (struct rehearsal_offer *offer)
{
    base_assert (offer);
    wire_envelope_deinit (&offer->envelope);
    base_buffer_deinit (&offer->document);
    if (offer->root)
        base_close_p (&offer->odd);
    *offer = (struct rehearsal_offer){.odd = -1};
}

static int document_open (const struct rehearsal_offer *offer)
{
    base_cleanup (base_close_p) int fd = memfd_create ("release", MFD_CLOEXEC);
    if (fd < 0 ||
        pwrite (fd, offer->document.data, offer->document.size, 0) != (ssize_t) offer->document.size)
        return -1;
    return base_take_fd (&fd);
}

int rehearsal_offer_open (const struct rehearsal_offer *offer, const struct base_digest *digest, int *ret_fd,
                          uint64_t *ret_size)
{
    base_assert (offer && digest);
    base_assert (ret_fd && ret_size);
    base_cleanup (base_close_p) int fd = -1;
    char path[300];
    if (base_digest_equal (digest, &offer->release))
        fd = document_open (offer);
    else if (base_digest_equal (digest, &offer->odd_digest))
        fd = fcntl (offer->odd, F_DUPFD_CLOEXEC, 3);
    else if (identity_installed_find (&offer->self->running.installed, digest, path)) {
        base_cleanup (base_close_p) int workspace = -1;
        if (root_workspace_open (offer->root, offer->self->running.workspace, &workspace) == 0)
            fd = openat (workspace, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    struct stat status;
    if (fd < 0 || fstat (fd, &status))
        return -ENOENT;
    *ret_size = (uint64_t) status.st_size;
    *ret_fd = base_take_fd (&fd);
    return 0;
}

static bool list_contains (const char *const *list, size_t count, const char *entry)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp (list[i], entry) == 0)
            return true;
    return false;
}

/*  Returns whether a variable arrived, in full or by its mark. */
static bool variable_arrived (const struct wire_ready *ready, const char *entry)
{
    if (list_contains (ready->env, ready->n_env, entry))
        return true;
    base_cleanup (base_free_p) char *mark = ready->n_env_marks ? bus_callback_mark (entry) : NULL;
    return mark && list_contains (ready->env_marks, ready->n_env_marks, mark);
}

/*  Returns whether a shell hands a variable on unchanged. It drops names that are not identifiers, and sets
    some variables itself. */
static bool variable_passes_shell (const char *entry)
{
    static const char *const kept[] = {"PWD", "OLDPWD", "SHLVL", "_",   "PPID",
                                       "IFS", "OPTIND", "PS1",   "PS2", "PS4"};
    size_t length = strcspn (entry, "=");
    if (length == 0 || entry[length] != '=' || isdigit ((unsigned char) *entry))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum ((unsigned char) entry[i]) && entry[i] != '_')
            return false;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (strlen (kept[i]) == length && strncmp (entry, kept[i], length) == 0)
            return false;
    return true;
}

/*  Returns whether one of the envelope's variables, from the index `first` on, has the name of entry. Of two
    variables with the same name the last one counts. */
static bool variable_is_overlaid (const struct wire_envelope *envelope, size_t first, const char *entry)
{
    size_t length = strcspn (entry, "=") + 1;
    for (size_t i = first; i < envelope->n_env; i++)
        if (strncmp (envelope->env[i], entry, length) == 0)
            return true;
    return false;
}

int rehearsal_offer_check_ready (const struct rehearsal_offer *offer, char *const *base,
                                 const struct wire_ready *ready, struct base_error *error)
{
    base_assert (offer && base && ready);
    const struct wire_envelope *envelope = &offer->envelope;
    bool args_fit = ready->n_args == envelope->n_args + 2;
    for (size_t i = 0; i < envelope->n_args && args_fit; i++)
        args_fit = strcmp (ready->args[i + 2], envelope->args[i]) == 0;
    if (!args_fit)
        return base_error_set (error, ROOT_E_DAMAGED,
                               "its arguments did not arrive as they were sent: %zu were sent, %zu arrived",
                               envelope->n_args + 2, ready->n_args);
    for (size_t i = 0; i < envelope->n_env; i++)
        if (!variable_is_overlaid (envelope, i + 1, envelope->env[i]) &&
            !variable_arrived (ready, envelope->env[i]))
            return base_error_set (error, ROOT_E_DAMAGED,
                                   "the environment variable %.*s did not arrive as it was sent",
                                   (int) strcspn (envelope->env[i], "="), envelope->env[i]);
    /* with env_more, not even the marks of some variables had room: then it is not known which arrived */
    for (size_t i = 0; base[i] && !ready->env_more; i++)
        if (variable_passes_shell (base[i]) && !variable_is_overlaid (envelope, 0, base[i]) &&
            !variable_arrived (ready, base[i]))
            return base_error_set (error, ROOT_E_DAMAGED,
                                   "the variable %.*s of init's environment did not reach it",
                                   (int) strcspn (base[i], "="), base[i]);
    return 0;
}

/*  The manifest has just been verified: its digests are true. */
static int file_check (const struct base_buffer *manifest, const char *path, const struct base_digest *digest,
                       struct base_error *error)
{
    struct base_digest found;
    if (root_manifest_find (manifest, path, &found) || !base_digest_equal (&found, digest))
        return base_error_set (error, ROOT_E_DAMAGED, "%s does not match the offered file", path);
    return 0;
}

int rehearsal_offer_check_workspace (const struct rehearsal_offer *offer, const struct root *root,
                                     const char *workspace, struct base_error *error)
{
    base_assert (offer && root && workspace);
    base_cleanup (base_close_p) int fd = -1;
    base_cleanup (base_buffer_deinit) struct base_buffer manifest = {0};
    if (root_workspace_open (root, workspace, &fd))
        return base_error_set (error, ROOT_E_NONE, "no workspace %s", workspace);
    int r = root_manifest_verify (NULL, fd, error);
    if (r == 0 && disk_file_read (root->disk, fd, ROOT_MANIFEST, MANIFEST_MOST, &manifest) < 0)
        r = base_error_set (error, ROOT_E_DAMAGED, "its manifest cannot be read");
    if (r == 0)
        r = file_check (&manifest, ROOT_PROGRAM, &offer->envelope.binary, error);
    for (size_t i = 0; i < offer->envelope.n_files && r == 0; i++) {
        char path[300];
        (void) snprintf (path, sizeof path, ROOT_FILES "/%s", offer->envelope.files[i].path);
        r = file_check (&manifest, path, &offer->envelope.files[i].digest, error);
    }
    return r ? base_error_prefix (error, "the workspace %s that the candidate made", workspace) : 0;
}
