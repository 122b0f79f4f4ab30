/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/publish.c - the command publish

    Standard output gets the digest only, so that a script can use it. Progress goes to standard error, and
    only if that is a terminal. */

#include "ctl/ctl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "ctl/signing.h"
#include "ctl/text.h"

enum { PROGRESS_EVERY_MS = 200 };

/*  The request made from the options. texts: copies of option values, which are split in place. */
struct publish {
    noded_publish publish;
    char **texts;
    noded_binary *binaries;
    noded_file *files;
    struct ctl *ctl;
    uint64_t shown_ms;
    bool shown;
};

static void publish_deinit (struct publish *publish)
{
    publish->texts = base_list_free (publish->texts);
    free (publish->binaries);
    free (publish->files);
}

static char *publish_text (struct publish *publish, const char *text)
{
    base_assert (text);
    if (base_list_append (&publish->texts, text) != 0)
        return NULL;
    return publish->texts[base_list_count (publish->texts) - 1];
}

/*  Length of the platform in "linux/amd64=FILE"; 0: there is none. A platform is two words of letters,
    digits, '_' and '-'. Any other '=' belongs to the path: ./a/b=c is always a path. */
static size_t platform_length (const char *text)
{
    base_assert (text);
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t os = strspn (text, word);
    if (!os || text[os] != '/')
        return 0;
    size_t arch = strspn (text + os + 1, word);
    return arch && text[os + 1 + arch] == '=' ? os + 1 + arch : 0;
}

static enum ctl_exit publish_binaries (struct publish *publish, struct ctl *ctl)
{
    base_assert (!publish->binaries);
    size_t count = base_list_count (ctl->options.binaries);
    publish->binaries = calloc (count ? count : 1, sizeof *publish->binaries);
    for (size_t i = 0; i < count; i++) {
        char *text = publish_text (publish, ctl->options.binaries[i]);
        if (!text || !publish->binaries)
            return ctl_error (ctl, "out of memory");
        size_t length = platform_length (text);
        publish->binaries[i].path = length ? text + length + 1 : text;
        if (length) {
            text[length] = '\0';
            publish->binaries[i].platform = text;
        }
        if (!*publish->binaries[i].path)
            return ctl_misused (ctl, "--binary \"%s\" does not name a file", ctl->options.binaries[i]);
    }
    publish->publish.binaries = publish->binaries;
    publish->publish.n_binaries = count;
    return CTL_OK;
}

static enum ctl_exit publish_files (struct publish *publish, struct ctl *ctl)
{
    base_assert (!publish->files);
    size_t count = base_list_count (ctl->options.files);
    publish->files = calloc (count ? count : 1, sizeof *publish->files);
    for (size_t i = 0; i < count; i++) {
        char *text = publish_text (publish, ctl->options.files[i]);
        if (!text || !publish->files)
            return ctl_error (ctl, "out of memory");
        char *colon = strrchr (text, ':');
        publish->files[i].path = text;
        if (colon) {
            *colon = '\0';
            publish->files[i].destination = colon + 1;
        }
        if (!*text || (colon && !colon[1]))
            return ctl_misused (ctl, "--file \"%s\" is not of the form SRC or SRC:DEST",
                                ctl->options.files[i]);
    }
    publish->publish.files = publish->files;
    publish->publish.n_files = count;
    return CTL_OK;
}

static enum ctl_exit publish_env (struct publish *publish, struct ctl *ctl)
{
    for (char **entry = ctl->options.env; entry && *entry; entry++)
        if (**entry == '=' || !strchr (*entry, '='))
            return ctl_misused (ctl, "--env \"%s\" is not of the form NAME=VALUE", *entry);
    publish->publish.args = (const char *const *) ctl->options.args;
    publish->publish.n_args = base_list_count (ctl->options.args);
    publish->publish.env = (const char *const *) ctl->options.env;
    publish->publish.n_env = base_list_count (ctl->options.env);
    return CTL_OK;
}

static void publish_progress (void *context, uint64_t done, uint64_t total)
{
    struct publish *publish = context;
    base_assert (publish && publish->ctl);
    char here[CTL_SPAN_SIZE], all[CTL_SPAN_SIZE];
    uint64_t now_ms = base_time_boot_ms ();
    if (done < total && publish->shown && now_ms - publish->shown_ms < PROGRESS_EVERY_MS)
        return;
    publish->shown = true;
    publish->shown_ms = now_ms;
    (void) fprintf (publish->ctl->err, "\ruploading: %s of %s\033[K", ctl_size_format (done, here),
                    ctl_size_format (total, all));
    (void) fflush (publish->ctl->err);
}

static void publish_difference (void *context, const char *role, const char *difference)
{
    struct publish *publish = context;
    (void) role;
    if (publish->shown)
        (void) fputs ("\r\033[K", publish->ctl->err);
    publish->shown = false;
    ctl_difference_put (publish->ctl, difference);
}

/*  A release that is stored and not signed: nodes do not install it. */
static enum ctl_exit publish_unsigned (struct ctl *ctl, int r, const char *release,
                                       const noded_metadata *unfinished)
{
    base_cleanup (base_free_p) char *line = ctl_command_line (ctl);
    if (unfinished) {
        (void) ctl_error (
            ctl, "release %s is uploaded, and not signed by enough keys: nodes do not install it yet",
            release);
        return ctl_metadata_unfinished (ctl, unfinished, noded_client_error (ctl->client));
    }
    enum ctl_exit code = ctl_fail (ctl, r);
    (void) ctl_error (
        ctl,
        "release %s is uploaded, and not signed: nodes do not install it yet. When the cause is cured, "
        "repeat the command; nothing is uploaded twice: %s",
        release, line ? line : "nodectl publish");
    return code;
}

static enum ctl_exit publish_sign (struct ctl *ctl, struct publish *publish, char release[65])
{
    base_cleanup (ctl_keys_deinit) struct ctl_keys keys = {.count = 0};
    base_cleanup (ctl_metadata_free_p) noded_metadata *unfinished = NULL;
    enum ctl_exit code = ctl_keys_open (ctl, &keys);
    if (code != CTL_OK)
        return code;
    const noded_signing signing = {.place = ctl_trust_place (ctl),
                                   .keys = keys.items,
                                   .n_keys = keys.count,
                                   .days = (unsigned) ctl->options.valid,
                                   .downgrade = ctl->options.downgrade,
                                   .show = publish_difference,
                                   .context = publish};
    int r = noded_client_publish_signed (ctl->client, &publish->publish, &signing, release, &unfinished);
    if (publish->shown)
        (void) fputs ("\r\033[K", ctl->err);
    if (r < 0)
        return *release ? publish_unsigned (ctl, r, release, unfinished) : ctl_fail (ctl, r);
    return CTL_OK;
}

static enum ctl_exit publish_plain (struct ctl *ctl, struct publish *publish, char release[65])
{
    uint64_t needs_key =
        (CTL_BITS_KEYS | CTL_BITS_PLACE | CTL_BIT (VALID) | CTL_BIT (OUT) | CTL_BIT (ALLOW_DOWNGRADE)) &
        ctl->options.seen;
    for (unsigned i = 0; needs_key && i < CTL_OPTION_END; i++)
        if (needs_key >> i & 1)
            return ctl_misused (ctl, "--%s is for a release that is signed: give --key FILE, too",
                                ctl_option_name (i));
    int r = noded_client_publish (ctl->client, &publish->publish, release);
    if (publish->shown)
        (void) fputs ("\r\033[K", ctl->err);
    return r < 0 ? ctl_fail (ctl, r) : CTL_OK;
}

enum ctl_exit ctl_publish (struct ctl *ctl)
{
    base_assert (ctl->n_words == 1);
    base_cleanup (publish_deinit) struct publish publish = {.ctl = ctl};
    publish.publish.application = ctl->words[0];
    publish.publish.version = ctl->options.version;
    publish.publish.title = ctl->options.title;
    publish.publish.context = &publish;
    if (isatty (fileno (ctl->err)))
        publish.publish.progress = publish_progress;
    if (!ctl->options.version)
        return ctl_misused (ctl, "give the version: --version V");
    if (!ctl->options.binaries)
        return ctl_misused (ctl, "give the program: --binary FILE");
    enum ctl_exit code = publish_binaries (&publish, ctl);
    if (code == CTL_OK)
        code = publish_files (&publish, ctl);
    if (code == CTL_OK)
        code = publish_env (&publish, ctl);
    if (code != CTL_OK)
        return code;
    char release[65];
    bool signs = ctl->options.keys || ctl->options.signer;
    code = signs ? publish_sign (ctl, &publish, release) : publish_plain (ctl, &publish, release);
    if (code != CTL_OK)
        return code;
    if (ctl->options.json)
        (void) fprintf (ctl->out, "{\"release\": \"%s\", \"signed\": %s}\n", release,
                        signs ? "true" : "false");
    else
        (void) fprintf (ctl->out, "%s\n", release);
    return CTL_OK;
}
