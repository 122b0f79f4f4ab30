/* SPDX-License-Identifier: MPL-2.0 */
/*  node/install.c - makes a root from the running program, or repairs one

    An installation makes stable last. Whatever fails before leaves a root without a stable, and without the
    new workspace. */

#include "node/install.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/elf.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "base/version.h"
#include "node/host_trust.h"
#include "node/launcher.h"
#include "rehearsal/rehearsal.h"
#include "root/lock.h"
#include "root/record.h"
#include "root/repair.h"
#include "wire/envelope.h"

extern char **environ;

/*  This program as a release: what publishing it would make. */
struct own {
    struct wire_envelope envelope;
    struct base_elf_libraries libraries;
    char program[PATH_MAX];
};

static void own_deinit (struct own *own)
{
    wire_envelope_deinit (&own->envelope);
    base_elf_libraries_deinit (&own->libraries);
}

static int file_digest (const char *path, struct base_digest *ret_digest, uint64_t *ret_size,
                        struct base_error *error)
{
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : base_digest_of_fd (fd, ret_digest, ret_size);
    return r < 0 ? base_error_errno (error, r, "cannot read %s", path) : 0;
}

/*  Fills in own, which can be freed after a failure, too. Returns 0, -errno or a WIRE_E_ code. */
static int own_describe (struct own *own, struct base_error *error)
{
    ssize_t length = readlink ("/proc/self/exe", own->program, sizeof own->program - 1);
    if (length < 0)
        return base_error_errno (error, -errno, "cannot read /proc/self/exe");
    own->program[length] = '\0';
    int r = file_digest (own->program, &own->envelope.binary, &own->envelope.size, error);
    if (r < 0)
        return r;
    r = base_elf_libraries (own->program, &own->libraries, error);
    if (r)
        return r;
    own->envelope.application = strdup ("noded");
    own->envelope.version = strdup (base_version);
    own->envelope.platform = strdup (identity_platform ());
    own->envelope.files = calloc (own->libraries.count + 1, sizeof *own->envelope.files);
    if (!own->envelope.application || !own->envelope.version || !own->envelope.platform ||
        !own->envelope.files)
        return base_error_set (error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < own->libraries.count; i++) {
        struct wire_file *file = &own->envelope.files[i];
        file->path = base_text_printf ("lib/%s", own->libraries.items[i].soname);
        if (!file->path)
            return base_error_set (error, -ENOMEM, "out of memory");
        own->envelope.n_files++;
        r = file_digest (own->libraries.items[i].path, &file->digest, &file->size, error);
        if (r < 0)
            return r;
    }
    return wire_envelope_check (&own->envelope, error);
}

/*  Returns whether a name in a root's directory is one of noded's. */
static bool entry_is_own (const char *name)
{
    static const char *const own[] = {
        ".",           "..",        ROOT_VAR,          ROOT_PROBE,  ROOT_APPS,  ROOT_KEEPERS,
        ROOT_SETTINGS, ROOT_LOCK,   ROOT_MANAGER_LOCK, ROOT_BACK,   ROOT_TRIAL, ROOT_STABLE,
        ROOT_PREVIOUS, ROOT_REVERT, ROOT_TRUST,        "lost+found"};
    static const char *const begins[] = {ROOT_NEW, ROOT_OLD, ROOT_TMP, ROOT_TOKEN, ROOT_OK, ROOT_FAILED};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp (name, own[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (base_text_begins (name, begins[i]))
            return true;
    return root_name_is_valid (name);
}

/*  Refuses a directory with other files: it is probably a mistake. Leftovers of an interrupted installation
    are accepted. */
static int directory_check (const char *path, struct base_error *error)
{
    base_cleanup (base_directory_close_p) DIR *directory = opendir (path);
    const struct dirent *entry;
    while (directory && (entry = readdir (directory)))
        if (!entry_is_own (entry->d_name))
            return base_error_set (
                error, -ENOTEMPTY,
                "--root %s: it holds %s, which does not belong to noded: choose an empty or a new directory",
                path, entry->d_name);
    return 0;
}

/*  Adds the program and its libraries to a draft. */
static int draft_add_own (struct root_draft *draft, const struct own *own, struct base_error *error)
{
    int r = root_draft_copy (draft, ROOT_PROGRAM, 0755, NULL, AT_FDCWD, own->program, error);
    for (size_t i = 0; i < own->libraries.count && r == 0; i++) {
        char path[300];
        (void) snprintf (path, sizeof path, ROOT_FILES "/%s", own->envelope.files[i].path);
        r = root_draft_copy (draft, path, 0644, NULL, AT_FDCWD, own->libraries.items[i].path, error);
    }
    return r;
}

static int own_make_workspace (const struct root *root, struct own *own, char ret_name[ROOT_NAME_SIZE],
                               struct base_error *error)
{
    base_cleanup (root_draft_deinit) struct root_draft draft = {.fd = -1};
    struct wire_installed installed = {.release = wire_envelope_release_digest (&own->envelope),
                                       .transaction = "install",
                                       .envelope = &own->envelope};
    base_cleanup (base_buffer_deinit) struct base_buffer document = {.size = 0};
    base_assert (own->envelope.n_files == own->libraries.count);
    int r = wire_envelope_pack_release (&own->envelope, &document, error);
    if (r)
        return r;
    r = root_draft_begin (root, base_time_real_ns (), &draft, error);
    if (r < 0)
        return r;
    r = draft_add_own (&draft, own, error);
    if (r == 0)
        r = root_draft_start_files (&draft, node_launcher_begin, node_launcher_size (), error);
    if (r == 0)
        r = root_draft_describe (&draft, &installed, &document, error);
    return r ? r : root_draft_seal (&draft, &installed, ret_name, error);
}

struct outcome {
    struct bus_loop *loop;
    struct rehearsal_result result;
};

static void on_rehearsed (void *context, const struct rehearsal_result *result)
{
    struct outcome *outcome = context;
    outcome->result = *result;
    bus_loop_stop (outcome->loop);
}

/*  Runs the rehearsal of a workspace until it has ended. config and self: of that workspace. */
static int rehearsal_run (const struct root *root, const char *workspace,
                          const struct identity_config *config, const struct identity_self *self,
                          struct outcome *outcome)
{
    struct rehearsal *rehearsal = NULL;
    struct rehearsal_spec spec = {.loop = outcome->loop,
                                  .config = config,
                                  .root = root,
                                  .self = self,
                                  .candidate = workspace,
                                  .depth = IDENTITY_DEPTH_MINTED};
    int r = rehearsal_new (&spec, on_rehearsed, outcome, &rehearsal);
    if (r == 0)
        r = bus_loop_run (outcome->loop);
    (void) rehearsal_free (rehearsal);
    return r;
}

/*  Rehearses the workspace. The version that it is offered is the same workspace. Returns 0 with the
    duration, -ECANCELED if the rehearsal failed, or another error; with a sentence. */
static int workspace_rehearse (const struct root *root, const char *workspace,
                               const struct node_install *install, uint64_t *ret_took_ms,
                               struct base_error *error)
{
    base_cleanup (identity_config_deinit) struct identity_config config = {.root = NULL};
    struct identity_self self = {.args = NULL};
    char noded[] = "noded", *args[] = {noded, NULL};
    int r = identity_config_init (&config, root->path);
    if (r < 0)
        return base_error_set (error, r, "out of memory");
    r = identity_config_load (&config, NULL, error);
    if (r < 0)
        return r;
    if (install->step_ms)
        config.rehearsal_step_ms = install->step_ms;
    r = root_workspace_read (root, workspace, &self.running.installed, error);
    if (r)
        return r;
    (void) base_text_copy (self.running.workspace, sizeof self.running.workspace, workspace);
    self.args = args;
    self.env = environ;
    struct outcome outcome = {.loop = bus_loop_new ()};
    if (outcome.loop)
        r = rehearsal_run (root, workspace, &config, &self, &outcome);
    else
        r = base_error_set (error, -ENOMEM, "cannot make the event loop: out of memory or descriptors");
    (void) bus_loop_free (outcome.loop);
    wire_installed_deinit (&self.running.installed);
    if (r < 0)
        return r;
    *ret_took_ms = outcome.result.took_ms;
    return outcome.result.end.passed ? 0
                                     : base_error_set (error, -ECANCELED, "its rehearsal failed at %s: %s",
                                                       outcome.result.step, outcome.result.reason);
}

/*  The longest path of a root: a file in the deepest scratch root of a rehearsal must still have a path. */
enum { ROOT_PATH_MOST = PATH_MAX - 3 * (int) sizeof "/probe/0123456789abcdef" - ROOT_NAME_SIZE - 300 };

static int path_check (const char *path, struct base_error *error)
{
    base_cleanup (base_free_p) char *prefix = *path == '/' ? NULL : getcwd (NULL, 0);
    size_t length = strlen (path) + (prefix ? strlen (prefix) + 1 : 0);
    if (!*path)
        return base_error_set (error, -EINVAL, "--root: the path is empty");
    for (const char *at = path; *at; at++)
        if ((unsigned char) *at < ' ' || *at == 127)
            return base_error_set (error, -EINVAL,
                                   "--root: this path has a control character, which init and logs cannot "
                                   "show; choose another directory");
    if (length > ROOT_PATH_MOST)
        return base_error_set (error, -EINVAL,
                               "--root: this path has %zu bytes, and at most %d leave room for the scratch "
                               "roots below it; choose another directory",
                               length, ROOT_PATH_MOST);
    return 0;
}

int node_install_check (const struct node_install *install, struct base_error *error)
{
    struct bus_endpoints endpoints;
    char content[BUS_ENDPOINT_SIZE];
    base_assert (install && install->root && install->id && install->broker);
    if (!wire_node_is_valid (install->id))
        return base_error_set (
            error, -EINVAL, "--id %s: an id has 1 to 64 letters, digits, '.', '_', '-' or ':'", install->id);
    int r = bus_endpoints_parse (install->broker, &endpoints, error);
    if (r < 0)
        return base_error_prefix (error, "--broker");
    r = install->content ? bus_content_parse (install->content, content, error) : 0;
    if (r < 0)
        return base_error_prefix (error, "--content");
    r = install->trust ? node_host_trust_check_file (install->trust, error) : 0;
    if (r) {
        (void) base_error_prefix (error, "--trust");
        return -EINVAL;
    }
    return path_check (install->root, error);
}

/*  Writes node.zpl, unless there is one. */
static int settings_install (const struct root *root, const struct node_install *install,
                             struct base_error *error)
{
    char content[BUS_ENDPOINT_SIZE] = "";
    if (faccessat (root->fd, ROOT_SETTINGS, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (install->content)
        (void) bus_content_parse (install->content, content, NULL); /* node_install_check has parsed it */
    base_cleanup (base_free_p) char *settings =
        identity_config_install_file (install->id, install->broker, install->content ? content : NULL);
    if (!settings)
        return base_error_set (error, -ENOMEM, "out of memory");
    return disk_file_write (root->disk, root->fd, ROOT_SETTINGS, 0600, settings, strlen (settings), error);
}

int node_install_run (const struct node_install *install, char ret_workspace[ROOT_NAME_SIZE],
                      uint64_t *ret_took_ms, struct base_error *error)
{
    char workspace[ROOT_NAME_SIZE];
    base_assert (ret_workspace && ret_took_ms);
    int r = node_install_check (install, error);
    if (r < 0)
        return r;
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    base_cleanup (own_deinit) struct own own = {.program = ""};
    r = directory_check (install->root, error);
    if (r < 0)
        return r;
    r = root_make (&disk_system, install->root, &root, error);
    if (r < 0)
        return r;
    if (root_link (&root, ROOT_STABLE, workspace) != ROOT_E_NONE)
        return base_error_set (
            error, -EEXIST,
            "%s is already a root: start %s/stable/noded.sh; if it does not start, run noded install "
            "--repair --root %s; or choose another directory",
            root.path, root.path, root.path);
    r = own_describe (&own, error);
    if (r)
        return r;
    r = settings_install (&root, install, error);
    if (r < 0)
        return r;
    r = own_make_workspace (&root, &own, workspace, error);
    if (r)
        return r;
    *ret_took_ms = 0;
    if (install->rehearse)
        r = workspace_rehearse (&root, workspace, install, ret_took_ms, error);
    bool runs, changed;
    if (r == 0 && install->trust) /* before init can start it */
        r = node_host_trust_pin (&root, install->trust, &runs, &changed, error);
    if (r == 0)
        r = root_stable_set (&root, workspace, error);
    if (r) {
        (void) root_workspace_remove (&root, workspace, NULL);
        return r;
    }
    return base_text_copy (ret_workspace, ROOT_NAME_SIZE, workspace);
}

/*  fresh: the workspace was made from this program. */
static void repair_record (const struct root *root, const char *workspace, bool fresh,
                           void (*changed) (void *context, const char *text), void *context)
{
    char reason[200];
    struct base_error error = {.code = 0};
    (void) snprintf (reason, sizeof reason, "by noded install --repair on this host; %s",
                     fresh ? "no usable workspace: made one from this program"
                           : "the newest confirmed and undamaged workspace is stable");
    struct wire_entry entry = {.application = "noded",
                               .step = "repair",
                               .outcome = WIRE_OUTCOME_PASSED,
                               .reason = reason,
                               .workspace = workspace};
    int r = root_journal_append (root, &entry, &error);
    if (r < 0) {
        (void) base_error_prefix (&error, "cannot record the repair in the journal");
        changed (context, error.text);
    }
}

/*  Makes a workspace from this program. Returns 0 with the name, or an error with a sentence. */
static int workspace_make (const struct root *root, char ret_name[ROOT_NAME_SIZE], struct base_error *error)
{
    base_cleanup (own_deinit) struct own own = {.program = ""};
    int r = own_describe (&own, error);
    return r ? r : own_make_workspace (root, &own, ret_name, error);
}

static bool path_is_mounted (const char *path)
{
    struct statx status;
    return statx (AT_FDCWD, path, 0, 0, &status) == 0 && (status.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

int node_install_repair (const char *path, void (*changed) (void *context, const char *text), void *context,
                         struct base_error *error)
{
    char workspace[ROOT_NAME_SIZE] = "";
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    base_assert (path && changed && error);
    if (!root_repair_is_root (path) && path_is_mounted (path))
        return base_error_set (
            error, ROOT_E_NONE,
            "%s is not a root, and something is mounted there: if the mount hides the root, "
            "run umount %s, then repair",
            path, path);
    if (!root_repair_is_root (path))
        return base_error_set (error, ROOT_E_NONE, "%s is not a root: noded install creates one", path);
    int r = root_open (&disk_system, path, &root, error);
    if (r < 0)
        return r;
    base_cleanup (base_close_p) int lock = root_lock_take (&root);
    pid_t holder = 0;
    if (lock == -EWOULDBLOCK && root_lock_holder (&root, &holder) == 0)
        return base_error_set (
            error, lock,
            "%s is served by a manager or its launcher (process %d): stop it first, so that "
            "init does not start it again, then repair; while it runs, use noded revert --root %s",
            root.path, (int) holder, root.path);
    if (lock == -EWOULDBLOCK)
        return base_error_set (
            error, lock, "a process that is not visible from here holds the lock of %s: end it", root.path);
    struct root_repair repair = {.root = &root, .changed = changed, .context = context};
    r = root_repair_directories (&repair, error);
    if (r < 0)
        changed (context, error->text); /* nevertheless a workspace may be startable */
    bool fresh = root_repair_choose (&repair, workspace) != 0;
    if (fresh) {
        r = workspace_make (&root, workspace, error);
        if (r) {
            (void) base_error_prefix (
                error, "%s has no undamaged workspace, and none can be made from this program", root.path);
            return r;
        }
        char text[160];
        (void) snprintf (text, sizeof text, "%s: made from this program, noded %s", workspace, base_version);
        changed (context, text);
    }
    r = root_repair_links (&repair, workspace, error);
    if (r)
        return r;
    repair_record (&root, workspace, fresh, changed, context);
    return 0;
}

/*  Escapes what systemd would read as an escape, a quote or a specifier in a quoted string. The caller frees
    the text. */
static char *unit_escape (const char *text)
{
    char *escaped = malloc (2 * strlen (text) + 1), *to = escaped;
    for (; escaped && *text; *to++ = *text++) {
        if (*text == '\\' || *text == '"')
            *to++ = '\\';
        else if (*text == '%')
            *to++ = '%';
    }
    if (escaped)
        *to = '\0';
    return escaped;
}

char *node_install_unit (const char *path)
{
    base_assert (path);
    base_cleanup (base_free_p) char *root = unit_escape (path);
    return !root ? NULL
                 : base_text_printf ("[Unit]\n"
                                     "Description=noded, the node manager in %s\n"
                                     "Wants=network-online.target\n"
                                     "After=network-online.target\n"
                                     "StartLimitIntervalSec=0\n"
                                     "\n"
                                     "[Service]\n"
                                     "Type=notify\n"
                                     "NotifyAccess=all\n"
                                     "ExecStart=\"%s/stable/noded.sh\"\n"
                                     "ExecReload=/bin/kill -HUP $MAINPID\n"
                                     "Restart=always\n"
                                     "RestartSec=1\n"
                                     "WatchdogSec=60\n"
                                     "TimeoutStartSec=15min\n"
                                     "KillMode=process\n"
                                     "\n"
                                     "[Install]\n"
                                     "WantedBy=multi-user.target\n",
                                     root, root);
}
