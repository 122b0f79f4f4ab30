/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/start/sweep.c - no process of a version outlives it, except keepers

    This holds even if the version, or its launcher, was killed. */

#include <signal.h>

#include "launcher.h"
#include "start/descendants.h"

/*  This process is a sub-reaper, so that suite_end can end all processes that a test leaves. */
static void suite_begin (void)
{
    launcher_begin ();
    cr_assert_eq (prctl (PR_SET_CHILD_SUBREAPER, 1UL), 0);
    cr_assert_eq (setenv ("STAND_IN", STAND_IN, 1), 0);
    free (scratch_shell (
        "mkdir -p root/keepers root/apps/shop/run; d=$(sha256sum < $STAND_IN | cut -d' ' -f1);"
        "cp $STAND_IN root/keepers/$d; chmod 755 root/keepers root/keepers/$d; ln -s root/keepers/$d keeper",
        NULL));
}

static void suite_end (void)
{
    do {
        for (int i = 0; i < 32 && start_descendants_stop (); i++)
            continue;
        start_descendants_kill ();
        while (waitpid (-1, NULL, WNOHANG) > 0)
            continue;
    } while (start_descendants_count (0));
    launcher_end ();
}

TestSuite (sweep, .init = suite_begin, .fini = suite_end, .timeout = 240);

/*  Waits for the file and reads its one or two pids. Returns their number. */
static size_t pids_read (const char *path, pid_t ret_pids[2])
{
    AWAIT (file_contains (path, "\n") || file_contains (path, " ")); /* the end of a pid */
    char *text = scratch_read (path), *rest = text;
    size_t count = 0;
    for (; count < 2 && *rest; count++) {
        ret_pids[count] = (pid_t) strtol (rest, &rest, 10);
        rest += strspn (rest, " \n");
        cr_assert_gt (ret_pids[count], 1);
    }
    free (text);
    return count;
}

/*  Whether the process that wrote its pid into a file still runs. Processes that fork without end soon use
    each pid again: a process that started after the file was written is another one. */
static bool process_is_alive (pid_t pid, const char *path)
{
    enum { STARTED = 20, TICK_MS = 10 }; /* words after the name; the first is the state */
    char stat_path[64];
    struct stat status;
    (void) snprintf (stat_path, sizeof stat_path, "/proc/%d/stat", (int) pid);
    char *text = scratch_read (stat_path);
    const char *word = text ? strrchr (text, ')') : NULL;
    bool alive = word && word[2] != 'Z' && word[2] != 'X' && stat (path, &status) == 0;
    for (int i = 0; alive && word && i < STARTED; i++)
        word = strchr (word + 1, ' ');
    if (alive && word) {
        uint64_t started_ms = strtoull (word, NULL, 10) * 1000 / (uint64_t) sysconf (_SC_CLK_TCK);
        uint64_t written_ns =
            (uint64_t) status.st_mtim.tv_sec * 1000000000 + (uint64_t) status.st_mtim.tv_nsec;
        uint64_t age_ms = (base_time_real_ns () - written_ns) / 1000000;
        alive = started_ms + age_ms <= base_time_boot_ms () + TICK_MS;
    }
    free (text);
    return alive;
}

static void expect_gone (const char *path)
{
    pid_t pids[2];
    size_t count = pids_read (path, pids);
    char *said = scratch_shell ("cat said", NULL);
    for (size_t i = 0; i < count; i++)
        cr_expect_not (process_is_alive (pids[i], path), "%s: %d is alive; the launcher printed: %s", path,
                       (int) pids[i], said);
    free (said);
}

static void expect_alive (const char *path)
{
    pid_t pids[2];
    size_t count = pids_read (path, pids);
    for (size_t i = 0; i < count; i++)
        cr_expect (process_is_alive (pids[i], path), "%s: %d was ended", path, (int) pids[i]);
}

/*  A process in a session of its own, which writes its pid into a file. UNTIL waits for the file. */
#define DAEMON(file) "(setsid sh -c 'echo $$ > " file ".new; mv " file ".new " file "; exec sleep 1000' &);"
#define UNTIL(file) SHELL_UNTIL ("[ -e " file " ]") ";"

static const char leaves_daemon_and_keeper[] = "cd $(dirname $LOG); echo two >> $LOG; " DAEMON (
    "daemon") "(./keeper keep root/apps/shop/run/lock kept &)\n" UNTIL ("daemon") UNTIL ("kept");

static char *script_with_leftovers (const char *rest)
{
    return base_text_printf ("%s %s", leaves_daemon_and_keeper, rest);
}

Test (sweep, a_rollback_ends_leftover_processes_and_spares_keepers)
{
    limits.starts = 1;
    char *script = script_with_leftovers ("exit 3");
    version_put_on_trial (script);
    cr_expect_eq (launcher_run (), 0);
    expect_log ("two one ");
    expect_gone ("daemon");
    expect_alive ("kept");
    free (script);
}

Test (sweep, every_end_of_a_version_ends_leftover_processes_and_spares_keepers)
{
    static const struct {
        const char *script;
        int signal;
        int status;
    } cases[] = {{"exit 0", 0, 0},
                 {"exit 86", 0, 85},
                 {"kill -9 $$", 0, 137},
                 {"trap 'exit 0' TERM; echo up >> $LOG; " SHELL_STAYS, SIGTERM, 0},
                 {"trap 'exit 0' TERM; echo up >> $LOG; " SHELL_STAYS, SIGUSR2, 0},
                 {"ln -s $(cat other) root/new; mv -T root/new root/stable; exit 85", 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *script = script_with_leftovers (cases[i].script);
        version_make ("echo other >> $LOG", NULL, NULL, two);
        scratch_write_text ("other", two);
        cr_assert_eq (root_ok_set (&root, two, &error), 0);
        version_make_stable (script);
        pid_t pid = launcher_start ();
        if (cases[i].signal)
            wait_for_log ("up");
        if (cases[i].signal == SIGUSR2)
            cr_assert_eq (root_stable_set (&root, two, &error), 0);
        if (cases[i].signal)
            cr_assert_eq (kill (pid, cases[i].signal), 0);
        cr_expect_eq (launcher_finish (pid), cases[i].status, "%s", cases[i].script);
        expect_gone ("daemon");
        expect_alive ("kept");
        free (scratch_shell ("kill -9 $(cat kept)", NULL));
        free (scratch_shell ("rm -f daemon kept log", NULL));
        free (script);
    }
}

Test (sweep, processes_left_by_a_killed_launcher_are_ended_by_the_next)
{
    char *script = script_with_leftovers ("echo up >> $LOG; " SHELL_STAYS);
    version_make_stable (script);
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    cr_assert_eq (kill (pid, SIGKILL), 0);
    cr_expect_eq (launcher_finish (pid), 137);
    expect_alive ("daemon");
    version_make_stable ("exit 4");
    cr_expect_eq (launcher_run (), 4);
    expect_gone ("daemon");
    expect_alive ("kept");
    free (script);
}

/*  None of these processes is a keeper, for the reason given. */
Test (sweep, a_process_that_is_not_a_keeper_is_not_spared)
{
    static const struct {
        const char *why;
        const char *script;
    } cases[] = {
        {"its file is in another directory", "$STAND_IN keep root/apps/shop/run/lock kept"},
        {"its file is a copy", "cp $(readlink keeper) copy; ./copy keep root/apps/shop/run/lock kept"},
        {"the name of its file is not the digest",
         "mv $(readlink keeper) root/keepers/x; root/keepers/x keep root/apps/shop/run/lock kept"},
        {"others may write to its file",
         "chmod o+w $(readlink keeper); ./keeper keep root/apps/shop/run/lock kept"},
        {"others may replace its file", "chmod o+w root/keepers; ./keeper keep root/apps/shop/run/lock kept"},
        {"another user owns its file",
         "chown 1 $(readlink keeper); ./keeper keep root/apps/shop/run/lock kept"},
        {"it holds another lock", "./keeper keep root/lock kept"},
        {"it holds the lock of no application",
         "mkdir root/apps/.hidden root/apps/.hidden/run; ./keeper keep root/apps/.hidden/run/lock kept"},
    };
    if (geteuid () != 0)
        cr_skip_test ("only root can make a file of another user");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *script =
            base_text_printf ("cd $(dirname $LOG); (%s &)\n" UNTIL ("kept") "exit 4", cases[i].script);
        version_make_stable (script);
        cr_expect_eq (launcher_run (), 4, "%s", cases[i].why);
        cr_log_info ("%s", cases[i].why);
        expect_gone ("kept");
        free (scratch_shell (
            "rm -rf kept root/keepers root/apps/.hidden root/lock copy keeper; mkdir root/keepers;"
            "d=$(sha256sum < $STAND_IN | cut -d' ' -f1); cp $STAND_IN root/keepers/$d;"
            "chmod 755 root/keepers root/keepers/$d; ln -s root/keepers/$d keeper",
            NULL));
        free (script);
    }
}

Test (sweep, a_keeper_in_the_session_of_its_version_spares_only_itself)
{
    version_make_stable ("cd $(dirname $LOG); (sh -c 'echo $$ > beside; exec sleep 1000' &)\n"
                         "(./keeper borrow root/apps/shop/run/lock kept &)\n" UNTIL ("beside")
                             UNTIL ("kept") "exit 4");
    cr_expect_eq (launcher_run (), 4);
    expect_gone ("beside");
    expect_alive ("kept");
}

/*  20 chains of 2000 forks each: few enough for the host if the launcher does not end them. The version ends
    while they fork. */
Test (sweep, chains_of_forks_end_before_the_next_version_starts)
{
    limits.starts = 1;
    version_make ("pgrep -cf \"sh $(dirname $LOG)/on [0-9]+$\" >> $LOG", NULL, NULL, one);
    version_make (
        "cd $(dirname $LOG); printf '#!/bin/sh\\n[ $1 = 0 ] || $0 $(($1 - 1)) &\\n' > on; chmod 755 on;"
        "for i in $(seq 20); do (setsid $PWD/on 2000 2>/dev/null &) done; sleep 0.3; exit 3",
        NULL, NULL, two);
    cr_assert_eq (root_stable_set (&root, one, &error), 0);
    cr_assert_eq (root_switch (&root, two, &limits, &error), 0);
    cr_expect_eq (launcher_run (), 1, "the status of pgrep, which finds no process");
    expect_log ("0 ");
}

/*  Each process forks and exits at once, so that a list of all processes is outdated before it is read. The
    next version starts long before a million forks are done, and must see no further step while it sleeps. */
Test (sweep, processes_that_fork_and_exit_end_before_the_next_version_starts)
{
    limits.starts = 1;
    version_make ("cd $(dirname $LOG); cp steps before; sleep 0.1; cmp steps before && echo rest >> $LOG",
                  NULL, NULL, one);
    version_make (
        "cd $(dirname $LOG); for i in 1 2 3 4; do $STAND_IN flee 1000000 steps; done; sleep 0.1; exit 3",
        NULL, NULL, two);
    cr_assert_eq (root_stable_set (&root, one, &error), 0);
    cr_assert_eq (root_switch (&root, two, &limits, &error), 0);
    cr_expect_eq (launcher_run (), 0);
    expect_log ("rest ");
}

static const char hides[] =
    "cd $(dirname $LOG); echo '#!/bin/sh\nexec flock root/%s sleep 1000' > hidden; chmod 755 hidden;"
    "$STAND_IN clear cleared $PWD/hidden; " SHELL_UNTIL (
        "! flock -n root/%s true") "; echo up >> $LOG; " SHELL_STAYS;

Test (sweep, a_process_without_environment_is_found_by_the_lock_of_the_manager)
{
    char *script = base_text_printf (hides, ".lock.manager", ".lock.manager");
    version_make_stable (script);
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    cr_assert_eq (kill (pid, SIGKILL), 0);
    cr_expect_eq (launcher_finish (pid), 137);
    version_make_stable ("flock -n $NODED_ROOT/.lock.manager true && exit 4");
    cr_expect_eq (launcher_run (), 4);
    free (script);
}

Test (sweep, a_leftover_process_does_not_keep_the_lock_of_the_root)
{
    version_make_stable (
        "cd $(dirname $LOG); (setsid flock root/.lock sh -c 'echo $$ > holds; exec sleep 1000' &)\n"
        "echo up >> $LOG; " SHELL_STAYS);
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    cr_assert_eq (kill (pid, SIGKILL), 0);
    cr_expect_eq (launcher_finish (pid), 137);
    pid_t pids[2];
    (void) pids_read ("holds", pids);
    version_make_stable ("exit 4");
    cr_expect_eq (launcher_run (), 4);
    expect_gone ("holds");
}

Test (sweep, a_keeper_does_not_keep_the_lock_of_the_root)
{
    version_make_stable ("cd $(dirname $LOG); (./keeper seize root/apps/shop/run/lock kept root/.lock &)\n"
                         "echo up >> $LOG; " SHELL_STAYS);
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    cr_assert_eq (kill (pid, SIGKILL), 0);
    cr_expect_eq (launcher_finish (pid), 137);
    pid_t pids[2];
    (void) pids_read ("kept", pids);
    version_make_stable ("exit 4");
    cr_expect_eq (launcher_run (), 4);
    expect_gone ("kept");
}

Test (sweep, other_children_of_the_run_script_are_not_ended)
{
    version_make_stable ("exit 4");
    scratch_write ("script", "#!/bin/sh\nsleep 1000 & echo $! > helper; exec root/stable/noded.sh", 63, 0755);
    cr_expect_eq (launcher_finish (launcher_start_path ("./script")), 4);
    expect_alive ("helper");
}

Test (sweep, processes_of_others_are_not_ended)
{
    char *name = NULL;
    version_make_stable ("exit 4");
    name = base_text_printf (
        "(NODED_ROOT=%s sleep 1000 >no 2>&1 & echo $! > half); (NODED_ROOT=%s/probe/x NODED_WORKSPACE=%s sleep 1000 >no 2>&1 & echo $! > probe);"
        "(NODED_ROOT=%s NODED_WORKSPACE=none sleep 1000 >no 2>&1 & echo $! > none)",
        root.path, root.path, one, root.path);
    free (scratch_shell (name, NULL));
    cr_expect_eq (launcher_run (), 4);
    expect_alive ("half");
    expect_alive ("probe");
    expect_alive ("none");
    free (name);
}

Test (sweep, the_parent_of_the_launcher_is_not_ended)
{
    version_make_stable ("exit 4");
    char *script = base_text_printf (
        "#!/bin/sh\nexport NODED_ROOT='%s' NODED_WORKSPACE=%s\nenv -u NODED_ROOT root/stable/noded.sh; echo $? > status",
        root.path, one);
    scratch_write ("script", script, strlen (script), 0755);
    cr_expect_eq (launcher_finish (launcher_start_path ("./script")), 0);
    cr_expect (scratch_holds ("status", "4\n"));
    free (script);
}

Test (sweep, a_version_traced_by_its_own_child_ends)
{
    if (geteuid () != 0)
        cr_skip_test ("only root may trace a parent");
    version_make_stable (
        "cd $(dirname $LOG); (setsid $STAND_IN trace $$ tracer &)\n" UNTIL ("tracer") "exit 4");
    cr_expect_eq (launcher_run (), 4);
    expect_gone ("tracer");
}

Test (sweep, processes_in_a_pid_name_space_are_ended)
{
    if (geteuid () != 0)
        cr_skip_test ("only root may make a pid name space");
    version_make_stable (
        "cd $(dirname $LOG); (setsid unshare --pid --fork sh -c 'trap \"\" TERM; : > inner;" SHELL_STAYS
        "' & echo $! > outer)\n" UNTIL ("inner") "cat /proc/$(cat outer)/task/*/children > within; exit 4");
    cr_expect_eq (launcher_run (), 4);
    expect_gone ("outer");
    expect_gone ("within");
}
