/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/install.c - an installation makes a complete root or leaves no stable; a repair keeps what is usable

    The program that is installed is this test. */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/install.h"
#include "root/lock.h"
#include "root/record.h"
#include "test/fault/workspaces.h"

static struct base_error error;
static unsigned changes;

static struct node_install install_of (const char *path)
{
    return (struct node_install){.root = path, .id = "n1", .broker = "broker.example"};
}

static int install_run (const char *path, char ret_workspace[ROOT_NAME_SIZE])
{
    struct node_install install = install_of (path);
    uint64_t took_ms = 1;
    int r = node_install_run (&install, ret_workspace, &took_ms, &error);
    cr_expect (r != 0 || took_ms == 0, "there was no rehearsal");
    return r;
}

static void on_changed (void *context, const char *text)
{
    (void) context;
    cr_expect_gt (strlen (text), 0);
    changes++;
}

static int repair_run (const char *path)
{
    return node_install_repair (path, on_changed, NULL, &error);
}

TestSuite (install, .init = scratch_begin, .fini = scratch_end);

Test (install, a_trust_root_that_cannot_be_pinned_is_refused_before_anything_is_made)
{
    char workspace[ROOT_NAME_SIZE];
    uint64_t took_ms;
    struct node_install install = install_of ("root");
    install.trust = "root.json";
    cr_expect_eq (node_install_run (&install, workspace, &took_ms, &error), -EINVAL);
    cr_expect (strstr (error.text, "--trust"), "%s", error.text);
    scratch_write ("root.json", "{}", 2, 0644);
    cr_expect_eq (node_install_run (&install, workspace, &took_ms, &error), -EINVAL);
    cr_expect (strstr (error.text, "no valid root metadata"), "%s", error.text);
    cr_expect_not (scratch_exists ("root"));
}

static void root_open_at (const char *path, struct root *ret_root)
{
    cr_assert_eq (root_open (&disk_system, path, ret_root, &error), 0, "%s", error.text);
}

static void file_read (const char *path, char *ret_text, size_t size)
{
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq (fd, 0, "%s", path);
    ssize_t length = read (fd, ret_text, size - 1);
    cr_assert_geq (length, 0);
    ret_text[length] = '\0';
}

static void file_write (const char *path, const char *text)
{
    base_cleanup (base_close_p) int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    cr_assert_geq (fd, 0, "%s", path);
    cr_assert_eq (write (fd, text, strlen (text)), (ssize_t) strlen (text));
}

Test (install, arguments_that_cannot_work_are_refused_with_their_option)
{
    static const struct {
        const char *id, *broker, *content, *root, *option;
    } cases[] = {
        {"a b", "broker", NULL, "root", "--id"},      {"", "broker", NULL, "root", "--id"},
        {"n1", "", NULL, "root", "--broker"},         {"n1", "broker:x", NULL, "root", "--broker"},
        {"n1", "broker", ":::", "root", "--content"}, {"n1", "broker", NULL, "", "--root"},
        {"n1", "broker", NULL, "ro\not", "--root"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct node_install install = {
            .root = cases[i].root, .id = cases[i].id, .broker = cases[i].broker, .content = cases[i].content};
        cr_expect_eq (node_install_check (&install, &error), -EINVAL, "%zu", i);
        cr_expect (strstr (error.text, cases[i].option), "%zu: %s", i, error.text);
    }
}

Test (install, a_path_without_room_for_scratch_roots_is_refused)
{
    char path[4000];
    memset (path, 'a', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    struct node_install install = install_of (path);
    cr_expect_eq (node_install_check (&install, &error), -EINVAL);
    install.root = "/a/short/path";
    cr_expect_eq (node_install_check (&install, &error), 0, "%s", error.text);
}

Test (install, an_installation_makes_a_stable_that_can_be_started_and_settings)
{
    char workspace[ROOT_NAME_SIZE], settings[4096];
    struct root root;
    struct wire_installed installed = {.envelope = NULL};
    struct stat status;
    cr_assert_eq (install_run ("root", workspace), 0, "%s", error.text);
    root_open_at ("root", &root);
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, workspace));
    cr_expect_eq (root_workspace_verify (&root, workspace, NULL, &error), 0, "%s", error.text);
    cr_assert_eq (root_workspace_read (&root, workspace, &installed, &error), 0);
    cr_expect_str_eq (installed.envelope->application, "noded");
    cr_expect_str_eq (installed.transaction, "install");
    struct root_trial trial;
    cr_assert_eq (root_trial_read (&root, &trial, NULL), 0);
    cr_expect_not (trial.on_trial, "nothing was before it");
    file_read ("root/" ROOT_SETTINGS, settings, sizeof settings);
    cr_expect (strstr (settings, "n1") && strstr (settings, "broker.example"), "%s", settings);
    cr_assert_eq (stat ("root/" ROOT_SETTINGS, &status), 0);
    cr_expect_eq (status.st_mode & 0777, 0600, "it may name keys");
    wire_installed_deinit (&installed);
    root_deinit (&root);
}

Test (install, a_root_is_not_installed_twice)
{
    char first[ROOT_NAME_SIZE], second[ROOT_NAME_SIZE] = "unchanged";
    struct root root;
    cr_assert_eq (install_run ("root", first), 0, "%s", error.text);
    cr_expect_eq (install_run ("root", second), -EEXIST);
    cr_expect (strstr (error.text, "--repair"), "%s", error.text);
    cr_expect_str_eq (second, "unchanged");
    root_open_at ("root", &root);
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, first));
    char **names = NULL;
    cr_assert_eq (root_workspaces (&root, &names), 0);
    cr_expect_eq (base_list_count (names), 1);
    (void) base_list_free (names);
    root_deinit (&root);
}

Test (install, a_directory_with_other_files_is_refused_and_left_alone)
{
    char workspace[ROOT_NAME_SIZE];
    cr_assert_eq (mkdir ("root", 0755), 0);
    file_write ("root/letter.txt", "dear");
    cr_expect_eq (install_run ("root", workspace), -ENOTEMPTY);
    cr_expect (strstr (error.text, "letter.txt"), "%s", error.text);
    cr_expect_not (scratch_exists ("root/var"));
    cr_expect (scratch_exists ("root/letter.txt"));
}

Test (install, an_interrupted_installation_is_completed_and_keeps_its_settings)
{
    char workspace[ROOT_NAME_SIZE], settings[64];
    cr_assert_eq (mkdir ("root", 0755), 0);
    cr_assert_eq (mkdir ("root/var", 0700), 0);
    cr_assert_eq (mkdir ("root/" ROOT_NEW "abc", 0755), 0);
    cr_assert_eq (mkdir ("root/2026-01-01T00:00:00.000000000Z", 0755), 0);
    file_write ("root/" ROOT_SETTINGS, "# mine\n");
    cr_assert_eq (install_run ("root", workspace), 0, "%s", error.text);
    file_read ("root/" ROOT_SETTINGS, settings, sizeof settings);
    cr_expect_str_eq (settings, "# mine\n");
}

Test (install, a_repair_of_a_directory_that_is_not_a_root_is_refused)
{
    cr_assert_eq (mkdir ("elsewhere", 0755), 0);
    cr_expect_eq (repair_run ("elsewhere"), ROOT_E_NONE);
    cr_expect (strstr (error.text, "noded install"), "%s", error.text);
    cr_expect_eq (repair_run ("nowhere"), ROOT_E_NONE);
    cr_expect_eq (changes, 0);
    cr_expect_not (scratch_exists ("elsewhere/var"));
}

/*  Returns the reason of the last journal line, which must be of a repair. */
static void repair_reason (const struct root *root, char ret_reason[200])
{
    struct wire_entry *entries = NULL;
    size_t count = 0, damaged = 0;
    cr_assert_eq (root_journal_read (root, 100, &entries, &count, &damaged, NULL), 0);
    cr_assert_gt (count, 0);
    cr_expect_str_eq (entries[count - 1].step, "repair");
    (void) snprintf (ret_reason, 200, "%s", entries[count - 1].reason);
    root_journal_free (entries, count);
}

Test (install, a_repair_uses_the_version_that_is_intact)
{
    char workspace[ROOT_NAME_SIZE], reason[200];
    struct root root;
    cr_assert_eq (install_run ("root", workspace), 0, "%s", error.text);
    root_open_at ("root", &root);
    cr_assert_eq (unlinkat (root.fd, ROOT_STABLE, 0), 0);
    cr_expect_eq (repair_run ("root"), 0, "%s", error.text);
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, workspace));
    cr_expect_gt (changes, 0);
    repair_reason (&root, reason);
    cr_expect (strstr (reason, "is stable"), "%s", reason);
    root_deinit (&root);
}

Test (install, a_repair_without_a_usable_version_makes_one_and_keeps_the_settings)
{
    char workspace[ROOT_NAME_SIZE], stable[ROOT_NAME_SIZE], reason[200], before[4096], after[4096];
    struct root root;
    cr_assert_eq (install_run ("root", workspace), 0, "%s", error.text);
    file_read ("root/" ROOT_SETTINGS, before, sizeof before);
    root_open_at ("root", &root);
    char path[100];
    (void) snprintf (path, sizeof path, "%s/noded", workspace);
    cr_assert_eq (unlinkat (root.fd, path, 0), 0);
    cr_expect_eq (repair_run ("root"), 0, "%s", error.text);
    cr_assert_eq (root_link (&root, ROOT_STABLE, stable), 0);
    cr_expect_str_neq (stable, workspace);
    cr_expect_eq (root_workspace_verify (&root, stable, NULL, &error), 0, "%s", error.text);
    repair_reason (&root, reason);
    cr_expect (strstr (reason, "from this program"), "%s", reason);
    file_read ("root/" ROOT_SETTINGS, after, sizeof after);
    cr_expect_str_eq (after, before);
    root_deinit (&root);
}

/*  Starts a process that holds the lock of a root until *ret_end is closed. */
static pid_t lock_elsewhere (const char *path, int *ret_end)
{
    int held[2], end[2];
    char byte = 'h';
    cr_assert_eq (pipe2 (held, O_CLOEXEC), 0);
    cr_assert_eq (pipe2 (end, O_CLOEXEC), 0);
    pid_t pid = fork ();
    if (pid == 0) {
        struct root root;
        (void) close (end[1]);
        if (root_open (&disk_system, path, &root, NULL) || root_lock_take (&root) < 0 ||
            write (held[1], &byte, 1) != 1)
            _exit (1);
        _exit (read (end[0], &byte, 1) == 0 ? 0 : 1);
    }
    (void) close (held[1]);
    (void) close (end[0]);
    cr_assert_eq (read (held[0], &byte, 1), 1);
    (void) close (held[0]);
    *ret_end = end[1];
    return pid;
}

Test (install, a_root_that_is_served_is_not_repaired)
{
    char workspace[ROOT_NAME_SIZE], pid_text[32];
    int end;
    cr_assert_eq (install_run ("root", workspace), 0, "%s", error.text);
    pid_t pid = lock_elsewhere ("root", &end);
    cr_assert_eq (unlink ("root/" ROOT_STABLE), 0);
    cr_expect_eq (repair_run ("root"), -EWOULDBLOCK);
    (void) snprintf (pid_text, sizeof pid_text, "process %d", (int) pid);
    cr_expect (strstr (error.text, pid_text), "%s", error.text);
    cr_expect_not (scratch_exists ("root/" ROOT_STABLE));
    cr_expect_eq (changes, 0);
    (void) close (end);
    cr_assert_eq (waitpid (pid, NULL, 0), pid);
    cr_expect_eq (repair_run ("root"), 0, "%s", error.text);
    cr_expect (scratch_exists ("root/" ROOT_STABLE));
}

Test (install, a_unit_quotes_what_systemd_would_interpret)
{
    char *unit = node_install_unit ("/a b/%n\\\"c");
    cr_expect (strstr (unit, "ExecStart=\"/a b/%%n\\\\\\\"c/stable/noded.sh\"\n"), "%s", unit);
    free (unit);
}
