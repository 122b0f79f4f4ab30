/* SPDX-License-Identifier: MPL-2.0 */
/*  client/trust_chain.c - reads the metadata of a broker, and verifies it as a node does

    With two differences. Nothing is expired, because what is expired is what an operator has to sign again. And the files
    of all publishers are read. If only the roots can be verified, the result has a problem instead of targets: rotating
    keys is what cures it. */

#include "client/trust.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "disk/disk.h"
#include "trust/refresh.h"

void client_trust_free_p (noded_trust **trust)
{
    noded_trust_free (*trust);
}

void noded_trust_free (noded_trust *trust)
{
    if (!trust)
        return;
    for (size_t i = 0; i < trust->n_publishers; i++) {
        noded_metadata_free (trust->publishers[i].metadata);
        trust_targets_deinit (&trust->publishers[i].targets);
    }
    free (trust->publishers);
    noded_metadata_free (trust->root);
    noded_metadata_free (trust->targets);
    trust_client_deinit (&trust->chain);
    client_roles_free (trust);
    free (trust->directory);
    base_close_p (&trust->fd);
    free (trust);
}

static int trust_open (noded_client *client, const char *state, noded_trust **ret_trust)
{
    struct base_error reason = {.code = 0};
    base_cleanup (client_trust_free_p) noded_trust *trust = calloc (1, sizeof *trust);
    if (!trust)
        return client_out_of_memory (client);
    trust->fd = -1;
    int r = client_state_open (client, state, &trust->directory, &trust->fd, &reason);
    if (r < 0)
        return client_trust_stop (client, r, &reason);
    *ret_trust = base_take (trust);
    return 0;
}

/*  Whether the root is signed by its own keys, so that it can be the beginning of a chain. */
static int root_check (const void *data, size_t size, struct base_error *error)
{
    struct trust_client chain;
    int r = trust_client_init (&chain, NULL, 0, data, size, error);
    if (r == 0)
        trust_client_deinit (&chain);
    return r;
}

static int root_pin (noded_client *client, const noded_trust *trust, const void *data, size_t size)
{
    base_cleanup (base_buffer_deinit) struct base_buffer before = {.size = 0};
    struct base_error reason = {.code = 0};
    int r = client_state_read (trust->fd, "root.json", TRUST_DOCUMENT_MOST, &before);
    if (r == 0 && before.size == size && memcmp (before.data, data, size) == 0)
        return 0;
    if (r == 0)
        return base_error_set (
            &client->error, -EEXIST,
            "cannot pin the root: another one is pinned for this broker, in %s/root.json; if the "
            "new one is genuine, remove that directory first: rm -r %s",
            trust->directory, trust->directory);
    if (r != -ENOENT)
        return base_error_errno (&client->error, r, "cannot read %s/root.json", trust->directory);
    r = root_check (data, size, &reason);
    if (r == 0)
        r = client_state_write (trust->fd, "root.json", data, size, &reason);
    return r ? client_trust_stop (client, base_error_prefix (&reason, "cannot pin the root"), &reason) : 0;
}

int noded_trust_pin (noded_client *client, const noded_trust_place *place, const noded_metadata *root)
{
    base_cleanup (client_trust_free_p) noded_trust *trust = NULL;
    base_cleanup (base_free_p) char *text = noded_metadata_text (root);
    if (!text)
        return client_out_of_memory (client);
    int r = trust_open (client, place->state, &trust);
    base_assert (r < 0 || trust);
    return r < 0 ? r : root_pin (client, trust, text, strlen (text));
}

/*  The root that this host trusts: what it keeps, else the file that was given. */
static int root_begin (noded_client *client, const noded_trust_place *place, noded_trust *trust)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {.size = 0};
    struct base_error reason = {.code = 0};
    int r = client_state_read (trust->fd, "root.json", TRUST_DOCUMENT_MOST, &bytes);
    if (r == -ENOENT && place->root) {
        r = client_file_read (place->root, TRUST_DOCUMENT_MOST, &bytes, &reason);
        if (r == 0)
            r = root_pin (client, trust, bytes.data, bytes.size);
        else
            r = client_trust_stop (client, r, &reason);
        if (r < 0)
            return r;
    }
    if (r == -ENOENT)
        return base_error_set (
            &client->error, -ENOENT,
            "this host has no root to verify the metadata of %s with: get root.json from who ran "
            "nodectl trust init, and give it once with --trust-root root.json",
            client->endpoints.control);
    if (r < 0)
        return base_error_errno (&client->error, r, "cannot read %s/root.json", trust->directory);
    r = trust_client_init (&trust->chain, NULL, 0, bytes.data, bytes.size, &reason);
    return r ? client_trust_stop (client, base_error_prefix (&reason, "%s/root.json", trust->directory),
                                  &reason)
             : 0;
}

static void action_fetch (noded_client *client, struct trust_refresh *refresh,
                          const struct trust_action *action)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {.size = 0};
    int r = client_metadata_fetch (client, action->role, action->version, action->most, &bytes);
    if (r == 0)
        trust_refresh_bytes (refresh, bytes.data, bytes.size);
    else if (r == -ENOENT)
        trust_refresh_absent (refresh);
    else
        trust_refresh_failed (refresh, r == -EFBIG ? TRUST_E_TOO_LARGE : r, client->error.text);
}

static void action_carry_out (noded_client *client, noded_trust *trust, struct trust_refresh *refresh,
                              const struct trust_action *action)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {.size = 0};
    struct base_error reason = {.code = 0};
    int r = 0;
    switch (action->kind) {
    case TRUST_LOAD:
        if (client_state_read (trust->fd, action->file, action->most, &bytes) == 0)
            trust_refresh_bytes (refresh, bytes.data, bytes.size);
        else
            trust_refresh_absent (refresh);
        return;
    case TRUST_FETCH:
        action_fetch (client, refresh, action);
        return;
    case TRUST_STORE:
        r = client_state_write (trust->fd, action->file, action->data, action->size, &reason);
        break;
    case TRUST_DROP:
        r = disk_unlink (&disk_system, trust->fd, action->file);
        if (r == -ENOENT)
            r = 0;
        else if (r < 0)
            (void) base_error_errno (&reason, r, "cannot remove %s", action->file);
        break;
    case TRUST_DONE:
    case TRUST_FAILED:
        base_assert (false);
    }
    if (r < 0)
        trust_refresh_failed (refresh, r, reason.text);
    else
        trust_refresh_done (refresh);
}

/*  A broker that cannot be asked, or a disk that fails, is an error; what cannot be trusted is a problem. */
static int chain_refresh (noded_client *client, noded_trust *trust)
{
    struct trust_refresh refresh;
    struct trust_action action;
    trust_refresh_init (&refresh, &trust->chain);
    for (trust_refresh_next (&refresh, &action); action.kind != TRUST_DONE && action.kind != TRUST_FAILED;
         trust_refresh_next (&refresh, &action))
        action_carry_out (client, trust, &refresh, &action);
    int r = action.kind == TRUST_DONE ? 0 : refresh.code;
    if (r < 0 || (r > 0 && trust->chain.phase == TRUST_PHASE_ROOT))
        r = client_trust_stop (client, r, &refresh.error);
    else if (r > 0)
        (void) snprintf (trust->problem, sizeof trust->problem, "%s", refresh.error.text);
    trust_refresh_deinit (&refresh);
    return r < 0 ? r : 0;
}

/*  A file that this host keeps and that the chain has just verified. */
static int file_take (noded_client *client, const noded_trust *trust, const char *role,
                      noded_metadata **ret_metadata)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {.size = 0};
    struct base_error reason = {.code = 0};
    char file[TRUST_FILE_TEXT];
    int r = client_state_read (trust->fd, trust_name_file (role, 0, file), TRUST_DOCUMENT_MOST, &bytes);
    if (r < 0)
        return base_error_errno (&client->error, r, "cannot read %s/%s", trust->directory, file);
    r = client_metadata_parse (role, bytes.data, bytes.size, ret_metadata, &reason);
    if (r)
        return client_trust_stop (client, base_error_prefix (&reason, "%s/%s", trust->directory, file),
                                  &reason);
    (*ret_metadata)->file = base_digest_of (bytes.data, bytes.size);
    return 0;
}

/*  Verifies a file of a publisher and takes it. Returns 0, -ENOMEM or a code of trust/errors.h. */
static int publisher_take (noded_trust *trust, const char *name, const struct base_buffer *bytes,
                           struct client_role *role, struct base_error *error)
{
    base_cleanup (trust_document_deinit) struct trust_document document = {.json = NULL};
    const struct trust_targets *targets;
    int r = trust_client_delegated (&trust->chain, NULL, name, bytes->data, bytes->size, &targets, error);
    trust_client_forget (&trust->chain);
    if (r == 0)
        r = trust_document_parse (bytes->data, bytes->size, TRUST_DOCUMENT_MOST, &document, error);
    if (r == 0)
        r = trust_targets_read (document.content, &role->targets, error);
    if (r == 0)
        r = client_metadata_parse (name, bytes->data, bytes->size, &role->metadata, error);
    if (r == 0)
        role->metadata->file = base_digest_of (bytes->data, bytes->size);
    return r;
}

static int publisher_read (noded_client *client, noded_trust *trust, size_t index)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {.size = 0};
    struct client_role *role = &trust->publishers[index];
    struct base_error reason = {.code = 0};
    char file[TRUST_FILE_TEXT];
    const char *name = trust->chain.targets.delegations[index].name;
    const struct trust_meta *meta = trust_client_meta (&trust->chain, name);
    if (!meta)
        return 0; /* nothing was published yet */
    size_t most = trust_client_most (&trust->chain, name);
    (void) trust_name_file (name, 0, file);
    if (client_state_read (trust->fd, file, most, &bytes) == 0 &&
        publisher_take (trust, name, &bytes, role, &reason) == 0)
        return 0;
    bytes.size = 0;
    int r = client_metadata_fetch (client, name, meta->version, most, &bytes);
    if (r < 0 && r != -ENOENT && r != -EFBIG)
        return r;
    if (r == 0) {
        r = publisher_take (trust, name, &bytes, role, &reason);
        if (r == 0)
            r = client_state_write (trust->fd, file, bytes.data, bytes.size, &reason);
    } else
        (void) base_error_set (&reason, r, "%s", client->error.text);
    if (r == -ENOMEM)
        return client_out_of_memory (client);
    if (r)
        (void) snprintf (role->problem, sizeof role->problem, "%.250s", reason.text);
    return 0;
}

static int publishers_read (noded_client *client, noded_trust *trust)
{
    size_t count = trust->chain.targets.n_delegations;
    trust->publishers = calloc (count + 1, sizeof *trust->publishers);
    if (!trust->publishers)
        return client_out_of_memory (client);
    trust->n_publishers = count;
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = publisher_read (client, trust, i);
    return r;
}

static int log_read (noded_client *client, noded_trust *trust)
{
    base_cleanup (base_buffer_deinit) struct base_buffer timestamp = {.size = 0};
    struct base_error reason = {.code = 0};
    int r = client_state_read (trust->fd, "timestamp.json", TRUST_DOCUMENT_MOST, &timestamp);
    if (r < 0)
        return base_error_errno (&client->error, r, "cannot read %s/timestamp.json", trust->directory);
    r = client_log_check (client, trust->fd, &timestamp, &reason);
    if (r > 0) {
        (void) snprintf (trust->problem, sizeof trust->problem, "%s", reason.text);
        return 0;
    }
    return r < 0 ? client_trust_stop (client, r, &reason) : 0;
}

/*  What an operator must not continue without knowing: newer files may be withheld. */
static void freshness_check (noded_trust *trust)
{
    uint64_t now = client_trust_now ();
    const struct trust_common *stale =
        trust_expires_is_over (trust->chain.timestamp.common.expires, now)  ? &trust->chain.timestamp.common
        : trust_expires_is_over (trust->chain.snapshot.common.expires, now) ? &trust->chain.snapshot.common
                                                                            : NULL;
    char text[TRUST_EXPIRES_TEXT];
    if (!stale || trust->problem[0])
        return;
    (void) snprintf (
        trust->problem, sizeof trust->problem,
        "the broker's %s expired at %s: newer metadata may be withheld, or the broker cannot renew it, "
        "or the clock of this host is wrong; see the broker's log, and run nodectl trust status again",
        stale == &trust->chain.timestamp.common ? "timestamp" : "snapshot",
        trust_expires_format (stale->expires, text));
}

static int trust_read (noded_client *client, const noded_trust_place *place, noded_trust *trust)
{
    int r = root_begin (client, place, trust);
    if (r == 0)
        r = chain_refresh (client, trust);
    if (r == 0)
        r = file_take (client, trust, "root", &trust->root);
    if (r < 0 || trust->chain.phase != TRUST_PHASE_READY)
        return r;
    r = file_take (client, trust, "targets", &trust->targets);
    if (r == 0)
        r = publishers_read (client, trust);
    if (r == 0)
        r = log_read (client, trust);
    if (r == 0)
        freshness_check (trust);
    return r;
}

int noded_trust_read (noded_client *client, const noded_trust_place *place, noded_trust **ret_trust)
{
    base_cleanup (client_trust_free_p) noded_trust *trust = NULL;
    *ret_trust = NULL;
    int r = trust_open (client, place->state, &trust);
    base_assert (r < 0 || trust);
    if (r == 0)
        r = trust_read (client, place, trust);
    if (r == 0)
        r = client_roles_show (trust) < 0 ? client_out_of_memory (client) : 0;
    if (r < 0)
        return r;
    base_close_p (&trust->fd); /* unlocks it */
    trust->fd = -1;
    *ret_trust = base_take (trust);
    return 0;
}

const char *noded_trust_problem (const noded_trust *trust)
{
    return trust->problem[0] ? trust->problem : NULL;
}

const char *noded_trust_directory (const noded_trust *trust)
{
    return trust->directory;
}

int client_publisher_find (const struct noded_trust *trust, const char *name)
{
    for (size_t i = 0; i < trust->n_publishers; i++)
        if (strcmp (trust->chain.targets.delegations[i].name, name) == 0)
            return (int) i;
    return -1;
}

const noded_metadata *noded_trust_file (const noded_trust *trust, const char *role)
{
    if (strcmp (role, "root") == 0)
        return trust->root;
    if (strcmp (role, "targets") == 0)
        return trust->targets;
    int at = client_publisher_find (trust, role);
    return at < 0 ? NULL : trust->publishers[at].metadata;
}
