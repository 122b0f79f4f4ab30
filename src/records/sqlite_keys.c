/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite_keys.c - keys of nodes, programs and people

    The applications of a key are one text, each name followed by a comma: no name of an application has
    one. */

#include "records/sqlite.h"

#include <errno.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "wire/text.h"

#define COLUMNS "serial, fingerprint, public_key, role, name, applications, state, created, revoked, address"

static char *applications_join (const struct wire_key *key)
{
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};

    for (size_t i = 0; i < key->n_applications; i++) {
        base_assert (!strchr (key->applications[i], ','));
        if (base_buffer_printf (&text, "%s,", key->applications[i]) < 0)
            return NULL;
    }
    return base_buffer_take_text (&text);
}

/*  text may be NULL. */
static int applications_split (const char *text, struct wire_key *key)
{
    base_cleanup (base_list_free_p) char **list = NULL;
    size_t count = 0;

    for (const char *end; text && (end = strchr (text, ',')); text = end + 1) {
        base_cleanup (base_free_p) char *name = strndup (text, (size_t) (end - text));
        if (!name || base_list_append_next (&list, &count, name) < 0)
            return -ENOMEM;
    }
    key->applications = (const char *const *) base_take (list);
    key->n_applications = count;
    return 0;
}

/*  Reads a row of COLUMNS. The caller owns ret_key, also on failure. */
static int key_read (sqlite3_stmt *row, struct wire_key *ret_key, struct base_error *error)
{
    const char *role = sqlite_text (row, 3), *state = sqlite_text (row, 6);

    ret_key->fingerprint = sqlite_digest (row, 1);
    ret_key->role = role ? wire_role_parse (role) : WIRE_ROLE_NULL;
    ret_key->state = state ? wire_key_state_parse (state) : WIRE_KEY_STATE_NULL;
    if (base_digest_is_null (&ret_key->fingerprint) || !sqlite_text (row, 2) || !sqlite_text (row, 4) ||
        !sqlite_text (row, 7) || !ret_key->role || !ret_key->state)
        return base_error_set (error, -EBADMSG, "the records are damaged: a key lacks a part");
    if (wire_text_set (&ret_key->public_key, sqlite_text (row, 2)) < 0 ||
        wire_text_set (&ret_key->name, sqlite_text (row, 4)) < 0 ||
        wire_text_set (&ret_key->created, sqlite_text (row, 7)) < 0 ||
        wire_text_set (&ret_key->revoked, sqlite_text (row, 8)) < 0 ||
        wire_text_set (&ret_key->address, sqlite_text (row, 9)) < 0)
        return -ENOMEM;
    return applications_split (sqlite_text (row, 5), ret_key);
}

int records_key_insert (struct records *records, const struct wire_key *key, struct base_error *error)
{
    base_assert (records && key && key->name);
    base_cleanup (base_free_p) char *applications = applications_join (key);

    if (!applications)
        return -ENOMEM;
    return sqlite_do (records, error,
                      "INSERT INTO keys (fingerprint, public_key, role, name, applications, state, created,"
                      " address) VALUES (?1, ?2, ?3, ?4, ?5, 'active', ?6, ?7)",
                      "dtttttt", &key->fingerprint, key->public_key, wire_role_word (key->role), key->name,
                      applications, key->created, key->address);
}

int records_key_count (struct records *records, const char *name, struct records_key_counts *ret_counts,
                       struct base_error *error)
{
    base_assert (records && name && ret_counts);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = sqlite_query (records, &row, error,
                          "SELECT (SELECT count(*) FROM keys), coalesce (sum (role = 'node'), 0),"
                          " coalesce (sum (role <> 'node'), 0), coalesce (sum (state = 'active'), 0)"
                          " FROM keys WHERE name = ?1",
                          "t", name);

    if (r < 0)
        return r;
    r = sqlite_row (records, row, error);
    if (r < 0)
        return r;
    *ret_counts = (struct records_key_counts){.all = sqlite_number (row, 0),
                                              .of_node = sqlite_number (row, 1),
                                              .of_others = sqlite_number (row, 2),
                                              .active = sqlite_number (row, 3)};
    return 0;
}

int records_key_revoke (struct records *records, const struct base_digest *fingerprint, const char *time,
                        struct base_error *error)
{
    base_assert (records && fingerprint && time);
    base_cleanup (wire_key_deinit) struct wire_key key = {.name = NULL};
    int r = records_key_get (records, fingerprint, &key, error);

    if (r < 0)
        return r;
    return sqlite_do (records, error,
                      "UPDATE keys SET state = 'revoked', revoked = ?2"
                      " WHERE fingerprint = ?1 AND state <> 'revoked'",
                      "dt", fingerprint, time);
}

int records_key_get (struct records *records, const struct base_digest *fingerprint, struct wire_key *ret_key,
                     struct base_error *error)
{
    base_assert (records && fingerprint && ret_key);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    base_cleanup (wire_key_deinit) struct wire_key key = {.name = NULL};
    int r = sqlite_query (records, &row, error, "SELECT " COLUMNS " FROM keys WHERE fingerprint = ?1", "d",
                          fingerprint);

    if (r < 0)
        return r;
    r = sqlite_row (records, row, error);
    if (r != SQLITE_E_ROW)
        return r < 0 ? r : -ENOENT;
    r = key_read (row, &key, error);
    if (r < 0)
        return r;
    *ret_key = key;
    key = (struct wire_key){.name = NULL};
    return 0;
}

int records_keys (struct records *records, const char *name, uint64_t after, records_key_each *each,
                  void *context, struct base_error *error)
{
    base_assert (records && each);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = name
                ? sqlite_query (records, &row, error,
                                "SELECT " COLUMNS " FROM keys WHERE serial > ?1 AND name = ?2"
                                " ORDER BY serial",
                                "ut", after, name)
                : sqlite_query (records, &row, error,
                                "SELECT " COLUMNS " FROM keys WHERE serial > ?1 ORDER BY serial", "u", after);

    if (r < 0)
        return r;
    while ((r = sqlite_row (records, row, error)) == SQLITE_E_ROW) {
        base_cleanup (wire_key_deinit) struct wire_key key = {.name = NULL};
        r = key_read (row, &key, error);
        if (r == 0)
            r = each (context, sqlite_number (row, 0), &key);
        if (r != 0)
            return r;
    }
    return r;
}
