/* SPDX-License-Identifier: MPL-2.0 */
/*  client/release.c - a release made from files of this host

    Every file is opened once and stays open: the bytes that are uploaded are those that were hashed, even if
    a build replaces the file meanwhile. */

#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/elf.h"
#include "base/text.h"
#include "wire/envelope.h"

/*  The broker's limit, checked here before hours of reading a sparse file of terabytes. */
#define BLOB_MOST ((off_t) 16 << 30)

void client_release_deinit (struct client_release *release)
{
    base_assert (release);
    base_assert (release->blobs || release->n_blobs == 0);
    for (size_t i = 0; i < release->n_blobs; i++) {
        free (release->blobs[i].path);
        base_close_p (&release->blobs[i].fd);
    }
    free (release->blobs);
    wire_release_deinit (&release->release);
    *release = CLIENT_RELEASE_NULL;
}

/*  The result of reading one file. */
struct release_source {
    struct base_digest digest;
    uint64_t size;
    bool executable;
};

static int blob_open (const char *path, int *ret_fd, struct stat *ret_stat, struct base_error *error)
{
    base_assert (ret_fd && ret_stat);
    /*  O_NONBLOCK: opening a FIFO must not wait for its writer. */
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat (fd, ret_stat) != 0)
        return base_error_errno (error, -errno, "cannot read %s", path);
    if (!S_ISREG (ret_stat->st_mode))
        return base_error_set (error, -EINVAL,
                               "cannot publish %s: it is %s; only regular files can be published", path,
                               S_ISDIR (ret_stat->st_mode) ? "a directory" : "not a regular file");
    if (ret_stat->st_size > BLOB_MOST)
        return base_error_set (
            error, -EFBIG, "cannot publish %s: it has %lld bytes, and a content peer accepts at most %lld",
            path, (long long) ret_stat->st_size, (long long) BLOB_MOST);
    *ret_fd = base_take_fd (&fd);
    return 0;
}

/*  Reads a file and adds it to the blobs, unless the same blob is there already. */
static int blob_take (struct client_release *release, const char *path, struct release_source *ret_source,
                      struct base_error *error)
{
    base_assert (release);
    base_assert (ret_source);
    base_assert (release->blobs || release->n_blobs == 0);
    base_cleanup (base_close_p) int fd = -1;
    struct stat stat;
    struct release_source source;
    int r = blob_open (path, &fd, &stat, error);
    if (r < 0)
        return r;
    r = base_digest_of_fd (fd, &source.digest, &source.size);
    if (r < 0)
        return base_error_errno (error, r, "cannot read %s", path);
    source.executable = stat.st_mode & 0111;
    *ret_source = source;
    for (size_t i = 0; i < release->n_blobs; i++)
        if (base_digest_equal (&release->blobs[i].digest, &source.digest))
            return 0;
    struct client_blob *blobs = reallocarray (release->blobs, release->n_blobs + 1, sizeof *blobs);
    if (!blobs)
        return base_error_set (error, -ENOMEM, "out of memory");
    release->blobs = blobs;
    char *name = strdup (path);
    if (!name)
        return base_error_set (error, -ENOMEM, "out of memory");
    blobs[release->n_blobs++] = (struct client_blob){
        .path = name, .fd = base_take_fd (&fd), .digest = source.digest, .size = source.size};
    return 0;
}

static int envelope_file (struct client_release *release, struct wire_envelope *envelope,
                          const char *destination, const char *path, struct base_error *error)
{
    base_assert (envelope);
    base_assert (envelope->files || envelope->n_files == 0);
    struct release_source source;
    int r = blob_take (release, path, &source, error);
    if (r < 0)
        return r;
    struct wire_file *files = reallocarray (envelope->files, envelope->n_files + 1, sizeof *files);
    if (!files)
        return base_error_set (error, -ENOMEM, "out of memory");
    envelope->files = files;
    char *path_copy = strdup (destination);
    if (!path_copy)
        return base_error_set (error, -ENOMEM, "out of memory");
    files[envelope->n_files++] = (struct wire_file){
        .path = path_copy, .digest = source.digest, .size = source.size, .executable = source.executable};
    return 0;
}

static bool envelope_has (const struct wire_envelope *envelope, const char *destination)
{
    base_assert (destination);
    for (size_t i = 0; i < envelope->n_files; i++)
        if (strcmp (envelope->files[i].path, destination) == 0)
            return true;
    return false;
}

static int envelope_libraries (struct client_release *release, struct wire_envelope *envelope,
                               const char *path, struct base_error *error)
{
    base_assert (envelope->application);
    base_cleanup (base_elf_libraries_deinit) struct base_elf_libraries libraries = {.count = 0};
    int r = base_elf_libraries (path, &libraries, error);
    if (r < 0)
        return base_error_prefix (error, "cannot gather the shared libraries of %s", path);
    for (size_t i = 0; i < libraries.count; i++) {
        base_cleanup (base_free_p) char *destination = base_text_printf ("lib/%s", libraries.items[i].soname);
        if (!destination)
            return base_error_set (error, -ENOMEM, "out of memory");
        if (envelope_has (envelope, destination))
            continue;
        r = envelope_file (release, envelope, destination, libraries.items[i].path, error);
        if (r < 0)
            return r;
    }
    return 0;
}

/*  A binary without a platform is offered to every node, as the newest release. That may be meant for a
    script. A node manager is a program for one platform, so a file that is no program was named by
    mistake. */
static int envelope_platform (struct wire_envelope *envelope, const char *application,
                              const noded_binary *binary, bool *ret_elf, struct base_error *error)
{
    base_assert (ret_elf);
    base_assert (!envelope->platform);
    char platform[64];
    base_cleanup (base_close_p) int fd = open (binary->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot read %s", binary->path);
    int r = base_elf_platform (fd, platform, sizeof platform);
    if (r != 0 && r != -ENOEXEC && r != -ENOTSUP)
        return base_error_errno (error, r, "cannot read the platform of %s", binary->path);
    if (r == -ENOTSUP && !binary->platform)
        return base_error_set (error, -EINVAL, "the platform of %s is unknown: name it, as in OS/ARCH=%s",
                               binary->path, binary->path);
    if (r == -ENOEXEC && !binary->platform && strcmp (application, "noded") == 0)
        return base_error_set (error, -EINVAL,
                               "%s is not an ELF program and would be offered to nodes of every platform: "
                               "name its platform, as in OS/ARCH=%s",
                               binary->path, binary->path);
    *ret_elf = r == 0;
    const char *chosen = binary->platform ? binary->platform : r == 0 ? platform : NULL;
    if (chosen && !(envelope->platform = strdup (chosen)))
        return base_error_set (error, -ENOMEM, "out of memory");
    return 0;
}

/*  The launcher and init pass information to a version in these variables: another value would keep it from
    becoming ready. */
static bool env_is_reserved (const char *entry, size_t name)
{
    base_assert (name > 0);
    static const char *const reserved[] = {"NODED_ROOT",  "NODED_WORKSPACE", "NODED_LAUNCHER",
                                           "NODED_READY", "NOTIFY_SOCKET",   "WATCHDOG_USEC",
                                           "WATCHDOG_PID"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strlen (reserved[i]) == name && strncmp (entry, reserved[i], name) == 0)
            return true;
    return false;
}

/*  Refuses entries without a name, and two with the same name: what the program would get is unclear. */
static int env_check (const noded_publish *publish, struct base_error *error)
{
    for (size_t i = 0; i < publish->n_env; i++) {
        const char *entry = publish->env[i];
        size_t name = strcspn (entry, "=");
        if (name == 0 || !entry[name])
            return base_error_set (error, -EINVAL, "\"%s\" is not an environment entry: give NAME=VALUE",
                                   entry);
        if (env_is_reserved (entry, name))
            return base_error_set (
                error, -EINVAL, "the environment variable %.*s is set by the launcher or by init: remove it",
                (int) name, entry);
        for (size_t j = 0; j < i; j++)
            if (strncmp (entry, publish->env[j], name + 1) == 0)
                return base_error_set (error, -EINVAL, "the environment variable %.*s is given twice",
                                       (int) name, entry);
    }
    return 0;
}

static int envelope_list (const char *const **ret_list, size_t *ret_count, const char *const *list,
                          size_t count)
{
    base_assert (ret_list && ret_count);
    if (!count)
        return 0;
    char **copy = base_list_copy (base_list_const (list), count);
    if (!copy)
        return -ENOMEM;
    *ret_list = (const char *const *) copy;
    *ret_count = count;
    return 0;
}

static const char *file_destination (const noded_file *file)
{
    if (file->destination)
        return file->destination;
    const char *slash = strrchr (file->path, '/');
    return slash ? slash + 1 : file->path;
}

static int envelope_fill (struct client_release *release, struct wire_envelope *envelope,
                          const noded_publish *publish, const noded_binary *binary, struct base_error *error)
{
    base_assert (!envelope->application && !envelope->version);
    struct release_source source;
    bool elf = false;
    int r = blob_take (release, binary->path, &source, error);
    if (r < 0)
        return r;
    if (source.size == 0)
        return base_error_set (error, -EINVAL, "cannot publish %s: it is empty", binary->path);
    r = envelope_platform (envelope, publish->application, binary, &elf, error);
    if (r < 0)
        return r;
    envelope->binary = source.digest;
    envelope->size = source.size;
    envelope->application = strdup (publish->application);
    envelope->version = strdup (publish->version);
    envelope->title = publish->title ? strdup (publish->title) : NULL;
    if (!envelope->application || !envelope->version || (publish->title && !envelope->title) ||
        envelope_list (&envelope->args, &envelope->n_args, publish->args, publish->n_args) != 0 ||
        envelope_list (&envelope->env, &envelope->n_env, publish->env, publish->n_env) != 0)
        return base_error_set (error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < publish->n_files; i++) {
        const noded_file *file = &publish->files[i];
        r = envelope_file (release, envelope, file_destination (file), file->path, error);
        if (r < 0)
            return r;
    }
    return elf ? envelope_libraries (release, envelope, binary->path, error) : 0;
}

static int envelope_order (const void *a, const void *b)
{
    const struct wire_envelope *left = a, *right = b;
    return strcmp (left->platform ? left->platform : "", right->platform ? right->platform : "");
}

/*  The release document is a blob, too. */
static int document_add (struct client_release *made, struct base_error *error)
{
    base_assert (made->release.n_envelopes > 0);
    base_cleanup (base_buffer_deinit) struct base_buffer document = {.size = 0};
    int r = wire_release_pack (&made->release, &document, error);
    base_assert (r <= 0); /* wire_release_check has passed */
    if (r < 0)
        return base_error_set (error, r, "out of memory");
    base_cleanup (base_close_p) int fd = memfd_create ("release", MFD_CLOEXEC);
    ssize_t wrote = fd < 0 ? -1 : pwrite (fd, document.data, document.size, 0);
    if (wrote != (ssize_t) document.size)
        return base_error_errno (error, wrote < 0 ? -errno : -EIO,
                                 "cannot store the release document in memory");
    struct client_blob *blobs = reallocarray (made->blobs, made->n_blobs + 1, sizeof *blobs);
    if (!blobs)
        return base_error_set (error, -ENOMEM, "out of memory");
    made->blobs = blobs;
    blobs[made->n_blobs] = (struct client_blob){.path = strdup ("the release document"),
                                                .fd = base_take_fd (&fd),
                                                .digest = base_digest_of (document.data, document.size),
                                                .size = document.size};
    return blobs[made->n_blobs++].path ? 0 : base_error_set (error, -ENOMEM, "out of memory");
}

int client_release_make (const noded_publish *publish, struct client_release *ret_release,
                         struct base_error *error)
{
    base_assert (ret_release);
    base_assert (error);
    base_cleanup (client_release_deinit) struct client_release made = CLIENT_RELEASE_NULL;
    struct wire_release *release = &made.release;
    if (!publish->application || !publish->version)
        return base_error_set (error, -EINVAL, "cannot publish: an application and a version must be named");
    if (!publish->n_binaries)
        return base_error_set (error, -EINVAL, "cannot publish %s %s: no program is given",
                               publish->application, publish->version);
    int r = env_check (publish, error);
    if (r < 0)
        return r;
    release->application = strdup (publish->application);
    release->version = strdup (publish->version);
    release->envelopes = calloc (publish->n_binaries, sizeof *release->envelopes);
    if (!release->application || !release->version || !release->envelopes)
        return base_error_set (error, -ENOMEM, "out of memory");
    release->n_envelopes = publish->n_binaries;
    for (size_t i = 0; i < publish->n_binaries; i++) {
        r = envelope_fill (&made, &release->envelopes[i], publish, &publish->binaries[i], error);
        if (r < 0)
            return r;
    }
    qsort (release->envelopes, release->n_envelopes, sizeof *release->envelopes, envelope_order);
    r = wire_release_check (release, error);
    if (r > 0) {
        (void) base_error_prefix (error, "cannot publish %s %s", publish->application, publish->version);
        return error->code = -EINVAL;
    }
    if (r < 0)
        return r;
    r = document_add (&made, error);
    if (r < 0)
        return r;
    *ret_release = made;
    made = CLIENT_RELEASE_NULL;
    return 0;
}
