/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/caller.c - who sends a message, and what the sender may do */

#include "broker/caller.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "broker/errors.h"
#include "wire/role.h"

enum { SHORT_FINGERPRINT = 16 /* hexadecimal digits, in texts */ };

struct broker_caller broker_caller_of (const struct broker_keys *keys, const struct bus_peer *peer)
{
    base_assert (keys && peer);
    struct broker_caller caller = {.is_open = !keys->on, .sender = &peer->sender};

    if (caller.is_open)
        return caller;
    switch (peer->sender.kind) {
    case BUS_SENDER_KEY:
        caller.key = broker_keys_find (keys, &peer->sender.key);
        caller.role = caller.key && caller.key->is_active ? caller.key->role : WIRE_ROLE_NULL;
        break;
    case BUS_SENDER_LOCAL: /* the same users as in broker_keys_open */
        (void) snprintf (caller.local, sizeof caller.local, "uid %u", (unsigned) peer->sender.uid);
        if (peer->sender.uid == 0 || peer->sender.uid == geteuid ())
            caller.role = WIRE_ROLE_ADMIN;
        break;
    case BUS_SENDER_UNKNOWN:
        break;
    }
    return caller;
}

const char *broker_caller_name (const struct broker_caller *caller, const char *reported)
{
    base_assert (caller);
    if (caller->is_open)
        return reported;
    return caller->key ? caller->key->name : caller->local;
}

/*  "key 3f0a…", with 16 digits. */
static const char *key_format (const struct base_digest *fingerprint, char text[BASE_DIGEST_TEXT])
{
    (void) base_digest_format (fingerprint, text);
    text[SHORT_FINGERPRINT] = '\0';
    return text;
}

const char *broker_caller_format (const struct broker_caller *caller, char text[BROKER_CALLER_TEXT])
{
    base_assert (caller && text);
    char sender[BUS_SENDER_TEXT], fingerprint[BASE_DIGEST_TEXT];

    text[0] = '\0';
    if (caller->is_open)
        return text;
    if (caller->key)
        (void) snprintf (text, BROKER_CALLER_TEXT, "%s (key %s, %s), ", caller->key->name,
                         key_format (&caller->key->fingerprint, fingerprint),
                         wire_role_word (caller->key->role));
    else
        (void) snprintf (text, BROKER_CALLER_TEXT, "%s, ", bus_sender_format (caller->sender, sender));
    return text;
}

/*  Who the sender is, for a refusal: "key 3f0a… of alice has the role observer". */
static void caller_describe (const struct broker_caller *caller, char text[BROKER_CALLER_TEXT])
{
    base_assert (!caller->is_open);
    char fingerprint[BASE_DIGEST_TEXT], sender[BUS_SENDER_TEXT];

    if (caller->key)
        (void) snprintf (text, BROKER_CALLER_TEXT,
                         caller->key->is_active ? "key %s of %s has the role %s" : "key %s of %s is revoked",
                         key_format (&caller->key->fingerprint, fingerprint), caller->key->name,
                         wire_role_word (caller->key->role));
    else if (caller->sender->kind == BUS_SENDER_KEY)
        (void) snprintf (text, BROKER_CALLER_TEXT, "key %s is not known here",
                         key_format (&caller->sender->key, fingerprint));
    else
        (void) snprintf (text, BROKER_CALLER_TEXT, "the sender (%s) has no key",
                         bus_sender_format (caller->sender, sender));
}

/*  The roles that permit what needs `needed`: "deployer or admin". */
static void roles_list (enum wire_role needed, char text[BROKER_CALLER_TEXT])
{
    unsigned left = 0;
    size_t at = 0;

    for (unsigned role = 0; role < WIRE_ROLE_END; role++)
        left += wire_role_permits ((enum wire_role) role, needed);
    base_assert (left > 0);
    for (unsigned role = 0; role < WIRE_ROLE_END; role++) {
        if (!wire_role_permits ((enum wire_role) role, needed))
            continue;
        left--;
        at += (size_t) snprintf (text + at, BROKER_CALLER_TEXT - at, "%s%s",
                                 wire_role_word ((enum wire_role) role),
                                 left > 1    ? ", "
                                 : left == 1 ? " or "
                                             : "");
    }
    base_assert (at < BROKER_CALLER_TEXT);
}

__attribute__ ((format (printf, 3, 4))) static int caller_refuse (const struct broker_caller *caller,
                                                                  char ret_reason[BROKER_CALLER_TEXT],
                                                                  const char *format, ...)
{
    char who[BROKER_CALLER_TEXT], what[BROKER_CALLER_TEXT];
    va_list arguments;

    caller_describe (caller, who);
    va_start (arguments, format);
    (void) vsnprintf (what, sizeof what, format, arguments); /* NOLINT: it is started just above */
    va_end (arguments);
    (void) snprintf (ret_reason, BROKER_CALLER_TEXT, "%.180s; %.320s", who, what);
    return BROKER_E_REFUSED;
}

/*  A publisher publishes only the applications that are named with its key. */
static int application_check (const struct broker_caller *caller, const struct wire_publish_release *request,
                              char ret_reason[BROKER_CALLER_TEXT])
{
    base_assert (caller->key && request->release);
    char names[256] = "";
    size_t at = 0;

    for (char **name = caller->key->applications; name && *name; name++) {
        if (strcmp (*name, request->release->application) == 0)
            return 0;
        if (at < sizeof names)
            at += (size_t) snprintf (names + at, sizeof names - at, "%s%s", at ? ", " : "", *name);
    }
    return caller_refuse (caller, ret_reason, "it may publish %s, not %.64s", names,
                          request->release->application);
}

int broker_caller_check (const struct broker_caller *caller, const struct wire_record *record,
                         const void *request, char ret_reason[BROKER_CALLER_TEXT])
{
    base_assert (caller && record && request && ret_reason);
    enum wire_role needed = wire_record_role (record);
    char roles[BROKER_CALLER_TEXT];

    if (caller->is_open)
        return 0;
    if (needed == WIRE_ROLE_NULL) /* its type is unknown: the answer says so to whoever has a role */
        return caller->role != WIRE_ROLE_NULL
                   ? 0
                   : caller_refuse (caller, ret_reason, "this request needs a key");
    if (!wire_role_permits (caller->role, needed)) {
        roles_list (needed, roles);
        return caller_refuse (caller, ret_reason, "%s needs %s", wire_record_name (record), roles);
    }
    if (caller->role == WIRE_ROLE_PUBLISHER && record == &wire_publish_release_record)
        return application_check (caller, request, ret_reason);
    return 0;
}

/*  The node in whose name a message speaks; NULL: none. */
static const char *node_claimed (const struct wire_record *record, const void *message)
{
#define CLAIMS(name)                                                                                         \
    if (record == &wire_##name##_record)                                                                     \
        return ((const struct wire_##name *) message)->node;
    CLAIMS (hello)
    CLAIMS (list)
    CLAIMS (describe)
    CLAIMS (quarantine)
    CLAIMS (ask)
    CLAIMS (match)
    CLAIMS (want_metadata)
    CLAIMS (want_consistency)
    CLAIMS (report)
    CLAIMS (heartbeat)
    CLAIMS (bye)
#undef CLAIMS
    return NULL;
}

int broker_caller_check_message (const struct broker_caller *caller, const struct wire_record *record,
                                 const void *message, char ret_reason[BROKER_CALLER_TEXT])
{
    base_assert (caller && record && message && ret_reason);
    const char *node;

    if (caller->is_open)
        return 0;
    if (record == &wire_put_record || record == &wire_get_record) {
        const char *needs = wire_role_refuses_content (caller->role, record);
        return needs ? caller_refuse (caller, ret_reason, "%s", needs) : 0;
    }
    if (caller->role != WIRE_ROLE_NODE)
        return caller_refuse (caller, ret_reason, "%s needs the role node", wire_record_name (record));
    base_assert (caller->key);
    node = node_claimed (record, message);
    if (!node || strcmp (node, caller->key->name) != 0)
        return caller_refuse (caller, ret_reason, "it may not speak for %.64s", node ? node : "no node");
    return 0;
}
