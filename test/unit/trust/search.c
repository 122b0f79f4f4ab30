/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/search.c - which target a path names */

#include "test/unit/trust/fixture.h"

struct edge {
    const char *parent, *name, *path; /* parent NULL: the top-level targets */
    bool terminating;
};

enum { ROLES_MOST = 80 };

/*  A graph of delegated roles, all signed by key 20. */
struct graph {
    struct world world;
    char names[ROLES_MOST][TRUST_NAME_TEXT];
    json_t *contents[ROLES_MOST];
    size_t count;
};

static json_t *graph_role (struct graph *graph, const char *name)
{
    if (!name)
        return graph->world.contents[TRUST_TARGETS];
    for (size_t i = 0; i < graph->count; i++)
        if (strcmp (graph->names[i], name) == 0)
            return graph->contents[i];
    cr_assert_lt (graph->count, ROLES_MOST);
    (void) base_text_copy (graph->names[graph->count], TRUST_NAME_TEXT, name);
    return graph->contents[graph->count++] = targets_content (1);
}

static void graph_add_target (struct graph *graph, const char *role, const char *path, const char *data)
{
    json_object_set_new (json_object_get (graph_role (graph, role), "targets"), path, target_of (data));
}

static void graph_init (struct graph *graph, const struct edge *edges, size_t count)
{
    graph->count = 0;
    world_init (&graph->world);
    for (size_t i = 0; i < count; i++) {
        graph_role (graph, edges[i].name);
        json_t *role = delegate (graph_role (graph, edges[i].parent), edges[i].name, (unsigned[]){20, 0}, 1,
                                 edges[i].path);
        json_object_set_new (role, "terminating", json_boolean (edges[i].terminating));
    }
}

static void graph_publish (struct graph *graph)
{
    for (size_t i = 0; i < graph->count; i++)
        delegated_publish (&graph->world, graph->names[i], graph->contents[i], (unsigned[]){20, 0});
    world_advance (&graph->world);
    cr_assert_eq (world_refresh (&graph->world), 0, "%s", graph->world.error.text);
}

static void graph_deinit (struct graph *graph)
{
    for (size_t i = 0; i < graph->count; i++)
        json_decref (graph->contents[i]);
    world_deinit (&graph->world);
}

/*  The roles that a search for a missing path fetches, in order. */
static void visits_are (const struct edge *edges, size_t count, const char *path, const char *expected)
{
    struct graph graph;
    base_cleanup (base_buffer_deinit) struct base_buffer visited = {0};
    graph_init (&graph, edges, count);
    graph_publish (&graph);
    cr_assert_eq (world_search (&graph.world, path, NULL), TRUST_E_NO_TARGET, "%s", graph.world.error.text);
    base_cleanup (base_free_p) char *log = base_text_printf (
        "%.*s", (int) graph.world.log.size, graph.world.log.size ? (char *) graph.world.log.data : "");
    for (const char *at = log; (at = strstr (at, "fetch 1.")); at++)
        base_buffer_printf (&visited, "%.*s ", (int) strcspn (at + 8, "."), at + 8);
    base_cleanup (base_free_p) char *text = base_buffer_take_text (&visited);
    cr_assert_str_eq (text ? text : "", expected);
    graph_deinit (&graph);
}

#define VISITS(edges, path, expected) visits_are (edges, sizeof (edges) / sizeof *(edges), path, expected)

Test (search, delegations_are_visited_in_preorder)
{
    static const struct edge flat[] = {{NULL, "a", "*", false}, {NULL, "b", "*", false}};
    static const struct edge deep[] = {{NULL, "a", "*", false},
                                       {NULL, "b", "*", false},
                                       {"a", "c", "*", false},
                                       {"a", "d", "*", false},
                                       {"c", "e", "*", false}};
    VISITS (flat, "missing", "a b ");
    VISITS (deep, "missing", "a c e d b ");
}

Test (search, only_delegations_that_match_are_visited)
{
    static const struct edge edges[] = {{NULL, "a", "*.py", false},
                                        {NULL, "b", "*", false},
                                        {"b", "c", "*.py", false},
                                        {"b", "d", "*", false}};
    VISITS (edges, "missing", "b d ");
    VISITS (edges, "x.py", "a b c d ");
}

Test (search, a_terminating_delegation_ends_the_search_after_its_descendants)
{
    static const struct edge edges[] = {{NULL, "a", "*", false},
                                        {NULL, "b", "*", false},
                                        {"a", "c", "*", true},
                                        {"a", "d", "*", false},
                                        {"c", "e", "*", false}};
    VISITS (edges, "missing", "a c e ");
}

Test (search, a_terminating_delegation_that_does_not_match_ends_nothing)
{
    static const struct edge edges[] = {{NULL, "a", "*.py", true}, {NULL, "b", "*", false}};
    VISITS (edges, "missing", "b ");
}

Test (search, a_cycle_is_visited_once)
{
    static const struct edge edges[] = {
        {NULL, "a", "*", false}, {"a", "b", "*", false}, {"b", "a", "*", false}, {"b", "c", "*", false}};
    VISITS (edges, "missing", "a b c ");
}

Test (search, a_role_of_two_parents_is_visited_once)
{
    static const struct edge edges[] = {
        {NULL, "a", "*", false}, {NULL, "b", "*", false}, {"b", "c", "*", false}, {"a", "c", "*", false}};
    VISITS (edges, "missing", "a c b ");
}

Test (search, the_first_role_that_names_the_target_wins)
{
    static const struct edge edges[] = {
        {NULL, "a", "*", false}, {NULL, "b", "*", false}, {"a", "c", "*", false}};
    struct graph graph;
    char role[TRUST_NAME_TEXT];
    graph_init (&graph, edges, 3);
    graph_add_target (&graph, "b", "x", "of b");
    graph_add_target (&graph, "c", "x", "of c");
    graph_publish (&graph);
    cr_assert_eq (world_search (&graph.world, "x", role), 0);
    cr_assert_str_eq (role, "c");
    graph_add_target (&graph, NULL, "x", "of targets");
    graph_publish (&graph);
    cr_assert_eq (world_search (&graph.world, "x", role), 0);
    cr_assert_str_eq (role, "targets");
    graph_deinit (&graph);
}

Test (search, a_target_outside_the_delegated_paths_is_not_found)
{
    static const struct edge edges[] = {{NULL, "a", "team/*", false}};
    struct graph graph;
    graph_init (&graph, edges, 1);
    graph_add_target (&graph, "a", "other", "data");
    graph_add_target (&graph, "a", "team/x", "data");
    graph_publish (&graph);
    cr_assert_eq (world_search (&graph.world, "other", NULL), TRUST_E_NO_TARGET);
    cr_assert_eq (world_search (&graph.world, "team/x", NULL), 0);
    graph_deinit (&graph);
}

Test (search, at_most_32_roles_are_visited)
{
    struct graph graph;
    char role[TRUST_NAME_TEXT];
    graph_init (&graph, NULL, 0);
    for (unsigned i = 1; i < 40; i++) {
        char parent[32], name[32], path[32];
        (void) snprintf (parent, sizeof parent, "role-%u", i - 1);
        (void) snprintf (name, sizeof name, "role-%u", i);
        (void) snprintf (path, sizeof path, "target-%u", i);
        graph_role (&graph, name);
        delegate (graph_role (&graph, i > 1 ? parent : NULL), name, (unsigned[]){20, 0}, 1, "*");
        graph_add_target (&graph, name, path, "data");
    }
    graph_publish (&graph);
    cr_assert_eq (world_search (&graph.world, "target-31", role), 0, "%s",
                  graph.world.error.text); /* and targets itself */
    cr_assert_str_eq (role, "role-31");
    cr_assert_eq (world_search (&graph.world, "target-32", NULL), TRUST_E_NO_TARGET);
    cr_assert_eq (world_search (&graph.world, "missing", NULL), TRUST_E_NO_TARGET);
    cr_assert_leq (graph.world.client.n_loaded, TRUST_LOADED_MOST);
    graph_deinit (&graph);
}

/*  Many delegations of one role: those behind the limit are not looked at, but a terminating one ends all. */
Test (search, a_wide_graph_has_the_same_limit)
{
    struct graph graph;
    graph_init (&graph, NULL, 0);
    for (unsigned i = 0; i < 75; i++) {
        char name[32];
        (void) snprintf (name, sizeof name, "role-%u", i);
        graph_role (&graph, name);
        delegate (graph_role (&graph, NULL), name, (unsigned[]){20, 0}, 1, "*");
    }
    graph_add_target (&graph, "role-30", "inside", "data");
    graph_add_target (&graph, "role-31", "outside", "data");
    graph_publish (&graph);
    cr_assert_eq (world_search (&graph.world, "inside", NULL), 0);
    cr_assert_eq (world_search (&graph.world, "outside", NULL), TRUST_E_NO_TARGET);
    graph_deinit (&graph);
}

Test (search, delegated_metadata_is_stored_and_used_again)
{
    static const struct edge edges[] = {{NULL, "a", "*", false}};
    struct graph graph;
    graph_init (&graph, edges, 1);
    graph_add_target (&graph, "a", "x", "data");
    graph_publish (&graph);
    cr_assert_eq (world_search (&graph.world, "x", NULL), 0);
    cr_assert (world_did (&graph.world, "store a.json"));
    cr_assert_eq (world_search (&graph.world, "x", NULL), 0);
    cr_assert_eq (graph.world.log.size, 0); /* the client has it */
    cr_assert_eq (world_refresh (&graph.world), 0);
    cr_assert_eq (world_search (&graph.world, "x", NULL), 0);
    cr_assert (world_did (&graph.world, "load a.json"));
    cr_assert (!world_did (&graph.world, "fetch 1.a.json"));
    graph_deinit (&graph);
}

Test (search, a_newer_version_in_the_snapshot_is_fetched)
{
    static const struct edge edges[] = {{NULL, "a", "*", false}};
    struct graph graph;
    graph_init (&graph, edges, 1);
    graph_add_target (&graph, "a", "x", "data");
    graph_publish (&graph);
    cr_assert_eq (world_search (&graph.world, "x", NULL), 0);
    content_set_version (graph_role (&graph, "a"), 2);
    graph_publish (&graph);
    cr_assert_eq (world_search (&graph.world, "x", NULL), 0);
    cr_assert (world_did (&graph.world, "fetch 2.a.json"));
    cr_assert_eq (stored_version (&graph.world, "a"), 2);
    graph_deinit (&graph);
}

Test (search, a_role_that_is_missing_or_not_trusted_ends_the_search)
{
    static const struct edge edges[] = {{NULL, "a", "*", false}, {NULL, "b", "*", false}};
    for (int i = 0; i < 3; i++) {
        struct graph graph;
        graph_init (&graph, edges, 2);
        graph_add_target (&graph, "b", "x", "data");
        graph_publish (&graph);
        if (i == 0) {
            file_remove (graph.world.remote, "1.a.json");
        } else if (i == 1) {
            char *file = file_sign (graph_role (&graph, "a"), (unsigned[]){66, 0});
            remote_put (&graph.world, "a", 1, file);
            free (file);
        } else {
            json_object_set_new (json_object_get (graph.world.contents[TRUST_SNAPSHOT], "meta"), "gone.json",
                                 json_pack ("{s:i}", "version", 1));
            delegate (graph.world.contents[TRUST_TARGETS], "unnamed", (unsigned[]){20, 0}, 1, "*");
            world_advance (&graph.world);
            cr_assert_eq (world_refresh (&graph.world), 0);
        }
        int expected[] = {TRUST_E_UNAVAILABLE, TRUST_E_THRESHOLD, TRUST_E_UNKNOWN_ROLE};
        cr_assert_eq (world_search (&graph.world, i == 2 ? "y" : "x", NULL), expected[i], "%s",
                      graph.world.error.text);
        cr_assert (strstr (graph.world.error.text, i == 2 ? "unnamed" : "a"));
        if (i < 2)
            cr_assert_eq (stored_version (&graph.world, "a"), 0);
        graph_deinit (&graph);
    }
}

Test (search, a_store_that_fails_ends_the_search)
{
    static const struct edge edges[] = {{NULL, "a", "*", false}};
    struct graph graph;
    graph_init (&graph, edges, 1);
    graph_publish (&graph);
    graph.world.store_fails = 1;
    cr_assert_eq (world_search (&graph.world, "x", NULL), -ENOSPC);
    graph.world.store_fails = 0;
    cr_assert_eq (world_search (&graph.world, "x", NULL), TRUST_E_NO_TARGET);
    graph_deinit (&graph);
}

Test (search, an_impossible_path_is_no_search)
{
    struct graph graph;
    graph_init (&graph, NULL, 0);
    graph_publish (&graph);
    cr_assert_eq (world_search (&graph.world, "", NULL), TRUST_E_FORMAT);
    cr_assert_eq (world_search (&graph.world, "a\nb", NULL), TRUST_E_FORMAT);
    cr_assert_eq (world_search (&graph.world, "app/one", NULL), 0);
    graph_deinit (&graph);
}

Test (search, many_searches_keep_a_bounded_number_of_roles)
{
    struct graph graph;
    graph_init (&graph, NULL, 0);
    for (unsigned i = 0; i < 75; i++) {
        char name[32], path[32], pattern[32];
        (void) snprintf (name, sizeof name, "role-%u", i);
        (void) snprintf (path, sizeof path, "p%u/x", i);
        (void) snprintf (pattern, sizeof pattern, "p%u/*", i);
        graph_role (&graph, name);
        delegate (graph_role (&graph, NULL), name, (unsigned[]){20, 0}, 1, pattern);
        graph_add_target (&graph, name, path, "data");
    }
    graph_publish (&graph);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 75; i++) {
            char path[32];
            (void) snprintf (path, sizeof path, "p%u/x", i);
            cr_assert_eq (world_search (&graph.world, path, NULL), 0);
            cr_assert_leq (graph.world.client.n_loaded, TRUST_LOADED_MOST);
        }
    graph_deinit (&graph);
}

Test (search, succinct_roles_are_searched)
{
    struct graph graph;
    char role_name[TRUST_NAME_TEXT];
    graph_init (&graph, NULL, 0);
    json_t *role = role_of ((unsigned[]){20, 0}, 1), *keys = json_object ();
    keys_add (keys, (unsigned[]){20, 0});
    json_object_set_new (role, "bit_length", json_integer (4));
    json_object_set_new (role, "name_prefix", json_string ("bin"));
    json_object_set_new (graph.world.contents[TRUST_TARGETS], "delegations",
                         json_pack ("{s:o,s:o}", "keys", keys, "succinct_roles", role));
    graph_add_target (&graph, "bin-b", "abc", "data"); /* SHA-256 of the path begins with b */
    graph_publish (&graph);
    cr_assert_eq (world_search (&graph.world, "abc", role_name), 0, "%s", graph.world.error.text);
    cr_assert_str_eq (role_name, "bin-b");
    graph_deinit (&graph);
}
