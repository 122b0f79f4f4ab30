/* SPDX-License-Identifier: MPL-2.0 */
/*  root/command.c - packs and reads the file `command`; merges environments */

#include "root/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

enum { COMMAND_MOST = 8 * 1024 * 1024, ARGS_MOST = 65536 };

static bool program_is_file_name (const char *program)
{
    return *program && !strchr (program, '/') && strcmp (program, ".") != 0 && strcmp (program, "..") != 0;
}

/*  With its NUL. */
static int string_append (struct base_buffer *buffer, const char *string)
{
    return base_buffer_append (buffer, string, strlen (string) + 1);
}

int root_command_pack (const char *program, const char *const *args, size_t n_args, const char *const *env,
                       size_t n_env, struct base_buffer *buffer)
{
    base_assert (program);
    base_assert (args || n_args == 0);
    base_assert (env || n_env == 0);
    base_assert (buffer);
    if (!program_is_file_name (program) || n_args > ARGS_MOST)
        return -EINVAL;
    char count[24];
    (void) snprintf (count, sizeof count, "%zu", n_args);
    int r = string_append (buffer, program);
    if (r < 0)
        return r;
    r = string_append (buffer, count);
    for (size_t i = 0; r == 0 && i < n_args; i++)
        r = string_append (buffer, args[i]);
    for (size_t i = 0; r == 0 && i < n_env; i++)
        r = string_append (buffer, env[i]);
    return r;
}

/*  Copies count consecutive strings and advances *at. Returns NULL if out of memory. */
static char **strings_take (const char **at, size_t count)
{
    char **list = calloc (count + 1, sizeof *list);
    for (size_t i = 0; list && i < count; i++) {
        list[i] = strdup (*at);
        if (!list[i])
            return base_list_free (list);
        *at += strlen (*at) + 1;
    }
    return list;
}

int root_command_read (int workspace, struct root_command *ret_command, struct base_error *error)
{
    base_assert (workspace >= 0);
    base_assert (ret_command);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = disk_file_read (&disk_system, workspace, ROOT_COMMAND, COMMAND_MOST, &buffer);
    if (r == -ENOENT)
        return base_error_set (error, ROOT_E_NONE, "no file " ROOT_COMMAND);
    if (r && r != -EFBIG && r != -EISDIR && r != -EINVAL)
        return base_error_errno (error, r, "cannot read the file " ROOT_COMMAND);
    size_t strings = 0;
    for (size_t i = 0; r == 0 && i < buffer.size; i++)
        strings += buffer.data[i] == '\0';
    if (r || strings < 2 || buffer.data[buffer.size - 1] != '\0')
        return base_error_set (error, ROOT_E_DAMAGED, "the file " ROOT_COMMAND " is damaged");
    const char *at = (const char *) buffer.data;
    const char *program = at;
    at += strlen (at) + 1;
    uint64_t n_args;
    if (!program_is_file_name (program) || base_text_parse_u64 (at, ARGS_MOST, &n_args) ||
        n_args > strings - 2)
        return base_error_set (error, ROOT_E_DAMAGED, "the file " ROOT_COMMAND " is damaged");
    at += strlen (at) + 1;
    struct root_command command = {.program = strdup (program), .args = strings_take (&at, (size_t) n_args)};
    command.env = strings_take (&at, strings - 2 - (size_t) n_args);
    if (!command.program || !command.args || !command.env) {
        root_command_deinit (&command);
        return base_error_errno (error, -ENOMEM, "cannot read the file " ROOT_COMMAND);
    }
    *ret_command = command;
    return 0;
}

void root_command_deinit (struct root_command *command)
{
    base_assert (command);
    free (command->program);
    command->args = base_list_free (command->args);
    command->env = base_list_free (command->env);
    *command = (struct root_command){0};
}

static size_t entry_name_length (const char *entry)
{
    return strcspn (entry, "=");
}

/*  Whether list, from index first on, sets the same variable as entry. */
static bool list_sets (char *const *list, size_t first, const char *entry)
{
    size_t length = entry_name_length (entry);
    for (size_t i = first; list && list[i]; i++)
        if (entry_name_length (list[i]) == length && memcmp (list[i], entry, length) == 0)
            return true;
    return false;
}

char **root_environment_merge (char *const *base, char *const *overlay)
{
    size_t n_base = base_list_count (base), n_overlay = base_list_count (overlay), count = 0;
    char **merged = calloc (n_base + n_overlay + 1, sizeof *merged);
    bool failed = !merged;
    for (size_t i = 0; !failed && i < n_base; i++)
        if (!list_sets (overlay, 0, base[i]))
            failed = !(merged[count++] = strdup (base[i]));
    for (size_t i = 0; !failed && i < n_overlay; i++)
        if (!list_sets (overlay, i + 1, overlay[i])) /* the last of two with the same name is used */
            failed = !(merged[count++] = strdup (overlay[i]));
    return failed ? base_list_free (merged) : merged;
}
