/* SPDX-License-Identifier: MPL-2.0 */
/*  example_client BROKER SETTINGS PROGRAM - publishes a program as the application "example", and prints its releases at
    the broker, the nodes that the broker knows, and the plan of a rollout. SETTINGS: the file of nodectl keys add, with a key that may do this

    Valid C and C++. */

#include <noded/client.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail (noded_client *client)
{
    fprintf (stderr, "example_client: %s\n", noded_client_error (client));
    noded_client_free (client);
    return EXIT_FAILURE;
}

int main (int argc, char **argv)
{
    char error[512], release[65];
    noded_client *client;
    noded_binary binary;
    noded_publish publish;
    static const char *const settings[] = {"application=example", "waves=1, 10%, rest", "budget=2"};
    noded_releases releases;
    noded_nodes_query query;
    noded_nodes nodes;
    noded_spec spec;
    noded_plan *plan;
    char *json;
    size_t i;

    if (argc != 4) {
        fprintf (stderr, "usage: example_client BROKER SETTINGS PROGRAM\n");
        return 2;
    }
    if (noded_client_new (argv[1], argv[2], 0, &client, error, sizeof error) != 0) {
        fprintf (stderr, "example_client: %s\n", error);
        return EXIT_FAILURE;
    }

    memset (&binary, 0, sizeof binary);
    binary.path = argv[3];
    memset (&publish, 0, sizeof publish);
    publish.application = "example";
    publish.version = "1.2.3";
    publish.binaries = &binary;
    publish.n_binaries = 1;
    if (noded_client_publish (client, &publish, release) != 0)
        return fail (client);
    printf ("%s\n", release);

    if (noded_client_releases (client, "example", &releases) != 0)
        return fail (client);
    json = noded_releases_json (releases.items, releases.count);
    printf ("%s", json ? json : "");
    free (json);
    noded_releases_free (&releases);

    memset (&query, 0, sizeof query);
    if (noded_client_nodes (client, &query, &nodes) != 0)
        return fail (client);
    for (i = 0; i < nodes.count; i++)
        printf ("%s: %s\n", nodes.items[i].id,
                nodes.items[i].application ? noded_state_word (nodes.items[i].application->state)
                                           : "unknown");
    noded_nodes_free (&nodes);

    memset (&spec, 0, sizeof spec);
    spec.settings = settings;
    spec.n_settings = 3;
    if (noded_client_rollout_plan (client, &spec, &plan) != 0)
        return fail (client);
    json = noded_plan_json (plan);
    printf ("%s", json ? json : "");
    free (json);
    noded_plan_free (plan);

    noded_client_free (client);
    return EXIT_SUCCESS;
}
