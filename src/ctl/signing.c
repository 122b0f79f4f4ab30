/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/signing.c - what the commands that sign share */

#include "ctl/signing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/text.h"

enum { ERROR_SIZE = 512 };

void ctl_secrets_protect (void)
{
    (void) prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void ctl_keys_deinit (struct ctl_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        noded_signing_key_free (keys->items[i]);
    free (keys->items);
    *keys = (struct ctl_keys){.count = 0};
}

void ctl_trust_free_p (noded_trust **trust)
{
    noded_trust_free (*trust);
}

void ctl_metadata_free_p (noded_metadata **metadata)
{
    noded_metadata_free (*metadata);
}

noded_trust_place ctl_trust_place (const struct ctl *ctl)
{
    return (noded_trust_place){.state = ctl->options.state, .root = ctl->options.trust_root};
}

unsigned ctl_trust_days (const struct ctl *ctl)
{
    return ctl->options.valid ? (unsigned) ctl->options.valid : NODED_TRUST_DAYS;
}

static enum ctl_exit key_open (struct ctl *ctl, const char *path, noded_signing_key **ret_key)
{
    base_cleanup (noded_public_free) noded_public public = {.json = NULL};
    base_cleanup (ctl_passphrase_deinit) struct ctl_passphrase passphrase = {.size = 0};
    char error[ERROR_SIZE];
    int r = noded_public_read (path, &public, error, sizeof error);
    if (r < 0)
        return ctl_error (ctl, "%s", error);
    if (!public.secret)
        return ctl_error (
            ctl,
            "%s is a public key, and --key needs the key file that signs; for a key in a token: "
            "--signer COMMAND --public %s",
            path, path);
    enum ctl_exit code = public.locked ? ctl_passphrase_get (ctl, path, false, &passphrase) : CTL_OK;
    if (code != CTL_OK)
        return code;
    r = noded_signing_key_open (path, passphrase.text, passphrase.size, ret_key, error, sizeof error);
    return r < 0 ? ctl_error (ctl, "%s", error) : CTL_OK;
}

static enum ctl_exit signer_open (struct ctl *ctl, noded_signing_key **ret_key)
{
    char error[ERROR_SIZE];
    if (!ctl->options.public)
        return ctl_misused (ctl, "--signer needs the public key of the token: --public FILE");
    int r = noded_signing_key_signer (ctl->options.signer, ctl->options.public, ret_key, error, sizeof error);
    return r < 0 ? ctl_error (ctl, "%s", error) : CTL_OK;
}

enum ctl_exit ctl_keys_open (struct ctl *ctl, struct ctl_keys *ret_keys)
{
    base_assert (ret_keys->count == 0);
    size_t count = base_list_count (ctl->options.keys);
    if (!count && !ctl->options.signer)
        return ctl_misused (ctl, "give the key that signs: --key FILE, or --signer COMMAND --public FILE");
    if (ctl->options.public && !ctl->options.signer)
        return ctl_misused (ctl, "--public is the key of a --signer");
    ctl_secrets_protect ();
    ret_keys->items = calloc (count + 1, sizeof (noded_signing_key *));
    if (!ret_keys->items)
        return ctl_error (ctl, "out of memory");
    enum ctl_exit code = CTL_OK;
    for (size_t i = 0; code == CTL_OK && i < count; i++) {
        code = key_open (ctl, ctl->options.keys[i], &ret_keys->items[ret_keys->count]);
        ret_keys->count += code == CTL_OK;
    }
    if (code == CTL_OK && ctl->options.signer) {
        code = signer_open (ctl, &ret_keys->items[ret_keys->count]);
        ret_keys->count += code == CTL_OK;
    }
    return code;
}

enum ctl_exit ctl_key_make (struct ctl *ctl, const char *path, noded_public *ret_public,
                            noded_signing_key **ret_key)
{
    base_cleanup (ctl_passphrase_deinit) struct ctl_passphrase passphrase = {.size = 0};
    char error[ERROR_SIZE];
    bool plain = ctl->options.no_passphrase;
    if (plain && ctl->options.passphrase_file)
        return ctl_misused (ctl, "give --passphrase-file or --no-passphrase, not both");
    if (access (path, F_OK) == 0)
        return ctl_error (
            ctl,
            "cannot make the key %s: the file exists, and a key is never overwritten; choose another "
            "name",
            path);
    ctl_secrets_protect ();
    enum ctl_exit code = plain ? CTL_OK : ctl_passphrase_get (ctl, path, true, &passphrase);
    if (code != CTL_OK)
        return code;
    int r = noded_signing_key_make (path, plain ? NULL : passphrase.text, passphrase.size, ret_public, error,
                                    sizeof error);
    if (r == 0 && ret_key)
        r = noded_signing_key_open (path, passphrase.text, passphrase.size, ret_key, error, sizeof error);
    return r < 0 ? ctl_error (ctl, "%s", error) : CTL_OK;
}

enum ctl_exit ctl_trust_get (struct ctl *ctl, bool whole, noded_trust **ret_trust)
{
    const noded_trust_place place = ctl_trust_place (ctl);
    int r = noded_trust_read (ctl->client, &place, ret_trust);
    if (r < 0)
        return ctl_fail (ctl, r);
    const char *problem = noded_trust_problem (*ret_trust);
    if (whole && problem)
        return ctl_error (ctl, "the broker's metadata must not be continued: %s", problem);
    return CTL_OK;
}

void ctl_difference_put (struct ctl *ctl, const char *difference)
{
    base_assert (difference);
    while (*difference) {
        size_t length = strcspn (difference, "\n");
        base_cleanup (base_free_p) char *line = strndup (difference, length);
        ctl_text_put (ctl->err, line ? line : "out of memory");
        (void) fputc ('\n', ctl->err);
        difference += length + (difference[length] == '\n');
    }
}

enum ctl_exit ctl_difference_show (struct ctl *ctl, const noded_metadata *before, const noded_metadata *after)
{
    base_cleanup (base_free_p) char *difference = noded_metadata_difference (before, after);
    if (!difference)
        return ctl_error (ctl, "out of memory");
    ctl_difference_put (ctl, *difference ? difference : "nothing differs\n");
    return CTL_OK;
}

enum ctl_exit ctl_metadata_sign (struct ctl *ctl, noded_metadata *metadata, const struct ctl_keys *keys)
{
    char error[ERROR_SIZE];
    for (size_t i = 0; i < keys->count; i++)
        if (noded_metadata_sign (metadata, keys->items[i], error, sizeof error) < 0)
            return ctl_error (ctl, "%s", error);
    return CTL_OK;
}

enum ctl_exit ctl_metadata_missing (struct ctl *ctl, const noded_metadata *metadata,
                                    const noded_metadata *above, char **ret_missing)
{
    char error[ERROR_SIZE];
    return noded_metadata_missing (metadata, above, ret_missing, error, sizeof error) < 0
               ? ctl_error (ctl, "%s", error)
               : CTL_OK;
}

/*  Writes and syncs. */
static int text_write (int fd, const char *text)
{
    for (size_t done = 0, size = strlen (text); done < size;) {
        ssize_t count = write (fd, text + done, size - done);
        if (count < 0 && errno != EINTR)
            return -errno;
        done += count > 0 ? (size_t) count : 0;
    }
    return fsync (fd) == 0 ? 0 : -errno;
}

static int file_write (const char *path, const char *text, bool is_new)
{
    base_cleanup (base_free_p) char *part = is_new ? strdup (path) : base_text_printf ("%s.part", path);
    if (!part)
        return -ENOMEM;
    base_cleanup (base_close_p) int fd =
        open (part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (is_new ? O_EXCL : O_TRUNC), 0644);
    int r = fd < 0 ? -errno : text_write (fd, text);
    if (r == 0 && !is_new && rename (part, path) != 0)
        r = -errno;
    return r;
}

enum ctl_exit ctl_metadata_write (struct ctl *ctl, const noded_metadata *metadata, const char *path,
                                  bool is_new)
{
    base_cleanup (base_free_p) char *text = noded_metadata_text (metadata);
    if (!text)
        return ctl_error (ctl, "out of memory");
    int r = file_write (path, text, is_new);
    return r < 0 ? ctl_error (ctl, "cannot write %s: %s", path, strerror (-r)) : CTL_OK;
}

enum ctl_exit ctl_metadata_unfinished (struct ctl *ctl, const noded_metadata *metadata, const char *missing)
{
    const char *role = noded_metadata_role (metadata);
    bool publisher = strcmp (role, "root") != 0 && strcmp (role, "targets") != 0;
    base_cleanup (base_free_p) char *name =
        ctl->options.out ? strdup (ctl->options.out)
                         : base_text_printf ("%" PRIu64 ".%s.json", noded_metadata_version (metadata), role);
    if (!name)
        return ctl_error (ctl, "out of memory");
    enum ctl_exit code = ctl_metadata_write (ctl, metadata, name, true);
    if (code != CTL_OK)
        return code;
    return ctl_error (
        ctl,
        "nothing is published yet: %s. Signed so far, in %s: let others sign it with nodectl trust sign "
        "%s%s%s --key FILE, then publish it with nodectl trust publish %s%s%s",
        missing, name, name, publisher ? " --role " : "", publisher ? role : "", name,
        publisher ? " --role " : "", publisher ? role : "");
}

/*  Whether a word needs no quotes in a shell. */
static bool word_is_plain (const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+:@/=,%";
    return *word && strspn (word, plain) == strlen (word);
}

char *ctl_command_line (const struct ctl *ctl)
{
    base_cleanup (base_buffer_deinit) struct base_buffer line = {.size = 0};
    int r = base_buffer_append_text (&line, "nodectl");
    for (int i = 1; r == 0 && i < ctl->argc; i++) {
        const char *word = ctl->argv[i];
        bool plain = word_is_plain (word);
        r = base_buffer_append_text (&line, plain ? " " : " '");
        for (; r == 0 && *word; word++)
            r = *word == '\'' ? base_buffer_append_text (&line, "'\\''")
                              : base_buffer_append (&line, word, 1);
        if (r == 0 && !plain)
            r = base_buffer_append_text (&line, "'");
    }
    return r == 0 ? base_buffer_take_text (&line) : NULL;
}
