/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/draft_online.c - what snapshot and timestamp say about the files below them */

#include "test/unit/trust/repository_fixture.h"

static struct base_buffer targets_bytes (uint64_t version, uint8_t release)
{
    struct trust_draft draft = {0};
    cr_assert_eq (trust_draft_targets_new (version, NOW + YEAR, &draft, NULL), 0);
    cr_assert_eq (release_add (&draft, "web", release), 0);
    struct base_buffer bytes = draft_bytes (&draft);
    trust_draft_deinit (&draft);
    return bytes;
}

static int snapshot_next (const struct trust_draft *last, const char *role, const struct base_buffer *bytes,
                          struct trust_draft *ret_draft)
{
    const struct trust_draft_file file = {role, bytes->data, bytes->size};
    return trust_draft_snapshot_next (last, &file, 1, NOW, NOW + DAY, ret_draft, NULL);
}

Test (draft_online, a_snapshot_has_version_length_and_hash_of_each_file)
{
    struct base_buffer targets = targets_bytes (100, 1), alice = targets_bytes (7, 2);
    struct trust_draft first = {0}, second = {0};
    struct trust_snapshot read = {0};
    cr_assert_eq (snapshot_next (NULL, "targets", &targets, &first), 0);
    cr_assert_eq (snapshot_next (&first, "alice", &alice, &second), 0);
    cr_assert_eq (trust_snapshot_read (trust_draft_content (&second), &read, NULL), 0);
    cr_assert_eq (read.common.version, NOW + 1);
    cr_assert_eq (read.n_meta, 2);
    const struct trust_meta *meta = trust_snapshot_find (&read, "targets");
    cr_assert_eq (meta->version, 100);
    cr_assert_eq (meta->length, targets.size);
    cr_assert_eq (trust_hashes_check (&meta->hashes, targets.data, targets.size, "targets", NULL), 0);
    meta = trust_snapshot_find (&read, "alice");
    cr_assert_eq (meta->version, 7);
    cr_assert_eq (trust_hashes_check (&meta->hashes, alice.data, alice.size, "alice", NULL), 0);
    trust_snapshot_deinit (&read);
    trust_draft_deinit (&first);
    trust_draft_deinit (&second);
    base_buffer_deinit (&targets);
    base_buffer_deinit (&alice);
}

Test (draft_online, a_file_never_goes_back_and_never_changes_under_its_version)
{
    struct base_buffer targets = targets_bytes (100, 1), older = targets_bytes (99, 1),
                       changed = targets_bytes (100, 2), newer = targets_bytes (101, 2);
    struct trust_draft first = {0}, next = {0};
    cr_assert_eq (snapshot_next (NULL, "targets", &targets, &first), 0);
    cr_assert_eq (snapshot_next (&first, "targets", &older, &next), TRUST_E_VERSION);
    cr_assert_eq (snapshot_next (&first, "targets", &changed, &next), TRUST_E_VERSION);
    cr_assert_null (next.json);
    cr_assert_eq (snapshot_next (&first, "targets", &targets, &next), 0);
    trust_draft_deinit (&next);
    cr_assert_eq (snapshot_next (&first, "targets", &newer, &next), 0);
    trust_draft_deinit (&next);
    trust_draft_deinit (&first);
    base_buffer_deinit (&targets);
    base_buffer_deinit (&older);
    base_buffer_deinit (&changed);
    base_buffer_deinit (&newer);
}

Test (draft_online, a_timestamp_is_of_a_snapshot)
{
    struct base_buffer targets = targets_bytes (100, 1);
    struct trust_draft snapshot = {0}, timestamp = {0};
    struct trust_timestamp read = {0};
    cr_assert_eq (
        trust_draft_timestamp_next (NULL, targets.data, targets.size, NULL, NOW, NOW + DAY, &timestamp, NULL),
        TRUST_E_FORMAT);
    cr_assert_eq (snapshot_next (NULL, "targets", &targets, &snapshot), 0);
    struct base_buffer bytes = draft_bytes (&snapshot);
    cr_assert_eq (snapshot_next (NULL, "targets", &bytes, &timestamp), TRUST_E_FORMAT);
    cr_assert_eq (
        trust_draft_timestamp_next (NULL, bytes.data, bytes.size, NULL, NOW, NOW + DAY, &timestamp, NULL), 0);
    cr_assert_eq (trust_timestamp_read (trust_draft_content (&timestamp), &read, NULL), 0);
    cr_assert_eq (read.snapshot.version, NOW);
    cr_assert_eq (read.snapshot.length, bytes.size);
    cr_assert_eq (trust_hashes_check (&read.snapshot.hashes, bytes.data, bytes.size, "snapshot", NULL), 0);

    struct trust_merkle merkle = {0};
    struct base_digest leaf = trust_merkle_leaf ("a", 1);
    struct trust_draft second = {0}, third = {0};
    trust_merkle_append (&merkle, &leaf);
    struct trust_log_head head = trust_log_head_of (&merkle), kept;
    cr_assert_eq (
        trust_draft_timestamp_next (&timestamp, bytes.data, bytes.size, &head, NOW, NOW + DAY, &second, NULL),
        0);
    cr_assert_eq (
        trust_draft_timestamp_next (&second, bytes.data, bytes.size, NULL, NOW, NOW + DAY, &third, NULL), 0);
    cr_assert_eq (trust_log_head_read (trust_draft_content (&third), &kept, NULL), 0);
    cr_assert (trust_log_head_equal (&kept, &head));
    trust_draft_deinit (&second);
    trust_draft_deinit (&third);
    trust_timestamp_deinit (&read);
    trust_draft_deinit (&snapshot);
    trust_draft_deinit (&timestamp);
    base_buffer_deinit (&bytes);
    base_buffer_deinit (&targets);
}
