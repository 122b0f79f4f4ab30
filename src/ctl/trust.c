/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/trust.c - commands about signed releases: begin, look, keys */

#include "ctl/signing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "ctl/text.h"

enum { WARN_DAYS = 90, DAY_S = 86400, KEYID_SHOWN = 12 };

/*  Names of the files that init makes. */
struct first {
    char *key, *root, *targets;
};

static void first_deinit (struct first *first)
{
    free (first->key);
    free (first->root);
    free (first->targets);
}

static enum ctl_exit first_names (struct ctl *ctl, struct first *first)
{
    const char *directory = ctl->words[0];
    size_t size = strlen (directory);
    const char *slash = size && directory[size - 1] == '/' ? "" : "/";
    first->key = base_text_printf ("%s%soperator.key", directory, slash);
    first->root = base_text_printf ("%s%sroot.json", directory, slash);
    first->targets = base_text_printf ("%s%stargets.json", directory, slash);
    if (!first->key || !first->root || !first->targets)
        return ctl_error (ctl, "out of memory");
    if (mkdir (directory, 0700) != 0 && errno != EEXIST)
        return ctl_error (ctl, "cannot make the directory %s: %s", directory, strerror (errno));
    if (access (first->root, F_OK) == 0 || access (first->targets, F_OK) == 0)
        return ctl_error (
            ctl, "%s has a root.json or targets.json already; to publish them: nodectl trust publish %s %s",
            directory, first->root, first->targets);
    return CTL_OK;
}

/*  The key that signs: given, or made. */
static enum ctl_exit first_key (struct ctl *ctl, const struct first *first, struct ctl_keys *keys,
                                noded_public *ret_public)
{
    char error[512];
    const char *file = ctl->options.signer ? ctl->options.public
                       : ctl->options.keys ? ctl->options.keys[0]
                                           : NULL;
    if (!file && !ctl->options.signer) {
        keys->items = calloc (1, sizeof (noded_signing_key *));
        if (!keys->items)
            return ctl_error (ctl, "out of memory");
        enum ctl_exit code = ctl_key_make (ctl, first->key, ret_public, &keys->items[0]);
        keys->count = code == CTL_OK;
        return code;
    }
    if (ctl->options.no_passphrase)
        return ctl_misused (ctl,
                            "--no-passphrase is for a key that is made, and --key or --signer gives one");
    if (ctl->options.keys && (ctl->options.signer || ctl->options.keys[1]))
        return ctl_misused (ctl, "trust init signs with one key; add others with nodectl trust rotate");
    enum ctl_exit code = ctl_keys_open (ctl, keys);
    if (code != CTL_OK)
        return code;
    return noded_public_read (file, ret_public, error, sizeof error) < 0 ? ctl_error (ctl, "%s", error)
                                                                         : CTL_OK;
}

static enum ctl_exit first_write (struct ctl *ctl, const struct first *first, const struct ctl_keys *keys,
                                  noded_metadata *root, noded_metadata *targets)
{
    enum ctl_exit code = ctl_difference_show (ctl, NULL, root);
    if (code == CTL_OK)
        code = ctl_difference_show (ctl, NULL, targets);
    if (code == CTL_OK)
        code = ctl_metadata_sign (ctl, root, keys);
    if (code == CTL_OK)
        code = ctl_metadata_sign (ctl, targets, keys);
    if (code == CTL_OK)
        code = ctl_metadata_write (ctl, root, first->root, true);
    return code == CTL_OK ? ctl_metadata_write (ctl, targets, first->targets, true) : code;
}

static enum ctl_exit first_publish (struct ctl *ctl, const struct first *first, const noded_metadata *root,
                                    const noded_metadata *targets)
{
    const noded_trust_place place = ctl_trust_place (ctl);
    int r = noded_trust_pin (ctl->client, &place, root);
    if (r == 0)
        r = noded_client_publish_root (ctl->client, root);
    if (r == 0)
        r = noded_client_publish_metadata (ctl->client, &targets, 1);
    if (r == 0)
        return CTL_OK;
    enum ctl_exit code = ctl_fail (ctl, r);
    (void) ctl_error (ctl, "the files are signed and stay in %s. To go on: nodectl trust publish %s %s",
                      ctl->words[0], first->root, first->targets);
    return code;
}

static void first_advise (struct ctl *ctl, const struct first *first, const char *key)
{
    const char *line[] = {"what to do next:\n"
                          "  1. Keep a copy of ",
                          key,
                          " in a safe place. Who has it decides what your hosts run.\n"
                          "     If it is lost, root on each host has to pin another root.\n"
                          "  2. Copy ",
                          first->root,
                          " to each host, and pin it there as root:\n"
                          "       noded trust pin --root DIR root.json\n"
                          "     From then on that host installs only what you sign.\n"
                          "  3. Sign what you publish: nodectl publish APP --version V --binary FILE --key ",
                          key,
                          "\n"};
    for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
        if (i % 2)
            ctl_text_put (ctl->out, line[i]);
        else
            (void) fputs (line[i], ctl->out);
    }
}

static enum ctl_exit first_make (struct ctl *ctl, const struct first *first, struct ctl_keys *keys,
                                 const noded_public *public)
{
    base_cleanup (ctl_metadata_free_p) noded_metadata *root = NULL, *targets = NULL;
    int r = noded_client_trust_first (ctl->client, public, ctl_trust_days (ctl), &root, &targets);
    if (r < 0)
        return ctl_fail (ctl, r);
    enum ctl_exit code = first_write (ctl, first, keys, root, targets);
    return code == CTL_OK ? first_publish (ctl, first, root, targets) : code;
}

enum ctl_exit ctl_trust_init (struct ctl *ctl)
{
    base_assert (ctl->n_words == 1);
    base_cleanup (first_deinit) struct first first = {.key = NULL};
    base_cleanup (ctl_keys_deinit) struct ctl_keys keys = {.count = 0};
    base_cleanup (noded_public_free) noded_public public = {.json = NULL};
    base_cleanup (noded_trust_state_free) noded_trust_state state = {.published = false};
    int r = noded_client_trust (ctl->client, &state); /* before anything is made */
    if (r < 0)
        return ctl_fail (ctl, r);
    if (state.published)
        return ctl_error (ctl, "the broker %s has signed releases already: see nodectl trust status",
                          noded_client_endpoint (ctl->client));
    enum ctl_exit code = first_names (ctl, &first);
    if (code == CTL_OK)
        code = first_key (ctl, &first, &keys, &public);
    if (code != CTL_OK)
        return code;
    bool made = !ctl->options.keys && !ctl->options.signer;
    code = first_make (ctl, &first, &keys, &public);
    if (code != CTL_OK && made && access (first.targets, F_OK) != 0)
        (void) ctl_error (ctl, "the key was made and stays. To go on: nodectl trust init %s --key %s",
                          ctl->words[0], first.key);
    if (code != CTL_OK)
        return code;
    const char *key = ctl->options.signer ? "the token"
                      : ctl->options.keys ? ctl->options.keys[0]
                                          : first.key;
    (void) fprintf (ctl->out, "made and published: root version 1, targets, signed by key %s\n",
                    public.keyid);
    first_advise (ctl, &first, key);
    return CTL_OK;
}

static const char *key_list (const noded_trust_role *role, struct base_buffer *buffer)
{
    for (size_t i = 0; i < role->n_keyids; i++)
        if (base_buffer_printf (buffer, "%s%.*s", i ? " " : "", KEYID_SHOWN, role->keyids[i]) < 0)
            return "out of memory";
    return base_buffer_append (buffer, "", 1) < 0 ? "out of memory" : (const char *) buffer->data;
}

static void role_put (struct ctl_table *table, const noded_trust_role *role)
{
    base_cleanup (base_buffer_deinit) struct base_buffer keys = {.size = 0}, applications = {.size = 0};
    ctl_table_cell (table, role->name);
    if (role->version)
        ctl_table_printf (table, "%" PRIu64, role->version);
    else
        ctl_table_cell (table, NULL);
    ctl_table_cell (table, role->expires);
    ctl_table_printf (table, "%" PRIu64 " of %zu", role->threshold, role->n_keyids);
    ctl_table_cell (table, key_list (role, &keys));
    if (strcmp (role->name, "root") == 0 || strcmp (role->name, "snapshot") == 0 ||
        strcmp (role->name, "timestamp") == 0)
        ctl_table_cell (table, NULL);
    else
        ctl_table_printf (table, "%" PRIu64, role->releases);
    for (size_t i = 0; i < role->n_applications; i++)
        (void) base_buffer_printf (&applications, "%s%s", i ? " " : "", role->applications[i]);
    base_cleanup (base_free_p) char *list = base_buffer_take_text (&applications);
    ctl_table_cell (table, strcmp (role->name, "targets") == 0 ? "all" : list);
}

static bool role_is_online (const noded_trust_role *role)
{
    return strcmp (role->name, "snapshot") == 0 || strcmp (role->name, "timestamp") == 0;
}

/*  Prints what must be done about a role. Returns whether its file is expired or not trusted. */
static bool role_warn (struct ctl *ctl, const noded_trust_role *role, uint64_t now)
{
    if (role->problem) {
        (void) ctl_error (ctl, "the file of publisher %s is not trusted: %s", role->name, role->problem);
        return true;
    }
    if (!role->version)
        return false;
    bool over = now >= role->expires_s, offline = !role_is_online (role);
    bool top = strcmp (role->name, "root") == 0 || strcmp (role->name, "targets") == 0;
    if (over && !offline)
        (void) ctl_error (ctl, "%s expired at %s: see the broker's log", role->name, role->expires);
    else if (offline && now + (uint64_t) WARN_DAYS * DAY_S >= role->expires_s)
        (void) ctl_error (ctl, "%s%s %s at %s%s. Sign it again: nodectl trust %s %s --key FILE",
                          over ? "" : "warning: ", role->name, over ? "expired" : "expires", role->expires,
                          !over ? ""
                          : top ? ", and no node updates"
                                : ", and nodes install nothing that it publishes",
                          top ? "rotate" : "renew", role->name);
    return over;
}

static enum ctl_exit status_print (struct ctl *ctl, const noded_trust *trust, const noded_trust_state *state)
{
    static const char *const titles[] = {"ROLE", "VERSION",  "EXPIRES",  "MUST-SIGN",
                                         "KEYS", "RELEASES", "PUBLISHES"};
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = sizeof titles / sizeof *titles};
    size_t count;
    const noded_trust_role *roles = noded_trust_roles (trust, &count);
    const char *problem = noded_trust_problem (trust);
    uint64_t now = base_time_real_ns () / 1000000000;
    bool bad = problem != NULL;
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        ctl_table_cell (&table, titles[i]);
    for (size_t i = 0; i < count; i++)
        role_put (&table, &roles[i]);
    ctl_table_print (&table, ctl->out, ctl->width);
    (void) fputs ("verified from the root pinned in ", ctl->out);
    ctl_text_put (ctl->out, noded_trust_directory (trust));
    (void) fputc ('\n', ctl->out);
    (void) fflush (ctl->out);
    for (size_t i = 0; i < count; i++)
        bad |= role_warn (ctl, &roles[i], now);
    if (problem)
        (void) ctl_error (ctl, "%s", problem);
    for (char **fault = state->faults; fault && *fault; fault++)
        (void) ctl_error (ctl, "the broker reports: %s", *fault);
    return bad ? CTL_FAILED : CTL_OK;
}

enum ctl_exit ctl_trust_status (struct ctl *ctl)
{
    base_cleanup (ctl_trust_free_p) noded_trust *trust = NULL;
    base_cleanup (noded_trust_state_free) noded_trust_state state = {.published = false};
    int r = noded_client_trust (ctl->client, &state);
    if (r < 0)
        return ctl_fail (ctl, r);
    if (!state.published)
        return ctl_error (
            ctl,
            "the broker %s has no signed releases: nodes without a pinned root install what it offers. "
            "To begin: nodectl trust init DIR",
            noded_client_endpoint (ctl->client));
    enum ctl_exit code = ctl_trust_get (ctl, false, &trust);
    if (code != CTL_OK)
        return code;
    return ctl->options.json ? ctl_print_json (ctl, noded_trust_json (trust))
                             : status_print (ctl, trust, &state);
}

static enum ctl_exit key_make (struct ctl *ctl, const char *path)
{
    base_cleanup (noded_public_free) noded_public public = {.json = NULL};
    enum ctl_exit code = ctl_key_make (ctl, path, &public, NULL);
    if (code == CTL_OK)
        (void) fprintf (ctl->out, "%s\n", public.keyid);
    return code;
}

static enum ctl_exit key_show (struct ctl *ctl, const char *path)
{
    base_cleanup (noded_public_free) noded_public public = {.json = NULL};
    char error[512];
    if (noded_public_read (path, &public, error, sizeof error) < 0)
        return ctl_error (ctl, "%s", error);
    (void) fprintf (ctl->out, "%s\n", public.json);
    if (!ctl->options.json)
        (void) fprintf (ctl->err, "key %s (%s)%s\n", public.keyid, public.scheme,
                        !public.secret  ? ""
                        : public.locked ? ", the file has its secret, locked with a passphrase"
                                        : ", the file has its secret, without a passphrase");
    return CTL_OK;
}

enum ctl_exit ctl_trust_key (struct ctl *ctl)
{
    static const char *const verbs[] = {"make", "show", NULL};
    const char *verb = ctl->words[0];
    if (strcmp (verb, "make") == 0)
        return key_make (ctl, ctl->words[1]);
    if (ctl->options.passphrase_file || ctl->options.no_passphrase)
        return ctl_misused (ctl, "trust key show needs no passphrase: it prints the public key");
    if (strcmp (verb, "show") == 0)
        return key_show (ctl, ctl->words[1]);
    const char *nearest = ctl_word_nearest (verb, verbs);
    return ctl_misused (ctl, "trust key has no command \"%s\"%s%s%s", verb,
                        nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}
