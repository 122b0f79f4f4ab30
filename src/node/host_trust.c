/* SPDX-License-Identifier: MPL-2.0 */
/*  node/host_trust.c - pins, shows and checks the trust root of a host */

#include "node/host_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "node/trust.h"
#include "root/lock.h"
#include "root/metadata.h"
#include "root/record.h"
#include "trust/client.h"

enum { CHANGE_MS = 5000 };

/*  The stored metadata as far as it is signed properly; nothing counts as expired. Null value: all zero. */
struct stored {
    struct root_metadata files;
    uint64_t pinned_version, now;
    struct trust_client client;
    char **damage; /* sentences about what is not used */
};

static void stored_deinit (struct stored *stored)
{
    trust_client_deinit (&stored->client);
    (void) base_list_free (stored->damage);
}

__attribute__ ((format (printf, 2, 3))) static void damage_note (struct stored *stored, const char *format,
                                                                 ...)
{
    char text[BASE_ERROR_SIZE];
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    (void) base_list_append (&stored->damage, text);
}

static int file_read (const char *file, struct base_buffer *ret_bytes, struct base_error *error)
{
    int r = disk_file_read (&disk_read_only, AT_FDCWD, file, ROOT_METADATA_PINNED_MOST, ret_bytes);
    return r < 0 ? base_error_errno (error, r, "cannot read %s", file) : 0;
}

/*  Checks the bytes of a file. */
static int root_judge (const char *file, const struct base_buffer *bytes, struct base_error *error)
{
    base_cleanup (trust_client_deinit) struct trust_client client = {.phase = TRUST_PHASE_NULL};
    struct base_error why = {.code = 0};
    int r = trust_client_init (&client, NULL, node_trust_now (), bytes->data, bytes->size, &why);
    return r ? base_error_set (error, r, "%s cannot be pinned: it is no valid root metadata: %.350s", file,
                               why.text)
             : 0;
}

int node_host_trust_check_file (const char *file, struct base_error *error)
{
    base_assert (file);
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    int r = file_read (file, &bytes, error);
    return r < 0 ? r : root_judge (file, &bytes, error);
}

int node_host_trust_pin (const struct root *root, const char *file, bool *ret_running, bool *ret_changed,
                         struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (file && ret_running && ret_changed);
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0}, before = {0};
    struct root_metadata files;
    int r = file_read (file, &bytes, error);
    if (r < 0)
        return r;
    r = root_judge (file, &bytes, error);
    if (r)
        return r;
    base_cleanup (base_close_p) int change = root_change_lock (root, CHANGE_MS);
    (void)
        change; /* two commands at once wait for each other; as a revert does, this one continues without it */
    struct base_digest pinned = base_digest_of (bytes.data, bytes.size);
    bool same =
        root_metadata_open (root, &files, &before, NULL) == 0 && base_digest_equal (&files.pinned, &pinned);
    r = root_metadata_pin (root, bytes.data, bytes.size, error);
    if (r < 0)
        return r;
    *ret_changed = !same;
    *ret_running = root_lock_is_held (root);
    return 0;
}

/*  reading */

/*  Follows the chain of stored roots, from the pinned one. Returns 0 or an error with a sentence. */
static int chain_read (struct stored *stored, struct base_buffer *root, struct base_error *error)
{
    struct trust_limits limits = trust_limits_default;
    base_cleanup (trust_client_deinit) struct trust_client chain = {.phase = TRUST_PHASE_NULL};
    limits.roots = UINT32_MAX;
    int r = trust_client_init (&chain, &limits, 0, root->data, root->size, error);
    if (r)
        return r;
    stored->pinned_version = chain.root.common.version;
    for (;;) {
        base_cleanup (base_buffer_deinit) struct base_buffer next = {0};
        struct base_error why = {.text = "it cannot be read"};
        uint64_t version = chain.root.common.version + 1;
        r = root_metadata_read_root (&stored->files, version, limits.root, &next);
        if (r == ROOT_E_NONE)
            break;
        if (r == 0)
            r = trust_client_root (&chain, next.data, next.size, &why);
        if (r) {
            damage_note (stored, "root of version %" PRIu64 " is damaged: %.300s", version, why.text);
            break;
        }
        struct base_buffer last = *root;
        *root = next;
        next = last;
    }
    r = trust_client_init (&stored->client, NULL, 0, root->data, root->size, error);
    return r ? r : trust_client_root_end (&stored->client, error);
}

/*  Reads the stored file of a role. Returns whether there is one that can be read. */
static bool role_read (struct stored *stored, const char *role, struct base_buffer *ret_bytes)
{
    char file[TRUST_FILE_TEXT];
    int r = root_metadata_read_role (&stored->files, trust_name_file (role, 0, file), TRUST_DOCUMENT_MOST,
                                     ret_bytes);
    if (r != 0 && r != ROOT_E_NONE)
        damage_note (stored, "%s is damaged: it cannot be read", role);
    return r == 0;
}

/*  A crash may have left files of two moments, which is no damage. So targets are judged only if the snapshot is that of the
    timestamp, and are only missing if they are not those of the snapshot. */
static void roles_read (struct stored *stored)
{
    base_cleanup (base_buffer_deinit) struct base_buffer timestamp = {0}, snapshot = {0}, targets = {0};
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    struct base_error why = {.code = 0};
    bool changed;
    if (role_read (stored, "timestamp", &timestamp) &&
        trust_client_timestamp (&stored->client, timestamp.data, timestamp.size, &changed, &why))
        damage_note (stored, "timestamp is damaged: %.300s", why.text);
    if (role_read (stored, "snapshot", &snapshot) && stored->client.phase == TRUST_PHASE_SNAPSHOT &&
        trust_client_snapshot_stored (&stored->client, snapshot.data, snapshot.size, &why))
        damage_note (stored, "snapshot is damaged: %.300s", why.text);
    if (!role_read (stored, "targets", &targets))
        return;
    if (trust_document_parse (targets.data, targets.size, TRUST_DOCUMENT_MOST, &document, &why))
        damage_note (stored, "targets is damaged: %.300s", why.text);
    else if (stored->client.phase == TRUST_PHASE_TARGETS)
        (void) trust_client_targets (&stored->client, targets.data, targets.size, NULL);
}

/*  Returns 0, ROOT_E_NONE if no root is pinned, or an error with a sentence. */
static int stored_read (const struct root *root, struct stored *stored, struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    stored->now = node_trust_now ();
    int r = root_metadata_open (root, &stored->files, &bytes, error);
    if (r)
        return r;
    struct base_error why = {.code = 0};
    r = chain_read (stored, &bytes, &why);
    if (r)
        return base_error_set (
            error, ROOT_E_DAMAGED,
            "%s/" ROOT_TRUST_PINNED
            " is damaged (%.200s), so no release can be verified: pin it again with noded trust pin "
            "--root %s FILE",
            root->path, why.text, root->path);
    roles_read (stored);
    return 0;
}

/*  printing */

static void role_print (const struct stored *stored, const char *role, const struct trust_common *common)
{
    char expires[TRUST_EXPIRES_TEXT];
    bool over = trust_expires_is_over (common->expires, stored->now);
    base_log_print (stdout, "%-10s version %" PRIu64 ", %s %s", role, common->version,
                    over ? "EXPIRED" : "expires", trust_expires_format (common->expires, expires));
}

static void keys_print (const struct trust_root *root)
{
    static const char *const kinds[] = {[TRUST_KEY_UNUSABLE] = "cannot be used here",
                                        [TRUST_KEY_ED25519] = "ed25519",
                                        [TRUST_KEY_ECDSA_P256] = "ecdsa-sha2-nistp256",
                                        [TRUST_KEY_RSA_PSS] = "rsassa-pss-sha256"};
    for (enum trust_kind kind = TRUST_ROOT; kind < TRUST_KINDS; kind++) {
        const struct trust_role *role = &root->roles[kind];
        base_log_print (stdout, "%s needs %" PRIu64 " of %zu keys", trust_kind_name (kind), role->threshold,
                        role->n_keyids);
        for (size_t i = 0; i < role->n_keyids; i++) {
            char keyid[BASE_DIGEST_TEXT];
            const struct trust_key *key = trust_keys_find (&root->keys, &role->keyids[i]);
            base_log_print (stdout, "    %s  %s", base_digest_format (&role->keyids[i], keyid),
                            key ? kinds[key->kind] : "missing");
        }
    }
}

static void floors_print (const struct stored *stored)
{
    base_cleanup (wire_floors_deinit) struct wire_floors floors = {.n_floors = 0};
    if (root_floor_list (&stored->files, &floors))
        return;
    for (size_t i = 0; i < floors.n_floors; i++)
        base_log_print (stdout, "%s accepts release-counters from %" PRIu64, floors.floors[i].application,
                        floors.floors[i].counter);
}

/*  Returns the fault of the node manager's last check. The caller owns it. */
static bool fault_read (const struct stored *stored, struct wire_trust_fault *ret_fault)
{
    return root_fault_read (&stored->files, "noded", ret_fault) == 0;
}

static void none_print (const struct root *root)
{
    base_log_print (stdout,
                    "%-10s none: releases are not verified; noded trust pin --root %s FILE pins a root",
                    "trust", root->path);
}

int node_host_trust_show (const struct root *root, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_cleanup (stored_deinit) struct stored stored = {.pinned_version = 0};
    struct wire_trust_fault fault;
    char digest[BASE_DIGEST_TEXT];
    int r = stored_read (root, &stored, error);
    if (r == ROOT_E_NONE) {
        none_print (root);
        *error = (struct base_error){.code = 0};
        return r;
    }
    if (r)
        return r;
    base_log_print (stdout, "%-10s version %" PRIu64 ", SHA-256 %s", "pinned", stored.pinned_version,
                    base_digest_format (&stored.files.pinned, digest));
    role_print (&stored, "root", &stored.client.root.common);
    if (stored.client.has_timestamp)
        role_print (&stored, "timestamp", &stored.client.timestamp.common);
    else
        base_log_print (stdout, "%-10s no release was checked yet", "timestamp");
    if (stored.client.has_snapshot)
        role_print (&stored, "snapshot", &stored.client.snapshot.common);
    if (stored.client.phase == TRUST_PHASE_READY)
        role_print (&stored, "targets", &stored.client.targets.common);
    keys_print (&stored.client.root);
    floors_print (&stored);
    for (size_t i = 0; stored.damage && stored.damage[i]; i++)
        base_log_print (stdout, "damage     %s: it is fetched again at the next update", stored.damage[i]);
    if (fault_read (&stored, &fault)) {
        base_log_print (stdout, "%-10s %.19s %s", "refused", fault.time, fault.reason);
        wire_trust_fault_deinit (&fault);
    }
    return 0;
}

void node_host_trust_print (const struct root *root)
{
    base_assert (root_is_open (root));
    base_cleanup (stored_deinit) struct stored stored = {.pinned_version = 0};
    struct wire_trust_fault fault;
    struct base_error error = {.code = 0};
    int r = stored_read (root, &stored, &error);
    if (r == ROOT_E_NONE) {
        none_print (root);
        return;
    }
    if (r) {
        base_log_print (stdout, "%-10s %s", "trust", error.text);
        return;
    }
    const struct trust_root *trusted = &stored.client.root;
    const struct trust_role *role = &trusted->roles[TRUST_ROOT];
    char expires[TRUST_EXPIRES_TEXT];
    base_log_print (stdout,
                    "%-10s root version %" PRIu64 ", %s %s; %" PRIu64 " of %zu keys sign it:", "trust",
                    trusted->common.version,
                    trust_expires_is_over (trusted->common.expires, stored.now) ? "EXPIRED" : "expires",
                    trust_expires_format (trusted->common.expires, expires), role->threshold, role->n_keyids);
    for (size_t i = 0; i < role->n_keyids; i++) {
        char keyid[BASE_DIGEST_TEXT];
        base_log_print (stdout, "%-10s %s", "", base_digest_format (&role->keyids[i], keyid));
    }
    if (fault_read (&stored, &fault)) {
        base_log_print (stdout, "%-10s %.19s %s", "unverified", fault.time, fault.reason);
        wire_trust_fault_deinit (&fault);
    }
}

bool node_host_trust_verify (const struct root *root, void (*found) (void *context, const char *text),
                             void *context)
{
    base_assert (root_is_open (root));
    base_assert (found);
    base_cleanup (stored_deinit) struct stored stored = {.pinned_version = 0};
    struct base_error error = {.code = 0};
    int r = stored_read (root, &stored, &error);
    if (r == ROOT_E_NONE)
        return false;
    if (r && !*error.text)
        (void) base_error_set (&error, r, ROOT_TRUST " cannot be checked");
    if (r)
        found (context, error.text);
    for (size_t i = 0; stored.damage && stored.damage[i]; i++) {
        char text[BASE_ERROR_SIZE + 64];
        (void) snprintf (text, sizeof text, ROOT_TRUST ": %s; it is fetched again at the next update",
                         stored.damage[i]);
        found (context, text);
    }
    return r != 0 || stored.damage;
}
