/* SPDX-License-Identifier: MPL-2.0 */
/*  root/check.c - checks workspaces, links, records, journal and applications of a root */

#include "root/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "root/chain.h"
#include "root/command.h"
#include "root/journal_end.h"
#include "root/journal_file.h"
#include "root/lock.h"
#include "root/manifest.h"
#include "root/metadata_file.h"
#include "root/links.h"
#include "root/record.h"
#include "root/record_file.h"
#include "root/repair.h"
#include "root/unshare.h"
#include "root/workspace.h"
#include "wire/envelope.h"

/*  A file of a workspace with more than one hard link. */
struct shared {
    dev_t device;
    ino_t inode;
    char *path; /* relative to the root */
    bool twin;  /* another name was found in a workspace */
};

struct check {
    const struct root *root;
    const char *prefix; /* prefix of each text: "" or "apps/NAME: " */
    void (*found) (void *context, const char *text);
    void *context;
    bool wrong;
    struct base_buffer shared; /* array of struct shared */
    const char *workspace;     /* being checked */
};

__attribute__ ((format (printf, 2, 3))) static void fault_report (struct check *check, const char *format,
                                                                  ...)
{
    char text[BASE_ERROR_SIZE + 64], line[BASE_ERROR_SIZE + 256];
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    (void) snprintf (line, sizeof line, "%s%s", check->prefix, text);
    for (char *at = line; *at; at++)
        if ((unsigned char) *at < ' ')
            *at = '?';
    check->wrong = true;
    check->found (check->context, line);
}

static void executable_check (struct check *check, const char *name, int workspace, const char *file)
{
    struct stat status;
    if (fstatat (workspace, file, &status, AT_SYMLINK_NOFOLLOW) || !S_ISREG (status.st_mode))
        fault_report (check, "%s/%s is missing", name, file);
    else if (!(status.st_mode & 0100))
        fault_report (check, "%s/%s is not executable", name, file);
}

static void program_check (struct check *check, const char *name, int workspace,
                           const struct wire_installed *installed)
{
    base_cleanup (base_close_p) int fd =
        openat (workspace, ROOT_PROGRAM, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct base_digest digest;
    uint64_t size;
    if (fd < 0 || base_digest_of_fd (fd, &digest, &size))
        return; /* already reported */
    if (!base_digest_equal (&digest, &installed->envelope->binary) || size != installed->envelope->size)
        fault_report (check, "%s/" ROOT_PROGRAM " does not match its envelope", name);
}

/*  A workspace that an older noded made has no release document. */
static void release_check (struct check *check, const char *name, int workspace,
                           const struct wire_installed *installed)
{
    base_cleanup (base_buffer_deinit) struct base_buffer document = {.size = 0};
    struct wire_release release;
    struct base_error error = {.code = 0};
    int r = disk_file_read (check->root->disk, workspace, ROOT_RELEASE, WIRE_DOCUMENT_MOST, &document);
    if (r == -ENOENT)
        return;
    struct base_digest digest = base_digest_of (document.data, document.size);
    if (r || !base_digest_equal (&digest, &installed->release)) {
        fault_report (check,
                      "%s/" ROOT_RELEASE " is not the document of the release that " ROOT_ENVELOPE " names",
                      name);
        return;
    }
    if (wire_release_unpack (document.data, document.size, &release, &error)) {
        fault_report (check, "%s/" ROOT_RELEASE ": %s", name, error.text);
        return;
    }
    bool found = false;
    for (size_t i = 0; i < release.n_envelopes; i++)
        found |= wire_envelope_equal (&release.envelopes[i], installed->envelope);
    if (!found)
        fault_report (check, "%s/" ROOT_ENVELOPE " is no envelope of its release", name);
    wire_release_deinit (&release);
}

/*  Hard links come from an older noded or from a candidate. */
static int shared_note (void *context, const char *path, const struct stat *status)
{
    struct check *check = context;
    struct shared shared = {.device = status->st_dev,
                            .inode = status->st_ino,
                            .path = base_text_printf ("%s/%s", check->workspace, path)};
    struct shared *others = (struct shared *) check->shared.data;
    for (size_t i = 0; shared.path && i < check->shared.size / sizeof *others; i++)
        if (others[i].device == shared.device && others[i].inode == shared.inode) {
            fault_report (
                check,
                "%s and %s are the same file: a write by one version changes the other; the manager gives "
                "each its own copy when it starts",
                others[i].path, shared.path);
            others[i].twin = shared.twin = true;
            break;
        }
    if (!shared.path || base_buffer_append (&check->shared, &shared, sizeof shared)) {
        free (shared.path);
        return -ENOMEM;
    }
    return 0;
}

static void shared_check (struct check *check)
{
    struct shared *shared = (struct shared *) check->shared.data;
    for (size_t i = 0; i < check->shared.size / sizeof *shared; i++) {
        if (!shared[i].twin)
            fault_report (
                check,
                "%s has another name outside of the workspaces: a write to that name changes it; the "
                "manager replaces it with a copy when it starts",
                shared[i].path);
        free (shared[i].path);
    }
    base_buffer_deinit (&check->shared);
}

static void workspace_examine (struct check *check, const char *name)
{
    base_cleanup (base_close_p) int fd = -1;
    if (root_workspace_open (check->root, name, &fd)) {
        fault_report (check, "%s cannot be opened", name);
        return;
    }
    struct base_error error = {0};
    if (root_manifest_verify (NULL, fd, &error))
        fault_report (check, "%s: %s", name, error.text);
    executable_check (check, name, fd, ROOT_SCRIPT);
    executable_check (check, name, fd, ROOT_LAUNCHER);
    executable_check (check, name, fd, ROOT_PROGRAM);
    check->workspace = name;
    (void) root_shared_each (fd, shared_note, check);
    struct root_command command;
    if (root_command_read (fd, &command, &error))
        fault_report (check, "%s: %s", name, error.text);
    else
        root_command_deinit (&command);
    struct wire_installed installed;
    if (root_workspace_read (check->root, name, &installed, &error))
        fault_report (check, "%s", error.text);
    else {
        program_check (check, name, fd, &installed);
        release_check (check, name, fd, &installed);
        wire_installed_deinit (&installed);
    }
}

static void line_keep (void *context, const char *text)
{
    (void) base_list_append (context, text);
}

/*  A workspace that the manager removes meanwhile is not damaged. A link to it is reported separately. */
static void workspace_check (struct check *check, const char *name)
{
    char **lines = NULL;
    struct stat status;
    struct check one = *check;
    one.found = line_keep;
    one.context = &lines;
    one.wrong = false;
    workspace_examine (&one, name);
    check->shared = one.shared;
    if (one.wrong &&
        (fstatat (check->root->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)) {
        check->wrong = true;
        for (size_t i = 0; lines && lines[i]; i++)
            check->found (check->context, lines[i]);
    }
    (void) base_list_free (lines);
}

enum need { LINK_OPTIONAL, LINK_NEEDED };

static void link_check (struct check *check, const char *link, enum need need)
{
    char name[ROOT_NAME_SIZE];
    int r = root_link (check->root, link, name);
    base_cleanup (base_close_p) int fd = -1;
    if (r == ROOT_E_NONE && need == LINK_OPTIONAL)
        return;
    if (r == ROOT_E_NONE)
        fault_report (check, "no link %s", link);
    else if (r)
        fault_report (check, "%s does not name a workspace", link);
    else if (root_workspace_open (check->root, name, &fd))
        fault_report (check, "%s points to %s, which is missing", link, name);
}

/*  If the link is missing, only the order state says where it pointed. A damaged order state is
    reported elsewhere. */
static void previous_check (struct check *check)
{
    char name[ROOT_NAME_SIZE];
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    base_cleanup (wire_order_state_deinit) struct wire_order_state order_state = {.epoch = 0};
    if (disk_file_read (check->root->disk, check->root->fd, ROOT_ORDER_STATE, ROOT_RECORD_MOST, &buffer) ||
        wire_json_parse (&wire_order_state_record, (const char *) buffer.data, buffer.size, &order_state,
                         NULL))
        return;
    if (root_previous_check (check->root, order_state.previous, name, NULL) == ROOT_E_NONE)
        fault_report (check,
                      "no link previous, which pointed to %s: a running manager or noded revert "
                      "restores it",
                      order_state.previous);
}

static void fallback_check (struct check *check)
{
    char stable[ROOT_NAME_SIZE], previous[ROOT_NAME_SIZE];
    if (!root_link (check->root, ROOT_STABLE, stable) && !root_link (check->root, ROOT_PREVIOUS, previous) &&
        strcmp (stable, previous) == 0)
        fault_report (check, "stable and previous both point to %s: a revert is not possible", stable);
}

static void record_check (struct check *check, const char *path, const struct wire_record *record)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    struct base_error error = {0};
    int r = disk_file_read (check->root->disk, check->root->fd, path, ROOT_RECORD_MOST, &buffer);
    if (r == -ENOENT)
        return;
    if (r < 0) {
        fault_report (check, "%s cannot be read: %s", path, strerror (-r));
        return;
    }
    base_cleanup (base_free_p) void *message = calloc (1, wire_record_size (record));
    if (!message)
        return;
    if (wire_json_parse (record, (const char *) buffer.data, buffer.size, message, &error))
        fault_report (check, "%s is damaged: %s", path, error.text);
    else
        wire_deinit (record, message);
}

static void line_check (struct check *check, const char *path, size_t number, const char *line, size_t length,
                        struct root_chain *chain)
{
    struct wire_entry entry;
    uint64_t before = chain->last.serial;
    if (!root_chain_add (chain, line, length))
        fault_report (check,
                      "%s: line %zu does not follow line %llu: that line was changed, or lines "
                      "after it were removed",
                      path, number, (unsigned long long) before);
    if (!wire_json_parse (&wire_entry_record, line, length, &entry, NULL))
        wire_entry_deinit (&entry);
    else if (!root_journal_line_is_complete (line,
                                             length)) /* otherwise a later version wrote an unknown word */
        fault_report (check, "%s: line %zu is damaged", path, number);
}

static void journal_check (struct check *check, const char *path, struct root_chain *chain)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = disk_file_read (check->root->disk, check->root->fd, path, ROOT_JOURNAL_MOST, &buffer);
    if (r == -ENOENT)
        return;
    if (r < 0) {
        fault_report (check, "%s cannot be read: %s", path, strerror (-r));
        return;
    }
    size_t number = 0;
    uint64_t serial;
    const char *at = (const char *) buffer.data;
    /* an incomplete end was never on disk, or is being written */
    const char *end = at + root_journal_end (at, buffer.size, &serial);
    while (at < end) {
        const char *newline = memchr (at, '\n', (size_t) (end - at));
        size_t length = (size_t) ((newline ? newline : end) - at);
        number++;
        if (length)
            line_check (check, path, number, at, length, chain);
        at += length + (newline ? 1 : 0);
    }
}

/*  Calls each for every visible entry of a directory in the root. */
static void directory_each (struct check *check, const char *path,
                            void (*each) (struct check *check, const char *name))
{
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (check->root->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) {
        if (errno != ENOENT)
            fault_report (check, "%s cannot be opened: %s", path, strerror (errno));
        return;
    }
    for (struct dirent *entry; (entry = readdir (directory));)
        if (entry->d_name[0] != '.')
            each (check, entry->d_name);
}

static void quarantined_check (struct check *check, const char *name)
{
    struct base_digest digest;
    char path[512];
    (void) snprintf (path, sizeof path, ROOT_VAR "/quarantine/%s", name);
    if (base_digest_parse (name, &digest) == 0)
        record_check (check, path, &wire_failure_record);
}

/*  The pinned trust root and the records beside it. Signatures: node/host.h. */
static void trust_check (struct check *check)
{
    base_cleanup (base_buffer_deinit) struct base_buffer pinned = {0};
    struct root_metadata metadata;
    struct base_error error = {0};
    char path[ROOT_TRUST_PATH_SIZE];
    int r = root_metadata_open (check->root, &metadata, &pinned, &error);
    if (r == ROOT_E_NONE)
        return;
    if (r) {
        fault_report (check, "%s", error.text);
        return;
    }
    record_check (check, root_trust_path (&metadata, ROOT_TRUST_FLOORS, path), &wire_floors_record);
}

static void root_check_one (struct check *check);

static void application_check (struct check *check, const char *name)
{
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/" ROOT_APPS "/%s", check->root->path, name);
    base_cleanup (base_free_p) char *prefix = base_text_printf (ROOT_APPS "/%s: ", name);
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    struct base_error error = {0};
    struct stat status;
    if (!path || !prefix || (stat (path, &status) == 0 && !S_ISDIR (status.st_mode)))
        return; /* a stray file */
    if (root_open (check->root->disk, path, &root, &error)) {
        fault_report (check, "%s", error.text);
        return;
    }
    struct check below = {.root = &root, .prefix = prefix, .found = check->found, .context = check->context};
    root_check_one (&below);
    check->wrong |= below.wrong;
}

static void directory_report (void *context, const char *text)
{
    fault_report (context, "%s", text);
}

static void root_check_one (struct check *check)
{
    if (!*check->prefix) {
        const struct root_repair places = {.root = check->root,
                                           .changed = directory_report,
                                           .context = check,
                                           .served = root_lock_is_held (check->root)};
        root_directories_check (&places);
    }
    link_check (check, ROOT_STABLE, LINK_NEEDED);
    link_check (check, ROOT_PREVIOUS, LINK_OPTIONAL);
    link_check (check, ROOT_BACK, LINK_OPTIONAL);
    previous_check (check);
    fallback_check (check);
    char **names;
    int r = root_workspaces (check->root, &names);
    if (r < 0)
        fault_report (check, "the workspaces cannot be listed: %s", strerror (-r));
    for (size_t i = 0; r == 0 && names[i]; i++)
        workspace_check (check, names[i]);
    if (r == 0)
        (void) base_list_free (names);
    shared_check (check);
    struct root_chain chain = {.started = false};
    journal_check (check, ROOT_JOURNAL_OLDER, &chain);
    journal_check (check, ROOT_JOURNAL, &chain);
    record_check (check, ROOT_VAR "/trial", &wire_trial_record);
    record_check (check, ROOT_ORDER_STATE, &wire_order_state_record);
    directory_each (check, ROOT_VAR "/quarantine", quarantined_check);
    if (*check->prefix)
        return;
    trust_check (check);
    directory_each (check, ROOT_APPS, application_check);
}

int root_check (const struct root *root, void (*found) (void *context, const char *text), void *context)
{
    base_assert (root_is_open (root));
    base_assert (found);
    struct stat status;
    if (fstat (root->fd, &status) || faccessat (root->fd, ".", R_OK | X_OK, AT_EACCESS))
        return -errno;
    struct check check = {.root = root, .prefix = "", .found = found, .context = context};
    root_check_one (&check);
    return check.wrong ? ROOT_E_DAMAGED : 0;
}
