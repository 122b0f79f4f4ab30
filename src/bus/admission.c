/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/admission.c - the table of admitted keys and users, and the list of unknown keys

    The keys are an open-addressing table over their fingerprints, at most half full: a look-up costs the same
    with ten keys and with 100,000. Only keys that an administrator admitted are in it, so nobody can choose
    entries that collide. The loop's thread changes the table, the ZAP thread reads it: both hold the lock, and
    only for one look-up or change. */

#include "bus/admission.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "bus/socket_private.h"

enum { SLOTS_LEAST = 16 };

struct entry {
    struct base_digest fingerprint;
    uint8_t channels; /* 0: the slot is free */
};

struct table {
    struct entry *slots; /* a power of two of them; NULL: none */
    size_t n_slots, n_used;
};

struct user {
    uint32_t uid;
    uint8_t channels;
};

struct noted {
    struct bus_unknown unknown;
    uint64_t order; /* of the last time it asked */
};

struct bus_admission {
    struct bus_socket *sockets; /* that check their peers here; for the loop's thread */
    pthread_mutex_t lock;       /* over everything below */
    struct table keys;
    struct user users[BUS_UIDS_MOST];
    size_t n_users;
    struct noted *unknown;
    size_t n_unknown, unknown_room;
    uint64_t order;
    struct bus_admission_counts counts;
};

const char *bus_channel_name (enum bus_channel channel)
{
    base_assert ((unsigned) channel < BUS_CHANNEL_COUNT);
    static const char *const names[BUS_CHANNEL_COUNT] = {[BUS_CHANNEL_ANNOUNCE] = "announce",
                                                         [BUS_CHANNEL_CONTROL] = "control",
                                                         [BUS_CHANNEL_CONTENT] = "content",
                                                         [BUS_CHANNEL_EVENTS] = "events"};
    return names[channel];
}

static void admission_lock (struct bus_admission *admission)
{
    int r = pthread_mutex_lock (&admission->lock);
    base_assert (r == 0);
}

static void admission_unlock (struct bus_admission *admission)
{
    base_assert (admission->keys.n_used <= admission->keys.n_slots / 2);
    base_assert (admission->n_users <= BUS_UIDS_MOST && admission->n_unknown <= BUS_UNKNOWN_MOST);
    int r = pthread_mutex_unlock (&admission->lock);
    base_assert (r == 0);
}

static size_t slot_home (const struct table *table, const struct base_digest *fingerprint)
{
    size_t number;
    memcpy (&number, fingerprint->bytes, sizeof number);
    return number & (table->n_slots - 1);
}

/*  The slot of a fingerprint, or the free one where it belongs. */
static struct entry *slot_find (const struct table *table, const struct base_digest *fingerprint)
{
    base_assert (table->n_slots > 0 && table->n_used < table->n_slots);
    size_t at = slot_home (table, fingerprint);
    while (table->slots[at].channels && !base_digest_equal (&table->slots[at].fingerprint, fingerprint))
        at = (at + 1) & (table->n_slots - 1);
    return &table->slots[at];
}

static unsigned table_get (const struct table *table, const struct base_digest *fingerprint)
{
    return table->n_used ? slot_find (table, fingerprint)->channels : 0;
}

static int table_extend (struct table *table)
{
    if (2 * (table->n_used + 1) <= table->n_slots)
        return 0;
    struct table larger = {.n_slots = table->n_slots ? 2 * table->n_slots : SLOTS_LEAST,
                           .n_used = table->n_used};
    larger.slots = calloc (larger.n_slots, sizeof *larger.slots);
    if (!larger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < table->n_slots; i++)
        if (table->slots[i].channels)
            *slot_find (&larger, &table->slots[i].fingerprint) = table->slots[i];
    free (table->slots);
    *table = larger;
    return 0;
}

static int table_put (struct table *table, const struct base_digest *fingerprint, unsigned channels)
{
    base_assert (channels != 0 && (channels & ~(unsigned) BUS_CHANNELS_ALL) == 0);
    int r = table_extend (table);
    if (r < 0)
        return r;
    struct entry *slot = slot_find (table, fingerprint);
    table->n_used += slot->channels == 0;
    *slot = (struct entry){.fingerprint = *fingerprint, .channels = (uint8_t) channels};
    return 0;
}

/*  Frees a slot. Entries behind it that would not be found any more move forward. */
static void table_remove (struct table *table, const struct base_digest *fingerprint)
{
    struct entry *slot = slot_find (table, fingerprint);
    base_assert (slot->channels && table->n_used > 0);
    size_t mask = table->n_slots - 1, gap = (size_t) (slot - table->slots);
    for (size_t at = (gap + 1) & mask; table->slots[at].channels; at = (at + 1) & mask) {
        size_t home = slot_home (table, &table->slots[at].fingerprint);
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        table->slots[gap] = table->slots[at];
        gap = at;
    }
    table->slots[gap] = (struct entry){.channels = 0};
    table->n_used--;
}

struct bus_admission *bus_admission_new (void)
{
    base_cleanup (base_free_p) struct bus_admission *admission = calloc (1, sizeof *admission);
    if (!admission || pthread_mutex_init (&admission->lock, NULL) != 0)
        return NULL;
    return base_take (admission);
}

struct bus_admission *bus_admission_free (struct bus_admission *admission)
{
    if (!admission)
        return NULL;
    base_assert (!admission->sockets);
    (void) pthread_mutex_destroy (&admission->lock);
    free (admission->keys.slots);
    free (admission->unknown);
    free (admission);
    return NULL;
}

void bus_admission_join (struct bus_admission *admission, struct bus_socket *socket)
{
    base_assert (admission && socket && !socket->admitted_next);
    socket->admitted_next = admission->sockets;
    admission->sockets = socket;
}

void bus_admission_leave (struct bus_admission *admission, struct bus_socket *socket)
{
    base_assert (admission && socket);
    struct bus_socket **link = &admission->sockets;
    while (*link != socket)
        link = &(*link)->admitted_next;
    *link = socket->admitted_next;
    socket->admitted_next = NULL;
}

/*  Ends the connections that may not exist any more, on the channels that somebody has lost. The lock must not
    be held. */
static void peers_end (struct bus_admission *admission, unsigned lost)
{
    for (struct bus_socket *socket = admission->sockets; socket; socket = socket->admitted_next)
        if (lost & 1u << socket->channel)
            bus_socket_end_unadmitted (socket);
}

static void unknown_forget (struct bus_admission *admission, const struct base_digest *fingerprint)
{
    for (size_t i = 0; i < admission->n_unknown; i++)
        if (base_digest_equal (&admission->unknown[i].unknown.fingerprint, fingerprint)) {
            admission->unknown[i] = admission->unknown[--admission->n_unknown];
            return;
        }
}

int bus_admission_allow (struct bus_admission *admission, const uint8_t key[BUS_KEY_BYTES], unsigned channels)
{
    base_assert (admission && key);
    struct base_digest fingerprint = bus_fingerprint (key);
    admission_lock (admission);
    unsigned before = table_get (&admission->keys, &fingerprint);
    int r = table_put (&admission->keys, &fingerprint, channels);
    if (r == 0)
        unknown_forget (admission, &fingerprint);
    admission_unlock (admission);
    if (r == 0)
        peers_end (admission, before & ~channels);
    return r;
}

bool bus_admission_remove (struct bus_admission *admission, const struct base_digest *fingerprint)
{
    base_assert (admission && fingerprint);
    admission_lock (admission);
    unsigned lost = table_get (&admission->keys, fingerprint);
    if (lost)
        table_remove (&admission->keys, fingerprint);
    admission_unlock (admission);
    peers_end (admission, lost);
    return lost != 0;
}

unsigned bus_admission_channels (struct bus_admission *admission, const struct base_digest *fingerprint)
{
    base_assert (admission && fingerprint);
    admission_lock (admission);
    unsigned channels = table_get (&admission->keys, fingerprint);
    admission_unlock (admission);
    return channels;
}

size_t bus_admission_count (struct bus_admission *admission)
{
    base_assert (admission);
    admission_lock (admission);
    size_t count = admission->keys.n_used;
    admission_unlock (admission);
    return count;
}

static struct user *user_find (struct bus_admission *admission, uint32_t uid)
{
    for (size_t i = 0; i < admission->n_users; i++)
        if (admission->users[i].uid == uid)
            return &admission->users[i];
    return NULL;
}

int bus_admission_allow_uid (struct bus_admission *admission, uint32_t uid, unsigned channels)
{
    base_assert (admission && channels != 0 && (channels & ~(unsigned) BUS_CHANNELS_ALL) == 0);
    int r = 0;
    unsigned before = 0;
    admission_lock (admission);
    struct user *user = user_find (admission, uid);
    if (user) {
        before = user->channels;
        user->channels = (uint8_t) channels;
    } else if (admission->n_users < BUS_UIDS_MOST)
        admission->users[admission->n_users++] = (struct user){.uid = uid, .channels = (uint8_t) channels};
    else
        r = -ENOSPC;
    admission_unlock (admission);
    if (r == 0)
        peers_end (admission, before & ~channels);
    return r;
}

bool bus_admission_remove_uid (struct bus_admission *admission, uint32_t uid)
{
    base_assert (admission);
    admission_lock (admission);
    struct user *user = user_find (admission, uid);
    unsigned lost = user ? user->channels : 0;
    if (user)
        *user = admission->users[--admission->n_users];
    admission_unlock (admission);
    peers_end (admission, lost);
    return lost != 0;
}

int bus_admission_replace (struct bus_admission *admission, char *const *keys, unsigned channels)
{
    base_assert (admission);
    struct table made = {.n_slots = 0};
    int r = 0;
    for (size_t i = 0; r == 0 && keys && keys[i]; i++) {
        struct base_digest fingerprint;
        r = bus_fingerprint_of (keys[i], &fingerprint);
        if (r == 0)
            r = table_put (&made, &fingerprint, channels);
    }
    if (r == 0) {
        admission_lock (admission);
        struct table old = admission->keys;
        unsigned lost = 0;
        admission->keys = made;
        made = old;
        for (size_t i = 0; i < old.n_slots; i++)
            if (old.slots[i].channels)
                lost |= old.slots[i].channels & ~table_get (&admission->keys, &old.slots[i].fingerprint);
        for (size_t i = 0; i < admission->n_unknown;)
            if (table_get (&admission->keys, &admission->unknown[i].unknown.fingerprint))
                admission->unknown[i] = admission->unknown[--admission->n_unknown];
            else
                i++;
        admission_unlock (admission);
        peers_end (admission, lost);
    }
    free (made.slots);
    return r;
}

/*  The channels of a sender. The lock is held. */
static unsigned sender_channels (struct bus_admission *admission, const struct bus_sender *sender)
{
    const struct user *user;
    switch (sender->kind) {
    case BUS_SENDER_KEY:
        return table_get (&admission->keys, &sender->key);
    case BUS_SENDER_LOCAL:
        user = user_find (admission, sender->uid);
        return user ? user->channels : 0;
    case BUS_SENDER_UNKNOWN:
        break;
    }
    return 0;
}

bool bus_admission_admits (struct bus_admission *admission, const struct bus_sender *sender,
                           enum bus_channel channel)
{
    base_assert (admission && sender);
    base_assert ((unsigned) channel < BUS_CHANNEL_COUNT);
    admission_lock (admission);
    bool admits = sender_channels (admission, sender) & 1u << channel;
    admission_unlock (admission);
    return admits;
}

/*  The entry of a key: its own, or a new one, if necessary in place of the one that asked longest ago. NULL:
    out of memory. */
static struct noted *unknown_entry (struct bus_admission *admission, const struct base_digest *fingerprint)
{
    struct noted *oldest = NULL;
    for (size_t i = 0; i < admission->n_unknown; i++) {
        struct noted *noted = &admission->unknown[i];
        if (base_digest_equal (&noted->unknown.fingerprint, fingerprint))
            return noted;
        if (!oldest || noted->order < oldest->order)
            oldest = noted;
    }
    if (admission->n_unknown == BUS_UNKNOWN_MOST) {
        *oldest = (struct noted){.order = 0};
        return oldest;
    }
    if (admission->n_unknown == admission->unknown_room) {
        size_t room = admission->unknown_room ? 2 * admission->unknown_room : 8;
        room = room < BUS_UNKNOWN_MOST ? room : BUS_UNKNOWN_MOST;
        struct noted *grown = reallocarray (admission->unknown, room, sizeof *grown);
        if (!grown)
            return NULL;
        admission->unknown = grown;
        admission->unknown_room = room;
    }
    base_assert (admission->unknown && admission->n_unknown < admission->unknown_room);
    struct noted *added = &admission->unknown[admission->n_unknown++];
    *added = (struct noted){.order = 0};
    return added;
}

static void unknown_note (struct bus_admission *admission, const struct bus_zap_request *request,
                          enum bus_channel channel)
{
    struct noted *noted = unknown_entry (admission, &request->sender.key);
    if (!noted)
        return;
    struct bus_unknown *unknown = &noted->unknown;
    unknown->last_ns = base_time_real_ns ();
    if (unknown->count++ == 0)
        unknown->first_ns = unknown->last_ns;
    memcpy (unknown->key, request->key, sizeof unknown->key);
    unknown->fingerprint = request->sender.key;
    unknown->channel = channel;
    (void) base_text_copy (unknown->address, sizeof unknown->address, request->address);
    noted->order = ++admission->order;
}

bool bus_admission_ask (struct bus_admission *admission, const struct bus_zap_request *request,
                        enum bus_channel channel)
{
    base_assert (admission && request);
    base_assert ((unsigned) channel < BUS_CHANNEL_COUNT);
    admission_lock (admission);
    unsigned channels = sender_channels (admission, &request->sender);
    bool admits = channels & 1u << channel;
    if (admits)
        admission->counts.admitted++;
    else if (channels)
        admission->counts.channel++;
    else if (request->sender.kind == BUS_SENDER_KEY) {
        admission->counts.unknown++;
        unknown_note (admission, request, channel);
    } else
        admission->counts.local++;
    admission_unlock (admission);
    return admits;
}

static int noted_compare (const void *a, const void *b)
{
    const struct noted *one = a, *other = b;
    return one->order < other->order ? 1 : -(one->order > other->order);
}

size_t bus_admission_unknown (struct bus_admission *admission, struct bus_unknown *ret_unknown, size_t most)
{
    base_assert (admission && (ret_unknown || most == 0));
    admission_lock (admission);
    if (admission->n_unknown > 1)
        qsort (admission->unknown, admission->n_unknown, sizeof *admission->unknown, noted_compare);
    size_t n = admission->n_unknown < most ? admission->n_unknown : most;
    for (size_t i = 0; i < n; i++)
        ret_unknown[i] = admission->unknown[i].unknown;
    admission_unlock (admission);
    return n;
}

struct bus_admission_counts bus_admission_counts (struct bus_admission *admission)
{
    base_assert (admission);
    admission_lock (admission);
    struct bus_admission_counts counts = admission->counts;
    admission_unlock (admission);
    return counts;
}
