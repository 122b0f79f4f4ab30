/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/sender.h - who sent a message

    The ZAP handler of this process determines it during the handshake (bus/zap.c), and libzmq attaches it to
    every message as User-Id. A peer cannot set it: on a socket with an admission, ZAP's User-Id replaces one
    that the peer sends; on a socket without, it is not read. */

#ifndef BUS_SENDER_H
#define BUS_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"

enum bus_sender_kind {
    BUS_SENDER_UNKNOWN, /* the socket has no admission */
    BUS_SENDER_KEY,     /* a peer with an admitted CURVE key */
    BUS_SENDER_LOCAL,   /* a peer over ipc without CURVE, with an admitted uid */
};

struct bus_sender {
    enum bus_sender_kind kind;
    struct base_digest key; /* BUS_SENDER_KEY: the fingerprint of its public key; else null */
    /*  BUS_SENDER_LOCAL: of the process that connected, as the kernel reported them at that time. pid 0: it
        is in another pid name space. */
    uint32_t uid, gid;
    int32_t pid;
};

/*  Compares the identity: the key; of local peers the uid, because one user may have many processes. */
bool bus_sender_equal (const struct bus_sender *a, const struct bus_sender *b);

/*  Formats the sender for a log or a record: "key 3f0a…" (64 hexadecimal characters), "uid 0 pid 4711", or
    "unknown". Returns text. */
enum { BUS_SENDER_TEXT = 80 };
const char *bus_sender_format (const struct bus_sender *sender, char text[BUS_SENDER_TEXT]);

enum { BUS_KEY_BYTES = 32, BUS_KEY_TEXT = 41 };

/*  Decodes a public key of 40 characters in Z85. Returns 0, or -EINVAL: it is not a key. */
int bus_key_decode (const char *text, uint8_t ret_key[BUS_KEY_BYTES]);

/*  Encodes it. Returns text. */
const char *bus_key_encode (const uint8_t key[BUS_KEY_BYTES], char text[BUS_KEY_TEXT]);

/*  The fingerprint of a public key: the SHA-256 of its 32 bytes. bus_fingerprint_of decodes a key in Z85
    first, and returns 0 or -EINVAL. */
struct base_digest bus_fingerprint (const uint8_t key[BUS_KEY_BYTES]);
int bus_fingerprint_of (const char *key, struct base_digest *ret_fingerprint);

#endif
