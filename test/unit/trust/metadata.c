/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/metadata.c - root, timestamp, snapshot and targets as structs */

#include "test/unit/trust/fixture.h"

static int content_read (enum trust_kind kind, const json_t *content)
{
    struct trust_root root = {0};
    struct trust_timestamp timestamp = {0};
    struct trust_snapshot snapshot = {0};
    struct trust_targets targets = {0};
    struct base_error error = {0};
    int r = kind == TRUST_ROOT        ? trust_root_read (content, &root, &error)
            : kind == TRUST_TIMESTAMP ? trust_timestamp_read (content, &timestamp, &error)
            : kind == TRUST_SNAPSHOT  ? trust_snapshot_read (content, &snapshot, &error)
                                      : trust_targets_read (content, &targets, &error);
    cr_assert_eq (r != 0, *error.text != 0);
    trust_root_deinit (&root);
    trust_timestamp_deinit (&timestamp);
    trust_snapshot_deinit (&snapshot);
    trust_targets_deinit (&targets);
    return r;
}

/*  Reads content with one field replaced; text NULL: removed. where is the object that has the field. */
static int read_with (enum trust_kind kind, const json_t *content, json_t *where, const char *name,
                      const char *text)
{
    json_t *old = json_incref (json_object_get (where, name));
    if (text)
        json_object_set_new (where, name, json_loads (text, JSON_DECODE_ANY, NULL));
    else
        json_object_del (where, name);
    int r = content_read (kind, content);
    if (old)
        json_object_set_new (where, name, old);
    else
        json_object_del (where, name);
    return r;
}

Test (metadata, each_kind_is_read)
{
    struct world world;
    world_init (&world);
    for (int kind = 0; kind < TRUST_KINDS; kind++)
        for (int other = 0; other < TRUST_KINDS; other++)
            cr_assert_eq (content_read ((enum trust_kind) kind, world.contents[other]),
                          kind == other ? 0 : TRUST_E_FORMAT);
    struct trust_root root;
    cr_assert_eq (trust_root_read (world.contents[TRUST_ROOT], &root, NULL), 0);
    cr_assert (root.consistent_snapshot);
    cr_assert_eq (root.common.version, 1);
    cr_assert_eq (root.keys.count, 4);
    cr_assert_eq (root.roles[TRUST_TARGETS].threshold, 1);
    cr_assert_str_eq (root.common.spec_version, "1.0.34");
    trust_root_deinit (&root);
    struct trust_targets targets;
    cr_assert_eq (trust_targets_read (world.contents[TRUST_TARGETS], &targets, NULL), 0);
    cr_assert_eq (targets.n_targets, 1);
    cr_assert_not_null (trust_targets_find (&targets, "app/one"));
    cr_assert_null (trust_targets_find (&targets, "app/two"));
    trust_targets_deinit (&targets);
    world_deinit (&world);
}

Test (metadata, what_all_begin_with_is_checked_in_each)
{
    static const char *const bad[][2] = {
        {"version", "0"},
        {"version", "-1"},
        {"version", "\"1\""},
        {"version", NULL},
        {"version", "4611686018427387905"},
        {"expires", "\"2031\""},
        {"expires", NULL},
        {"expires", "7"},
        {"spec_version", "\"2.0.0\""},
        {"spec_version", "\"1\""},
        {"spec_version", "\"1.\""},
        {"spec_version", "\"1.0.\""},
        {"spec_version", "\"1.0.0.0\""},
        {"spec_version", "\"10.0.0\""},
        {"spec_version", "\"1.x\""},
        {"spec_version", "\"1.00000000000000000000000000000000\""},
        {"spec_version", NULL},
        {"_type", NULL},
        {"_type", "\"mirrors\""},
    };
    static const char *const good[][2] = {{"version", "4611686018427387904"},
                                          {"spec_version", "\"1.0\""},
                                          {"spec_version", "\"1.99.99\""},
                                          {"x-unknown", "{\"a\":[1]}"}};
    struct world world;
    world_init (&world);
    for (int kind = 0; kind < TRUST_KINDS; kind++) {
        json_t *content = world.contents[kind];
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            cr_assert_eq (read_with ((enum trust_kind) kind, content, content, bad[i][0], bad[i][1]),
                          TRUST_E_FORMAT, "%d %zu", kind, i);
        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
            cr_assert_eq (read_with ((enum trust_kind) kind, content, content, good[i][0], good[i][1]), 0);
    }
    world_deinit (&world);
}

Test (metadata, root_has_keys_and_all_four_roles)
{
    struct world world;
    world_init (&world);
    json_t *root = world.contents[TRUST_ROOT], *roles = json_object_get (root, "roles");
    for (int kind = 0; kind < TRUST_KINDS; kind++)
        cr_assert_eq (read_with (TRUST_ROOT, root, roles, trust_kind_name ((enum trust_kind) kind), NULL),
                      TRUST_E_FORMAT);
    cr_assert_eq (read_with (TRUST_ROOT, root, root, "keys", NULL), TRUST_E_FORMAT);
    cr_assert_eq (read_with (TRUST_ROOT, root, root, "roles", "[]"), TRUST_E_FORMAT);
    cr_assert_eq (read_with (TRUST_ROOT, root, root, "consistent_snapshot", "1"), TRUST_E_FORMAT);
    cr_assert_eq (read_with (TRUST_ROOT, root, root, "consistent_snapshot", NULL), 0);
    cr_assert_eq (read_with (TRUST_ROOT, root, roles, "mirrors", "7"), 0);
    world_deinit (&world);
}

Test (metadata, timestamp_names_the_snapshot_alone)
{
    struct world world;
    world_init (&world);
    json_t *content = world.contents[TRUST_TIMESTAMP], *meta = json_object_get (content, "meta");
    cr_assert_eq (read_with (TRUST_TIMESTAMP, content, meta, "targets.json", "{\"version\":1}"),
                  TRUST_E_FORMAT);
    cr_assert_eq (read_with (TRUST_TIMESTAMP, content, meta, "snapshot.json", NULL), TRUST_E_FORMAT);
    cr_assert_eq (read_with (TRUST_TIMESTAMP, content, content, "meta", "[]"), TRUST_E_FORMAT);
    static const char *const bad[] = {"7",
                                      "{}",
                                      "{\"version\":0}",
                                      "{\"version\":1,\"length\":-1}",
                                      "{\"version\":1,\"length\":\"1\"}",
                                      "{\"version\":1,\"hashes\":{}}",
                                      "{\"version\":1,\"hashes\":{\"sha256\":\"0\"}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq (read_with (TRUST_TIMESTAMP, content, meta, "snapshot.json", bad[i]), TRUST_E_FORMAT,
                      "%s", bad[i]);
    cr_assert_eq (read_with (TRUST_TIMESTAMP, content, meta, "snapshot.json", "{\"version\":1,\"length\":0}"),
                  0);
    world_deinit (&world);
}

Test (metadata, snapshot_names_files_with_printable_short_names)
{
    struct world world;
    char name[128] = {0};
    world_init (&world);
    json_t *content = world.contents[TRUST_SNAPSHOT], *meta = json_object_get (content, "meta");
    static const char *const bad[] = {"targets", ".json", "", "a\n.json", "a.JSON"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq (read_with (TRUST_SNAPSHOT, content, meta, bad[i], "{\"version\":1}"), TRUST_E_FORMAT,
                      "%s", bad[i]);
    memset (name, 'a', TRUST_NAME_MOST);
    memcpy (name + TRUST_NAME_MOST, ".json", 6);
    cr_assert_eq (read_with (TRUST_SNAPSHOT, content, meta, name, "{\"version\":1}"), 0);
    memcpy (name + TRUST_NAME_MOST, "a.json", 7);
    cr_assert_eq (read_with (TRUST_SNAPSHOT, content, meta, name, "{\"version\":1}"), TRUST_E_FORMAT);
    cr_assert_eq (read_with (TRUST_SNAPSHOT, content, content, "meta", "[]"), TRUST_E_FORMAT);
    world_deinit (&world);
}

Test (metadata, too_many_files_targets_or_delegations_are_refused)
{
    struct world world;
    world_init (&world);
    json_t *meta = json_object_get (world.contents[TRUST_SNAPSHOT], "meta"),
           *one = json_pack ("{s:i}", "version", 1);
    json_t *targets = json_object_get (world.contents[TRUST_TARGETS], "targets"), *target = target_of ("x");
    for (int i = 0; i < TRUST_META_MOST; i++) {
        char name[32];
        (void) snprintf (name, sizeof name, "%d.json", i);
        json_object_set (meta, name, one);
        json_object_set (targets, name, target);
    }
    cr_assert_eq (content_read (TRUST_SNAPSHOT, world.contents[TRUST_SNAPSHOT]), TRUST_E_TOO_LARGE);
    cr_assert_eq (content_read (TRUST_TARGETS, world.contents[TRUST_TARGETS]), TRUST_E_TOO_LARGE);
    json_object_del (meta, "0.json");
    json_object_del (targets, "0.json");
    cr_assert_eq (content_read (TRUST_SNAPSHOT, world.contents[TRUST_SNAPSHOT]), 0);
    cr_assert_eq (content_read (TRUST_TARGETS, world.contents[TRUST_TARGETS]), 0);
    json_decref (one);
    json_decref (target);
    world_deinit (&world);
}

Test (metadata, delegations_are_checked)
{
    struct world world;
    world_init (&world);
    json_t *content = world.contents[TRUST_TARGETS];
    json_t *role = delegate (content, "team", (unsigned[]){20, 0}, 1, "team/*");
    json_t *delegations = json_object_get (content, "delegations");
    cr_assert_eq (content_read (TRUST_TARGETS, content), 0);
    static const char *const bad[][2] = {{"name", NULL},       {"name", "7"},
                                         {"name", "\"root\""}, {"threshold", "0"},
                                         {"keyids", NULL},     {"terminating", "1"},
                                         {"paths", "\"*\""},   {"paths", "[\"\"]"},
                                         {"paths", "[7]"},     {"path_hash_prefixes", "[\"00\"]"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq (read_with (TRUST_TARGETS, content, role, bad[i][0], bad[i][1]), TRUST_E_FORMAT, "%zu",
                      i);
    cr_assert_eq (read_with (TRUST_TARGETS, content, role, "terminating", NULL), 0);
    cr_assert_eq (read_with (TRUST_TARGETS, content, role, "paths", NULL), 0);
    cr_assert_eq (read_with (TRUST_TARGETS, content, delegations, "keys", NULL), TRUST_E_FORMAT);
    cr_assert_eq (read_with (TRUST_TARGETS, content, delegations, "roles", NULL), TRUST_E_FORMAT);
    cr_assert_eq (read_with (TRUST_TARGETS, content, delegations, "roles", "{}"), TRUST_E_FORMAT);
    cr_assert_eq (read_with (TRUST_TARGETS, content, delegations, "succinct_roles", "{}"), TRUST_E_FORMAT);
    cr_assert_eq (read_with (TRUST_TARGETS, content, content, "delegations", "[]"), TRUST_E_FORMAT);
    delegate (content, "team", (unsigned[]){21, 0}, 1, "*");
    cr_assert_eq (content_read (TRUST_TARGETS, content), TRUST_E_FORMAT); /* a name twice */
    world_deinit (&world);
}

Test (metadata, succinct_roles_are_checked)
{
    json_t *content = targets_content (1);
    json_t *role = role_of ((unsigned[]){20, 0}, 1);
    json_object_set_new (role, "bit_length", json_integer (8));
    json_object_set_new (role, "name_prefix", json_string ("bin"));
    json_object_set_new (content, "delegations", json_pack ("{s:{},s:O}", "keys", "succinct_roles", role));
    cr_assert_eq (content_read (TRUST_TARGETS, content), 0);
    static const char *const bad[][2] = {
        {"bit_length", "0"},
        {"bit_length", "33"},
        {"bit_length", NULL},
        {"name_prefix", NULL},
        {"name_prefix", "\"\""},
        {"name_prefix", "\"a\\n\""},
        {"threshold", "0"},
        {"keyids", "7"},
        {"name_prefix", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq (read_with (TRUST_TARGETS, content, role, bad[i][0], bad[i][1]), TRUST_E_FORMAT, "%zu",
                      i);
    cr_assert_eq (read_with (TRUST_TARGETS, content, role, "bit_length", "32"), 0);
    json_decref (role);
    json_decref (content);
}
