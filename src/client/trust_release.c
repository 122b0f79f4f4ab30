/* SPDX-License-Identifier: MPL-2.0 */
/*  client/trust_release.c - publishes a release and signs it

    First the release is uploaded and stored; nobody installs it yet. Then the file of the role whose key was given is
    continued, signed and published. If somebody else has published meanwhile, their release is in the newest file: it is
    read and continued again. At the end the metadata is read once more: what counts is what nodes see. */

#include "client/trust.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "wire/envelope.h"

enum { ROUNDS = 8 };

/*  A release to sign. */
struct releasing {
    const noded_publish *publish;
    const noded_signing *signing;
    const struct wire_release *release;
    struct base_digest digest;
    uint64_t size; /* of its document */
};

static bool role_has_key (const struct trust_role *role, const noded_signing *signing)
{
    char text[BASE_DIGEST_TEXT];
    for (size_t i = 0; i < role->n_keyids; i++)
        for (size_t j = 0; j < signing->n_keys; j++)
            if (strcmp (base_digest_format (&role->keyids[i], text), signing->keys[j]->keyid) == 0)
                return true;
    return false;
}

static bool delegation_has (const struct trust_delegation *delegation, const char *path)
{
    for (char **pattern = delegation->paths; pattern && *pattern; pattern++)
        if (trust_pattern_matches (*pattern, path))
            return true;
    return false;
}

/*  The role whose keys were given, and which may publish the application. */
static int role_find (const noded_trust *trust, const struct releasing *releasing, const char **ret_role,
                      struct base_error *error)
{
    char path[TRUST_RELEASE_PATH_TEXT];
    const struct trust_targets *targets = &trust->chain.targets;
    const char *other = NULL;
    (void) trust_release_path (releasing->release->application, &releasing->digest, path);
    *ret_role = "targets";
    if (role_has_key (&trust->chain.root.roles[TRUST_TARGETS], releasing->signing))
        return 0;
    for (size_t i = 0; i < targets->n_delegations; i++) {
        const struct trust_delegation *delegation = &targets->delegations[i];
        if (!role_has_key (&delegation->role, releasing->signing))
            continue;
        other = *ret_role = delegation->name;
        if (delegation_has (delegation, path))
            return 0;
    }
    if (other)
        return base_error_set (
            error, TRUST_E_NO_TARGET,
            "publisher %s, whose key was given, may not publish %s: see nodectl trust status", other,
            releasing->release->application);
    return base_error_set (
        error, TRUST_E_KEY,
        "the key %.12s… is neither a key of targets nor of a publisher: see nodectl trust status",
        releasing->signing->keys[0]->keyid);
}

/*  The highest release-counter of the application in one file. */
static uint64_t counter_most (const struct trust_targets *targets, const char *application, uint64_t most)
{
    struct trust_custom custom;
    for (size_t i = 0; i < targets->n_targets; i++)
        if (trust_custom_read (targets->targets[i].custom, &custom, NULL) == 0 &&
            strcmp (custom.application, application) == 0 && custom.counter > most)
            most = custom.counter;
    return most;
}

/*  The counter of the release: what is signed already, or one more than all others have. */
static int custom_make (const noded_trust *trust, const struct releasing *releasing,
                        const struct trust_target *listed, struct trust_custom *ret_custom,
                        struct base_error *error)
{
    const char *application = releasing->release->application;
    struct trust_custom before = {.counter = 0};
    uint64_t most = counter_most (&trust->chain.targets, application, 0);
    for (size_t i = 0; i < trust->n_publishers; i++)
        most = counter_most (&trust->publishers[i].targets, application, most);
    if (listed && trust_custom_read (listed->custom, &before, NULL))
        before.counter = 0;
    bool keep = before.counter && (!releasing->signing->downgrade || before.counter == most);
    return trust_custom_of_release (releasing->release, keep ? before.counter : most + 1, ret_custom, error);
}

static const struct trust_target *target_listed (const noded_trust *trust, const char *role,
                                                 const struct releasing *releasing)
{
    base_assert (trust && role && releasing);
    char path[TRUST_RELEASE_PATH_TEXT];
    int at = strcmp (role, "targets") == 0 ? -1 : client_publisher_find (trust, role);
    (void) trust_release_path (releasing->release->application, &releasing->digest, path);
    return trust_targets_find (at < 0 ? &trust->chain.targets : &trust->publishers[at].targets, path);
}

/*  Whether a role lists the release as it is to be signed. */
static bool target_is_signed (const struct trust_target *listed, const struct trust_custom *custom)
{
    struct trust_custom before;
    return listed && trust_custom_read (listed->custom, &before, NULL) == 0 &&
           before.counter == custom->counter && trust_custom_fits (&before, custom);
}

static int draft_sign (noded_client *client, const noded_trust *trust, const struct releasing *releasing,
                       noded_metadata *draft, noded_metadata **ret_unfinished)
{
    const noded_metadata *above = strcmp (draft->role, "targets") == 0 ? trust->root : trust->targets;
    base_cleanup (base_free_p) char *difference =
        noded_metadata_difference (noded_trust_file (trust, draft->role), draft);
    base_cleanup (base_free_p) char *missing = NULL;
    struct base_error *error = &client->error;
    if (!difference)
        return client_out_of_memory (client);
    if (releasing->signing->show)
        releasing->signing->show (releasing->signing->context, draft->role, difference);
    int r = 0;
    for (size_t i = 0; r == 0 && i < releasing->signing->n_keys; i++)
        r = noded_metadata_sign (draft, releasing->signing->keys[i], error->text, sizeof error->text);
    if (r == 0)
        r = noded_metadata_missing (draft, above, &missing, error->text, sizeof error->text);
    if (r < 0)
        return error->code = r;
    if (!missing)
        return 0;
    struct trust_draft copy = {.kind = draft->draft.kind, .json = json_incref (draft->draft.json)};
    r = client_metadata_new (draft->role, &copy, ret_unfinished, error);
    if (r < 0)
        return r;
    (*ret_unfinished)->replaces = draft->replaces;
    return base_error_set (error, -EPERM, "%s", missing);
}

static int trust_may_continue (noded_client *client, const noded_trust *trust)
{
    if (trust->targets && !trust->problem[0])
        return 0;
    return base_error_set (&client->error, -EBADMSG, "the broker's metadata must not be continued: %s",
                           trust->problem);
}

/*  Signs the release on the metadata that was read, and publishes it. *ret_role: the role that lists it. */
static int release_sign (noded_client *client, const noded_trust *trust, const struct releasing *releasing,
                         const char **ret_role, noded_metadata **ret_unfinished)
{
    base_cleanup (client_metadata_free_p) noded_metadata *draft = NULL;
    struct base_error reason = {.code = 0};
    struct trust_custom custom;
    int r = trust_may_continue (client, trust);
    if (r < 0)
        return r;
    r = role_find (trust, releasing, ret_role, &reason);
    if (r)
        return client_trust_stop (client, r, &reason);
    const struct trust_target *listed = target_listed (trust, *ret_role, releasing);
    r = custom_make (trust, releasing, listed, &custom, &reason);
    if (r)
        return client_trust_stop (client, r, &reason);
    if (target_is_signed (listed, &custom))
        return 0;
    r = noded_trust_targets_next (trust, *ret_role, releasing->signing->days, &draft, client->error.text,
                                  sizeof client->error.text);
    if (r < 0)
        return client->error.code = r;
    r = trust_draft_targets_add (&draft->draft, &custom, &releasing->digest, releasing->size, &reason);
    if (r)
        return client_trust_stop (client, r, &reason);
    r = draft_sign (client, trust, releasing, draft, ret_unfinished);
    return r < 0 ? r : noded_client_publish_metadata (client, (const noded_metadata *const *) &draft, 1);
}

static bool role_changed (const noded_trust *before, const noded_trust *after, const char *role)
{
    const noded_metadata *old = noded_trust_file (before, role), *new = noded_trust_file (after, role);
    return (old != NULL) != (new != NULL) || (old && !base_digest_equal (&old->file, &new->file));
}

/*  What nodes see now: whether the role lists the release, and the log has it. */
static int release_verify (noded_client *client, const noded_trust *trust, const struct releasing *releasing,
                           const char *role)
{
    struct base_error reason = {.code = 0};
    char *directory = NULL;
    int fd = -1;
    const struct trust_target *listed = trust->targets ? target_listed (trust, role, releasing) : NULL;
    if (!listed)
        return base_error_set (&client->error, -ESTALE,
                               "the metadata that the broker serves now does not list the release: %s",
                               trust->problem[0] ? trust->problem : "somebody else has published over it");
    int r = client_state_open (client, releasing->signing->place.state, &directory, &fd, &reason);
    if (r == 0)
        r = client_log_includes (client, fd, listed, &reason);
    base_close_p (&fd);
    free (directory);
    return r ? client_trust_stop (client, r, &reason) : 0;
}

/*  Signs until it is published, or until it fails although nobody else published. */
static int release_publish (noded_client *client, const struct releasing *releasing,
                            noded_metadata **ret_unfinished)
{
    base_cleanup (client_trust_free_p) noded_trust *trust = NULL;
    int r = noded_trust_read (client, &releasing->signing->place, &trust);
    for (int round = 0; r == 0; round++) {
        const char *role = "targets";
        int published = release_sign (client, trust, releasing, &role, ret_unfinished);
        if (*ret_unfinished)
            return published;
        char name[TRUST_NAME_TEXT];
        (void) base_text_copy (name, sizeof name, role);
        const struct base_error failed = client->error;
        base_cleanup (client_trust_free_p) noded_trust *now = NULL;
        if (published < 0 && !trust->targets)
            return published;
        r = noded_trust_read (client, &releasing->signing->place, &now);
        if (r == 0 && published == 0)
            return release_verify (client, now, releasing, name);
        if (r == 0 && (round == ROUNDS || !role_changed (trust, now, name))) {
            client->error = failed;
            return published;
        }
        noded_trust *before = trust;
        trust = now;
        now = before;
    }
    return r;
}

/*  Whether the keys could sign the release: before hours of uploading. */
static int release_may (noded_client *client, const struct releasing *releasing)
{
    base_cleanup (client_trust_free_p) noded_trust *trust = NULL;
    struct base_error reason = {.code = 0};
    const char *role;
    int r = noded_trust_read (client, &releasing->signing->place, &trust);
    if (r < 0)
        return r;
    r = trust_may_continue (client, trust);
    if (r < 0)
        return r;
    r = role_find (trust, releasing, &role, &reason);
    return r ? client_trust_stop (client, r, &reason) : 0;
}

static int release_publish_made (noded_client *client, const noded_publish *publish,
                                 const noded_signing *signing, const struct client_release *made,
                                 char ret_release[65], noded_metadata **ret_unfinished)
{
    struct releasing releasing = {.publish = publish, .signing = signing, .release = &made->release};
    releasing.digest = wire_release_digest (&made->release, &releasing.size);
    int r = release_may (client, &releasing);
    if (r == 0)
        r = client_release_store (client, publish, made, ret_release);
    return r < 0 ? r : release_publish (client, &releasing, ret_unfinished);
}

int noded_client_publish_signed (noded_client *client, const noded_publish *publish,
                                 const noded_signing *signing, char ret_release[65],
                                 noded_metadata **ret_unfinished)
{
    base_cleanup (client_release_deinit) struct client_release made = CLIENT_RELEASE_NULL;
    *ret_unfinished = NULL;
    *ret_release = '\0';
    if (signing->n_keys == 0)
        return base_error_set (&client->error, -EINVAL, "cannot sign the release: no key is given");
    int r = client_release_make (publish, &made, &client->error);
    return r < 0 ? r : release_publish_made (client, publish, signing, &made, ret_release, ret_unfinished);
}
