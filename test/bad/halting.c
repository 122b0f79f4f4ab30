/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/halting.c - the real node manager, which stops itself (SIGSTOP) at a moment chosen by a story

    A story writes the name of a moment into ROOT.halt, beside the root. The process that reaches that moment
    removes the file, writes its pid into ROOT.halted, and stops. A number N after the name means the Nth
    time. The moments are: the steps that the journal records as started (matching, fetching, ...), the steps
    of a rehearsal (probing/readiness, ...), half of a download (half), and the confirmation of a trial on
    disk (confirmed). At the moment "job" only the thread that builds a workspace hangs. */

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "disk/disk.h"
#include "node/stage.h"
#include "root/record.h"
#include "root/root.h"

static void write_line (const char *path, const char *name, long number)
{
    char line[64];
    int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int length = snprintf (line, sizeof line, "%s%s%ld\n", name, *name ? " " : "", number);
    ssize_t ignored = write (fd, line, (size_t) length);
    (void) ignored;
    (void) close (fd);
}

/*  Returns whether the process must stop at this moment. If so, the pid has been written. */
static bool moment_is_chosen (const char *moment)
{
    const char *root = getenv ("NODED_ROOT");
    char path[4096], pid[4096], wanted[64] = "";
    unsigned count = 1;
    if (!root)
        return false;
    (void) snprintf (path, sizeof path, "%s.halt", root);
    (void) snprintf (pid, sizeof pid, "%s.halted", root);
    FILE *file = fopen (path, "re");
    if (!file)
        return false;
    int found = fscanf (file, "%63s %u", wanted, &count);
    (void) fclose (file);
    if (found < 1 || strcmp (wanted, moment) != 0)
        return false;
    if (count > 1) {
        write_line (path, wanted, (long) count - 1);
        return false;
    }
    (void) unlink (path);
    write_line (pid, "", (long) getpid ());
    return true;
}

static void moment_reach (const char *moment)
{
    if (moment_is_chosen (moment))
        (void) raise (SIGSTOP);
}

__typeof__ (node_stage) __real_node_stage, __wrap_node_stage;
int __wrap_node_stage (const struct root *root, struct disk_blobs *blobs,
                       const struct identity_running *running, const struct wire_installed *installed,
                       const struct base_buffer *document, char ret_name[ROOT_NAME_SIZE],
                       struct base_error *error)
{
    while (moment_is_chosen ("job"))
        (void) pause (); /* no signal is delivered to this thread */
    return __real_node_stage (root, blobs, running, installed, document, ret_name, error);
}

__typeof__ (root_journal_append) __real_root_journal_append, __wrap_root_journal_append;
int __wrap_root_journal_append (const struct root *root, struct wire_entry *entry, struct base_error *error)
{
    int rc = __real_root_journal_append (root, entry, error);
    if (entry->outcome == WIRE_OUTCOME_STARTED)
        moment_reach (entry->step);
    return rc;
}

__typeof__ (root_confirm) __real_root_confirm, __wrap_root_confirm;
int __wrap_root_confirm (const struct root *root, struct base_error *error)
{
    int rc = __real_root_confirm (root, error);
    moment_reach ("confirmed");
    return rc;
}

__typeof__ (disk_partial_write) __real_disk_partial_write, __wrap_disk_partial_write;
int __wrap_disk_partial_write (struct disk_partial *partial, const void *data, size_t size,
                               struct base_error *error)
{
    if (partial->offset >= partial->size / 2)
        moment_reach ("half");
    return __real_disk_partial_write (partial, data, size, error);
}

__typeof__ (base_log) __real_base_log, __wrap_base_log;
void __wrap_base_log (enum base_log_level level, const char *format, ...)
{
    char line[2048];
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (line, sizeof line, format, arguments);
    va_end (arguments);
    __real_base_log (level, "%s", line);
    const char *step = strncmp (line, "rehearsal of ", 13) == 0 ? strstr (line, ": ") : NULL;
    char word[41];
    if (step && sscanf (step, ": %40s after", word) == 1) {
        char moment[64];
        (void) snprintf (moment, sizeof moment, "probing/%s", word);
        moment_reach (moment);
    }
}
