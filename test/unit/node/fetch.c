/*  What an update needs is known before its first byte is asked for. */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "node/fetch.h"

static void ended (void *context, const struct base_error *error)
{
    (void) context;
    (void) error;
}

Test (fetch, the_space_of_the_rehearsal_is_asked_for_before_a_download)
{
    char directory[] = "/tmp/noded-test-XXXXXX";
    struct root root;
    struct node_config config;
    struct disk_blobs contents = {.fd = -1};
    struct base_error error = {.code = 0};
    struct wire_envelope envelope = {.binary = {{1}}, .size = UINT64_C (1) << 47};
    struct node_self self = {.installed = {.envelope = &envelope}};
    cr_assert_not_null (mkdtemp (directory));
    cr_assert_eq (root_make (&disk_system, directory, &root, NULL), 0);
    cr_assert_eq (node_config_init (&config, directory), 0);
    struct bus_loop *loop = bus_loop_new ();
    cr_assert_eq (disk_blobs_open (&disk_system, root.fd, "var/contents", &contents, NULL), 0);
    struct node_fetch *fetch = node_fetch_new (loop, &config, &root, &contents, &self, NULL, ended, NULL);
    cr_expect_eq (node_fetch_start (fetch, &envelope, true, &error), -ENOSPC, "the download and five copies");
    cr_expect (strstr (error.text, "844424931180544"), "%s", error.text);
    (void) node_fetch_free (fetch);
    (void) bus_loop_free (loop);
    node_config_deinit (&config);
    disk_blobs_deinit (&contents);
    root_deinit (&root);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, directory, NULL);
}
