/*  The environment that a probe is started with is init's, without what this process got for itself. */

#include <criterion/criterion.h>
#include <string.h>

#include "base/text.h"
#include "node/self.h"

Test (self, the_pristine_environment_is_without_launcher_envelope_and_inits_own_protocols)
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
    struct wire_envelope envelope = {.env = (char **) own, .n_env = 1};
    struct node_self self = {.env = (char **) env, .installed = {.envelope = &envelope}};
    char **pristine = node_self_pristine_env (&self);
    cr_assert_not_null (pristine);
    cr_expect_eq (base_list_count (pristine), 3);
    cr_expect_str_eq (pristine[0], "PATH=/bin");
    cr_expect_str_eq (pristine[1], "EXTRAS=init's");
    cr_expect_str_eq (pristine[2], "NODED_BROKER=kept");
    base_list_free (pristine);
}

Test (self, a_content_is_found_as_program_or_file)
{
    struct wire_file files[] = {{.path = (char *) "lib/a.so", .digest = {{2}}},
                                {.path = (char *) "b", .digest = {{3}}}};
    struct wire_envelope envelope = {.binary = {{1}}, .files = files, .n_files = 2};
    struct wire_installed installed = {.envelope = &envelope};
    char path[300];
    cr_expect (node_installed_find (&installed, &envelope.binary, path));
    cr_expect_str_eq (path, "noded");
    cr_expect (node_installed_find (&installed, &files[1].digest, path));
    cr_expect_str_eq (path, "files/b");
    cr_expect_not (node_installed_find (&installed, &(struct base_digest){{4}}, path));
}
