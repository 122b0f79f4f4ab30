/* SPDX-License-Identifier: MPL-2.0 */
/*  client/trust_file.c - a metadata file of root or targets: read, changed, signed */

#include "client/trust.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"

uint64_t client_trust_now (void)
{
    return base_time_real_ns () / 1000000000;
}

uint64_t client_trust_after (uint64_t now, unsigned days)
{
    uint64_t after = now + UINT64_C (86400) * days;
    return after < TRUST_EXPIRES_MOST ? after : TRUST_EXPIRES_MOST;
}

int client_trust_code (int r)
{
    return r <= 0 ? r : r == TRUST_E_PASSPHRASE ? -EKEYREJECTED : -EBADMSG;
}

int client_trust_fail (int r, const struct base_error *reason, char *error, size_t size)
{
    base_assert (reason);
    if (r && error && size)
        (void) snprintf (error, size, "%s",
                         *reason->text ? reason->text : noded_error_text (client_trust_code (r)));
    return client_trust_code (r);
}

int client_trust_stop (noded_client *client, int r, const struct base_error *reason)
{
    base_assert (client && r);
    return client_trust_fail (
        base_error_set (&client->error, client_trust_code (r), "%s",
                        *reason->text ? reason->text : noded_error_text (client_trust_code (r))),
        reason, NULL, 0);
}

void client_metadata_free_p (noded_metadata **metadata)
{
    noded_metadata_free (*metadata);
}

void noded_metadata_free (noded_metadata *metadata)
{
    if (!metadata)
        return;
    trust_draft_deinit (&metadata->draft);
    free (metadata);
}

int client_metadata_new (const char *role, struct trust_draft *draft, noded_metadata **ret_metadata,
                         struct base_error *error)
{
    base_assert (role && draft && draft->json && ret_metadata);
    base_assert (strlen (role) < TRUST_NAME_TEXT);
    noded_metadata *metadata = calloc (1, sizeof *metadata);
    if (!metadata) {
        trust_draft_deinit (draft);
        return base_error_set (error, -ENOMEM, "out of memory");
    }
    (void) base_text_copy (metadata->role, sizeof metadata->role, role);
    metadata->draft = *draft;
    *draft = (struct trust_draft){.json = NULL};
    *ret_metadata = metadata;
    return 0;
}

/*  role NULL: as the file says. */
static int role_check (const char *role, const struct trust_draft *draft, struct base_error *error)
{
    bool is_root = role && strcmp (role, "root") == 0;
    if (draft->kind != TRUST_ROOT && draft->kind != TRUST_TARGETS)
        return base_error_set (error, TRUST_E_FORMAT,
                               "this is a %s: only root, targets and files of publishers are signed here",
                               trust_kind_name (draft->kind));
    if (role && is_root != (draft->kind == TRUST_ROOT))
        return base_error_set (error, TRUST_E_FORMAT, "this is a file of %s, and not of %s",
                               trust_kind_name (draft->kind), role);
    if (role && !is_root && strcmp (role, "targets") != 0 && !trust_name_is_delegated (role))
        return base_error_set (error, TRUST_E_FORMAT, "\"%.64s\" cannot be the name of a publisher", role);
    return 0;
}

int client_metadata_parse (const char *role, const void *data, size_t size, noded_metadata **ret_metadata,
                           struct base_error *error)
{
    struct trust_draft draft = {.json = NULL};
    int r = trust_draft_read (data, size, &draft, error);
    if (r)
        return r;
    r = role_check (role, &draft, error);
    if (r == 0)
        return client_metadata_new (role ? role : trust_kind_name (draft.kind), &draft, ret_metadata, error);
    trust_draft_deinit (&draft);
    return r;
}

int noded_metadata_read (const char *path, const char *role, noded_metadata **ret_metadata, char *error,
                         size_t error_size)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {.size = 0};
    struct base_error reason = {.code = 0};
    *ret_metadata = NULL;
    int r = client_file_read (path, WIRE_METADATA_MOST, &bytes, &reason);
    if (r == 0) {
        r = client_metadata_parse (role, bytes.data, bytes.size, ret_metadata, &reason);
        if (r)
            (void) base_error_prefix (&reason, "%s", path);
    }
    return client_trust_fail (r, &reason, error, error_size);
}

const char *noded_metadata_role (const noded_metadata *metadata)
{
    return metadata->role;
}

uint64_t noded_metadata_version (const noded_metadata *metadata)
{
    return trust_draft_version (&metadata->draft);
}

char *noded_metadata_text (const noded_metadata *metadata)
{
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    return trust_draft_write (&metadata->draft, &text, NULL) == 0 ? base_buffer_take_text (&text) : NULL;
}

void noded_metadata_follow (noded_metadata *metadata, const noded_metadata *published)
{
    metadata->replaces = published ? published->file : (struct base_digest){{0}};
}

/*  A signature that a command makes is checked before it is added. */
static int signer_sign (struct trust_draft *draft, noded_signing_key *key, struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {.size = 0};
    base_cleanup (trust_key_deinit) struct trust_key public = {.kind = TRUST_KEY_UNUSABLE};
    uint8_t signature[TRUST_SIGNATURE_MOST];
    size_t size = 0;
    int r = trust_draft_canonical (draft, &bytes, error);
    if (r == 0)
        r = trust_key_read (key->keyid, key->json, &public, error);
    if (r == 0)
        r = client_signer_run (key->command, bytes.data, bytes.size, signature, &size, error);
    return r ? r : trust_draft_add (draft, &public, signature, size, error);
}

int noded_metadata_sign (noded_metadata *metadata, noded_signing_key *key, char *error, size_t error_size)
{
    struct base_error reason = {.code = 0};
    int r = trust_draft_check (&metadata->draft, client_trust_now (), &reason);
    if (r == 0)
        r = key->command ? signer_sign (&metadata->draft, key, &reason)
                         : trust_draft_sign (&metadata->draft, &key->secret, &reason);
    if (r)
        (void) base_error_prefix (&reason, "cannot sign %s version %" PRIu64, metadata->role,
                                  noded_metadata_version (metadata));
    return client_trust_fail (r, &reason, error, error_size);
}

/*  "root version 2 has 1 of 2 signatures of the keys of root version 1; one of these keys must sign it: ..." */
static char *missing_text (const noded_metadata *metadata, const char *whose,
                           const struct trust_missing *missing)
{
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    int r = base_buffer_printf (
        &text, "%s version %" PRIu64 " has %" PRIu64 " of the %" PRIu64 " signatures that it needs%s; %s",
        metadata->role, noded_metadata_version (metadata), missing->have, missing->threshold, whose,
        missing->n_keyids > 1 ? "one of these keys has to sign it: " : "this key has to sign it: ");
    for (size_t i = 0; r == 0 && i < missing->n_keyids; i++) {
        char keyid[BASE_DIGEST_TEXT];
        r = base_buffer_printf (&text, "%s%s", i ? ", " : "",
                                base_digest_format (&missing->keyids[i], keyid));
    }
    return r == 0 ? base_buffer_take_text (&text) : NULL;
}

static int missing_find (const noded_metadata *metadata, const noded_metadata *above,
                         struct trust_missing *ret_missing, const char **ret_whose, struct base_error *error)
{
    *ret_whose = "";
    if (metadata->draft.kind != TRUST_ROOT) {
        base_assert (above);
        return strcmp (metadata->role, "targets") == 0
                   ? trust_draft_targets_missing (&metadata->draft, &above->draft, ret_missing, error)
                   : trust_draft_publisher_missing (&metadata->draft, metadata->role, &above->draft,
                                                    ret_missing, error);
    }
    struct trust_missing last = {.keyids = NULL}, own = {.keyids = NULL};
    int r = trust_draft_root_missing (&metadata->draft, above ? &above->draft : NULL, &last, &own, error);
    bool first = above && !trust_missing_is_complete (&last);
    *ret_missing = first ? last : own;
    *ret_whose = first ? " from the keys of the root before it" : above ? " from its own keys" : "";
    trust_missing_deinit (first ? &own : &last);
    return r;
}

int noded_metadata_missing (const noded_metadata *metadata, const noded_metadata *above, char **ret_missing,
                            char *error, size_t error_size)
{
    base_cleanup (trust_missing_deinit) struct trust_missing missing = {.keyids = NULL};
    struct base_error reason = {.code = 0};
    const char *whose = "";
    *ret_missing = NULL;
    int r = missing_find (metadata, above, &missing, &whose, &reason);
    if (r == 0 && !trust_missing_is_complete (&missing) &&
        !(*ret_missing = missing_text (metadata, whose, &missing)))
        r = base_error_set (&reason, -ENOMEM, "out of memory");
    return client_trust_fail (r, &reason, error, error_size);
}

/*  Keys as metadata lists them; release them with json_decref one by one. */
static int keys_load (const noded_public *keys, size_t count, json_t **ret_keys, struct base_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!(ret_keys[i] = json_loads (keys[i].json, 0, NULL)))
            return base_error_set (error, -ENOMEM, "out of memory");
    return 0;
}

static int delegate (noded_metadata *targets, const noded_publisher *publisher, json_t **keys,
                     struct base_error *error)
{
    const struct trust_publisher made = {
        .name = publisher->name,
        .keys = {.keys = keys,
                 .count = publisher->n_keys,
                 .threshold = publisher->threshold ? publisher->threshold : 1},
        .applications = publisher->applications,
        .n_applications = publisher->n_applications,
    };
    int r = keys_load (publisher->keys, publisher->n_keys, keys, error);
    return r ? r : trust_draft_targets_delegate (&targets->draft, &made, error);
}

int noded_metadata_delegate (noded_metadata *targets, const noded_publisher *publisher, char *error,
                             size_t error_size)
{
    struct base_error reason = {.code = 0};
    base_cleanup (base_free_p) json_t **keys = calloc (publisher->n_keys + 1, sizeof *keys);
    int r = keys ? delegate (targets, publisher, keys, &reason)
                 : base_error_set (&reason, -ENOMEM, "out of memory");
    for (size_t i = 0; keys && i < publisher->n_keys; i++)
        json_decref (keys[i]);
    return client_trust_fail (r, &reason, error, error_size);
}

int noded_metadata_undelegate (noded_metadata *targets, const char *name, char *error, size_t error_size)
{
    struct base_error reason = {.code = 0};
    return client_trust_fail (trust_draft_targets_undelegate (&targets->draft, name, &reason), &reason, error,
                              error_size);
}

int noded_metadata_remove (noded_metadata *targets, const char *application, const char *release, char *error,
                           size_t error_size)
{
    struct base_error reason = {.code = 0};
    struct base_digest digest;
    int r = base_digest_parse (release, &digest) != 0 || !wire_application_is_valid (application)
                ? base_error_set (&reason, -EINVAL, "\"%s\" of %s is not a release", release, application)
                : trust_draft_targets_remove (&targets->draft, application, &digest, &reason);
    return client_trust_fail (r, &reason, error, error_size);
}
