/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/identity/self.c - the environment of a probe, and the search for blobs among the files of this node

    A probe starts with the environment of init, without the variables that were added for this process. */

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "identity/self.h"

Test (self, the_pristine_environment_has_no_variables_of_launcher_envelope_and_init_protocols)
{
    const char *const env[] = {"PATH=/bin",
                               "NODED_ROOT=/x",
                               "NODED_READY=a b",
                               "NOTIFY_SOCKET=/run/x",
                               "WATCHDOG_USEC=1",
                               "EXTRA=envelope's",
                               "EXTRAS=init's",
                               "NODED_BROKER=kept",
                               NULL};
    const char *const own[] = {"EXTRA=envelope's"};
    struct wire_envelope envelope = {.env = own, .n_env = 1};
    struct identity_self self = {.env = (char **) (uintptr_t) env,
                                 .running.installed = {.envelope = &envelope}};
    char **pristine = identity_self_pristine_env (&self);
    cr_assert_not_null (pristine);
    cr_assert_eq (base_list_count (pristine), 3);
    cr_expect_str_eq (pristine[0], "PATH=/bin");
    cr_expect_str_eq (pristine[1], "EXTRAS=init's");
    cr_expect_str_eq (pristine[2], "NODED_BROKER=kept");
    base_list_free (pristine);
}

Test (self, a_variable_of_init_that_the_envelope_hides_is_in_the_pristine_environment)
{
    const char *const env[] = {"PATH=/nonsense", "LANG=C", NULL},
                      *const hidden[] = {"PATH=/bin", "NODED_ROOT=/x", NULL},
                      *const own[] = {"PATH=/nonsense"};
    struct wire_envelope envelope = {.env = own, .n_env = 1};
    struct identity_self self = {.env = (char **) (uintptr_t) env,
                                 .hidden = (char **) (uintptr_t) hidden,
                                 .running.installed = {.envelope = &envelope}};
    char **pristine = identity_self_pristine_env (&self);
    cr_assert_not_null (pristine);
    cr_assert_eq (base_list_count (pristine), 2);
    cr_expect_str_eq (pristine[0], "LANG=C");
    cr_expect_str_eq (pristine[1], "PATH=/bin");
    base_list_free (pristine);
}

Test (self, a_blob_is_found_as_program_or_file)
{
    struct wire_file files[] = {{.path = "lib/a.so", .digest = {{2}}}, {.path = "b", .digest = {{3}}}};
    struct wire_envelope envelope = {.binary = {{1}}, .files = files, .n_files = 2};
    struct wire_installed installed = {.envelope = &envelope};
    char path[300];
    cr_expect (identity_installed_find (&installed, &envelope.binary, path));
    cr_expect_str_eq (path, "noded");
    cr_expect (identity_installed_find (&installed, &files[1].digest, path));
    cr_expect_str_eq (path, "files/b");
    cr_expect_not (identity_installed_find (&installed, &(struct base_digest){{4}}, path));
}

static void file_put (int root, const char *name, const char *text)
{
    int fd = openat (root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    cr_assert (write (fd, text, strlen (text)) == (ssize_t) strlen (text));
    close (fd);
}

Test (self, a_damaged_file_of_another_workspace_is_not_used_for_the_blob)
{
    static const char other[] = "2026-01-01T00:00:00.000000000Z";
    char directory[] = "/tmp/noded-test-XXXXXX", name[100];
    struct root root;
    struct identity_source source;
    struct wire_envelope envelope = {
        .application = "noded", .version = "1", .binary = base_digest_of ("whole", 5), .size = 5};
    struct wire_installed installed = {.release = {{1}}, .envelope = &envelope};
    struct identity_self self = {.running.workspace = "2026-01-02T00:00:00.000000000Z"};
    cr_assert_not_null (mkdtemp (directory));
    cr_assert_eq (root_make (&disk_system, directory, &root, NULL), 0);
    cr_assert_eq (mkdirat (root.fd, other, 0755), 0);
    char *text = wire_json (&wire_installed_record, &installed, WIRE_JSON_PRETTY);
    snprintf (name, sizeof name, "%s/envelope.json", other);
    file_put (root.fd, name, text);
    free (text);
    snprintf (name, sizeof name, "%s/noded", other);
    file_put (root.fd, name, "whole");
    cr_assert_eq (identity_running_find (&root, &self.running, &envelope.binary, false, &source), 0);
    cr_expect_str_eq (source.workspace, other);
    file_put (root.fd, name, "whale");
    cr_expect_eq (identity_running_find (&root, &self.running, &envelope.binary, false, &source),
                  ROOT_E_NONE);
    root_deinit (&root);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, directory, NULL);
}
