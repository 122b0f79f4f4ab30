/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/operator_keys.c - keys: list, follow, add, revoke

    A key is admitted after it is on disk. A revocation is on disk before it acts, and acts before it is
    answered. */

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "broker/caller.h"
#include "broker/errors.h"
#include "broker/operator.h"
#include "broker/sessions.h"
#include "wire/envelope.h"
#include "wire/page.h"
#include "wire/text.h"

/*  An open broker has no keys to administer. Returns 0, or BROKER_E_REFUSED. */
#define KEYS_ARE_ON(call, answer)                                                                            \
    if (!(call)->broker->keys.on)                                                                            \
    return wire_answer_set ((answer), WIRE_STATUS_REFUSED,                                                   \
                            "this broker has no keys: it was started with --insecure")

/*  list_keys */

struct key_list {
    struct wire_page page;
    uint64_t last;
};

static int key_list_visit (void *context, uint64_t serial, const struct wire_key *key)
{
    struct key_list *list = context;
    base_cleanup (wire_key_deinit) struct wire_key copy = {.name = NULL};
    int r = wire_copy (&wire_key_record, key, &copy);

    if (r < 0)
        return r;
    r = wire_page_add (&list->page, &copy);
    if (r == 0)
        list->last = serial;
    return r;
}

int broker_serve_list_keys (struct broker_call *call, const struct wire_list_keys *request,
                            struct wire_keys *answer)
{
    base_assert (call && request && answer);
    struct key_list list = {.page = {.record = &wire_key_record}};
    base_cleanup (base_free_p) char *next = NULL;
    uint64_t after = 0;
    int r;

    KEYS_ARE_ON (call, answer);
    if (request->after && base_text_parse_u64 (request->after, WIRE_EPOCH_MOST, &after) != 0)
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "after must be the next of an earlier answer");
    r = records_keys (call->broker->records, request->name, after, key_list_visit, &list, call->error);
    if (r < 0) {
        wire_page_deinit (&list.page);
        return r;
    }
    answer->status = WIRE_STATUS_OK;
    answer->keys = list.page.items;
    answer->n_keys = list.page.count;
    answer->more = r == WIRE_PAGE_FULL;
    if (!answer->more)
        return 0;
    next = base_text_printf ("%llu", (unsigned long long) list.last);
    return next ? wire_text_set (&answer->next, next) : -ENOMEM;
}

/*  follow_keys */

/*  The list is that of this process: after a restart its positions mean something else. */
static const char *list_name (const struct broker *broker)
{
    return origin_instance (broker->origin);
}

static int user_add (struct wire_page *page, const struct broker_key_change *change)
{
    base_cleanup (wire_content_user_deinit) struct wire_content_user user = {.role = change->key->role,
                                                                             .revoked = change->is_revoked};
    char public_key[BUS_KEY_TEXT];

    if (wire_text_set (&user.public_key, bus_key_encode (change->key->public_key, public_key)) < 0 ||
        wire_text_set (&user.name, change->key->name) < 0)
        return -ENOMEM;
    return wire_page_add (page, &user);
}

/*  Adds changes from a position on, until the page is full. Returns 0 or -errno. */
static int users_fill (const struct broker_keys *keys, size_t *position, struct wire_page *page)
{
    base_assert (*position <= keys->n_changes);
    int r = 0;

    for (; *position < keys->n_changes; ++*position) {
        const struct broker_key_change *change = &keys->changes[*position];
        if (!change->is_revoked && !change->key->is_active)
            continue; /* its revocation follows */
        r = user_add (page, change);
        if (r != 0)
            break;
    }
    return r == WIRE_PAGE_FULL ? 0 : r;
}

int broker_serve_follow_keys (struct broker_call *call, const struct wire_follow_keys *request,
                              struct wire_followed_keys *answer)
{
    base_assert (call && request && answer);
    const struct broker_keys *keys = &call->broker->keys;
    const char *list = list_name (call->broker);
    struct wire_page page = {.record = &wire_content_user_record};
    bool anew = !request->list || strcmp (request->list, list) != 0 || request->position > keys->n_changes;
    size_t position = anew ? 0 : (size_t) request->position;
    int r;

    KEYS_ARE_ON (call, answer);
    r = users_fill (keys, &position, &page);
    if (r < 0) {
        wire_page_deinit (&page);
        return r;
    }
    answer->users = page.items;
    answer->n_users = page.count;
    answer->anew = anew;
    answer->position = position;
    answer->more = position < keys->n_changes;
    answer->status = WIRE_STATUS_OK;
    r = wire_text_set (&answer->list, list);
    if (r < 0 || anew || page.count > 0)
        return r;
    return broker_call_wait (call, request->wait_ms, &answer->status, &answer->reason);
}

/*  add_key */

/*  Names of operators and programs; those of nodes are checked by wire_node_is_valid. */
static bool name_is_valid (const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:@";

    return *name && strlen (name) < RECORDS_ID_SIZE && strspn (name, allowed) == strlen (name);
}

static bool applications_are_valid (const struct wire_add_key *request)
{
    for (size_t i = 0; i < request->n_applications; i++)
        if (!wire_application_is_valid (request->applications[i]))
            return false;
    return request->role == WIRE_ROLE_PUBLISHER ? request->n_applications > 0 : request->n_applications == 0;
}

static bool address_is_valid (const struct wire_add_key *request)
{
    char endpoint[BUS_ENDPOINT_SIZE];
    struct base_error error = {.code = 0};

    return !request->address || (request->role == WIRE_ROLE_CONTENT &&
                                 bus_content_parse (request->address, endpoint, &error) == 0);
}

/*  Checks the request, and computes the fingerprint. Returns 0; BROKER_E_REFUSED: the answer is filled. */
static int request_check (const struct broker_keys *keys, const struct wire_add_key *request,
                          struct base_digest *ret_fingerprint, struct wire_key_added *answer)
{
    const char *wrong = NULL;

    if (bus_fingerprint_of (request->public_key, ret_fingerprint) < 0)
        wrong = "the public key is not a key: it has 40 characters of Z85";
    else if (request->role == WIRE_ROLE_NULL)
        wrong = "this broker does not know the role: it may be older than nodectl";
    else if (request->role == WIRE_ROLE_NODE ? !wire_node_is_valid (request->name)
                                             : !name_is_valid (request->name))
        wrong =
            "the name is not valid: it has 1 to 64 letters, digits, '.', '_', '-', ':' and, if it is of no"
            " node, '@'";
    else if (!applications_are_valid (request))
        wrong = "applications: a publisher has at least one valid name, any other role none";
    else if (!address_is_valid (request))
        wrong = "address: only a content peer has one, and it is HOST or HOST:PORT";
    else if (strcmp (request->public_key, keys->own.public_key) == 0)
        wrong = "this is the key of the broker itself";
    if (!wrong)
        return 0;
    (void) wire_answer_set (answer, WIRE_STATUS_INVALID, "%s", wrong);
    return BROKER_E_REFUSED;
}

/*  Stores a key, and loads it as it is stored. Returns 0, RECORDS_E_KEY or -errno. */
static int key_store (struct broker *broker, const struct wire_key *key, struct wire_key *ret_key,
                      struct base_error *error)
{
    int r = records_begin (broker->records, error);

    if (r < 0)
        return r;
    r = records_key_add (broker->records, key, error);
    if (r == 0)
        r = records_commit (broker->records, error);
    if (r != 0) {
        records_rollback (broker->records);
        return r;
    }
    return records_key_get (broker->records, &key->fingerprint, ret_key, error);
}

int broker_serve_add_key (struct broker_call *call, const struct wire_add_key *request,
                          struct wire_key_added *answer)
{
    base_assert (call && request && answer);
    struct broker *broker = call->broker;
    char time[BASE_TIME_TEXT], text[BASE_DIGEST_TEXT];
    struct wire_key key = {.public_key = request->public_key,
                           .role = request->role,
                           .name = request->name,
                           .applications = request->applications,
                           .n_applications = request->n_applications,
                           .address = request->address,
                           .created = base_time_format (base_time_real_ns (), time)};
    int r;

    KEYS_ARE_ON (call, answer);
    if (request_check (&broker->keys, request, &key.fingerprint, answer) == BROKER_E_REFUSED)
        return 0;
    (void) snprintf (call->what, sizeof call->what, "add key %.16s of %.64s with the role %s",
                     base_digest_format (&key.fingerprint, text), request->name,
                     wire_role_word (request->role));
    answer->added = calloc (1, sizeof *answer->added);
    if (!answer->added)
        return -ENOMEM;
    r = key_store (broker, &key, answer->added, call->error);
    if (r == RECORDS_E_KEY) {
        free (base_take (answer->added));
        return wire_answer_set (answer, WIRE_STATUS_REFUSED, "%s", call->error->text);
    }
    if (r < 0)
        return r;
    r = broker_keys_put (&broker->keys, answer->added, call->error);
    if (r < 0)
        return r;
    broker_waiters_wake (&broker->waiters);
    answer->status = WIRE_STATUS_OK;
    return 0;
}

/*  revoke_key */

/*  The keys to revoke. */
struct revocation {
    struct base_digest fingerprints[RECORDS_KEYS_A_NAME];
    size_t count;
};

static int key_choose (void *context, uint64_t serial, const struct wire_key *key)
{
    struct revocation *chosen = context;

    (void) serial;
    if (key->state != WIRE_KEY_STATE_ACTIVE)
        return 0;
    base_assert (chosen->count < RECORDS_KEYS_A_NAME);
    chosen->fingerprints[chosen->count++] = key->fingerprint;
    return 0;
}

/*  Finds the keys that a request means: those of a name that are active; or the one with a fingerprint. */
static int keys_choose (struct broker *broker, const struct wire_revoke_key *request,
                        struct revocation *ret_chosen, struct base_error *error)
{
    struct revocation chosen = {.count = 0};

    if (request->name) {
        int r = records_keys (broker->records, request->name, 0, key_choose, &chosen, error);
        if (r < 0)
            return r;
    } else if (broker_keys_find (&broker->keys, &request->fingerprint))
        chosen.fingerprints[chosen.count++] = request->fingerprint;
    *ret_chosen = chosen;
    return 0;
}

static int keys_revoke (struct broker *broker, const struct revocation *chosen, struct base_error *error)
{
    char time[BASE_TIME_TEXT];
    int r = records_begin (broker->records, error);

    (void) base_time_format (base_time_real_ns (), time);
    for (size_t i = 0; r == 0 && i < chosen->count; i++)
        r = records_key_revoke (broker->records, &chosen->fingerprints[i], time, error);
    if (r == 0)
        r = records_commit (broker->records, error);
    if (r < 0)
        records_rollback (broker->records);
    return r;
}

/*  The revocation is on disk: ends what the key has, and adds it to the answer. */
static int key_end (struct broker *broker, const struct base_digest *fingerprint,
                    struct wire_key_revoked *answer, struct base_error *error)
{
    const struct broker_key *key = broker_keys_find (&broker->keys, fingerprint);
    char text[BASE_DIGEST_TEXT];
    int r;

    base_assert (key);
    broker_keys_revoke (&broker->keys, fingerprint);
    broker_waiters_wake (&broker->waiters);
    if (key->role == WIRE_ROLE_NODE)
        broker_session_end (broker, key->name, "its key was revoked");
    base_log (BASE_LOG_WARNING, "key %s of %s, with the role %s, is revoked",
              base_digest_format (fingerprint, text), key->name, wire_role_word (key->role));
    r = records_key_get (broker->records, fingerprint, &answer->revoked[answer->n_revoked], error);
    if (r == 0)
        answer->n_revoked++;
    return r;
}

int broker_serve_revoke_key (struct broker_call *call, const struct wire_revoke_key *request,
                             struct wire_key_revoked *answer)
{
    base_assert (call && request && answer);
    struct broker *broker = call->broker;
    struct revocation chosen;
    char text[BASE_DIGEST_TEXT];
    int r;

    (void) snprintf (call->what, sizeof call->what, "revoke the key %.64s",
                     request->name ? request->name : base_digest_format (&request->fingerprint, text));
    KEYS_ARE_ON (call, answer);
    if (!request->name == base_digest_is_null (&request->fingerprint))
        return wire_answer_set (answer, WIRE_STATUS_INVALID, "name a key by its fingerprint, or its owner");
    r = keys_choose (broker, request, &chosen, call->error);
    if (r < 0)
        return r;
    if (chosen.count == 0)
        return wire_answer_set (answer, WIRE_STATUS_NONE,
                                "no such key is active: nodectl keys list shows them");
    for (size_t i = 0; i < chosen.count; i++)
        if (call->peer->sender.kind == BUS_SENDER_KEY &&
            base_digest_equal (&chosen.fingerprints[i], &call->peer->sender.key))
            return wire_answer_set (answer, WIRE_STATUS_REFUSED,
                                    "this is the key that asks: another admin revokes it, or root on the"
                                    " broker's host (nodectl --root DIR)");
    answer->revoked = calloc (chosen.count, sizeof *answer->revoked);
    if (!answer->revoked)
        return -ENOMEM;
    r = keys_revoke (broker, &chosen, call->error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < chosen.count; i++) { /* all of them, whatever happens to the answer */
        int shown = key_end (broker, &chosen.fingerprints[i], answer, call->error);
        r = shown < 0 ? shown : r;
    }
    if (r == 0)
        answer->status = WIRE_STATUS_OK;
    return r;
}
