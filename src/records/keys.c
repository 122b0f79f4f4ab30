/* SPDX-License-Identifier: MPL-2.0 */
/*  records/keys.c - the rules about keys */

#include "records/driver.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"

static bool applications_are_equal (const struct wire_key *a, const struct wire_key *b)
{
    if (a->n_applications != b->n_applications)
        return false;
    for (size_t i = 0; i < a->n_applications; i++)
        if (strcmp (a->applications[i], b->applications[i]) != 0)
            return false;
    return true;
}

static bool text_is_equal (const char *a, const char *b)
{
    return a && b ? strcmp (a, b) == 0 : !a && !b;
}

/*  Judges a key that is known already. Returns 0 if it is the same, or RECORDS_E_KEY. */
static int known_check (const struct wire_key *known, const struct wire_key *key, struct base_error *error)
{
    base_assert (base_digest_equal (&known->fingerprint, &key->fingerprint));
    if (known->state != WIRE_KEY_STATE_ACTIVE)
        return base_error_set (error, RECORDS_E_KEY,
                               "this key was revoked, it was of %s: make a new key, a revoked one never comes"
                               " back",
                               known->name);
    if (strcmp (known->name, key->name) != 0)
        return base_error_set (error, RECORDS_E_KEY, "this key belongs to %s for ever: make a new key",
                               known->name);
    if (known->role != key->role || !applications_are_equal (known, key) ||
        !text_is_equal (known->address, key->address))
        return base_error_set (error, RECORDS_E_KEY,
                               "this key of %s has the role %s already, and keeps role, applications and"
                               " address: make a new key",
                               known->name, wire_role_word (known->role));
    return 0;
}

/*  Checks whether a name may have one more key. Returns 0, RECORDS_E_KEY or -errno. */
static int name_check (struct records *records, const struct wire_key *key, struct base_error *error)
{
    bool is_node = key->role == WIRE_ROLE_NODE;
    struct records_key_counts counts;
    int r = records_key_count (records, key->name, &counts, error);

    if (r < 0)
        return r;
    if (counts.all >= RECORDS_KEYS_MOST)
        return base_error_set (error, RECORDS_E_KEY, "there are %d keys, as many as a broker keeps",
                               RECORDS_KEYS_MOST);
    if (is_node ? counts.of_others > 0 : counts.of_node > 0)
        return base_error_set (error, RECORDS_E_KEY, "the name %s is that of a key %s: choose another name",
                               key->name, is_node ? "with another role than node" : "of a node");
    if (is_node && counts.active > 0)
        return base_error_set (error, RECORDS_E_KEY,
                               "node %s has an active key: revoke it first (nodectl keys revoke %s)",
                               key->name, key->name);
    if (counts.active >= RECORDS_KEYS_A_NAME)
        return base_error_set (error, RECORDS_E_KEY, "%s has %d active keys, as many as a name may have",
                               key->name, RECORDS_KEYS_A_NAME);
    return 0;
}

int records_key_add (struct records *records, const struct wire_key *key, struct base_error *error)
{
    base_assert (records && key && key->public_key && key->name && key->created);
    base_assert (!base_digest_is_null (&key->fingerprint));
    base_assert (key->role != WIRE_ROLE_NULL);
    base_cleanup (wire_key_deinit) struct wire_key known = {.name = NULL};
    int r = records_key_get (records, &key->fingerprint, &known, error);

    if (r == 0)
        return known_check (&known, key, error);
    if (r != -ENOENT)
        return r;
    r = name_check (records, key, error);
    return r ? r : records_key_insert (records, key, error);
}
