/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fault/workspaces.h - a root in the scratch directory, with workspaces as a node manager makes them */

#ifndef TEST_WORKSPACES_H
#define TEST_WORKSPACES_H

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "root/manifest.h"
#include "root/workspace.h"
#include "wire/envelope.h"
#include "test/fault/scratch.h"

/*  A NULL-terminated list of strings, as in a field of a message. */
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline struct root workspaces_root (const struct disk *disk)
{
    struct root root;
    struct base_error error = {0};
    cr_assert_eq (root_make (disk, "root", &root, &error), 0, "%s", error.text);
    return root;
}

struct workspace_parts {
    const char *program;  /* content of the program file */
    const void *launcher; /* NULL: a few bytes that are not a program */
    size_t launcher_size;
    const char *const *args; /* NULL: none */
    const char *const *env;
};

/*  Makes and seals a workspace. */
static inline void workspaces_make (const struct root *root, const struct workspace_parts *parts,
                                    char ret_name[ROOT_NAME_SIZE])
{
    static char application[] = "noded", version[] = "1.0.0";
    struct base_error error = {0};
    size_t size = strlen (parts->program);
    struct wire_envelope envelope = {
        .application = application,
        .version = version,
        .args = parts->args,
        .n_args = base_list_count (base_list_const (parts->args)),
        .env = parts->env,
        .n_env = base_list_count (base_list_const (parts->env)),
        .binary = base_digest_of (parts->program, size),
        .size = size,
    };
    base_cleanup (base_buffer_deinit) struct base_buffer document = {.size = 0};
    cr_assert_eq (wire_envelope_pack_release (&envelope, &document, &error), 0, "%s", error.text);
    struct wire_installed installed = {.release = base_digest_of (document.data, document.size),
                                       .envelope = &envelope};
    base_cleanup (root_draft_deinit) struct root_draft draft = {.fd = -1};
    cr_assert_eq (root_draft_begin (root, base_time_real_ns (), &draft, &error), 0, "%s", error.text);
    int rc = root_draft_write (&draft, ROOT_PROGRAM, 0755, parts->program, size, &error);
    if (rc == 0)
        rc = root_draft_start_files (&draft, parts->launcher ? parts->launcher : "launcher",
                                     parts->launcher ? parts->launcher_size : 8, &error);
    if (rc == 0)
        rc = root_draft_describe (&draft, &installed, &document, &error);
    if (rc == 0)
        rc = root_draft_seal (&draft, &installed, ret_name, &error);
    cr_assert_eq (rc, 0, "%s", error.text);
}

/*  Makes a workspace whose program contains only text. */
static inline void workspaces_add (const struct root *root, const char *text, char ret_name[ROOT_NAME_SIZE])
{
    workspaces_make (root, &(struct workspace_parts){.program = text}, ret_name);
}

static inline bool workspaces_link_is (const struct root *root, const char *link, const char *name)
{
    char found[ROOT_NAME_SIZE];
    return root_link (root, link, found) == 0 && strcmp (found, name) == 0;
}

/*  Whether stable can be started: it points to a workspace that matches its manifest. */
static inline bool workspaces_stable_is_intact (const struct root *root)
{
    char name[ROOT_NAME_SIZE];
    base_cleanup (base_close_p) int fd = -1;
    return root_link (root, ROOT_STABLE, name) == 0 && root_workspace_open (root, name, &fd) == 0 &&
           root_manifest_verify (NULL, fd, NULL) == 0;
}

#endif
