/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/admission.c - the table of admitted keys and users, and the list of unknown keys */

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bus/admission.h"
#include "bus/socket.h"
#include "bus/zap.h"

enum { CONTROL = 1u << BUS_CHANNEL_CONTROL, EVENTS = 1u << BUS_CHANNEL_EVENTS };

static struct bus_admission *table;

static void set_up (void)
{
    table = bus_admission_new ();
    cr_assert_not_null (table);
}

static void tear_down (void)
{
    table = bus_admission_free (table);
}

TestSuite (admission, .init = set_up, .fini = tear_down, .timeout = 60);

/*  A key that is different for each number. */
static const uint8_t *key_of (unsigned number)
{
    static uint8_t keys[4][BUS_KEY_BYTES];
    static unsigned next;
    uint8_t *key = keys[next++ % 4];
    memset (key, 0, BUS_KEY_BYTES);
    memcpy (key, &number, sizeof number);
    return key;
}

static struct bus_sender sender_of (unsigned number)
{
    return (struct bus_sender){.kind = BUS_SENDER_KEY, .key = bus_fingerprint (key_of (number))};
}

static bool admits (unsigned number, enum bus_channel channel)
{
    struct bus_sender sender = sender_of (number);
    return bus_admission_admits (table, &sender, channel);
}

/*  A handshake with a key from an address. */
static bool ask (unsigned number, enum bus_channel channel, const char *address)
{
    struct bus_zap_request request = {.sender = sender_of (number)};
    memcpy (request.key, key_of (number), BUS_KEY_BYTES);
    (void) snprintf (request.address, sizeof request.address, "%s", address);
    return bus_admission_ask (table, &request, channel);
}

Test (admission, an_empty_table_admits_nobody)
{
    struct bus_sender nobody = {.kind = BUS_SENDER_UNKNOWN}, root = {.kind = BUS_SENDER_LOCAL, .uid = 0};
    for (unsigned channel = 0; channel < BUS_CHANNEL_COUNT; channel++) {
        cr_expect_not (admits (1, channel));
        cr_expect_not (bus_admission_admits (table, &nobody, channel));
        cr_expect_not (bus_admission_admits (table, &root, channel));
    }
    cr_assert_eq (bus_admission_count (table), 0);
    struct base_digest fingerprint = bus_fingerprint (key_of (1));
    cr_assert_not (bus_admission_remove (table, &fingerprint));
    cr_assert_not (bus_admission_remove_uid (table, 0));
}

Test (admission, an_unknown_sender_is_never_admitted)
{
    struct bus_sender nobody = {.kind = BUS_SENDER_UNKNOWN};
    cr_assert_eq (bus_admission_allow_uid (table, 0, BUS_CHANNELS_ALL), 0);
    cr_assert_eq (bus_admission_allow (table, key_of (0), BUS_CHANNELS_ALL), 0);
    nobody.key = sender_of (0).key;
    for (unsigned channel = 0; channel < BUS_CHANNEL_COUNT; channel++)
        cr_expect_not (bus_admission_admits (table, &nobody, channel));
}

Test (admission, a_key_is_admitted_to_its_channels_and_to_no_other)
{
    for (unsigned channels = 1; channels <= BUS_CHANNELS_ALL; channels++) {
        cr_assert_eq (bus_admission_allow (table, key_of (1), channels), 0);
        for (unsigned channel = 0; channel < BUS_CHANNEL_COUNT; channel++) {
            cr_expect_eq (admits (1, channel), (bool) (channels & 1u << channel));
            cr_expect_eq (ask (1, channel, "10.0.0.1"), (bool) (channels & 1u << channel));
            cr_expect_not (admits (2, channel));
        }
    }
    cr_assert_eq (bus_admission_count (table), 1);
    cr_assert_eq (bus_admission_unknown (table, NULL, 0), 0, "a key on the wrong channel is not unknown");
    struct bus_unknown unknown[1];
    cr_assert_eq (bus_admission_unknown (table, unknown, 1), 0);
    cr_assert_eq (bus_admission_counts (table).channel, 15 * 4 / 2 - 2);
}

/*  Keys come and go in a random order; a plain array is the model. */
Test (admission, after_any_changes_exactly_the_present_keys_are_admitted)
{
    enum { KEYS = 300, CHANGES = 20000 };
    unsigned channels[KEYS] = {0}, state = 1;
    size_t present = 0;
    for (unsigned change = 0; change < CHANGES; change++) {
        state = state * 1103515245u + 12345u;
        unsigned number = (state >> 8) % KEYS, wanted = (state >> 20) % 3;
        struct base_digest fingerprint = bus_fingerprint (key_of (number));
        cr_assert_eq (bus_admission_channels (table, &fingerprint), channels[number]);
        present += (wanted != 0) - (channels[number] != 0);
        if (wanted)
            cr_assert_eq (bus_admission_allow (table, key_of (number), wanted), 0);
        else
            cr_assert_eq (bus_admission_remove (table, &fingerprint), channels[number] != 0);
        channels[number] = wanted;
        cr_assert_eq (bus_admission_count (table), present);
    }
    for (unsigned number = 0; number < KEYS; number++) {
        struct base_digest fingerprint = bus_fingerprint (key_of (number));
        cr_expect_eq (bus_admission_channels (table, &fingerprint), channels[number]);
    }
}

Test (admission, a_user_is_admitted_to_his_channels_and_users_are_bounded)
{
    struct bus_sender user = {.kind = BUS_SENDER_LOCAL, .uid = 1000, .gid = 0, .pid = 1};
    cr_assert_eq (bus_admission_allow_uid (table, 1000, CONTROL), 0);
    cr_assert (bus_admission_admits (table, &user, BUS_CHANNEL_CONTROL));
    cr_assert_not (bus_admission_admits (table, &user, BUS_CHANNEL_EVENTS));
    cr_assert_eq (bus_admission_allow_uid (table, 1000, EVENTS), 0);
    cr_assert_not (bus_admission_admits (table, &user, BUS_CHANNEL_CONTROL));
    user.uid = 0;
    cr_assert_not (bus_admission_admits (table, &user, BUS_CHANNEL_EVENTS), "the gid is no uid");
    for (uint32_t uid = 1001; uid < 1000 + BUS_UIDS_MOST; uid++)
        cr_assert_eq (bus_admission_allow_uid (table, uid, CONTROL), 0);
    cr_assert_eq (bus_admission_allow_uid (table, 7, CONTROL), -ENOSPC);
    cr_assert_eq (bus_admission_allow_uid (table, 1001, CONTROL), 0);
    cr_assert (bus_admission_remove_uid (table, 1000));
    user.uid = 1000;
    cr_assert_not (bus_admission_admits (table, &user, BUS_CHANNEL_EVENTS));
    cr_assert_eq (bus_admission_allow_uid (table, 7, CONTROL), 0);
}

Test (admission, replacing_the_keys_admits_exactly_the_new_ones_and_keeps_the_users)
{
    char public_key[2][41], secret_key[41];
    struct base_digest fingerprint[2];
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq (bus_keys_make (public_key[i], secret_key), 0);
        cr_assert_eq (bus_fingerprint_of (public_key[i], &fingerprint[i]), 0);
    }
    cr_assert_eq (bus_admission_allow_uid (table, 1000, CONTROL), 0);
    char *both[] = {public_key[0], public_key[1], public_key[0], NULL}, *second[] = {public_key[1], NULL};
    char *broken[] = {public_key[0], (char[]){"no key"}, NULL};
    cr_assert_eq (bus_admission_replace (table, both, BUS_CHANNELS_ALL), 0);
    cr_assert_eq (bus_admission_count (table), 2);
    cr_assert_eq (bus_admission_replace (table, second, CONTROL), 0);
    cr_assert_eq (bus_admission_channels (table, &fingerprint[0]), 0);
    cr_assert_eq (bus_admission_channels (table, &fingerprint[1]), CONTROL);
    cr_assert_eq (bus_admission_replace (table, broken, CONTROL), -EINVAL);
    cr_assert_eq (bus_admission_channels (table, &fingerprint[0]), 0, "on failure nothing changes");
    cr_assert_eq (bus_admission_channels (table, &fingerprint[1]), CONTROL);
    cr_assert_eq (bus_admission_replace (table, NULL, CONTROL), 0);
    cr_assert_eq (bus_admission_count (table), 0);
    struct bus_sender user = {.kind = BUS_SENDER_LOCAL, .uid = 1000};
    cr_assert (bus_admission_admits (table, &user, BUS_CHANNEL_CONTROL));
}

Test (admission, an_unknown_key_is_noted_until_it_is_allowed)
{
    struct bus_unknown unknown[4];
    cr_assert_not (ask (1, BUS_CHANNEL_CONTROL, "10.0.0.1"));
    cr_assert_not (ask (2, BUS_CHANNEL_ANNOUNCE, "10.0.0.2"));
    cr_assert_not (ask (1, BUS_CHANNEL_CONTENT, "10.0.0.9"));
    cr_assert_eq (bus_admission_unknown (table, unknown, 4), 2);
    cr_assert_eq (memcmp (unknown[0].key, key_of (1), BUS_KEY_BYTES), 0, "the latest first");
    struct base_digest fingerprint = bus_fingerprint (key_of (1));
    cr_assert (base_digest_equal (&unknown[0].fingerprint, &fingerprint));
    cr_assert_str_eq (unknown[0].address, "10.0.0.9");
    cr_assert_eq (unknown[0].channel, BUS_CHANNEL_CONTENT);
    cr_assert_eq (unknown[0].count, 2);
    cr_assert_gt (unknown[0].first_ns, 0);
    cr_assert_geq (unknown[0].last_ns, unknown[0].first_ns);
    cr_assert_str_eq (unknown[1].address, "10.0.0.2");
    cr_assert_eq (unknown[1].count, 1);
    cr_assert_eq (bus_admission_counts (table).unknown, 3);
    cr_assert_eq (bus_admission_unknown (table, unknown, 1), 1);

    cr_assert_eq (bus_admission_allow (table, key_of (1), CONTROL), 0);
    cr_assert_eq (bus_admission_unknown (table, unknown, 4), 1);
    cr_assert_str_eq (unknown[0].address, "10.0.0.2");
    cr_assert_eq (bus_admission_counts (table).admitted, 0);

    char text[BUS_KEY_TEXT];
    char *keys[] = {text, NULL};
    (void) bus_key_encode (key_of (2), text);
    cr_assert_eq (bus_admission_replace (table, keys, CONTROL), 0);
    cr_assert_eq (bus_admission_unknown (table, unknown, 4), 0);
}

Test (admission, at_most_1000_unknown_keys_are_noted_and_the_oldest_is_dropped)
{
    static struct bus_unknown unknown[BUS_UNKNOWN_MOST + 1];
    for (unsigned number = 1; number <= BUS_UNKNOWN_MOST; number++)
        cr_assert_not (ask (number, BUS_CHANNEL_CONTROL, "10.0.0.1"));
    cr_assert_not (ask (1, BUS_CHANNEL_CONTROL, "10.0.0.1"));    /* so 2 is the oldest */
    cr_assert_not (ask (5000, BUS_CHANNEL_CONTROL, "10.0.0.1")); /* replaces it */
    cr_assert_eq (bus_admission_unknown (table, unknown, BUS_UNKNOWN_MOST + 1), BUS_UNKNOWN_MOST);
    cr_assert_eq (memcmp (unknown[0].key, key_of (5000), BUS_KEY_BYTES), 0);
    cr_assert_eq (unknown[0].count, 1);
    cr_assert_eq (memcmp (unknown[1].key, key_of (1), BUS_KEY_BYTES), 0);
    for (unsigned i = 2; i < BUS_UNKNOWN_MOST; i++)
        cr_assert_eq (memcmp (unknown[i].key, key_of (BUS_UNKNOWN_MOST + 2 - i), BUS_KEY_BYTES), 0);
    cr_assert_not (ask (2, BUS_CHANNEL_CONTROL, "10.0.0.1"));
    cr_assert_eq (bus_admission_unknown (table, unknown, BUS_UNKNOWN_MOST + 1), BUS_UNKNOWN_MOST);
}

Test (admission, a_user_who_is_refused_is_counted_and_no_unknown_key)
{
    struct bus_zap_request request = {.address = "localhost:1000:1000:4711"};
    struct bus_unknown unknown[1];
    request.sender = bus_sender_of_address (request.address);
    cr_assert_not (bus_admission_ask (table, &request, BUS_CHANNEL_CONTROL));
    request.sender = (struct bus_sender){.kind = BUS_SENDER_UNKNOWN};
    cr_assert_not (bus_admission_ask (table, &request, BUS_CHANNEL_CONTROL));
    cr_assert_eq (bus_admission_counts (table).local, 2);
    cr_assert_eq (bus_admission_unknown (table, unknown, 1), 0);
}

static uint64_t cpu_ns (void)
{
    struct timespec now;
    cr_assert_eq (clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now), 0);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

/*  The least CPU time of a look-up over several rounds. */
static double lookup_ns (unsigned keys)
{
    enum { ROUNDS = 20, LOOKUPS = 2000 };
    struct bus_sender senders[64];
    double least = 1e9;
    for (unsigned i = 0; i < 64; i++)
        senders[i] = sender_of (i * (keys / 64 + 1) % keys);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = cpu_ns ();
        for (unsigned i = 0; i < LOOKUPS; i++)
            cr_assert (bus_admission_admits (table, &senders[i % 64], BUS_CHANNEL_CONTROL));
        double each = (double) (cpu_ns () - start) / LOOKUPS;
        least = each < least ? each : least;
    }
    return least;
}

/*  A linear search would take several hundred times as long. */
Test (admission, a_lookup_takes_as_long_with_9000_keys_as_with_10)
{
    unsigned number = 0;
    while (number < 10)
        cr_assert_eq (bus_admission_allow (table, key_of (number++), CONTROL), 0);
    double few = lookup_ns (10);
    while (number < 9000)
        cr_assert_eq (bus_admission_allow (table, key_of (number++), CONTROL), 0);
    double many = lookup_ns (9000);
    (void) printf ("a look-up takes %.0f ns with 10 keys, %.0f ns with 9000\n", few, many);
    cr_assert_lt (many, 10 * few);
}
