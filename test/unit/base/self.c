/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/base/self.c - digest, arguments and environment of this process */

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "base/self.h"
#include "base/text.h"

Test (self, the_running_program_has_the_digest_of_its_file)
{
    struct base_digest digest, own;
    char path[4096] = "";
    cr_assert_gt (readlink ("/proc/self/exe", path, sizeof path - 1), 0);
    FILE *file = fopen (path, "re");
    cr_assert_not_null (file);
    cr_assert_eq (base_digest_of_fd (fileno (file), &digest, NULL), 0);
    (void) fclose (file);
    cr_assert_eq (base_self_digest (&own), 0);
    cr_assert (base_digest_equal (&own, &digest));
}

Test (self, variables_set_later_are_not_in_the_initial_environment)
{
    char **before, **after;
    cr_assert_eq (base_self_env (&before), 0);
    cr_assert_eq (setenv ("SET_LATER", "1", 1), 0);
    cr_assert_eq (base_self_env (&after), 0);
    cr_assert_eq (base_list_count (before), base_list_count (after));
    for (size_t i = 0; before[i]; i++)
        cr_assert_str_eq (before[i], after[i]);
    base_list_free (before);
    base_list_free (after);
}

Test (self, the_first_argument_is_the_program_name)
{
    char **args;
    cr_assert_eq (base_self_args (&args), 0);
    cr_assert_geq (base_list_count (args), 1);
    cr_assert_gt (strlen (args[0]), 0);
    base_list_free (args);
}
