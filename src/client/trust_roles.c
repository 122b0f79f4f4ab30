/* SPDX-License-Identifier: MPL-2.0 */
/*  client/trust_roles.c - the roles of verified metadata, for people */

#include "client/trust.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

void client_roles_free (struct noded_trust *trust)
{
    for (size_t i = 0; trust->texts && i < trust->n_shown; i++) {
        (void) base_list_free (trust->texts[i].keyids);
        (void) base_list_free (trust->texts[i].applications);
    }
    free (trust->texts);
    free (trust->shown);
    trust->texts = NULL;
    trust->shown = NULL;
    trust->n_shown = 0;
}

static int keys_show (const struct trust_role *role, noded_trust_role *shown, struct client_role_texts *texts)
{
    char keyid[BASE_DIGEST_TEXT];
    for (size_t i = 0; i < role->n_keyids; i++)
        if (base_list_append (&texts->keyids, base_digest_format (&role->keyids[i], keyid)) < 0)
            return -ENOMEM;
    shown->threshold = role->threshold;
    shown->keyids = (const char *const *) texts->keyids;
    shown->n_keyids = role->n_keyids;
    return 0;
}

static void common_show (const struct trust_common *common, noded_trust_role *shown,
                         struct client_role_texts *texts)
{
    shown->version = common->version;
    shown->expires_s = common->expires;
    shown->expires = trust_expires_format (common->expires, texts->expires);
}

/*  "web/..." of a delegation is the application web. */
static int applications_show (char *const *paths, noded_trust_role *shown, struct client_role_texts *texts)
{
    size_t count = paths ? base_list_count (paths) : 0;
    for (size_t i = 0; i < count; i++) {
        base_cleanup (base_free_p) char *application = strdup (paths[i]);
        if (!application)
            return -ENOMEM;
        size_t size = strlen (application);
        if (size > 2 && strcmp (application + size - 2, "/*") == 0)
            application[size - 2] = '\0';
        if (base_list_append (&texts->applications, application) < 0)
            return -ENOMEM;
    }
    shown->applications = (const char *const *) texts->applications;
    shown->n_applications = count;
    return 0;
}

static int publisher_show (const struct noded_trust *trust, size_t index, noded_trust_role *shown,
                           struct client_role_texts *texts)
{
    const struct trust_delegation *delegation = &trust->chain.targets.delegations[index];
    const struct client_role *role = &trust->publishers[index];
    shown->name = delegation->name;
    if (role->problem[0])
        shown->problem = role->problem;
    if (role->metadata) {
        common_show (&role->targets.common, shown, texts);
        shown->releases = role->targets.n_targets;
    }
    int r = keys_show (&delegation->role, shown, texts);
    return r < 0 ? r : applications_show (delegation->paths, shown, texts);
}

static int top_show (const struct noded_trust *trust, enum trust_kind kind, noded_trust_role *shown,
                     struct client_role_texts *texts)
{
    const struct trust_client *chain = &trust->chain;
    shown->name = trust_kind_name (kind);
    if (kind == TRUST_ROOT)
        common_show (&chain->root.common, shown, texts);
    else if (kind == TRUST_TIMESTAMP && chain->phase > TRUST_PHASE_TIMESTAMP)
        common_show (&chain->timestamp.common, shown, texts);
    else if (kind == TRUST_SNAPSHOT && chain->phase > TRUST_PHASE_SNAPSHOT)
        common_show (&chain->snapshot.common, shown, texts);
    else if (kind == TRUST_TARGETS && chain->phase == TRUST_PHASE_READY) {
        common_show (&chain->targets.common, shown, texts);
        shown->releases = chain->targets.n_targets;
    }
    return keys_show (&chain->root.roles[kind], shown, texts);
}

int client_roles_show (struct noded_trust *trust)
{
    static const enum trust_kind kinds[] = {TRUST_ROOT, TRUST_TARGETS, TRUST_SNAPSHOT, TRUST_TIMESTAMP};
    base_assert (!trust->shown);
    size_t count = TRUST_KINDS + trust->n_publishers;
    trust->shown = calloc (count, sizeof *trust->shown);
    trust->texts = calloc (count, sizeof *trust->texts);
    if (!trust->shown || !trust->texts)
        return -ENOMEM;
    trust->n_shown = count;
    int r = 0;
    for (size_t i = 0; r == 0 && i < TRUST_KINDS; i++)
        r = top_show (trust, kinds[i], &trust->shown[i], &trust->texts[i]);
    for (size_t i = 0; r == 0 && i < trust->n_publishers; i++)
        r = publisher_show (trust, i, &trust->shown[TRUST_KINDS + i], &trust->texts[TRUST_KINDS + i]);
    return r;
}

const noded_trust_role *noded_trust_roles (const noded_trust *trust, size_t *ret_count)
{
    *ret_count = trust->n_shown;
    return trust->shown;
}

static json_t *list_json (const char *const *list, size_t count)
{
    json_t *json = json_array ();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new (json, json_string (list[i]))) {
            json_decref (json);
            return NULL;
        }
    return json;
}

static json_t *role_json (const noded_trust_role *role)
{
    return json_pack ("{s:s, s:I, s:s?, s:I, s:o, s:I, s:o, s:s?}", "role", role->name, "version",
                      (json_int_t) role->version, "expires", role->expires, "threshold",
                      (json_int_t) role->threshold, "keys", list_json (role->keyids, role->n_keyids),
                      "releases", (json_int_t) role->releases, "applications",
                      list_json (role->applications, role->n_applications), "problem", role->problem);
}

char *noded_trust_json (const noded_trust *trust)
{
    json_t *roles = json_array ();
    for (size_t i = 0; roles && i < trust->n_shown; i++)
        if (json_array_append_new (roles, role_json (&trust->shown[i]))) {
            json_decref (roles);
            roles = NULL;
        }
    json_t *json = json_pack ("{s:o, s:s?, s:s}", "roles", roles, "problem",
                              trust->problem[0] ? trust->problem : NULL, "directory", trust->directory);
    char *text = json ? json_dumps (json, JSON_INDENT (2) | JSON_SORT_KEYS) : NULL;
    json_decref (json);
    return text;
}
