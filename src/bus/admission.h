/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/admission.h - which keys and local users may connect to the servers of this process

    A table of keys and one of uids; each entry has the channels that it may connect to. The program owns it
    and gives it to its server sockets, together with the channel of each (struct bus_socket_options). The ZAP
    thread reads it at every handshake (bus/zap.c), and the socket reads it again at every message: a message
    of a key that is no longer in the table is refused.

    What takes a permission away takes effect at once: it ends the connections of that key before it returns. A
    connection that has sent nothing yet is of an unknown key: a publisher on a channel that the key has lost
    ends it, too; a ROUTER sends nothing to it, and checks its first message.

    All functions are for the loop's thread. Only the ZAP thread uses a table at the same time. */

#ifndef BUS_ADMISSION_H
#define BUS_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/sender.h"

struct bus_admission;

enum bus_channel {
    BUS_CHANNEL_ANNOUNCE,
    BUS_CHANNEL_CONTROL,
    BUS_CHANNEL_CONTENT,
    BUS_CHANNEL_EVENTS,
    BUS_CHANNEL_COUNT
};

/*  Sets of channels: 1u << BUS_CHANNEL_CONTROL | … */
enum { BUS_CHANNELS_ALL = (1 << BUS_CHANNEL_COUNT) - 1 };

/*  The name of a channel, such as "control". */
const char *bus_channel_name (enum bus_channel channel);

/*  Makes an empty table: nobody is admitted. The caller owns it. NULL: out of memory. */
struct bus_admission *bus_admission_new (void);

/*  Every socket that was given the table must have been freed. Accepts NULL. Returns NULL. */
struct bus_admission *bus_admission_free (struct bus_admission *admission);

/*  Sets the channels that a key may connect to. A channel that it had and has no longer: its connections
    there are ended. channels must not be 0. Returns 0 or -ENOMEM; then nothing changes. */
int bus_admission_allow (struct bus_admission *admission, const uint8_t key[BUS_KEY_BYTES],
                         unsigned channels);

/*  Removes a key, by its fingerprint, and ends its connections. Returns whether it was in the table. */
bool bus_admission_remove (struct bus_admission *admission, const struct base_digest *fingerprint);

/*  The channels that a key may connect to; 0: it is not in the table. */
unsigned bus_admission_channels (struct bus_admission *admission, const struct base_digest *fingerprint);

/*  The number of keys. */
size_t bus_admission_count (struct bus_admission *admission);

/*  The same for users who connect over ipc without CURVE (bus_socket_bind_local). At most BUS_UIDS_MOST: one
    more returns -ENOSPC. */
enum { BUS_UIDS_MOST = 64 };
int bus_admission_allow_uid (struct bus_admission *admission, uint32_t uid, unsigned channels);
bool bus_admission_remove_uid (struct bus_admission *admission, uint32_t uid);

/*  The table admits these keys (Z85, NULL-terminated; NULL: none) to these channels, and no other keys. uids
    stay. Ends connections as bus_admission_remove does. Returns 0, -ENOMEM, or -EINVAL for text that is no
    key; on failure nothing changes. For programs whose keys are in their settings. */
int bus_admission_replace (struct bus_admission *admission, char *const *keys, unsigned channels);

/*  Whether a sender may use a channel now. A sender that is not known may not. */
bool bus_admission_admits (struct bus_admission *admission, const struct bus_sender *sender,
                           enum bus_channel channel);

/*  A key that asked to be admitted and is not in the table. Its handshake proved that the peer has the secret
    half. */
enum { BUS_ADDRESS_SIZE = 64, BUS_UNKNOWN_MOST = 1000 };
struct bus_unknown {
    uint8_t key[BUS_KEY_BYTES];
    struct base_digest fingerprint;
    char address[BUS_ADDRESS_SIZE]; /* from which it asked last; over ipc "localhost:UID:GID:PID" */
    enum bus_channel channel;       /* that it asked for last */
    uint64_t count;                 /* how often it asked since it is in the list */
    uint64_t first_ns, last_ns;     /* Unix time */
};

/*  Copies the unknown keys, the latest first. most: entries that ret_unknown has room for; BUS_UNKNOWN_MOST is
    enough. If there are more unknown keys than that, the one that has not asked for the longest time is
    dropped. Returns how many were copied. Allowing a key removes it from the list. */
size_t bus_admission_unknown (struct bus_admission *admission, struct bus_unknown *ret_unknown, size_t most);

/*  Counts since the table was made. */
struct bus_admission_counts {
    uint64_t admitted; /* handshakes */
    uint64_t unknown;  /* refused: the key is not in the table */
    uint64_t channel;  /* refused: the key or uid is in the table, but not for this channel */
    uint64_t local;    /* refused: the uid is not in the table, or could not be determined */
};
struct bus_admission_counts bus_admission_counts (struct bus_admission *admission);

#endif
