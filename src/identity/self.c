/* SPDX-License-Identifier: MPL-2.0 */
/*  identity/self.c - finds out what this process runs as */

#include "identity/self.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/self.h"
#include "base/text.h"
#include "root/manifest.h"

const char *identity_platform (void)
{
#if defined(__x86_64__)
    return "linux/amd64";
#elif defined(__aarch64__)
    return "linux/arm64";
#elif defined(__arm__)
    return "linux/arm";
#elif defined(__i386__)
    return "linux/386";
#elif defined(__riscv) && __riscv_xlen == 64
    return "linux/riscv64";
#else
#error "name this platform here and in base/elf.c"
#endif
}

static int manifest_digest (const struct root *root, const char *workspace, struct base_digest *ret_digest)
{
    base_cleanup (base_close_p) int fd = -1;
    int r = root_workspace_open (root, workspace, &fd);
    if (r)
        return r;
    base_cleanup (base_close_p) int file = openat (fd, ROOT_MANIFEST, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -errno;
    return base_digest_of_fd (file, ret_digest, NULL);
}

/*  Finds the workspace in which /proc/self/exe lies. */
static int workspace_find_own (const struct root *root, char ret_name[ROOT_NAME_SIZE],
                               struct base_error *error)
{
    char path[PATH_MAX];
    ssize_t length = readlink ("/proc/self/exe", path, sizeof path - 1);
    if (length < 0)
        return base_error_errno (error, -errno, "cannot read /proc/self/exe");
    path[length] = '\0';
    char *slash = strrchr (path, '/');
    if (slash)
        *slash = '\0';
    char *name = slash ? strrchr (path, '/') : NULL;
    if (!name || !root_name_is_valid (name + 1))
        return base_error_set (
            error, ROOT_E_NONE,
            "this program runs from %s, which is not a workspace of %s: start %s/stable/noded.sh instead",
            path, root->path, root->path);
    base_cleanup (base_close_p) int here = -1;
    struct stat own, listed;
    if (root_workspace_open (root, name + 1, &here) || fstat (here, &listed) || stat (path, &own) ||
        own.st_ino != listed.st_ino || own.st_dev != listed.st_dev)
        return base_error_set (error, ROOT_E_NONE, "this program runs from %s, which is not in the root %s",
                               path, root->path);
    return base_text_copy (ret_name, ROOT_NAME_SIZE, name + 1);
}

static bool variable_names_equal (const char *entry, const char *other)
{
    size_t length = strcspn (entry, "=");
    return strncmp (entry, other, length) == 0 && (other[length] == '=' || other[length] == '\0');
}

static bool variable_is_named (const char *entry, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (variable_names_equal (entry, list[i]))
            return true;
    return false;
}

/*  A variable of the envelope replaces init's variable of the same name, and only the launcher still has
    init's value. A program that is started after this one must get that value again. */
static void hidden_load (struct identity_self *self)
{
    base_assert (self->env && self->running.installed.envelope);
    static const char *const launcher[] = {"NODED_LAUNCHER"};
    const struct wire_envelope *envelope = self->running.installed.envelope;
    char **given = NULL;
    bool launched = false;
    for (size_t i = 0; self->env[i] && !launched; i++)
        launched = variable_is_named (self->env[i], launcher, 1);
    if (!launched || envelope->n_env == 0 || base_self_parent_env (&given) < 0)
        return;
    size_t kept = 0;
    for (size_t i = 0; given[i]; i++)
        if (variable_is_named (given[i], envelope->env, envelope->n_env))
            given[kept++] = given[i];
        else
            free (given[i]);
    given[kept] = NULL;
    self->hidden = given;
}

int identity_self_load (const struct root *root, struct identity_self *ret_self, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (ret_self);
    struct identity_self self = {.args = NULL};
    int r = workspace_find_own (root, self.running.workspace, error);
    if (r == 0)
        r = root_workspace_read (root, self.running.workspace, &self.running.installed, error);
    if (r)
        return r;
    base_cleanup (root_verified_deinit) struct root_verified verified = {.boot = ""};
    root_verified_load (root, &verified);
    base_cleanup (base_close_p) int exe = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    r = exe < 0 ? -errno : root_verified_digest (&verified, exe, &self.running.binary);
    if (r == 0)
        r = manifest_digest (root, self.running.workspace, &self.manifest);
    if (r == 0)
        r = base_self_args (&self.args);
    if (r == 0)
        r = base_self_env (&self.env);
    if (r) {
        identity_self_deinit (&self);
        return base_error_set (error, r,
                               "cannot read the program, arguments and environment of this process: %s",
                               root_error_text (r));
    }
    hidden_load (&self);
    *ret_self = self;
    return 0;
}

void identity_self_deinit (struct identity_self *self)
{
    base_assert (self);
    wire_installed_deinit (&self->running.installed);
    self->args = base_list_free (self->args);
    self->env = base_list_free (self->env);
    self->hidden = base_list_free (self->hidden);
}

/*  Appends the variables that only init has set to a list that has room. Returns 0 or -ENOMEM. */
static int init_variables_keep (char *const *env, const char *const *envelope, size_t n_envelope, char **list,
                                size_t *count)
{
    base_assert (list && count);
    static const char *const private[] = {
        "NODED_ROOT",    "NODED_WORKSPACE", "NODED_LAUNCHER", "NODED_READY",     "NOTIFY_SOCKET",
        "WATCHDOG_USEC", "WATCHDOG_PID",    "LISTEN_FDS",     "LISTEN_PID",      "LISTEN_FDNAMES",
        "MAINPID",       "JOURNAL_STREAM",  "INVOCATION_ID",  "SYSTEMD_EXEC_PID"};
    for (size_t i = 0; env && env[i]; i++)
        if (!variable_is_named (env[i], private, sizeof private / sizeof *private) &&
            !variable_is_named (env[i], envelope, n_envelope) && !(list[(*count)++] = strdup (env[i])))
            return -ENOMEM;
    return 0;
}

char **identity_self_pristine_env (const struct identity_self *self)
{
    base_assert (self);
    const struct wire_envelope *envelope = self->running.installed.envelope;
    size_t room = base_list_count (self->env) + (self->hidden ? base_list_count (self->hidden) : 0),
           count = 0;
    char **list = calloc (room + 1, sizeof *list);
    if (!list)
        return NULL;
    int r = init_variables_keep (self->env, envelope ? envelope->env : NULL, envelope ? envelope->n_env : 0,
                                 list, &count);
    if (r == 0)
        r = init_variables_keep (self->hidden, NULL, 0, list, &count);
    return r < 0 ? base_list_free (list) : list;
}

bool identity_installed_find (const struct wire_installed *installed, const struct base_digest *digest,
                              char path[300])
{
    base_assert (installed && digest && path);
    const struct wire_envelope *envelope = installed->envelope;
    if (!envelope)
        return false;
    if (base_digest_equal (&envelope->binary, digest))
        return base_text_copy (path, 300, ROOT_PROGRAM) == 0;
    for (size_t i = 0; i < envelope->n_files; i++)
        if (base_digest_equal (&envelope->files[i].digest, digest)) {
            int length = snprintf (path, 300, ROOT_FILES "/%s", envelope->files[i].path);
            return length > 0 && length < 300;
        }
    return false;
}

/*  If a damaged file were used, every update that needs it would fail, although it can be downloaded
    again. */
static bool source_is_intact (const struct root *root, const struct identity_source *source,
                              const struct base_digest *digest, bool distrust)
{
    base_cleanup (root_verified_deinit) struct root_verified verified = {.boot = ""};
    base_cleanup (base_close_p) int workspace = -1;
    struct base_digest found;
    if (root_workspace_open (root, source->workspace, &workspace))
        return false;
    base_cleanup (base_close_p) int fd = openat (workspace, source->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (!distrust)
        root_verified_load (root, &verified);
    return fd >= 0 && root_verified_digest (&verified, fd, &found) == 0 && base_digest_equal (&found, digest);
}

int identity_running_find (const struct root *root, const struct identity_running *running,
                           const struct base_digest *digest, bool distrust,
                           struct identity_source *ret_source)
{
    base_assert (root && running);
    base_assert (digest && ret_source);
    struct identity_source source = {.path = ""};
    if (identity_installed_find (&running->installed, digest, source.path)) {
        memcpy (source.workspace, running->workspace, sizeof source.workspace);
        if (!distrust || source_is_intact (root, &source, digest, true)) {
            *ret_source = source;
            return 0;
        }
    }
    char **names = NULL;
    if (root_workspaces (root, &names))
        return ROOT_E_NONE;
    int r = ROOT_E_NONE;
    for (size_t i = base_list_count (names); i-- > 0 && r == ROOT_E_NONE;) {
        struct wire_installed installed = {0};
        if (strcmp (names[i], running->workspace) == 0 ||
            root_workspace_read (root, names[i], &installed, NULL))
            continue;
        if (identity_installed_find (&installed, digest, source.path) &&
            base_text_copy (source.workspace, sizeof source.workspace, names[i]) == 0 &&
            source_is_intact (root, &source, digest, distrust)) {
            *ret_source = source;
            r = 0;
        }
        wire_installed_deinit (&installed);
    }
    base_list_free (names);
    return r;
}
