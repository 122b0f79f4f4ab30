/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/trust_change.c - commands that sign and publish metadata: sign, publish, rotate, renew, delegate, undelegate

    Each shows what differs from what is published, and asks, before a key signs. */

#include "ctl/signing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/text.h"

/*  What the keys of --add and --remove say. */
struct change {
    noded_public *add;
    size_t n_add;
    noded_public *removed; /* of files; the keyids of remove point into it, or into argv */
    size_t n_removed;
    const char **remove;
    size_t n_remove;
};

static void change_deinit (struct change *change)
{
    for (size_t i = 0; i < change->n_add; i++)
        noded_public_free (&change->add[i]);
    for (size_t i = 0; i < change->n_removed; i++)
        noded_public_free (&change->removed[i]);
    free (change->add);
    free (change->removed);
    free (change->remove);
}

static enum ctl_exit change_add (struct ctl *ctl, struct change *change)
{
    char error[512];
    size_t count = base_list_count (ctl->options.add);
    change->add = calloc (count + 1, sizeof *change->add);
    if (!change->add)
        return ctl_error (ctl, "out of memory");
    for (; change->n_add < count; change->n_add++)
        if (noded_public_read (ctl->options.add[change->n_add], &change->add[change->n_add], error,
                               sizeof error) < 0)
            return ctl_error (ctl, "%s", error);
    return CTL_OK;
}

/*  The only key of a role whose id begins with these digits; NULL: none, or several. */
static const char *keyid_find (const noded_trust_role *role, const char *digits)
{
    const char *found = NULL;
    size_t size = strlen (digits);
    if (size < 6 || strspn (digits, "0123456789abcdef") != size)
        return NULL;
    for (size_t i = 0; role && i < role->n_keyids; i++)
        if (strncmp (role->keyids[i], digits, size) == 0) {
            if (found)
                return NULL;
            found = role->keyids[i];
        }
    return found;
}

static const noded_trust_role *role_get (const noded_trust *trust, const char *name)
{
    size_t count;
    const noded_trust_role *roles = noded_trust_roles (trust, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp (roles[i].name, name) == 0)
            return &roles[i];
    return NULL;
}

/*  --remove names a key by its first digits, or by a file. */
static enum ctl_exit change_remove (struct ctl *ctl, const noded_trust *trust, const char *role,
                                    struct change *change)
{
    size_t count = base_list_count (ctl->options.remove);
    change->removed = calloc (count + 1, sizeof *change->removed);
    change->remove = calloc (count + 1, sizeof *change->remove);
    if (!change->removed || !change->remove)
        return ctl_error (ctl, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const char *given = ctl->options.remove[i], *keyid = keyid_find (role_get (trust, role), given);
        if (!keyid) {
            noded_public *file = &change->removed[change->n_removed];
            if (noded_public_read (given, file, NULL, 0) < 0)
                return ctl_error (
                    ctl,
                    "\"%s\" is neither the beginning of the id of one key of %s (at least 6 digits; see "
                    "nodectl trust status) nor a file with a key",
                    given, role);
            change->n_removed++;
            keyid = file->keyid;
        }
        change->remove[change->n_remove++] = keyid;
    }
    return CTL_OK;
}

/*  The file that a file is compared with, and that whose keys sign it. */
static void context_find (const noded_trust *trust, const noded_metadata *metadata,
                          const noded_metadata **ret_before, const noded_metadata **ret_above)
{
    const char *role = noded_metadata_role (metadata);
    bool is_root = strcmp (role, "root") == 0;
    const noded_metadata *root = noded_trust_file (trust, "root"), *before = noded_trust_file (trust, role);
    /*  The first root is pinned before it is published. */
    if (is_root && noded_metadata_version (metadata) == 1)
        before = NULL;
    *ret_before = before;
    *ret_above = is_root                         ? before
                 : strcmp (role, "targets") == 0 ? root
                                                 : noded_trust_file (trust, "targets");
}

static enum ctl_exit file_read (struct ctl *ctl, const char *path, noded_metadata **ret_metadata)
{
    char error[512];
    return noded_metadata_read (path, ctl->options.role, ret_metadata, error, sizeof error) < 0
               ? ctl_error (ctl, "%s", error)
               : CTL_OK;
}

/*  Shows, asks, signs, and writes the file back. above NULL: it cannot be said what is missing. */
static enum ctl_exit file_sign (struct ctl *ctl, const char *path, noded_metadata *metadata,
                                const noded_metadata *before, const noded_metadata *above, bool is_known)
{
    base_cleanup (ctl_keys_deinit) struct ctl_keys keys = {.count = 0};
    base_cleanup (base_free_p) char *missing = NULL;
    enum ctl_exit code = ctl_difference_show (ctl, before, metadata);
    if (code == CTL_OK)
        code = ctl_confirm (ctl, "sign this?");
    if (code == CTL_OK)
        code = ctl_keys_open (ctl, &keys);
    if (code == CTL_OK)
        code = ctl_metadata_sign (ctl, metadata, &keys);
    if (code == CTL_OK)
        code = ctl_metadata_write (ctl, metadata, path, false);
    if (code == CTL_OK && is_known)
        code = ctl_metadata_missing (ctl, metadata, above, &missing);
    if (code != CTL_OK)
        return code;
    ctl_text_put (ctl->out, path);
    (void) fputs (missing    ? ": signed; "
                  : is_known ? ": signed by as many keys as it needs; publish it: nodectl trust publish "
                             : ": signed",
                  ctl->out);
    ctl_text_put (ctl->out, missing ? missing : is_known ? path : "");
    (void) fputc ('\n', ctl->out);
    return CTL_OK;
}

enum ctl_exit ctl_trust_sign (struct ctl *ctl)
{
    base_assert (ctl->n_words == 1);
    base_cleanup (ctl_trust_free_p) noded_trust *trust = NULL;
    base_cleanup (ctl_metadata_free_p) noded_metadata *metadata = NULL, *last = NULL;
    const noded_metadata *before, *above;
    if (!ctl->options.keys && !ctl->options.signer)
        return ctl_misused (ctl, "give the key that signs: --key FILE, or --signer COMMAND --public FILE");
    enum ctl_exit code = file_read (ctl, ctl->words[0], &metadata);
    if (code != CTL_OK)
        return code;
    if (ctl->options.last) {
        code = file_read (ctl, ctl->options.last, &last);
        if (code == CTL_OK && strcmp (noded_metadata_role (last), noded_metadata_role (metadata)) != 0)
            return ctl_error (ctl, "%s and %s are files of different roles", ctl->options.last,
                              ctl->words[0]);
        bool is_root = strcmp (noded_metadata_role (metadata), "root") == 0;
        return code == CTL_OK ? file_sign (ctl, ctl->words[0], metadata, last, last, is_root) : code;
    }
    code = ctl_trust_get (ctl, false, &trust);
    if (code != CTL_OK)
        return code;
    context_find (trust, metadata, &before, &above);
    bool first_root = strcmp (noded_metadata_role (metadata), "root") == 0;
    if (!above && !first_root)
        return ctl_error (ctl, "cannot compare %s with what is published: %s", ctl->words[0],
                          noded_trust_problem (trust) ? noded_trust_problem (trust) : "there are no targets");
    return file_sign (ctl, ctl->words[0], metadata, before, above, true);
}

/*  Files to publish: at most one root, and a set of others. */
struct set {
    noded_metadata *root;
    noded_metadata **others;
    size_t count;
};

static void set_deinit (struct set *set)
{
    noded_metadata_free (set->root);
    for (size_t i = 0; i < set->count; i++)
        noded_metadata_free (set->others[i]);
    free (set->others);
}

static enum ctl_exit set_read (struct ctl *ctl, struct set *set)
{
    set->others = calloc (ctl->n_words, sizeof (noded_metadata *));
    if (!set->others)
        return ctl_error (ctl, "out of memory");
    for (size_t i = 0; i < ctl->n_words; i++) {
        noded_metadata *metadata = NULL;
        enum ctl_exit code = file_read (ctl, ctl->words[i], &metadata);
        if (code != CTL_OK)
            return code;
        if (strcmp (noded_metadata_role (metadata), "root") != 0)
            set->others[set->count++] = metadata;
        else if (!set->root)
            set->root = metadata;
        else {
            noded_metadata_free (metadata);
            return ctl_misused (ctl, "publish one root after the other: %s is a second one", ctl->words[i]);
        }
    }
    return CTL_OK;
}

/*  Shows what differs, and checks that enough keys signed. root: that of the same set. */
static enum ctl_exit set_check (struct ctl *ctl, const noded_trust *trust, noded_metadata *metadata,
                                const noded_metadata *root)
{
    base_cleanup (base_free_p) char *missing = NULL;
    const noded_metadata *before, *above;
    context_find (trust, metadata, &before, &above);
    if (root && root != metadata && strcmp (noded_metadata_role (metadata), "targets") == 0)
        above = root;
    if (!above && metadata != root)
        return ctl_error (ctl, "cannot publish %s: there are no targets that delegate to it",
                          noded_metadata_role (metadata));
    enum ctl_exit code = ctl_difference_show (ctl, before, metadata);
    if (code == CTL_OK)
        code = ctl_metadata_missing (ctl, metadata, above, &missing);
    if (code == CTL_OK && missing)
        return ctl_error (ctl, "%s; let it be signed with nodectl trust sign FILE --key FILE", missing);
    if (code == CTL_OK && metadata != root)
        noded_metadata_follow (metadata, before);
    return code;
}

static bool set_root_is_published (const noded_trust *trust, const noded_metadata *root, bool published)
{
    const noded_metadata *last = noded_trust_file (trust, "root");
    base_cleanup (base_free_p) char *text = noded_metadata_text (root), *other = noded_metadata_text (last);
    return published && text && other && strcmp (text, other) == 0;
}

static enum ctl_exit set_publish (struct ctl *ctl, const struct set *set)
{
    int r = set->root ? noded_client_publish_root (ctl->client, set->root) : 0;
    if (r == 0 && set->count)
        r = noded_client_publish_metadata (ctl->client, (const noded_metadata *const *) set->others,
                                           set->count);
    if (r == -ESTALE) {
        (void) ctl_fail (ctl, r);
        return ctl_error (
            ctl, "somebody else published meanwhile, and these files do not have it: make and sign them "
                 "again");
    }
    return r < 0 ? ctl_fail (ctl, r) : CTL_OK;
}

/*  Reads what is published now: this host keeps it. */
static enum ctl_exit published_print (struct ctl *ctl, const char *role)
{
    base_cleanup (ctl_trust_free_p) noded_trust *trust = NULL;
    enum ctl_exit code = ctl_trust_get (ctl, true, &trust);
    if (code != CTL_OK)
        return code;
    const noded_metadata *file = noded_trust_file (trust, role);
    if (file)
        (void) fprintf (ctl->out, "published: %s version %" PRIu64 "\n", role, noded_metadata_version (file));
    return CTL_OK;
}

static enum ctl_exit set_carry_out (struct ctl *ctl, struct set *set)
{
    base_cleanup (ctl_trust_free_p) noded_trust *trust = NULL;
    base_cleanup (noded_trust_state_free) noded_trust_state state = {.published = false};
    int r = noded_client_trust (ctl->client, &state);
    if (r < 0)
        return ctl_fail (ctl, r);
    enum ctl_exit code = ctl_trust_get (ctl, false, &trust);
    if (code == CTL_OK && set->root && set_root_is_published (trust, set->root, state.published)) {
        noded_metadata_free (set->root);
        set->root = NULL;
    }
    if (code == CTL_OK && set->root)
        code = set_check (ctl, trust, set->root, set->root);
    for (size_t i = 0; code == CTL_OK && i < set->count; i++)
        code = set_check (ctl, trust, set->others[i], set->root);
    if (code == CTL_OK)
        code = ctl_confirm (ctl, "publish this?");
    return code == CTL_OK ? set_publish (ctl, set) : code;
}

enum ctl_exit ctl_trust_publish (struct ctl *ctl)
{
    base_assert (ctl->n_words >= 1);
    base_cleanup (set_deinit) struct set set = {.root = NULL};
    enum ctl_exit code = set_read (ctl, &set);
    char *role = code == CTL_OK ? strdup (noded_metadata_role (set.count ? set.others[0] : set.root)) : NULL;
    if (code == CTL_OK)
        code = set_carry_out (ctl, &set);
    if (code == CTL_OK)
        code = published_print (ctl, role ? role : "root");
    free (role);
    return code;
}

/*  Signs a file of which the keys were given, after the question. *ret_missing: not enough of them. */
static enum ctl_exit made_sign (struct ctl *ctl, const struct ctl_keys *keys, noded_metadata *metadata,
                                const noded_metadata *above, char **ret_missing)
{
    enum ctl_exit code = ctl_metadata_sign (ctl, metadata, keys);
    return code == CTL_OK ? ctl_metadata_missing (ctl, metadata, above, ret_missing) : code;
}

/*  Signs and publishes the next file of targets or of a publisher. */
static enum ctl_exit targets_finish (struct ctl *ctl, const noded_trust *trust, noded_metadata *metadata)
{
    base_cleanup (ctl_keys_deinit) struct ctl_keys keys = {.count = 0};
    base_cleanup (base_free_p) char *missing = NULL;
    const noded_metadata *before, *above;
    context_find (trust, metadata, &before, &above);
    enum ctl_exit code = ctl_difference_show (ctl, before, metadata);
    if (code == CTL_OK)
        code = ctl_confirm (ctl, "sign and publish this?");
    if (code == CTL_OK)
        code = ctl_keys_open (ctl, &keys);
    if (code == CTL_OK)
        code = made_sign (ctl, &keys, metadata, above, &missing);
    if (code != CTL_OK)
        return code;
    if (missing)
        return ctl_metadata_unfinished (ctl, metadata, missing);
    int r = noded_client_publish_metadata (ctl->client, (const noded_metadata *const *) &metadata, 1);
    if (r == -ESTALE) {
        base_cleanup (base_free_p) char *line = ctl_command_line (ctl);
        return ctl_error (ctl, "%s; nothing was changed. Repeat the command: %s",
                          noded_client_error (ctl->client), line ? line : "nodectl trust");
    }
    return r < 0 ? ctl_fail (ctl, r) : published_print (ctl, noded_metadata_role (metadata));
}

/*  Publishes a root, and targets that its new keys signed. */
static enum ctl_exit root_publish (struct ctl *ctl, const noded_metadata *root, const noded_metadata *targets)
{
    int r = noded_client_publish_root (ctl->client, root);
    if (r == 0 && targets)
        r = noded_client_publish_metadata (ctl->client, &targets, 1);
    if (r == 0)
        return published_print (ctl, "root");
    enum ctl_exit code = ctl_fail (ctl, r);
    base_cleanup (base_free_p) char *root_file =
        base_text_printf ("%" PRIu64 ".root.json", noded_metadata_version (root));
    base_cleanup (base_free_p) char *targets_file =
        targets ? base_text_printf ("%" PRIu64 ".targets.json", noded_metadata_version (targets)) : NULL;
    if (!root_file || ctl_metadata_write (ctl, root, root_file, true) != CTL_OK ||
        (targets_file && ctl_metadata_write (ctl, targets, targets_file, true) != CTL_OK))
        return code;
    (void) ctl_error (ctl, "the signed files are here. To go on: nodectl trust publish %s%s%s", root_file,
                      targets_file ? " " : "", targets_file ? targets_file : "");
    return code;
}

/*  Shows, asks, signs and publishes a root, and targets (NULL: none) whose keys it changes. */
static enum ctl_exit root_finish (struct ctl *ctl, const noded_trust *trust, noded_metadata *root,
                                  noded_metadata *targets)
{
    base_cleanup (ctl_keys_deinit) struct ctl_keys keys = {.count = 0};
    base_cleanup (base_free_p) char *missing = NULL, *others = NULL;
    enum ctl_exit code = ctl_difference_show (ctl, noded_trust_file (trust, "root"), root);
    if (code == CTL_OK && targets)
        code = ctl_difference_show (ctl, noded_trust_file (trust, "targets"), targets);
    if (code == CTL_OK)
        code = ctl_confirm (ctl, "sign and publish this?");
    if (code == CTL_OK)
        code = ctl_keys_open (ctl, &keys);
    if (code == CTL_OK)
        code = made_sign (ctl, &keys, root, noded_trust_file (trust, "root"), &missing);
    if (code == CTL_OK && targets)
        code = made_sign (ctl, &keys, targets, root, &others);
    if (code != CTL_OK)
        return code;
    if (others)
        return ctl_error (
            ctl,
            "nothing is published: %s. Give its key with --key, too: with a root that changes the keys "
            "of targets, new targets are published at once",
            others);
    if (missing && targets) {
        base_cleanup (base_free_p) char *file =
            base_text_printf ("%" PRIu64 ".targets.json", noded_metadata_version (targets));
        if (!file || ctl_metadata_write (ctl, targets, file, true) != CTL_OK)
            return CTL_FAILED;
        (void) ctl_error (ctl, "%s has the new targets: publish it together with the root below", file);
    }
    if (missing)
        return ctl_metadata_unfinished (ctl, root, missing);
    return root_publish (ctl, root, targets);
}

static enum ctl_exit rotate_online (struct ctl *ctl, const noded_trust *trust)
{
    base_cleanup (ctl_metadata_free_p) noded_metadata *root = NULL;
    if (ctl->options.add || ctl->options.remove || ctl->options.threshold)
        return ctl_misused (
            ctl, "trust rotate online accepts no --add, --remove or --threshold: the broker makes its keys");
    int r = noded_client_online_next (ctl->client, trust, ctl_trust_days (ctl), &root);
    return r < 0 ? ctl_fail (ctl, r) : root_finish (ctl, trust, root, NULL);
}

static enum ctl_exit rotate_keys (struct ctl *ctl, const noded_trust *trust, const char *role)
{
    base_cleanup (change_deinit) struct change change = {.n_add = 0};
    base_cleanup (ctl_metadata_free_p) noded_metadata *root = NULL, *targets = NULL;
    char error[512];
    bool is_targets = strcmp (role, "targets") == 0;
    bool changes = ctl->options.add || ctl->options.remove || ctl->options.threshold;
    enum ctl_exit code = change_add (ctl, &change);
    if (code == CTL_OK)
        code = change_remove (ctl, trust, role, &change);
    if (code != CTL_OK)
        return code;
    const noded_keys_change keys = {.add = change.add,
                                    .n_add = change.n_add,
                                    .remove = change.remove,
                                    .n_remove = change.n_remove,
                                    .threshold = ctl->options.threshold};
    int r = 0;
    if (is_targets)
        r = noded_trust_targets_next (trust, role, ctl_trust_days (ctl), &targets, error, sizeof error);
    if (r == 0 && (changes || !is_targets))
        r = noded_trust_root_next (trust, role, &keys, ctl_trust_days (ctl), &root, error, sizeof error);
    if (r < 0)
        return ctl_error (ctl, "%s", error);
    return root ? root_finish (ctl, trust, root, targets) : targets_finish (ctl, trust, targets);
}

enum ctl_exit ctl_trust_rotate (struct ctl *ctl)
{
    base_assert (ctl->n_words == 1);
    static const char *const roles[] = {"root", "targets", "online", NULL};
    base_cleanup (ctl_trust_free_p) noded_trust *trust = NULL;
    const char *role = ctl->words[0];
    bool is_online = strcmp (role, "online") == 0;
    if (!is_online && strcmp (role, "root") != 0 && strcmp (role, "targets") != 0) {
        const char *nearest = ctl_word_nearest (role, roles);
        return ctl_misused (ctl, "trust rotate accepts root, targets or online, not \"%s\"%s%s%s", role,
                            nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    }
    if (!ctl->options.keys && !ctl->options.signer)
        return ctl_misused (ctl, "give the keys that sign: --key FILE, or --signer COMMAND --public FILE");
    enum ctl_exit code = ctl_trust_get (ctl, false, &trust);
    if (code != CTL_OK)
        return code;
    return is_online ? rotate_online (ctl, trust) : rotate_keys (ctl, trust, role);
}

/*  The next targets, or file of a publisher. */
static enum ctl_exit next_make (struct ctl *ctl, const char *role, unsigned days, noded_trust **ret_trust,
                                noded_metadata **ret_metadata)
{
    char error[512];
    if (!ctl->options.keys && !ctl->options.signer)
        return ctl_misused (ctl, "give the key that signs: --key FILE, or --signer COMMAND --public FILE");
    enum ctl_exit code = ctl_trust_get (ctl, true, ret_trust);
    if (code != CTL_OK)
        return code;
    return noded_trust_targets_next (*ret_trust, role, days, ret_metadata, error, sizeof error) < 0
               ? ctl_error (ctl, "%s", error)
               : CTL_OK;
}

enum ctl_exit ctl_trust_renew (struct ctl *ctl)
{
    base_assert (ctl->n_words == 1);
    base_cleanup (ctl_trust_free_p) noded_trust *trust = NULL;
    base_cleanup (ctl_metadata_free_p) noded_metadata *metadata = NULL;
    enum ctl_exit code = next_make (ctl, ctl->words[0], ctl_trust_days (ctl), &trust, &metadata);
    return code == CTL_OK ? targets_finish (ctl, trust, metadata) : code;
}

/*  The published file of a publisher must stay valid: with keys that did not sign it, nothing that it lists could be
    installed until it is signed again, and the broker refuses that. */
static enum ctl_exit publisher_check (struct ctl *ctl, const noded_trust *trust,
                                      const noded_metadata *targets)
{
    base_cleanup (base_free_p) char *missing = NULL;
    const char *name = ctl->words[0];
    const noded_metadata *file = noded_trust_file (trust, name);
    enum ctl_exit code = file ? ctl_metadata_missing (ctl, file, targets, &missing) : CTL_OK;
    if (code != CTL_OK || !missing)
        return code;
    return ctl_error (
        ctl,
        "the published file of %s is not signed by these keys. To replace a key: delegate to the old and "
        "the new one (--add OLD --add NEW), sign the file with the new one (nodectl trust renew %s --key "
        "NEW), then delegate to the new one alone. If the old key was stolen: nodectl trust undelegate "
        "%s --key FILE, and delegate under another name",
        name, name, name);
}

enum ctl_exit ctl_trust_delegate (struct ctl *ctl)
{
    base_assert (ctl->n_words == 1);
    base_cleanup (ctl_trust_free_p) noded_trust *trust = NULL;
    base_cleanup (ctl_metadata_free_p) noded_metadata *targets = NULL;
    base_cleanup (change_deinit) struct change change = {.n_add = 0};
    char error[512];
    if (!ctl->options.delegated)
        return ctl_misused (ctl, "say what %s may publish: --application APP", ctl->words[0]);
    if (!ctl->options.add)
        return ctl_misused (ctl, "give the public key of %s: --add FILE", ctl->words[0]);
    enum ctl_exit code = change_add (ctl, &change);
    if (code == CTL_OK)
        code = next_make (ctl, "targets", (unsigned) ctl->options.valid, &trust, &targets);
    if (code != CTL_OK)
        return code;
    const noded_publisher publisher = {.name = ctl->words[0],
                                       .applications = (const char *const *) ctl->options.delegated,
                                       .n_applications = base_list_count (ctl->options.delegated),
                                       .keys = change.add,
                                       .n_keys = change.n_add,
                                       .threshold = ctl->options.threshold};
    if (noded_metadata_delegate (targets, &publisher, error, sizeof error) < 0)
        return ctl_error (ctl, "%s", error);
    code = publisher_check (ctl, trust, targets);
    return code == CTL_OK ? targets_finish (ctl, trust, targets) : code;
}

enum ctl_exit ctl_trust_undelegate (struct ctl *ctl)
{
    base_assert (ctl->n_words == 1);
    base_cleanup (ctl_trust_free_p) noded_trust *trust = NULL;
    base_cleanup (ctl_metadata_free_p) noded_metadata *targets = NULL;
    char error[512];
    enum ctl_exit code = next_make (ctl, "targets", (unsigned) ctl->options.valid, &trust, &targets);
    if (code != CTL_OK)
        return code;
    if (noded_metadata_undelegate (targets, ctl->words[0], error, sizeof error) < 0)
        return ctl_error (ctl, "%s", error);
    return targets_finish (ctl, trust, targets);
}
