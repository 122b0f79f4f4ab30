/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_root.c - the signed metadata that a broker serves: publishing a root */

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "broker/errors.h"
#include "broker/trust_making.h"

/*  Whether the broker can sign what a root wants it to sign. */
static int root_check_online (const struct broker_trust *trust, const struct trust_root *root,
                              struct base_error *error)
{
    static const enum trust_kind kinds[] = {TRUST_TIMESTAMP, TRUST_SNAPSHOT};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *name = trust_kind_name (kinds[i]);
        if (root->roles[kinds[i]].threshold != 1)
            return base_error_set (error, BROKER_E_REFUSED,
                                   "the root wants %" PRIu64
                                   " signatures of %s, but the broker makes one: set the"
                                   " threshold to 1",
                                   root->roles[kinds[i]].threshold, name);
        if (!broker_trust_keys_find (&trust->keys, root, kinds[i]))
            return base_error_set (
                error, BROKER_E_REFUSED,
                "the root lists no key of this broker for %s: nodectl trust shows the keys that"
                " it must list",
                name);
    }
    return root->consistent_snapshot ? 0
                                     : base_error_set (error, BROKER_E_REFUSED,
                                                       "the root has no consistent snapshots: set"
                                                       " \"consistent_snapshot\" to true");
}

/*  An older version: accepted if its file is missing or damaged, and the chain is whole with it. */
static int root_restore (struct broker_trust *trust, const struct trust_client *older, const void *data,
                         size_t size, struct base_error *error)
{
    uint64_t version = older->root.common.version;
    struct trust_client client = {.phase = TRUST_PHASE_NULL};
    base_cleanup (base_buffer_deinit) struct base_buffer here = {0}, next = {0};
    int r = broker_trust_files_read (&trust->files, "root", version, trust_limits_default.root, &here, NULL);
    if (r == 0 && here.size == size && memcmp (here.data, data, size) == 0)
        return 0;
    r = broker_trust_files_read (&trust->files, "root", version + 1, trust_limits_default.root, &next, error);
    if (version == trust->state.view.root.common.version)
        return base_error_set (error, BROKER_E_REFUSED,
                               "another root with version %" PRIu64
                               " is published: sign the next one with version %" PRIu64,
                               version, version + 1);
    if (r < 0)
        return base_error_set (error, BROKER_E_REFUSED,
                               "publish root version %" PRIu64
                               " first: it is missing, and shows whether this one is"
                               " genuine",
                               version + 1);
    r = trust_client_init (&client, NULL, 0, data, size, error);
    if (r == 0) {
        r = trust_client_root (&client, next.data, next.size, error);
        trust_client_deinit (&client);
    }
    return r ? r : broker_trust_files_write (&trust->files, "root", version, data, size, error);
}

/*  The next root. *ret_replaced: nodes drop the snapshot and the timestamp that they have. */
static int root_follow (struct broker_trust *trust, const void *data, size_t size, uint64_t now,
                        bool *ret_replaced, struct base_error *error)
{
    base_cleanup (broker_trust_client_deinit) struct trust_client client = {.phase = TRUST_PHASE_NULL};
    const struct base_buffer *last = &trust->state.root;
    bool first = last->size == 0;
    int r =
        trust_client_init (&client, NULL, now, first ? data : last->data, first ? size : last->size, error);
    if (r == 0 && !first)
        r = trust_client_root (&client, data, size, error);
    if (r == 0)
        r = trust_client_root_end (&client, error);
    if (r == 0)
        r = root_check_online (trust, &client.root, error);
    if (r == 0)
        r = broker_trust_files_write (&trust->files, "root", client.root.common.version, data, size, error);
    if (r == 0)
        *ret_replaced = client.keys_left;
    return r;
}

int broker_trust_publish_root (struct broker_trust *trust, const void *data, size_t size, uint64_t now,
                               uint64_t *ret_version, struct base_error *error)
{
    base_assert (trust && (data || size == 0) && ret_version);
    struct trust_client client = {.phase = TRUST_PHASE_NULL};
    bool is_replaced = false;
    int r = trust_client_init (&client, NULL, 0, data, size, error);
    if (r)
        return broker_trust_refusal (r, error);
    if (trust->state.root.size > 0 && client.root.common.version <= trust->state.view.root.common.version)
        r = root_restore (trust, &client, data, size, error);
    else
        r = root_follow (trust, data, size, now, &is_replaced, error);
    trust_client_deinit (&client);
    if (r == 0)
        r = broker_trust_reload (trust, error);
    if (r)
        return broker_trust_refusal (r, error);
    *ret_version = trust->state.view.root.common.version;
    /* Of this, a failure is no failure of the root: trust->renewal has it, and it is tried again. */
    if (trust->state.has_targets && (is_replaced || broker_trust_renewal_is_due (trust, now)))
        (void) broker_trust_renew_now (trust, is_replaced, now, NULL);
    return 0;
}
