/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/workspace.c - making, reading, removing and collecting workspaces */

#include "root/workspace.h"

#include "fixture.h"

#include "root/command.h"

TestSuite (workspace, .init = fixture_begin, .fini = fixture_end);

static char *workspace_path (const char *name, const char *file)
{
    static char path[256];
    (void) snprintf (path, sizeof path, "root/%s/%s", name, file);
    return path;
}

Test (workspace, a_workspace_has_all_start_files_and_a_valid_manifest)
{
    char name[ROOT_NAME_SIZE];
    workspaces_make (&root,
                     &(struct workspace_parts){.program = "program", .args = LIST ("a"), .env = LIST ("B=c")},
                     name);
    char *listed = scratch_shell ("cd root/20*; ls -A; sha256sum --quiet --strict -c manifest", NULL);
    cr_expect_str_eq (listed, "command\nenvelope.json\nmanifest\nnoded\nnoded.sh\nrelease\nstart");
    free (listed);
    int fd;
    cr_assert_eq (root_workspace_open (&root, name, &fd), 0);
    struct root_command command;
    cr_assert_eq (root_command_read (fd, &command, &error), 0);
    cr_expect_str_eq (command.program, "noded");
    cr_expect_str_eq (command.args[0], "run", "the node manager gets the argument run");
    cr_expect_str_eq (command.args[1], "a");
    cr_expect_null (command.args[2]);
    cr_expect_str_eq (command.env[0], "B=c");
    root_command_deinit (&command);
    struct wire_installed installed;
    cr_assert_eq (root_workspace_read (&root, name, &installed, &error), 0, "%s", error.text);
    cr_expect_str_eq (installed.envelope->application, "noded");
    wire_installed_deinit (&installed);
    (void) close (fd);
}

Test (workspace, other_applications_get_only_their_own_arguments)
{
    static char application[] = "web", version[] = "1";
    struct wire_envelope envelope = {
        .application = application, .version = version, .args = LIST ("--x"), .n_args = 1};
    struct wire_installed installed = {.envelope = &envelope};
    static const struct base_buffer none;
    struct root_draft draft;
    cr_assert_eq (root_draft_begin (&root, 1, &draft, &error), 0);
    cr_assert_eq (root_draft_describe (&draft, &installed, &none, &error), 0);
    struct root_command command;
    cr_assert_eq (root_command_read (draft.fd, &command, &error), 0);
    cr_expect_str_eq (command.args[0], "--x");
    root_command_deinit (&command);
    root_draft_deinit (&draft);
}

Test (workspace, the_script_starts_the_launcher_in_its_directory_however_it_is_called)
{
    char name[ROOT_NAME_SIZE];
    static const char launcher[] = "#!/bin/sh\necho \"$# $(dirname \"$0\")\"\n";
    workspaces_make (
        &root,
        &(struct workspace_parts){.program = "p", .launcher = launcher, .launcher_size = sizeof launcher - 1},
        name);
    cr_assert_eq (root_stable_set (&root, name, &error), 0);
    cr_assert_eq (rename ("root", "odd $(name)\nof 'a' root"), 0);
    cr_assert_eq (symlink ("odd $(name)\nof 'a' root", "-x"), 0);
    static const struct {
        const char *call;
        const char *answer;
    } calls[] = {
        {"cd odd*; ./stable/noded.sh an argument", "0 ././stable"},
        {"cd odd*/stable; sh noded.sh", "0 ."},
        {"cd odd*/stable; ./noded.sh", "0 ./."},
        {"cd odd*; PATH=$PWD/stable:$PATH; cd /; noded.sh | tail -n 1", "of 'a' root/stable"},
        {"\"$PWD\"/odd*/stable/noded.sh | tail -n 1", "of 'a' root/stable"},
        {"sh ./-x/stable/noded.sh", "0 ././-x/stable"},
        {"cat -- -x/stable/noded.sh >/dev/null; sh -- -x/stable/noded.sh", "0 ./-x/stable"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char *answer = scratch_shell (calls[i].call, NULL);
        cr_expect_str_eq (answer, calls[i].answer, "%s: %s", calls[i].call, answer);
        free (answer);
    }
}

Test (workspace, workspace_names_always_increase)
{
    struct root_draft draft;
    char name[ROOT_NAME_SIZE], older[ROOT_NAME_SIZE], text[BASE_TIME_TEXT];
    uint64_t ns;
    workspaces_add (&root, "one", name);
    cr_assert_eq (base_time_parse (name, &ns), 0);
    cr_assert_eq (root_draft_begin (&root, 1000, &draft, &error), 0, "the clock says 1970");
    cr_expect_str_eq (draft.name, base_time_format (ns + 1, text));
    memcpy (older, draft.name, sizeof older);
    struct root_draft other;
    cr_assert_eq (root_draft_begin (&root, 1000, &other, &error), 0, "the name of another draft counts");
    cr_expect_str_eq (other.name, base_time_format (ns + 2, text));
    root_draft_deinit (&other);
    root_draft_deinit (&draft);
    cr_assert_eq (root_draft_begin (&root, ns + 1000, &draft, &error), 0);
    cr_expect_str_eq (draft.name, base_time_format (ns + 1000, text));
    root_draft_deinit (&draft);
    char *left = scratch_shell ("ls -A root | grep -c '^\\.'", NULL);
    cr_expect_str_eq (left, "0", "a dropped draft leaves no files");
    free (left);
}

Test (workspace, a_path_outside_the_draft_is_refused)
{
    struct root_draft draft;
    cr_assert_eq (root_draft_begin (&root, 1, &draft, &error), 0);
    static const char *const wrong[] = {"",         "/etc/x",    "../x",   "files/../../x",
                                        "files//x", "files/./x", "files/", "."};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_eq (root_draft_write (&draft, wrong[i], 0644, "x", 1, &error), -EINVAL, "%s", wrong[i]);
    cr_assert_eq (symlinkat ("/tmp", draft.fd, "link"), 0);
    cr_expect_lt (root_draft_write (&draft, "link/x", 0644, "x", 1, &error), 0);
    cr_assert_eq (root_draft_write (&draft, "files/a/b", 0644, "x", 1, &error), 0);
    cr_expect_eq (root_draft_write (&draft, "files/a/b", 0644, "y", 1, &error), -EEXIST);
    cr_expect_lt (root_draft_write (&draft, "files/a/b/c", 0644, "y", 1, &error), 0);
    root_draft_deinit (&draft);
}

static nlink_t file_links (int directory, const char *path, mode_t *ret_mode)
{
    struct stat status = {0};
    cr_expect_eq (fstatat (directory, path, &status, 0), 0, "%s", path);
    *ret_mode = status.st_mode & 07777;
    return status.st_nlink;
}

/*  Copies a file into the draft. `content` is what the file must contain. */
static int draft_copy (struct root_draft *draft, const char *path, const char *content, int here,
                       const char *from)
{
    struct base_digest digest = base_digest_of (content, strlen (content));
    return root_draft_copy (draft, path, 0755, &digest, here, from, &error);
}

Test (workspace, unchanged_files_are_copied_and_not_shared)
{
    struct root_draft draft;
    mode_t mode;
    int here = open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    scratch_write ("same", "1", 1, 0600);
    cr_assert_eq (root_draft_begin (&root, 1, &draft, &error), 0);
    cr_assert_eq (draft_copy (&draft, "a/same", "1", here, "same"), 0, "%s", error.text);
    cr_expect_eq (file_links (draft.fd, "a/same", &mode), 1);
    cr_expect_eq (mode, 0755);
    (void) file_links (here, "same", &mode);
    cr_expect_eq (mode, 0600, "the mode of the source does not change");
    scratch_write ("same", "2", 1, 0600);
    char *text = scratch_shell ("cat root/.new.*/a/same", NULL);
    cr_expect_str_eq (text, "1", "a write to the source does not change the copy");
    free (text);
    root_draft_deinit (&draft);
    (void) close (here);
}

Test (workspace, a_bad_source_is_distinguished_from_a_failed_write)
{
    struct root_draft draft;
    struct failing_disk failing;
    int here = open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct root full = root;
    full.disk = failing_init (&failing, 1, ENOSPC);
    failing.only = "write";
    scratch_write ("rotten", "2", 1, 0644);
    cr_assert_eq (mkdir ("directory", 0755), 0);
    cr_assert_eq (mkfifo ("fifo", 0644), 0);
    cr_assert_eq (root_draft_begin (&root, 1, &draft, &error), 0);
    cr_expect_eq (draft_copy (&draft, "x", "1", here, "rotten"), ROOT_E_DAMAGED);
    cr_expect_eq (draft_copy (&draft, "x", "1", here, "none"), ROOT_E_DAMAGED);
    cr_expect_eq (draft_copy (&draft, "x", "1", here, "directory"), ROOT_E_DAMAGED);
    cr_expect_eq (draft_copy (&draft, "x", "1", here, "fifo"), ROOT_E_DAMAGED);
    draft.root = &full;
    cr_expect_eq (draft_copy (&draft, "x", "2", here, "rotten"), -ENOSPC);
    draft.root = &root;
    cr_expect_eq (draft_copy (&draft, "x", "2", here, "rotten"), 0, "the failed copies left no file");
    root_draft_deinit (&draft);
    (void) close (here);
}

Test (workspace, a_download_is_linked_once_and_copied_if_it_has_other_names)
{
    struct root_draft draft;
    mode_t mode;
    struct base_digest digest = base_digest_of ("1", 1);
    int here = open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    scratch_write ("download", "1", 1, 0600);
    scratch_write ("shared", "1", 1, 0600);
    cr_assert_eq (link ("shared", "shared-too"), 0);
    cr_assert_eq (root_draft_begin (&root, 1, &draft, &error), 0);
    cr_assert_eq (root_draft_adopt (&draft, "own", 0755, &digest, here, "download", &error), 0);
    cr_expect_eq (file_links (draft.fd, "own", &mode), 2);
    cr_expect_eq (mode, 0755);
    cr_assert_eq (root_draft_adopt (&draft, "again", 0644, &digest, here, "download", &error), 0);
    cr_expect_eq (file_links (draft.fd, "again", &mode), 1);
    cr_assert_eq (root_draft_adopt (&draft, "shared", 0755, &digest, here, "shared", &error), 0);
    cr_expect_eq (file_links (draft.fd, "shared", &mode), 1);
    cr_expect_eq (mode, 0755);
    (void) file_links (here, "shared", &mode);
    cr_expect_eq (mode, 0600, "the mode of a shared source does not change");
    struct failing_disk failing;
    struct root far = root;
    far.disk = failing_init (&failing, 1, EXDEV);
    failing.only = "linkat";
    draft.root = &far;
    scratch_write ("distant", "1", 1, 0600);
    cr_assert_eq (root_draft_adopt (&draft, "far", 0755, &digest, here, "distant", &error), 0,
                  "a source on another file system is copied");
    cr_expect_eq (file_links (draft.fd, "far", &mode), 1);
    draft.root = &root;
    root_draft_deinit (&draft);
    (void) close (here);
}

/*  Makes a draft with these files (NULL: missing) and seals it. Returns what root_draft_seal returns. */
static int draft_seal (const char *program, const char *file, mode_t mode)
{
    static char application[] = "noded", version[] = "1", path[] = "lib/a.so", text[] = "r";
    struct wire_file further = {.path = path, .digest = base_digest_of ("library", 7), .size = 7};
    struct wire_envelope envelope = {.application = application,
                                     .version = version,
                                     .binary = base_digest_of ("program", 7),
                                     .size = 7,
                                     .files = &further,
                                     .n_files = 1};
    struct wire_installed installed = {.release = base_digest_of ("r", 1), .envelope = &envelope};
    struct base_buffer document = {.data = (uint8_t *) text, .size = 1};
    char name[ROOT_NAME_SIZE];
    base_cleanup (root_draft_deinit) struct root_draft draft = {.fd = -1};
    cr_assert_eq (root_draft_begin (&root, 1, &draft, &error), 0);
    if (program)
        cr_assert_eq (root_draft_write (&draft, "noded", mode, program, strlen (program), &error), 0);
    if (file)
        cr_assert_eq (root_draft_write (&draft, "files/lib/a.so", 0644, file, strlen (file), &error), 0);
    cr_assert_eq (root_draft_start_files (&draft, "x", 1, &error), 0);
    cr_assert_eq (root_draft_describe (&draft, &installed, &document, &error), 0);
    return root_draft_seal (&draft, &installed, name, &error);
}

Test (workspace, only_a_draft_that_matches_its_envelope_is_sealed)
{
    cr_expect_eq (draft_seal ("progrem", "library", 0755), ROOT_E_DAMAGED);
    cr_expect_str_eq (error.text, "noded does not match the envelope");
    cr_expect_eq (draft_seal ("program", "librery", 0755), ROOT_E_DAMAGED);
    cr_expect_str_eq (error.text, "files/lib/a.so does not match the envelope");
    cr_expect_eq (draft_seal ("program", NULL, 0755), ROOT_E_DAMAGED);
    cr_expect_str_eq (error.text, "files/lib/a.so is missing");
    cr_expect_eq (draft_seal (NULL, "library", 0755), ROOT_E_DAMAGED);
    cr_expect_eq (draft_seal ("program", "library", 0644), ROOT_E_DAMAGED);
    cr_expect_str_eq (error.text, "noded must be executable");
    char **names;
    cr_assert_eq (root_workspaces (&root, &names), 0);
    cr_expect_null (names[0]);
    (void) base_list_free (names);
    cr_expect_eq (draft_seal ("program", "library", 0755), 0, "%s", error.text);
}

Test (workspace, any_failing_call_leaves_no_incomplete_workspace)
{
    struct failing_disk failing;
    const struct disk *disk = failing_init (&failing, 0, EIO);
    bool done = false;
    unsigned n;
    for (n = 1; !done; n++) {
        root.disk = disk;
        failing.at = n;
        failing.calls = 0;
        (void) memset (&error, 0, sizeof error);
        struct root_draft draft = {.fd = -1};
        static char application[] = "noded", version[] = "1";
        struct wire_envelope envelope = {.application = application,
                                         .version = version,
                                         .binary = base_digest_of ("program", 7),
                                         .size = 7};
        struct wire_installed installed = {.release = base_digest_of ("r", 1), .envelope = &envelope};
        static char text[] = "r";
        struct base_buffer document = {.data = (uint8_t *) text, .size = 1};
        char name[ROOT_NAME_SIZE];
        int rc = root_draft_begin (&root, 1, &draft, &error);
        rc = rc ? rc : root_draft_write (&draft, "noded", 0755, "program", 7, &error);
        rc = rc ? rc : root_draft_start_files (&draft, "x", 1, &error);
        rc = rc ? rc : root_draft_describe (&draft, &installed, &document, &error);
        rc = rc ? rc : root_draft_seal (&draft, &installed, name, &error);
        done = failing.calls < n;
        cr_expect_eq (rc, done ? 0 : -EIO, "call %u", n);
        cr_expect (done || *error.text);
        root.disk = &disk_system;
        root_draft_deinit (&draft);
        char **names;
        cr_assert_eq (root_workspaces (&root, &names), 0);
        for (size_t i = 0; names[i]; i++) {
            int fd;
            cr_assert_eq (root_workspace_open (&root, names[i], &fd), 0);
            cr_expect_eq (root_manifest_verify (NULL, fd, &error), 0, "call %u: %s", n, error.text);
            (void) close (fd);
        }
        (void) base_list_free (names);
    }
    cr_expect_gt (n, 20);
}

Test (workspace, an_invalid_envelope_file_is_damaged)
{
    char name[ROOT_NAME_SIZE];
    struct wire_installed installed;
    workspaces_add (&root, "one", name);
    scratch_write_text (workspace_path (name, "envelope.json"), "{\"release\": 3}");
    cr_expect_eq (root_workspace_read (&root, name, &installed, &error), ROOT_E_DAMAGED);
    cr_assert_eq (unlink (workspace_path (name, "envelope.json")), 0);
    cr_expect_eq (root_workspace_read (&root, name, &installed, &error), ROOT_E_DAMAGED);
    cr_expect_eq (root_workspace_read (&root, "2001-01-01T00:00:00.000000000Z", &installed, &error),
                  ROOT_E_NONE);
    cr_expect_eq (root_workspace_read (&root, "var", &installed, &error), ROOT_E_NONE);
}

Test (workspace, linked_workspaces_are_not_removed)
{
    char one[ROOT_NAME_SIZE], two[ROOT_NAME_SIZE], three[ROOT_NAME_SIZE];
    workspaces_add (&root, "one", one);
    workspaces_add (&root, "two", two);
    workspaces_add (&root, "three", three);
    cr_assert_eq (root_stable_set (&root, one, &error), 0);
    previous_put (three);
    cr_assert_eq (root_switch (&root, two, &root_limits_default, &error), 0);
    cr_expect_eq (root_workspace_remove (&root, one, &error), -EBUSY);
    cr_expect_eq (root_workspace_remove (&root, two, &error), -EBUSY);
    cr_expect_eq (root_workspace_remove (&root, three, &error), -EBUSY);
    cr_assert_eq (root_roll_back (&root, &error), 0);
    cr_expect_eq (root_workspace_remove (&root, two, &error), 0, "%s", error.text);
    cr_expect_not (scratch_exists (workspace_path (two, "")));
    cr_expect_eq (root_workspace_remove (&root, "../..", &error), -EINVAL);
}

Test (workspace, the_oldest_workspaces_are_collected_and_linked_ones_stay)
{
    char names[6][ROOT_NAME_SIZE], text[4] = "x";
    for (int i = 0; i < 6; i++) {
        text[1] = (char) ('0' + i);
        workspaces_add (&root, text, names[i]);
    }
    cr_assert_eq (root_stable_set (&root, names[1], &error), 0);
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, names[0], &error), 0);
    unsigned removed = 99;
    cr_assert_eq (root_collect (&root, 3, &removed, &error), 0, "%s", error.text);
    cr_expect_eq (removed, 3);
    char **left;
    cr_assert_eq (root_workspaces (&root, &left), 0);
    cr_expect_eq (base_list_count (left), 3);
    cr_expect (strcmp (left[0], names[0]) == 0 && strcmp (left[1], names[1]) == 0 &&
               strcmp (left[2], names[5]) == 0);
    (void) base_list_free (left);
    cr_assert_eq (root_collect (&root, 0, &removed, &error), 0);
    cr_expect_eq (removed, 1);
}

Test (workspace, unconfirmed_workspaces_are_collected_first)
{
    char names[4][ROOT_NAME_SIZE], text[4] = "x", **left;
    for (int i = 0; i < 4; i++) {
        text[1] = (char) ('0' + i);
        workspaces_add (&root, text, names[i]);
    }
    cr_assert_eq (root_stable_set (&root, names[1], &error), 0);
    cr_assert_eq (root_stable_set (&root, names[0], &error), 0);
    cr_assert_eq (root_collect (&root, 2, NULL, &error), 0, "%s", error.text);
    cr_assert_eq (root_workspaces (&root, &left), 0);
    cr_expect (strcmp (left[0], names[0]) == 0 && strcmp (left[1], names[1]) == 0, "%s %s", left[0], left[1]);
    (void) base_list_free (left);
}
