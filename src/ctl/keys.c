/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/keys.c - the commands of the family keys

    The secret half of a key is written by the library into the file of --out, and never printed. */

#include "ctl/options.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/text.h"

enum { FINGERPRINT_LENGTH = 64, PREFIX_LEAST = 6 };

static void cell_list (struct ctl_table *table, const char *const *texts, size_t count)
{
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    base_cleanup (base_free_p) char *line = NULL;
    for (size_t i = 0; i < count; i++)
        (void) base_buffer_printf (&text, "%s%s", i ? "," : "", texts[i]);
    line = base_buffer_take_text (&text);
    ctl_table_cell (table, line);
}

static void keys_print (FILE *out, const noded_keys *keys, size_t width)
{
    static const char *const titles[] = {"FINGERPRINT", "NAME",  "ROLE",    "APPLICATIONS",
                                         "STATE",       "ADDED", "REVOKED", NULL};
    base_cleanup (ctl_table_deinit) struct ctl_table table = {.columns = 7};
    if (!keys->count) {
        (void) fputs ("no keys\n", out);
        return;
    }
    for (size_t i = 0; titles[i]; i++)
        ctl_table_cell (&table, titles[i]);
    for (size_t i = 0; i < keys->count; i++) {
        const noded_key *key = &keys->items[i];
        char digest[CTL_DIGEST_SIZE], created[CTL_TIME_SIZE], revoked[CTL_TIME_SIZE];
        ctl_table_cell (&table, ctl_digest_format (&key->fingerprint, digest));
        ctl_table_cell (&table, key->name);
        ctl_table_cell (&table, noded_role_word (key->role));
        cell_list (&table, key->applications, key->n_applications);
        ctl_table_cell (&table, noded_key_state_word (key->state));
        ctl_table_cell (&table, ctl_time_format (key->created, created));
        ctl_table_cell (&table, key->revoked ? ctl_time_format (key->revoked, revoked) : NULL);
    }
    ctl_table_print (&table, out, width);
}

enum ctl_exit ctl_keys_list (struct ctl *ctl)
{
    base_cleanup (noded_keys_free) noded_keys keys = {.count = 0};
    int r = noded_client_keys (ctl->client, ctl->n_words ? ctl->words[0] : NULL, &keys);
    if (r < 0)
        return ctl_fail (ctl, r);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_keys_json (keys.items, keys.count));
    keys_print (ctl->out, &keys, ctl->width);
    return CTL_OK;
}

/*  NODED_ROLE_NULL: no role has this word. */
static enum noded_role role_parse (const char *word)
{
    base_assert (word);
    for (int role = NODED_ROLE_NODE; role <= NODED_ROLE_ADMIN; role++)
        if (strcmp (noded_role_word ((enum noded_role) role), word) == 0)
            return (enum noded_role) role;
    return NODED_ROLE_NULL;
}

/*  Splits "A,B" into a list on the heap. */
static int applications_split (const char *text, char ***ret_list)
{
    base_assert (text && ret_list);
    for (const char *at = text;; at++) {
        size_t length = strcspn (at, ",");
        base_cleanup (base_free_p) char *name = strndup (at, length);
        if (!name || base_list_append (ret_list, name) != 0)
            return -ENOMEM;
        at += length;
        if (!*at)
            return 0;
    }
}

enum ctl_exit ctl_keys_add (struct ctl *ctl)
{
    base_assert (ctl->n_words == 1);
    base_cleanup (base_list_free_p) char **applications = NULL;
    base_cleanup (noded_keys_free) noded_keys added = {.count = 0};
    char text[65];
    if (!ctl->options.role || !ctl->options.out)
        return ctl_misused (ctl, ctl->options.role ? "give the file for the key: --out FILE"
                                                   : "give the role of the key: --role ROLE");
    noded_new_key wanted = {.name = ctl->words[0],
                            .role = role_parse (ctl->options.role),
                            .path = ctl->options.out,
                            .address = ctl->options.address,
                            .content = ctl->options.content};
    if (!wanted.role)
        return ctl_misused (ctl,
                            "there is no role \"%s\"; the roles are node, content, observer, deployer, "
                            "publisher and admin",
                            ctl->options.role);
    if ((wanted.role == NODED_ROLE_PUBLISHER) != (ctl->options.applications != NULL))
        return ctl_misused (ctl, "%s",
                            wanted.role == NODED_ROLE_PUBLISHER
                                ? "give the applications that it may publish: --applications A,B"
                                : "--applications is for the role publisher only");
    if (ctl->options.content && wanted.role != NODED_ROLE_CONTENT)
        return ctl_misused (ctl, "--content is for the role content only: other keys get its address from"
                                 " the broker");
    if (ctl->options.applications && applications_split (ctl->options.applications, &applications) != 0)
        return ctl_error (ctl, "out of memory");
    wanted.applications = (const char *const *) applications;
    wanted.n_applications = base_list_count (applications);
    int r = noded_client_key_add (ctl->client, &wanted, &added);
    if (r < 0)
        return ctl_fail (ctl, r);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_keys_json (added.items, added.count));
    (void) fprintf (ctl->out, "added key %s of %s with the role %s; its secret half is in %s\n",
                    noded_digest_text (&added.items->fingerprint, text), wanted.name,
                    noded_role_word (added.items->role), wanted.path);
    return CTL_OK;
}

static bool word_is_prefix (const char *word)
{
    size_t length = strlen (word);
    return length >= PREFIX_LEAST && length <= FINGERPRINT_LENGTH &&
           strspn (word, "0123456789abcdef") == length;
}

/*  Finds the key of a fingerprint or of its first digits; a name is left as it is: ret_fingerprint is "". */
static enum ctl_exit key_find (struct ctl *ctl, const char *word, char ret_fingerprint[65])
{
    base_cleanup (noded_keys_free) noded_keys keys = {.count = 0};
    size_t found = 0;
    *ret_fingerprint = '\0';
    if (!word_is_prefix (word))
        return CTL_OK;
    int r = noded_client_keys (ctl->client, NULL, &keys);
    if (r < 0)
        return ctl_fail (ctl, r);
    for (size_t i = 0; i < keys.count; i++)
        if (strcmp (keys.items[i].name, word) == 0)
            return CTL_OK;
    for (size_t i = 0; i < keys.count; i++) {
        char text[65];
        (void) noded_digest_text (&keys.items[i].fingerprint, text);
        if (strncmp (text, word, strlen (word)) != 0)
            continue;
        found++;
        (void) base_text_copy (ret_fingerprint, sizeof text, text);
    }
    if (found > 1)
        return ctl_error (ctl, "%zu keys begin with %s: give more digits", found, word);
    return CTL_OK;
}

enum ctl_exit ctl_keys_revoke (struct ctl *ctl)
{
    base_assert (ctl->n_words == 1);
    base_cleanup (noded_keys_free) noded_keys revoked = {.count = 0};
    char fingerprint[65];
    enum ctl_exit code = key_find (ctl, ctl->words[0], fingerprint);
    if (code != CTL_OK)
        return code;
    int r = noded_client_key_revoke (ctl->client, *fingerprint ? fingerprint : NULL,
                                     *fingerprint ? NULL : ctl->words[0], &revoked);
    if (r < 0)
        return ctl_fail (ctl, r);
    if (ctl->options.json)
        return ctl_print_json (ctl, noded_keys_json (revoked.items, revoked.count));
    for (size_t i = 0; i < revoked.count; i++)
        (void) fprintf (ctl->out, "revoked key %s of %s with the role %s\n",
                        noded_digest_text (&revoked.items[i].fingerprint, fingerprint),
                        ctl_text (revoked.items[i].name), noded_role_word (revoked.items[i].role));
    return CTL_OK;
}
