/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/trust_parts.c - metadata files in parts, names of files, online keys, and the log */

#include "test/unit/broker/trust_fixture.h"
#include "wire/wire.h"

static struct broker_staging staging;
static struct base_error error;

static void staging_end (void)
{
    broker_staging_deinit (&staging);
}

static char bytes[WIRE_METADATA_MOST];

/*  A file of this size, filled with one character. */
static struct broker_part part_of (char character, size_t size)
{
    memset (bytes, character, size);
    return (struct broker_part){.digest = base_digest_of (bytes, size), .size = size, .data = bytes};
}

static int add (struct broker_part *part, size_t offset, size_t length, uint64_t now_ms, uint64_t *ret_next)
{
    part->offset = offset;
    part->length = length;
    part->data = bytes + offset;
    return broker_staging_add (&staging, part, now_ms, ret_next, &error);
}

Test (trust_parts, parts_in_order_make_a_file, .fini = staging_end)
{
    struct broker_part part = part_of ('a', 100000);
    uint64_t next = 0;
    cr_assert_eq (add (&part, 0, 32768, 1, &next), BROKER_PART_TAKEN);
    cr_assert_eq (next, 32768);
    cr_assert_null (broker_staging_find (&staging, &part.digest, 1));
    cr_assert_eq (add (&part, 32768, 32768, 1, &next), BROKER_PART_TAKEN);
    cr_assert_eq (add (&part, 65536, 34464, 1, &next), BROKER_PART_TAKEN);
    cr_assert_eq (next, 100000);
    const struct broker_staged *staged = broker_staging_find (&staging, &part.digest, 1);
    cr_assert_not_null (staged);
    cr_assert_eq (staged->bytes.size, 100000);
    cr_assert_eq (memcmp (staged->bytes.data, bytes, 100000), 0);
}

Test (trust_parts, a_part_out_of_order_is_not_taken_and_the_answer_says_where_to_go_on, .fini = staging_end)
{
    struct broker_part part = part_of ('a', 1000);
    uint64_t next = 7;
    cr_assert_eq (add (&part, 500, 500, 1, &next), BROKER_PART_EARLY);
    cr_assert_eq (next, 0);
    cr_assert_eq (add (&part, 0, 300, 1, &next), BROKER_PART_TAKEN);
    cr_assert_eq (add (&part, 500, 500, 1, &next), BROKER_PART_EARLY);
    cr_assert_eq (next, 300);
    cr_assert_eq (add (&part, 0, 300, 1, &next), BROKER_PART_TAKEN, "a repetition");
    cr_assert_eq (next, 300);
    cr_assert_eq (add (&part, 300, 700, 1, &next), BROKER_PART_TAKEN);
    cr_assert_eq (next, 1000);
    cr_assert_eq (add (&part, 300, 700, 1, &next), BROKER_PART_TAKEN, "a repetition of the end");
    cr_assert_not_null (broker_staging_find (&staging, &part.digest, 1));
}

Test (trust_parts, bytes_that_do_not_match_the_digest_are_dropped, .fini = staging_end)
{
    struct broker_part part = part_of ('a', 1000);
    uint64_t next = 0;
    bytes[999] = 'b';
    cr_assert_eq (add (&part, 0, 1000, 1, &next), BROKER_PART_INVALID);
    cr_assert (strstr (error.text, "do not match the digest"));
    cr_assert_eq (staging.count, 0);
    bytes[999] = 'a';
    cr_assert_eq (add (&part, 0, 1000, 1, &next), BROKER_PART_TAKEN);
}

Test (trust_parts, sizes_are_bounded, .fini = staging_end)
{
    struct broker_part part = part_of ('a', WIRE_METADATA_MOST);
    uint64_t next = 0;
    part.size = WIRE_METADATA_MOST + 1;
    cr_assert_eq (add (&part, 0, 100, 1, &next), BROKER_PART_INVALID);
    part.size = 0;
    cr_assert_eq (add (&part, 0, 100, 1, &next), BROKER_PART_INVALID);
    part.size = 1000;
    cr_assert_eq (add (&part, 0, 1001, 1, &next), BROKER_PART_INVALID);
    cr_assert_eq (add (&part, 0, 0, 1, &next), BROKER_PART_INVALID);
    part.offset = UINT64_MAX;
    part.length = 2;
    cr_assert_eq (broker_staging_add (&staging, &part, 1, &next, &error), BROKER_PART_INVALID);
    cr_assert_eq (add (&part, 0, 100, 1, &next), BROKER_PART_TAKEN);
    part.size = 900;
    cr_assert_eq (add (&part, 100, 100, 1, &next), BROKER_PART_INVALID, "the size changes");
    part.size = WIRE_METADATA_MOST;
    cr_assert_eq (add (&part, 0, WIRE_METADATA_MOST, 1, &next), BROKER_PART_INVALID);
    part = part_of ('c', WIRE_METADATA_MOST);
    cr_assert_eq (add (&part, 0, WIRE_METADATA_MOST, 1, &next), BROKER_PART_TAKEN, "%s", error.text);
}

Test (trust_parts, the_file_that_got_nothing_for_the_longest_time_makes_room, .fini = staging_end)
{
    struct base_digest first = {.bytes = {0}}, second = first;
    uint64_t next = 0;
    for (int i = 0; i < 5; i++) {
        struct broker_part part = part_of ((char) ('a' + i), WIRE_METADATA_MOST);
        if (i == 0)
            first = part.digest;
        if (i == 1)
            second = part.digest;
        if (i == 4)
            cr_assert_not_null (broker_staging_find (&staging, &first, 10),
                                "four files of the largest size fit");
        cr_assert_eq (add (&part, 0, WIRE_METADATA_MOST, (uint64_t) i + 1, &next), BROKER_PART_TAKEN);
    }
    cr_assert_not_null (broker_staging_find (&staging, &first, 10));
    cr_assert_null (broker_staging_find (&staging, &second, 10));
    broker_staging_tick (&staging, 5 + BROKER_STAGED_KEPT_MS);
    cr_assert_eq (staging.count, 1, "only the one that was used later is kept");
    broker_staging_tick (&staging, 11 + BROKER_STAGED_KEPT_MS);
    cr_assert_eq (staging.count, 0);
    for (size_t i = 0; i < 200; i++) {
        struct broker_part part = part_of ('x', 100 + i);
        cr_assert_eq (add (&part, 0, 1, i, &next), BROKER_PART_TAKEN);
    }
    cr_assert_eq (staging.count, BROKER_STAGED_MOST);
}

/*  Names of files. */

Test (trust_parts, the_name_of_a_role_never_leaves_the_directory)
{
    static const char *const roles[] = {"../../etc/passwd",
                                        "a/b",
                                        "..",
                                        ".",
                                        "targets/x",
                                        "%2e%2e",
                                        "a b",
                                        "\xc3\xa4",
                                        "0123456789012345678901234567890123456789012345678901234567890123"};
    struct world world;
    struct broker_trust_name *names = NULL;
    size_t count = 0;
    world_init (&world);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
        cr_assert (broker_trust_is_role (roles[i]));
        cr_assert_eq (broker_trust_files_write (&world.trust.files, roles[i], i + 1, roles[i],
                                                strlen (roles[i]), &error),
                      0, "%s: %s", roles[i], error.text);
        cr_assert_eq (broker_trust_files_read (&world.trust.files, roles[i], i + 1, 100, &buffer, &error), 0);
        cr_assert_eq (buffer.size, strlen (roles[i]));
    }
    cr_assert_eq (broker_trust_files_list (&world.trust.files, &names, &count, &error), 0);
    cr_assert_eq (count, sizeof roles / sizeof *roles, "each has a file of its own, in this directory");
    for (size_t i = 0; i < count; i++)
        cr_assert_str_eq (names[i].role, roles[names[i].version - 1]);
    free (names);
    world_deinit (&world);
}

Test (trust_parts, what_is_no_role_is_not_read)
{
    struct world world;
    const struct broker_trust_cached *file;
    static const char *const roles[] = {
        "", "mirrors", "a\nb", "\xff",
        "01234567890123456789012345678901234567890123456789012345678901234" /* 65 bytes */};
    world_begin (&world);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        cr_assert_eq (broker_trust_read (&world.trust, roles[i], 0, &file, &error), -ENOENT);
        cr_assert_eq (broker_trust_read (&world.trust, roles[i], 1, &file, &error), -ENOENT);
    }
    cr_assert_eq (broker_trust_read (&world.trust, "timestamp", NOW + 77, &file, &error), -ENOENT);
    cr_assert_eq (broker_trust_read (&world.trust, "root", UINT64_MAX, &file, &error), -ENOENT);
    world_deinit (&world);
}

Test (trust_parts, a_file_is_listed_only_under_the_name_that_it_would_be_written_with)
{
    static const char *const names[] = {
        "01.root.json",     "1.root.jso",   "root.json",   "1.%72oot.json",
        "1.a%2Fb.json",     "1.a%2fb.json", "0.root.json", "99999999999999999999.root.json",
        "1.timestamp.json", "1..json",      "1.json",      ".json",
        "1.a%.json",        "1.a%4.json",   "1.%00.json"};
    struct world world;
    struct broker_trust_name *found = NULL;
    size_t count = 0;
    world_init (&world);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert_eq (broker_trust_files_put (&world.trust.files, names[i], 0600, "x", 1, &error), 0);
    cr_assert_eq (broker_trust_files_list (&world.trust.files, &found, &count, &error), 0);
    cr_assert_eq (count, 1);
    cr_assert_str_eq (found[0].role, "a/b");
    free (found);
    world_deinit (&world);
}

/*  Online keys. */

Test (trust_parts, online_keys_are_private_files_and_stay_the_same)
{
    struct world world;
    char path[256];
    struct stat status;
    struct base_digest before;
    world_init (&world);
    cr_assert_eq (broker_trust_make_keys (&world.trust, &error), 0);
    before = world.trust.keys.all[0]->secret.keyid;
    cr_assert_eq (stat (file_path (&world, "keys", path), &status), 0);
    cr_assert_eq (status.st_mode & 07777, 0700);
    cr_assert_eq (stat (file_path (&world, "keys/1.timestamp.key", path), &status), 0);
    cr_assert_eq (status.st_mode & 07777, 0600);
    cr_assert_eq (stat (file_path (&world, "keys/1.snapshot.key", path), &status), 0);
    cr_assert_eq (status.st_mode & 07777, 0600);
    world_reopen (&world);
    cr_assert_eq (world.trust.keys.count, 2);
    cr_assert (base_digest_equal (&world.trust.keys.all[0]->secret.keyid, &before) ||
               base_digest_equal (&world.trust.keys.all[1]->secret.keyid, &before));
    cr_assert_not (
        base_digest_equal (&world.trust.keys.all[0]->secret.keyid, &world.trust.keys.all[1]->secret.keyid));
    world_deinit (&world);
}

Test (trust_parts, a_damaged_key_is_named_and_never_replaced)
{
    struct world world;
    world_begin (&world);
    file_damage (&world, "keys/1.snapshot.key");
    world_reopen (&world);
    cr_assert_eq (world.trust.keys.count, 1);
    cr_assert (strstr (world.trust.keys.damage, "keys/1.snapshot.key"), "%s", world.trust.keys.damage);
    cr_assert_eq (broker_trust_make_keys (&world.trust, &error), 0);
    cr_assert_eq (world.trust.keys.generation, 2, "the number of the damaged key is not used again");
    cr_assert (file_exists (&world, "keys/1.snapshot.key"));
    world_deinit (&world);
}

Test (trust_parts, the_number_of_keys_is_bounded)
{
    struct world world;
    world_init (&world);
    for (int i = 0; i < BROKER_TRUST_KEYS_MOST / 2; i++)
        cr_assert_eq (broker_trust_make_keys (&world.trust, &error), 0);
    cr_assert_eq (broker_trust_make_keys (&world.trust, &error), BROKER_E_REFUSED);
    cr_assert (strstr (error.text, "move away"), "%s", error.text);
    world_reopen (&world);
    cr_assert_eq (world.trust.keys.count, BROKER_TRUST_KEYS_MOST);
    for (size_t i = 1; i < world.trust.keys.count; i++)
        cr_assert_leq (world.trust.keys.all[i - 1]->generation, world.trust.keys.all[i]->generation);
    world_deinit (&world);
}
