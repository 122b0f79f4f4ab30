/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/caller.h - who sends a message, and what the sender may do

    The sender is looked up at each message, so that a revoked key permits nothing from then on. What each
    role permits: wire/role.h. A broker without keys permits everything. */

#ifndef BROKER_CALLER_H
#define BROKER_CALLER_H

#include "broker/keys.h"

struct broker;

struct broker_caller {
    bool is_open;                 /* the broker has no keys: everything is permitted */
    enum wire_role role;          /* WIRE_ROLE_NULL: nothing is permitted */
    const struct broker_key *key; /* NULL: none */
    const struct bus_sender *sender;
    char local[24]; /* "uid 0", which is no name of a key; "": not a user of this host */
};

/*  Valid until the next key is added, and while the peer lives. */
struct broker_caller broker_caller_of (const struct broker_keys *keys, const struct bus_peer *peer);

enum { BROKER_CALLER_TEXT = 512 };

/*  The name for records: that of the key, or "uid 0"; of a broker without keys: reported. Valid while the
    caller lives. */
const char *broker_caller_name (const struct broker_caller *caller, const char *reported);

/*  For the log: "alice (key 3f0a…, deployer), "; of a broker without keys: "". Returns text. */
const char *broker_caller_format (const struct broker_caller *caller, char text[BROKER_CALLER_TEXT]);

/*  Checks a request of an operator. Returns 0, or BROKER_E_REFUSED with a sentence in ret_reason. */
int broker_caller_check (const struct broker_caller *caller, const struct wire_record *record,
                         const void *request, char ret_reason[BROKER_CALLER_TEXT]);

/*  Checks any other message of control or content: only a node speaks for itself. Returns as above. */
int broker_caller_check_message (const struct broker_caller *caller, const struct wire_record *record,
                                 const void *message, char ret_reason[BROKER_CALLER_TEXT]);

#endif
