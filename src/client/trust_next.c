/* SPDX-License-Identifier: MPL-2.0 */
/*  client/trust_next.c - the next files: roots with other keys, targets with another expiry */

#include "client/trust.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

enum { DAYS_AHEAD = 90 /* an expiry that is closer is renewed */ };

/*  The keys of the broker, as a root lists them. */
struct online {
    json_t *keys[TRUST_KINDS];
};

static void online_deinit (struct online *online)
{
    for (int kind = 0; kind < TRUST_KINDS; kind++)
        json_decref (online->keys[kind]);
}

/*  The newest key of each role: the last one in the list. */
static int online_take (noded_client *client, const struct wire_online_key *keys, size_t count,
                        struct online *ret_online)
{
    for (size_t i = 0; i < count; i++) {
        enum trust_kind kind = strcmp (keys[i].role, "snapshot") == 0    ? TRUST_SNAPSHOT
                               : strcmp (keys[i].role, "timestamp") == 0 ? TRUST_TIMESTAMP
                                                                         : TRUST_KINDS;
        if (kind == TRUST_KINDS)
            continue;
        json_decref (ret_online->keys[kind]);
        ret_online->keys[kind] = json_loads (keys[i].key, JSON_REJECT_DUPLICATES, NULL);
    }
    if (!ret_online->keys[TRUST_SNAPSHOT] || !ret_online->keys[TRUST_TIMESTAMP])
        return base_error_set (&client->error, -EPROTO,
                               "the broker does not show its own keys for snapshot and timestamp");
    return 0;
}

static int first_make (noded_client *client, struct online *online, unsigned days, noded_metadata **ret_root,
                       noded_metadata **ret_targets)
{
    struct base_error reason = {.code = 0};
    struct trust_draft root = {.json = NULL}, targets = {.json = NULL};
    struct trust_draft_keys keys[TRUST_KINDS];
    uint64_t now = client_trust_now (), expires = client_trust_after (now, days);
    for (int kind = 0; kind < TRUST_KINDS; kind++)
        keys[kind] = (struct trust_draft_keys){.keys = &online->keys[kind], .count = 1, .threshold = 1};
    int r = trust_draft_root_new (keys, expires, &root, &reason);
    if (r == 0)
        r = client_metadata_new ("root", &root, ret_root, &reason);
    if (r == 0)
        r = trust_draft_targets_new (now, expires, &targets, &reason);
    if (r == 0)
        r = client_metadata_new ("targets", &targets, ret_targets, &reason);
    return r ? client_trust_stop (client, r, &reason) : 0;
}

int noded_client_trust_first (noded_client *client, const noded_public *key, unsigned days,
                              noded_metadata **ret_root, noded_metadata **ret_targets)
{
    base_cleanup (wire_trust_shown_deinit) struct wire_trust_shown answer = {.serial = 0};
    base_cleanup (online_deinit) struct online online = {.keys = {NULL}};
    base_cleanup (client_metadata_free_p) noded_metadata *root = NULL, *targets = NULL;
    struct wire_show_trust request = {.serial = 0};
    *ret_root = *ret_targets = NULL;
    int r = client_ask (client, &wire_show_trust_record, &request, 0, "read what the broker signs", &answer);
    if (r < 0)
        return r;
    if (answer.published)
        return base_error_set (&client->error, -EEXIST,
                               "the broker %s has signed releases already: see nodectl trust status",
                               client->endpoints.control);
    r = online_take (client, answer.online, answer.n_online, &online);
    if (r < 0)
        return r;
    online.keys[TRUST_ROOT] = json_loads (key->json, 0, NULL);
    online.keys[TRUST_TARGETS] = json_incref (online.keys[TRUST_ROOT]);
    if (!online.keys[TRUST_ROOT])
        return client_out_of_memory (client);
    r = first_make (client, &online, days, &root, &targets);
    if (r < 0)
        return r;
    *ret_root = base_take (root);
    *ret_targets = base_take (targets);
    return 0;
}

static int keys_change (struct trust_draft *root, enum trust_kind kind, const noded_keys_change *change,
                        struct base_error *error)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < change->n_add; i++) {
        json_t *key = json_loads (change->add[i].json, 0, NULL);
        r = key ? trust_draft_root_add_key (root, kind, key, error)
                : base_error_set (error, -ENOMEM, "out of memory");
        json_decref (key);
    }
    for (size_t i = 0; r == 0 && i < change->n_remove; i++) {
        struct base_digest keyid;
        r = base_digest_parse (change->remove[i], &keyid) < 0
                ? base_error_set (error, -EINVAL, "\"%s\" is not the id of a key", change->remove[i])
                : trust_draft_root_remove_key (root, kind, &keyid, error);
    }
    if (r == 0 && change->threshold)
        r = trust_draft_root_set_threshold (root, kind, change->threshold, error);
    return r;
}

int noded_trust_root_next (const noded_trust *trust, const char *role, const noded_keys_change *change,
                           unsigned days, noded_metadata **ret_root, char *error, size_t error_size)
{
    struct base_error reason = {.code = 0};
    struct trust_draft draft = {.json = NULL};
    uint64_t now = client_trust_now ();
    enum trust_kind kind = strcmp (role, "targets") == 0 ? TRUST_TARGETS : TRUST_ROOT;
    base_assert (kind == TRUST_TARGETS || strcmp (role, "root") == 0);
    *ret_root = NULL;
    int r = trust_draft_root_next (&trust->root->draft, client_trust_after (now, days), &draft, &reason);
    if (r == 0 && change)
        r = keys_change (&draft, kind, change, &reason);
    if (r == 0)
        r = trust_draft_check (&draft, now, &reason);
    if (r == 0)
        r = client_metadata_new ("root", &draft, ret_root, &reason);
    trust_draft_deinit (&draft);
    if (r == 0)
        (*ret_root)->replaces = trust->root->file;
    return client_trust_fail (r, &reason, error, error_size);
}

static int online_rotate (noded_client *client, const noded_trust *trust, struct online *online,
                          unsigned days, noded_metadata **ret_root)
{
    struct base_error reason = {.code = 0};
    struct trust_draft draft = {.json = NULL};
    const struct trust_draft_keys timestamp = {.keys = &online->keys[TRUST_TIMESTAMP],
                                               .count = 1,
                                               .threshold = 1},
                                  snapshot = {
                                      .keys = &online->keys[TRUST_SNAPSHOT], .count = 1, .threshold = 1};
    int r = trust_draft_root_next (&trust->root->draft, client_trust_after (client_trust_now (), days),
                                   &draft, &reason);
    if (r == 0)
        r = trust_draft_root_rotate_online (&draft, &timestamp, &snapshot, &reason);
    if (r == 0)
        r = client_metadata_new ("root", &draft, ret_root, &reason);
    trust_draft_deinit (&draft);
    if (r)
        return client_trust_stop (client, r, &reason);
    (*ret_root)->replaces = trust->root->file;
    return 0;
}

int noded_client_online_next (noded_client *client, const noded_trust *trust, unsigned days,
                              noded_metadata **ret_root)
{
    base_cleanup (wire_online_keys_made_deinit) struct wire_online_keys_made answer = {.serial = 0};
    base_cleanup (online_deinit) struct online online = {.keys = {NULL}};
    struct wire_make_online_keys request = {.serial = 0};
    *ret_root = NULL;
    int r = client_ask (client, &wire_make_online_keys_record, &request, 0, "make new keys of the broker",
                        &answer);
    if (r == 0)
        r = online_take (client, answer.online, answer.n_online, &online);
    return r < 0 ? r : online_rotate (client, trust, &online, days, ret_root);
}

/*  days 0: the last expiry, unless it is close. */
static uint64_t expires_next (const noded_metadata *last, uint64_t now, unsigned days)
{
    uint64_t expires = 0;
    const json_t *text = last ? json_object_get (trust_draft_content (&last->draft), "expires") : NULL;
    if (text && days == 0 && trust_expires_parse (json_string_value (text), &expires) == 0 &&
        expires > client_trust_after (now, DAYS_AHEAD))
        return expires;
    return client_trust_after (now, days ? days : NODED_TRUST_DAYS);
}

int noded_trust_targets_next (const noded_trust *trust, const char *role, unsigned days,
                              noded_metadata **ret_targets, char *error, size_t error_size)
{
    struct base_error reason = {.code = 0};
    struct trust_draft draft = {.json = NULL};
    const noded_metadata *last = noded_trust_file (trust, role);
    uint64_t now = client_trust_now (), expires = expires_next (last, now, days);
    bool is_targets = strcmp (role, "targets") == 0;
    int r = 0, at = is_targets ? -1 : client_publisher_find (trust, role);
    *ret_targets = NULL;
    if (!trust->targets)
        r = base_error_set (&reason, TRUST_E_UNAVAILABLE, "there are no targets that can be continued: %s",
                            trust->problem);
    else if (!is_targets && at < 0)
        r = base_error_set (&reason, TRUST_E_UNKNOWN_ROLE, "there is no publisher %.64s", role);
    else if (at >= 0 && trust->publishers[at].problem[0])
        r = base_error_set (&reason, TRUST_E_UNAVAILABLE, "the file of publisher %s cannot be continued: %s",
                            role, trust->publishers[at].problem);
    if (r == 0)
        r = last ? trust_draft_targets_next (&last->draft, now, expires, &draft, &reason)
                 : trust_draft_targets_new (now, expires, &draft, &reason);
    if (r == 0)
        r = client_metadata_new (role, &draft, ret_targets, &reason);
    trust_draft_deinit (&draft);
    if (r == 0) /* the digest of nothing: no other first file is overwritten */
        (*ret_targets)->replaces = last ? last->file : base_digest_of ("", 0);
    return client_trust_fail (r, &reason, error, error_size);
}
