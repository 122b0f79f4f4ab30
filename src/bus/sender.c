/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/sender.c - who sent a message, as text; keys and their fingerprints */

#include "bus/sender.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "base/assert.h"
#include "base/text.h"
#include "bus/private.h"

bool bus_sender_equal (const struct bus_sender *a, const struct bus_sender *b)
{
    base_assert (a && b);
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case BUS_SENDER_KEY:
        return base_digest_equal (&a->key, &b->key);
    case BUS_SENDER_LOCAL:
        return a->uid == b->uid;
    case BUS_SENDER_UNKNOWN:
        break;
    }
    return true;
}

const char *bus_sender_format (const struct bus_sender *sender, char text[BUS_SENDER_TEXT])
{
    base_assert (sender && text);
    char hex[BASE_DIGEST_TEXT];
    switch (sender->kind) {
    case BUS_SENDER_KEY:
        (void) snprintf (text, BUS_SENDER_TEXT, "key %s", base_digest_format (&sender->key, hex));
        return text;
    case BUS_SENDER_LOCAL:
        (void) snprintf (text, BUS_SENDER_TEXT, "uid %" PRIu32 " pid %" PRId32, sender->uid, sender->pid);
        return text;
    case BUS_SENDER_UNKNOWN:
        break;
    }
    (void) snprintf (text, BUS_SENDER_TEXT, "unknown");
    return text;
}

const char *bus_sender_user_id (const struct bus_sender *sender, char text[BUS_USER_ID_TEXT])
{
    base_assert (sender && text);
    text[0] = '\0';
    if (sender->kind == BUS_SENDER_KEY)
        (void) base_digest_format (&sender->key, text);
    else if (sender->kind == BUS_SENDER_LOCAL)
        (void) snprintf (text, BUS_USER_ID_TEXT, "%" PRIu32 ":%" PRIu32 ":%" PRId32, sender->uid, sender->gid,
                         sender->pid);
    return text;
}

/*  Reads "UID:GID:PID". */
static bool local_parse (const char *text, struct bus_sender *ret_sender)
{
    static const uint64_t most[3] = {UINT32_MAX, UINT32_MAX, INT32_MAX};
    uint64_t numbers[3];
    for (size_t i = 0; i < 3; i++) {
        char number[16];
        size_t length = strcspn (text, ":");
        if (length == 0 || length >= sizeof number || (text[length] == ':') != (i < 2))
            return false;
        memcpy (number, text, length);
        number[length] = '\0';
        if (base_text_parse_u64 (number, most[i], &numbers[i]) < 0)
            return false;
        text += length + (i < 2);
    }
    *ret_sender = (struct bus_sender){.kind = BUS_SENDER_LOCAL,
                                      .uid = (uint32_t) numbers[0],
                                      .gid = (uint32_t) numbers[1],
                                      .pid = (int32_t) numbers[2]};
    return true;
}

struct bus_sender bus_sender_of_user_id (const char *text)
{
    struct bus_sender sender = {.kind = BUS_SENDER_UNKNOWN};
    if (!text || local_parse (text, &sender))
        return sender;
    if (base_digest_parse (text, &sender.key) == 0)
        sender.kind = BUS_SENDER_KEY;
    return sender;
}

struct bus_sender bus_sender_of_address (const char *address)
{
    static const char local[] = "localhost:";
    struct bus_sender sender = {.kind = BUS_SENDER_UNKNOWN};
    base_assert (address);
    if (base_text_begins (address, local))
        (void) local_parse (address + strlen (local), &sender);
    return sender;
}

int bus_key_decode (const char *text, uint8_t ret_key[BUS_KEY_BYTES])
{
    base_assert (text && ret_key);
    uint8_t key[BUS_KEY_BYTES];
    if (strlen (text) != BUS_KEY_TEXT - 1 || !zmq_z85_decode (key, text))
        return -EINVAL;
    memcpy (ret_key, key, BUS_KEY_BYTES);
    return 0;
}

const char *bus_key_encode (const uint8_t key[BUS_KEY_BYTES], char text[BUS_KEY_TEXT])
{
    base_assert (key && text);
    (void) zmq_z85_encode (text, key, BUS_KEY_BYTES);
    return text;
}

struct base_digest bus_fingerprint (const uint8_t key[BUS_KEY_BYTES])
{
    base_assert (key);
    return base_digest_of (key, BUS_KEY_BYTES);
}

int bus_fingerprint_of (const char *key, struct base_digest *ret_fingerprint)
{
    base_assert (key && ret_fingerprint);
    uint8_t bytes[BUS_KEY_BYTES];
    int r = bus_key_decode (key, bytes);
    if (r == 0)
        *ret_fingerprint = bus_fingerprint (bytes);
    return r;
}
