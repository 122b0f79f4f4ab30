/* SPDX-License-Identifier: MPL-2.0 */
/*  node/install.c - makes or repairs a root with the running program */

#include "node/install.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/elf.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "base/version.h"
#include "node/launcher.h"
#include "rehearsal/rehearsal.h"
#include "root/lock.h"
#include "root/record.h"
#include "root/repair.h"
#include "wire/envelope.h"

extern char **environ;

/*  The envelope with which this very program would be published. */
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

static int digest_file (const char *path, struct base_digest *ret_digest, uint64_t *ret_size,
                        struct base_error *error)
{
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : base_digest_of_fd (fd, ret_digest, ret_size);
    return rc ? base_error_errno (error, rc, "cannot read %s", path) : 0;
}

static int describe_own (struct own *own, struct base_error *error)
{
    ssize_t length = readlink ("/proc/self/exe", own->program, sizeof own->program - 1);
    if (length < 0)
        return base_error_errno (error, -errno, "cannot read /proc/self/exe");
    own->program[length] = '\0';
    int rc = digest_file (own->program, &own->envelope.binary, &own->envelope.size, error);
    rc = rc ? rc : base_elf_libraries (own->program, &own->libraries, error);
    if (rc)
        return rc;
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
        rc = digest_file (own->libraries.items[i].path, &file->digest, &file->size, error);
        if (rc)
            return rc;
    }
    return wire_envelope_check (&own->envelope, error);
}

/*  A directory that holds other files is probably a mistake. Leftovers of an interrupted installation are
    accepted. */
static int refuse_foreign (const char *path, struct base_error *error)
{
    static const char *const own[] = {".",          "..",          ROOT_VAR,  ROOT_PROBE,        ROOT_APPS,
                                      ROOT_KEEPERS, ROOT_SETTINGS, ROOT_LOCK, ROOT_MANAGER_LOCK, ROOT_BACK,
                                      ROOT_TRIAL,   "lost+found"};
    static const char *const begins[] = {ROOT_NEW, ROOT_OLD, ROOT_TMP, ROOT_TOKEN, ROOT_OK, ROOT_FAILED};
    DIR *directory = opendir (path);
    const struct dirent *entry;
    int rc = 0;
    while (directory && !rc && (entry = readdir (directory))) {
        bool known = root_name_is_valid (entry->d_name) || strcmp (entry->d_name, ROOT_STABLE) == 0 ||
                     strcmp (entry->d_name, ROOT_PREVIOUS) == 0;
        for (size_t i = 0; i < sizeof begins / sizeof *begins && !known; i++)
            known = strncmp (entry->d_name, begins[i], strlen (begins[i])) == 0;
        for (size_t i = 0; i < sizeof own / sizeof *own && !known; i++)
            known = strcmp (entry->d_name, own[i]) == 0;
        if (!known)
            rc = base_error_set (
                error, -ENOTEMPTY,
                "--root %s: it holds %s, which does not belong to noded: choose an empty or a new directory",
                path, entry->d_name);
    }
    if (directory)
        (void) closedir (directory);
    return rc;
}

static int make_workspace (const struct root *root, struct own *own, char ret_name[ROOT_NAME_SIZE],
                           struct base_error *error)
{
    base_cleanup (root_draft_deinit) struct root_draft draft = {.fd = -1};
    struct wire_installed installed = {.release = wire_envelope_release_digest (&own->envelope),
                                       .transaction = "install",
                                       .envelope = &own->envelope};
    base_cleanup (base_buffer_deinit) struct base_buffer document = {.size = 0};
    int rc = wire_envelope_pack_release (&own->envelope, &document, error);
    rc = rc ? rc : root_draft_begin (root, base_time_real_ns (), &draft, error);
    rc = rc ? rc : root_draft_copy (&draft, ROOT_PROGRAM, 0755, NULL, AT_FDCWD, own->program, error);
    for (size_t i = 0; i < own->libraries.count && !rc; i++) {
        char path[300];
        (void) snprintf (path, sizeof path, ROOT_FILES "/%s", own->envelope.files[i].path);
        rc = root_draft_copy (&draft, path, 0644, NULL, AT_FDCWD, own->libraries.items[i].path, error);
    }
    rc = rc ? rc : root_draft_start_files (&draft, node_launcher_begin, node_launcher_size (), error);
    rc = rc ? rc : root_draft_describe (&draft, &installed, &document, error);
    return rc ? rc : root_draft_seal (&draft, &installed, ret_name, error);
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

/*  Rehearses the workspace. The version that it is offered is the same workspace. */
static int workspace_rehearse (const struct root *root, const char *workspace,
                               const struct node_install *install, uint64_t *ret_took_ms,
                               struct base_error *error)
{
    struct identity_config config;
    struct identity_self self = {.args = NULL};
    struct outcome outcome = {.loop = bus_loop_new ()};
    struct rehearsal *rehearsal = NULL;
    char noded[] = "noded", *args[] = {noded, NULL};
    int rc = identity_config_init (&config, root->path);
    if (!outcome.loop || rc)
        return base_error_set (error, -ENOMEM, "out of memory or descriptors");
    rc = identity_config_load (&config, NULL, error);
    if (install->step_ms)
        config.rehearsal_step_ms = install->step_ms;
    rc = rc ? rc : root_workspace_read (root, workspace, &self.running.installed, error);
    (void) base_text_copy (self.running.workspace, sizeof self.running.workspace, workspace);
    self.args = args;
    self.env = environ;
    struct rehearsal_spec spec = {.loop = outcome.loop,
                                  .config = &config,
                                  .root = root,
                                  .self = &self,
                                  .candidate = workspace,
                                  .depth = IDENTITY_DEPTH_MINTED};
    rc = rc ? rc : rehearsal_new (&spec, on_rehearsed, &outcome, &rehearsal);
    rc = rc ? rc : bus_loop_run (outcome.loop);
    (void) rehearsal_free (rehearsal);
    (void) bus_loop_free (outcome.loop);
    wire_installed_deinit (&self.running.installed);
    identity_config_deinit (&config);
    if (rc)
        return rc;
    *ret_took_ms = outcome.result.took_ms;
    return outcome.result.end.passed ? 0
                                     : base_error_set (error, -ECANCELED, "its rehearsal failed at %s: %s",
                                                       outcome.result.step, outcome.result.reason);
}

/*  The longest path of a root with which the deepest scratch root of a rehearsal, and a file in it, still
    have a path. */
enum { ROOT_PATH_MOST = PATH_MAX - 3 * (int) sizeof "/probe/0123456789abcdef" - ROOT_NAME_SIZE - 300 };

static int check_path (const char *path, struct base_error *error)
{
    base_cleanup (base_free_p) char *here = *path == '/' ? NULL : getcwd (NULL, 0);
    size_t length = strlen (path) + (here ? strlen (here) + 1 : 0);
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
    if (!wire_node_is_valid (install->id))
        return base_error_set (
            error, -EINVAL, "--id %s: an id has 1 to 64 letters, digits, '.', '_', '-' or ':'", install->id);
    if (bus_endpoints_parse (install->broker, &endpoints, error))
        return base_error_prefix (error, "--broker");
    if (install->content && bus_content_parse (install->content, content, error))
        return base_error_prefix (error, "--content");
    return check_path (install->root, error);
}

int node_install_run (const struct node_install *install, char ret_workspace[ROOT_NAME_SIZE],
                      uint64_t *ret_took_ms, struct base_error *error)
{
    char workspace[ROOT_NAME_SIZE];
    char content[BUS_ENDPOINT_SIZE] = "";
    int rc = node_install_check (install, error);
    if (rc)
        return rc;
    if (install->content)
        (void) bus_content_parse (install->content, content, NULL);
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    base_cleanup (own_deinit) struct own own = {.program = ""};
    rc = refuse_foreign (install->root, error);
    rc = rc ? rc : root_make (&disk_system, install->root, &root, error);
    if (rc)
        return rc;
    if (root_link (&root, ROOT_STABLE, workspace) != ROOT_E_NONE)
        return base_error_set (
            error, -EEXIST,
            "%s is already a root: start %s/stable/noded.sh; if it does not start, run noded install "
            "--repair --root %s; or choose another directory",
            root.path, root.path, root.path);
    rc = describe_own (&own, error);
    base_cleanup (base_free_p) char *settings =
        identity_config_install_file (install->id, install->broker, install->content ? content : NULL);
    if (!rc && faccessat (root.fd, ROOT_SETTINGS, F_OK, AT_SYMLINK_NOFOLLOW))
        rc = settings ? disk_file_write (root.disk, root.fd, ROOT_SETTINGS, 0600, settings, strlen (settings),
                                         error)
                      : -ENOMEM;
    rc = rc ? rc : make_workspace (&root, &own, workspace, error);
    if (rc)
        return rc;
    *ret_took_ms = 0;
    if (install->rehearse)
        rc = workspace_rehearse (&root, workspace, install, ret_took_ms, error);
    rc = rc ? rc : root_stable_set (&root, workspace, error);
    if (rc) {
        (void) root_workspace_remove (&root, workspace, NULL);
        return rc;
    }
    return base_text_copy (ret_workspace, ROOT_NAME_SIZE, workspace);
}

static void repair_journal (const struct root *root, const char *workspace, bool fresh,
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
    if (root_journal_append (root, &entry, &error)) {
        (void) base_error_prefix (&error, "cannot record the repair in the journal");
        changed (context, error.text);
    }
}

/*  Returns 0 with the name, or an error with a sentence. */
static int make_own (const struct root *root, char ret_name[ROOT_NAME_SIZE], struct base_error *error)
{
    base_cleanup (own_deinit) struct own own = {.program = ""};
    int rc = describe_own (&own, error);
    return rc ? rc : make_workspace (root, &own, ret_name, error);
}

static bool is_mounted (const char *path)
{
    struct statx status;
    return statx (AT_FDCWD, path, 0, 0, &status) == 0 && (status.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

int node_install_repair (const char *path, void (*changed) (void *context, const char *text), void *context,
                         struct base_error *error)
{
    char workspace[ROOT_NAME_SIZE] = "";
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    if (!root_repair_is_root (path) && is_mounted (path))
        return base_error_set (
            error, ROOT_E_NONE,
            "%s is not a root, and something is mounted there: if the mount hides the root, "
            "run umount %s, then repair",
            path, path);
    if (!root_repair_is_root (path))
        return base_error_set (error, ROOT_E_NONE, "%s is not a root: noded install creates one", path);
    int rc = root_open (&disk_system, path, &root, error);
    if (rc)
        return rc;
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
    if (root_repair_places (&repair, error))
        changed (context, error->text); /* the workspaces may be startable all the same */
    bool fresh = root_repair_choose (&repair, workspace);
    rc = fresh ? make_own (&root, workspace, error) : 0;
    if (rc)
        return base_error_prefix (
                   error, "%s has no undamaged workspace, and none can be made from this program", root.path),
               rc;
    if (fresh) {
        char text[160];
        (void) snprintf (text, sizeof text, "%s: made from this program, noded %s", workspace, base_version);
        changed (context, text);
    }
    rc = root_repair_links (&repair, workspace, error);
    if (rc)
        return rc;
    repair_journal (&root, workspace, fresh, changed, context);
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
