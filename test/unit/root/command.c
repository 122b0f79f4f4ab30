/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/command.c - the command file of a workspace, and merging environments */

#include "root/command.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "base/text.h"
#include "test/fault/scratch.h"

TestSuite (command, .init = scratch_begin, .fini = scratch_end);

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static int open_here (void)
{
    return open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void expect_list (char *const *found, const char *const *wanted)
{
    cr_assert_eq (base_list_count (found), base_list_count (base_list_const (wanted)));
    for (size_t i = 0; wanted[i]; i++)
        cr_expect_str_eq (found[i], wanted[i]);
}

Test (command, a_command_is_read_as_it_was_packed)
{
    const char *const *args = LIST ("", "a b", "quote'\"$`\\", "new\nline", "\xff\xfe");
    const char *const *env = LIST ("A.B=1", "EMPTY=", "NEW\nLINE=\n", "X=\xff");
    struct base_buffer buffer = {0};
    cr_assert_eq (root_command_pack ("noded", args, 5, env, 4, &buffer), 0);
    scratch_write ("command", buffer.data, buffer.size, 0644);
    base_buffer_deinit (&buffer);
    struct root_command command;
    struct base_error error = {0};
    cr_assert_eq (root_command_read (open_here (), &command, &error), 0, "%s", error.text);
    cr_expect_str_eq (command.program, "noded");
    expect_list (command.args, args);
    expect_list (command.env, env);
    root_command_deinit (&command);
}

Test (command, a_truncated_or_inconsistent_file_is_damaged)
{
    struct root_command command;
    static const struct {
        const char *data;
        size_t size;
    } wrong[] = {{"", 0},
                 {"noded", 5},
                 {"noded\0", 6},
                 {"noded\0"
                  "1\0",
                  8},
                 {"noded\0"
                  "x\0",
                  8},
                 {"a/b\0"
                  "0\0",
                  6},
                 {"..\0"
                  "0\0",
                  5},
                 {"\0"
                  "0\0",
                  3},
                 {"noded\0"
                  "1\0"
                  "a",
                  9},
                 {"noded\0"
                  "18446744073709551615\0",
                  27},
                 {"noded\0"
                  "-1\0"
                  "a\0",
                  11}};
    cr_expect_eq (root_command_read (open_here (), &command, NULL), ROOT_E_NONE);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        scratch_write ("command", wrong[i].data, wrong[i].size, 0644);
        cr_expect_eq (root_command_read (open_here (), &command, NULL), ROOT_E_DAMAGED, "case %zu", i);
    }
    scratch_write ("command",
                   "noded\0"
                   "0\0",
                   8, 0644);
    cr_expect_eq (root_command_read (open_here (), &command, NULL), 0);
    root_command_deinit (&command);
}

Test (command, a_program_outside_the_workspace_is_not_packed)
{
    struct base_buffer buffer = {0};
    cr_expect_eq (root_command_pack ("../noded", LIST (NULL), 0, LIST (NULL), 0, &buffer), -EINVAL);
    cr_expect_eq (buffer.size, 0);
}

Test (command, merging_environments_replaces_variables_by_name)
{
    char **merged = root_environment_merge (base_list_const (LIST ("A=1", "AB=2", "C=3", "noname")),
                                            base_list_const (LIST ("C=4", "A=", "NEW=5", "A.B=x", "NEW=6")));
    expect_list (merged, LIST ("AB=2", "noname", "C=4", "A=", "A.B=x", "NEW=6"));
    (void) base_list_free (merged);
    merged = root_environment_merge (base_list_const (LIST (NULL)), base_list_const (LIST (NULL)));
    expect_list (merged, LIST (NULL));
    (void) base_list_free (merged);
}
