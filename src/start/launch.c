/* SPDX-License-Identifier: MPL-2.0 */
/*  start/launch.c - chooses the version to start, and acts on its end

    The launcher decides only by the disk, which it reads again before every start: which workspace is stable,
    whether it is on trial, and how many starts are left. The version that staged a workspace put the launcher
    into it, so during a trial proven code decides.

    If something cannot be done (count a start, roll back, write a note), it is logged, and the launcher runs
    what can be run: a node without a node manager can never be repaired. */

#include "start/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "root/lock.h"
#include "root/manifest.h"
#include "root/links.h"
#include "root/outcome.h"
#include "start/child.h"
#include "start/reap.h"
#include "start/log.h"

enum {
    EXIT_NO_PROGRAM = 126,
    EXIT_HOST = 71, /* EX_OSERR */
};

/*  Instead of an exit status: the links are to be read again. */
enum { AGAIN = -1 };

struct launch {
    struct root root;
    const char *own; /* the workspace of this launcher */
    int lock;
    int signals;
    bool stranded; /* the trial cannot be counted or ended: run the version without one */
    bool proven;   /* our own workspace was stable and not on trial */
    bool on_trial; /* this start counts as one of a trial */
    bool watching; /* our own workspace is on trial; the following was recorded before it ran */
    struct root_fallback back;
    struct root_mounts mounts;        /* also from then */
    char not_started[ROOT_NAME_SIZE]; /* stable names this and it cannot be executed: run our own */
    struct root_outcome last;         /* how the last start on trial ended */
    struct start_trial trial;
    struct start_sweep sweep;
};

/*  the root */

/*  The path of this program, which the caller owns; NULL if unknown. */
static char *launcher_path (void)
{
    char *path = realpath ("/proc/self/exe", NULL);
    unsigned long given = path ? 0 : getauxval (AT_EXECFN); /* host without /proc */
    return given ? realpath ((const char *) given, NULL)
                 : path; /* NOLINT: the kernel gives the pointer as a number */
}

/*  Cuts the last component off a path. Returns it, or NULL if there is none. */
static char *path_split (char *path)
{
    char *slash = strrchr (path, '/');
    if (!slash || !slash[1])
        return NULL;
    *slash = '\0';
    return slash + 1;
}

/*  Executes exactly the file that was verified, by its descriptor. Not for scripts, which could not find
    their directory, and not without /proc, where the next launcher could not find its path. */
static void start_file_execute (const struct launch *launch, char *path, int fd)
{
    char head[2] = "";
    char *const args[] = {path, NULL};
    bool by_path = pread (fd, head, sizeof head, 0) != (ssize_t) sizeof head || memcmp (head, "#!", 2) == 0 ||
                   access ("/proc/self/exe", F_OK);
    start_signals_give_back ();
    root_lock_pass (launch->lock); /* otherwise another launcher could take it in between */
    if (by_path)
        execve (path, args, environ);
    else
        (void) execveat (fd, "", args, environ, AT_EMPTY_PATH);
    int code = errno;
    root_lock_withhold (launch->lock);
    start_signals_hold ();
    start_log ("cannot start %s: %s", path, strerror (code));
}

/*  Executes the start files of stable in this process. Returns only on failure. */
static void stable_execute (const struct launch *launch, const char *stable)
{
    /*  The program first: a shell drops variables with names that are not valid in a shell. */
    static const char *const files[] = {ROOT_LAUNCHER, ROOT_SCRIPT};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct base_error error = {0};
        base_cleanup (base_close_p) int fd = -1;
        base_cleanup (base_free_p) char *path =
            base_text_printf ("%s/" ROOT_STABLE "/%s", launch->root.path, files[i]);
        if (path && root_start_open (&launch->root, stable, files[i], &fd, &error) == 0)
            start_file_execute (launch, path, fd);
        else
            start_log ("cannot start %s/%s: %s", stable, files[i], error.text);
    }
}

/*  Returns 0, or the result of root_manifest_verify with the reason in error. */
static int workspace_verify (const struct launch *launch, const char *workspace, struct base_error *error)
{
    base_cleanup (base_close_p) int fd =
        openat (launch->root.fd, workspace, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int r = fd < 0 ? base_error_errno (error, -errno, "cannot open it")
                   : root_manifest_verify (&launch->root, fd, error);
    if (r == -ENOMEM || r == -EMFILE || r == -ENFILE) { /* not a fault of the files */
        start_log ("cannot verify %s: %s", workspace, error->text);
        return 0;
    }
    return r;
}

/*  end of a trial */

__attribute__ ((format (printf, 3, 4))) static void
outcome_remember (struct launch *launch, enum root_cause cause, const char *format, ...)
{
    (void) base_text_copy (launch->last.workspace, sizeof launch->last.workspace, launch->own);
    launch->last.cause = cause;
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (launch->last.text, sizeof launch->last.text, format, arguments);
    va_end (arguments);
}

/*  Rolls back for the reason in launch->last. The note is written first, best effort: the restored version
    decides by it. */
static void trial_roll_back (struct launch *launch)
{
    struct base_error error = {0};
    if (launch->last.cause == ROOT_CAUSE_NONE)
        outcome_remember (launch, ROOT_CAUSE_INTERRUPTED,
                          "every start was interrupted, and no outcome "
                          "was recorded");
    start_log ("%s has failed its trial (%s: %s): rolling back", launch->own,
               root_cause_word (launch->last.cause), launch->last.text);
    if (root_failed_write (&launch->root, &launch->last, &error))
        start_log ("ignoring: %s", error.text);
    if (launch->watching && root_uncover (&launch->root, &launch->mounts))
        start_log ("removed a mount that covered %s", launch->root.path);
    int r = root_roll_back_to (&launch->root, launch->watching ? &launch->back : NULL, &error);
    (void) root_loosen_directories (&launch->root);
    if (r == 0 || !start_on_trial (&launch->root, launch->own))
        return; /* the links are read again */
    start_log ("cannot roll back: %s: %s keeps running", error.text, launch->own);
    launch->stranded = true;
}

/*  Writes a note for the version that starts next: it keeps the journal. */
static void repair_note (const struct launch *launch, const char *workspace, enum root_cause cause,
                         const char *text)
{
    struct root_outcome note = {.cause = cause};
    struct base_error error = {0};
    (void) base_text_copy (note.workspace, sizeof note.workspace, workspace);
    (void) snprintf (note.text, sizeof note.text, "%.*s", (int) sizeof note.text - 1, text);
    if (root_repaired_write (&launch->root, &note, &error))
        start_log ("ignoring: %s", error.text);
}

/*  Stable does not match its manifest, and there is no trial to end. Previous replaces it if intact, else
    another confirmed workspace. The link previous itself is renamed: on a full disk no new link can be made,
    and a revert must not lead to the running version. */
static bool stable_replace (struct launch *launch, const char *text)
{
    struct base_error error = {0};
    char now[ROOT_NAME_SIZE];
    bool replaced = false;
    start_log ("WARNING: %s is DAMAGED: %s", launch->own, text);
    (void) root_uncover (&launch->root, NULL);
    char **names = root_fallbacks (&launch->root, launch->own, NULL);
    for (size_t i = 0; names && names[i] && !replaced; i++) {
        if (root_workspace_check (&launch->root, names[i], &error)) {
            start_log ("WARNING: %s is damaged too: %s", names[i], error.text);
            continue;
        }
        repair_note (launch, launch->own, ROOT_CAUSE_DAMAGED, text);
        (void) root_stable_take (&launch->root, names[i], &error);
        replaced = root_link (&launch->root, ROOT_STABLE, now) == 0 && strcmp (now, names[i]) == 0;
        if (replaced)
            start_log ("WARNING: %s is now stable; %s is kept unchanged", names[i], launch->own);
        else {
            (void) root_repaired_remove (&launch->root);
            start_log ("WARNING: cannot make %s stable: %s", names[i], error.text);
        }
    }
    (void) base_list_free (names);
    if (!replaced)
        start_log ("WARNING: no other version can replace it: running the damaged one");
    return replaced;
}

/*  Repairs a dangling stable: without it init could start nothing after this process. A trial ends too,
    because its version can no longer be distinguished from a proven one. Returns whether the links are to be
    read again. */
static bool stable_repair (struct launch *launch, const char *text)
{
    char name[ROOT_NAME_SIZE];
    struct base_error error = {0};
    bool trial = root_trial_is_likely (&launch->root, launch->own);
    start_log ("WARNING: %s", text);
    if (trial) {
        if (launch->last.cause == ROOT_CAUSE_NONE)
            outcome_remember (launch, ROOT_CAUSE_LOST, "%.200s", text);
        if (root_failed_write (&launch->root, &launch->last, &error))
            start_log ("ignoring: %s", error.text);
    }
    const struct root_own own = {.name = launch->own, .proven = launch->proven && !trial};
    if (root_stable_repair (&launch->root, &own, name, &error)) {
        start_log ("WARNING: %s: %s keeps running", error.text, launch->own);
        return false;
    }
    start_log ("WARNING: %s is stable now", name);
    if (!trial)
        repair_note (launch, name, ROOT_CAUSE_LOST, text);
    return true;
}

/*  Before this process exits: repairs stable if init could not start it. Returns whether init can
    start it. */
static bool stable_leave (struct launch *launch)
{
    struct base_error error = {0};
    return root_stable_check (&launch->root, &error) <= 0 || stable_repair (launch, error.text);
}

/*  one start */

/*  Whether init asked to stop while no version was running. Other signals are meant for a version and
    are dropped. */
static bool stop_was_asked (const struct launch *launch)
{
    bool asked = false;
    for (int number; (number = start_signals_next (launch->signals));)
        asked |= number == SIGTERM || number == SIGINT;
    return asked;
}

/*  Waits before the next start. Returns false if init asks to stop meanwhile. */
static bool launch_pause (const struct launch *launch, uint64_t ms)
{
    base_cleanup (base_close_p) int timer = timerfd_create (CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t) (ms / 1000), .tv_nsec = (long) (ms % 1000) * 1000000 + 1}};
    if (timer < 0 || timerfd_settime (timer, 0, &when, NULL))
        return true;
    for (;;) {
        struct pollfd polled[] = {{.fd = launch->signals, .events = POLLIN}, {.fd = timer, .events = POLLIN}};
        (void) poll (polled, 2, -1);
        if (stop_was_asked (launch))
            return false;
        (void) start_reap_others (0);
        if (polled[1].revents)
            return true;
    }
}

static int end_status (const struct base_process_end *end)
{
    return end->exited ? end->code : 128 + end->code;
}

/*  Scratch roots are in the directory probe of the root for which they are made. */
static bool path_is_probe (const char *path)
{
    static const char place[] = "/" ROOT_PROBE;
    const char *end = strrchr (path, '/');
    size_t length = end ? (size_t) (end - path) : 0;
    return length > sizeof place - 1 && strncmp (end - sizeof place + 1, place, sizeof place - 1) == 0;
}

/*  Init stopped the version: the start does not count, unless this happens too often. */
static int version_stopped (struct launch *launch, const struct start_ending *ending)
{
    const struct base_process_end *end = &ending->end;
    if (launch->on_trial && start_on_trial (&launch->root, launch->own) &&
        !start_trial_return (&launch->trial, &launch->root)) {
        outcome_remember (launch, ROOT_CAUSE_STOPPED,
                          "it was stopped more than %d times before it was confirmed", START_RETURNED_MOST);
        trial_roll_back (launch);
    }
    (void) stable_leave (launch);
    if (ending->overdue)
        return ROOT_EXIT_KILLED;
    if (ending->left && path_is_probe (launch->root.path))
        return ROOT_EXIT_LEFT; /* the rehearsing process can no longer see these processes */
    bool as_asked = end->exited ? end->code == ROOT_EXIT_RESTART || end->code == ROOT_EXIT_BY_INIT
                                : end->code == SIGTERM || end->code == SIGINT;
    return as_asked ? 0 : end_status (end);
}

/*  Exits and leaves the next start to init. Returns AGAIN instead if init would find nothing to start. */
static int launch_leave (struct launch *launch, int status)
{
    return stable_leave (launch) || !launch_pause (launch, root_limits_default.pause_ms) ? status : AGAIN;
}

/*  Restores the way back recorded before the version on trial ran. Otherwise a version that changed the
    link could end its trial without proof. A version that does not know .ok confirms itself by renaming
    .back to previous. */
static void fallback_keep (struct launch *launch)
{
    char stable[ROOT_NAME_SIZE], back[ROOT_NAME_SIZE] = "", previous[ROOT_NAME_SIZE] = "";
    struct base_error error = {0};
    if (!launch->watching || root_link (&launch->root, ROOT_STABLE, stable) ||
        strcmp (stable, launch->own) != 0)
        return;
    if (root_link (&launch->root, ROOT_BACK, back))
        *back = '\0';
    if (root_link (&launch->root, ROOT_PREVIOUS, previous))
        *previous = '\0';
    if (strcmp (back, launch->back.name) == 0)
        return;
    if (root_ok_is (&launch->root, launch->own) || (!*back && strcmp (previous, launch->back.name) == 0)) {
        launch->watching = false;
        return;
    }
    start_log ("WARNING: the rollback target was changed on trial: it points to %s again", launch->back.name);
    if (!*back)
        (void) disk_tree_remove (launch->root.disk, launch->root.fd, ROOT_BACK, NULL);
    if (disk_link_replace (launch->root.disk, launch->root.fd, ROOT_BACK, launch->back.name, &error))
        start_log ("ignoring: %s", error.text);
}

/*  Without these modes neither this process nor init can access the root. */
static void root_keep_reachable (const struct launch *launch)
{
    struct stat status;
    if (fstat (launch->root.fd, &status) == 0 && (status.st_mode & S_IRWXU) != S_IRWXU &&
        fchmod (launch->root.fd, (status.st_mode & 07777) | S_IRWXU) == 0)
        start_log ("%s had the mode %04o, which locks out its owner: corrected", launch->root.path,
                   status.st_mode & 07777);
}

/*  Handles the end of a start. Returns the exit status or AGAIN. */
static int version_ended (struct launch *launch, const struct start_ending *ending)
{
    char text[128] = "";
    root_keep_reachable (launch);
    fallback_keep (launch);
    bool proven = ending->proven && !(launch->watching && start_on_trial (&launch->root, launch->own));
    launch->proven |= proven;
    if (proven)
        root_ok_adopt (&launch->root, launch->own); /* a version that sets no mark */
    if (ending->verdict == START_SUPERSEDED)
        return AGAIN;
    if (ending->verdict == START_STOPPED)
        return version_stopped (launch, ending);
    bool lost = root_stable_check (&launch->root, NULL) > 0;
    bool failed = launch->on_trial && !proven && (lost || start_on_trial (&launch->root, launch->own));
    /*  A version that asks for another one has made it stable and is no longer on trial. */
    bool by_itself = ending->verdict == START_ENDED && ending->end.exited && !failed;
    if (by_itself && ending->end.code == ROOT_EXIT_BY_INIT)
        return launch_leave (launch, ROOT_EXIT_RESTART);
    if (by_itself && ending->end.code == ROOT_EXIT_RESTART) {
        start_log ("%s asks for a restart", launch->own);
        if (stop_was_asked (launch)) { /* in pid 1 the execve would lose it */
            (void) stable_leave (launch);
            return 0;
        }
        return AGAIN; /* its files are verified before they are executed */
    }
    if (ending->verdict == START_NO_PROGRAM)
        start_log ("%s: %s", launch->own, ending->error.text);
    else
        start_log ("%s %s", launch->own, base_process_end_format (&ending->end, text, sizeof text));
    if (!failed)
        return launch_leave (launch, ending->verdict == START_NO_PROGRAM ? EXIT_NO_PROGRAM
                                                                         : end_status (&ending->end));

    switch (ending->verdict) {
    case START_HUNG:
        outcome_remember (launch, ROOT_CAUSE_HUNG, "was not ready in time");
        break;
    case START_UNCONFIRMED:
        if (launch->last.cause == ROOT_CAUSE_NONE) /* its behaviour in an earlier start says more */
            outcome_remember (launch, ROOT_CAUSE_UNCONFIRMED, "was ready, but not confirmed in time");
        if (lost)
            break;
        trial_roll_back (launch); /* another start would not help */
        return AGAIN;
    case START_LOST:
        outcome_remember (launch, ROOT_CAUSE_LOST, "the link stable was dangling while it ran");
        break;
    case START_SIGNALLED:
        outcome_remember (launch, ROOT_CAUSE_CRASHED, "sent its launcher a signal to stop");
        break;
    case START_NO_PROGRAM:
        if (!base_error_is_of_host (ending->error.code))
            outcome_remember (launch, ROOT_CAUSE_CRASHED, "%.200s", ending->error.text);
        else if (launch->last.cause ==
                 ROOT_CAUSE_NONE) /* it never ran; its behaviour in an earlier start counts */
            outcome_remember (launch, ROOT_CAUSE_INTERRUPTED, "this host could not start it: %.180s",
                              ending->error.text);
        break;
    case START_ENDED:
    case START_STOPPED:
    case START_SUPERSEDED:
        outcome_remember (launch, ROOT_CAUSE_CRASHED, "%s", text);
        break;
    }
    struct root_trial trial;
    if (ending->verdict == START_LOST || (root_trial_read (&launch->root, &trial, NULL) == 0 &&
                                          trial.on_trial && (trial.tokens == 0 || launch->trial.left == 0)))
        return AGAIN; /* a rollback needs no pause */
    return launch_pause (launch, launch->trial.limits.pause_ms) ? AGAIN : 0;
}

/*  Stable points to another workspace, which cannot be started either: rolls back, repairs stable, or runs
    this workspace. why: the reason. */
static void stable_give_up (struct launch *launch, const struct root_trial *trial, enum root_cause cause,
                            const char *why)
{
    struct base_error error = {0};
    char text[256], now[ROOT_NAME_SIZE];
    if (trial->on_trial) {
        struct root_outcome failed = {.cause = cause};
        (void) base_text_copy (failed.workspace, sizeof failed.workspace, trial->stable);
        (void) snprintf (failed.text, sizeof failed.text, "%.200s", why);
        if (root_failed_write (&launch->root, &failed, &error))
            start_log ("ignoring: %s", error.text);
        if (root_roll_back (&launch->root, &error) == 0) {
            start_log ("%s has failed its trial (%s): rolled back", trial->stable, why);
            return;
        }
        start_log ("cannot roll back from %s: %s", trial->stable, error.text);
    }
    (void) snprintf (text, sizeof text, "%s, which is stable, cannot be started: %.120s", trial->stable, why);
    if (stable_repair (launch, text) && root_link (&launch->root, ROOT_STABLE, now) == 0 &&
        strcmp (now, trial->stable) != 0)
        return;
    stable_execute (launch, trial->stable); /* its launcher may be intact and run the damaged version */
    start_log ("WARNING: %s cannot be started: running %s", trial->stable, launch->own);
    memcpy (launch->not_started, trial->stable, sizeof trial->stable);
}

/*  Hands over to the launcher of stable if that is intact. Returns only if it is not. */
static void launch_hand_over (struct launch *launch, const struct root_trial *trial)
{
    struct base_error error = {0};
    enum root_cause cause = ROOT_CAUSE_DAMAGED;
    if (workspace_verify (launch, trial->stable, &error) == 0) {
        stable_execute (launch, trial->stable);
        (void) base_error_set (&error, ROOT_E_DAMAGED, "its start files cannot be executed");
    } else if (trial->tokens >= root_trial_limits (&launch->root).starts)
        cause = ROOT_CAUSE_CORRUPT; /* it never ran */
    stable_give_up (launch, trial, cause, error.text);
}

static void fallback_note (struct launch *launch, const struct root_trial *trial)
{
    if (launch->watching)
        return;
    launch->watching = true;
    launch->back = (struct root_fallback){.name = ""};
    memcpy (launch->back.name, trial->back, sizeof trial->back);
    (void) root_manifest_digest (&launch->root, trial->back, &launch->back.manifest);
    root_mounts_deinit (&launch->mounts);
    root_mounts_note (&launch->root, &launch->mounts);
}

/*  A version that is stable and not on trial is proven and gets a mark: it sets none itself, or the root
    has no marks yet. But it also counts as not on trial if there is no workspace to roll back to; that is
    no proof. */
static void version_mark_proven (struct launch *launch)
{
    if (launch->watching || root_is_unproven (&launch->root, launch->own))
        return;
    launch->proven = true;
    root_ok_adopt (&launch->root, launch->own);
}

/*  Runs one start. Returns the exit status or AGAIN. */
static int launch_serve (struct launch *launch)
{
    struct root_trial trial = {0};
    struct base_error error = {0};
    (void) root_lock_renew (&launch->root, &launch->lock);
    fallback_keep (launch);
    bool lost = root_stable_check (&launch->root, &error) > 0;
    if (lost && stable_repair (launch, error.text))
        return AGAIN;
    if (!lost && root_trial_read (&launch->root, &trial, &error)) {
        start_log ("WARNING: %s: running %s", error.text, launch->own);
        lost = true;
    }
    bool is_stable = !lost && strcmp (trial.stable, launch->own) == 0;
    if (!lost && !is_stable && strcmp (trial.stable, launch->not_started) != 0) {
        launch_hand_over (launch, &trial);
        return AGAIN;
    }
    if (is_stable && trial.on_trial)
        fallback_note (launch, &trial);
    else if (is_stable)
        version_mark_proven (launch);
    char back[ROOT_NAME_SIZE];
    if (root_link (&launch->root, ROOT_BACK, back) == 0 && strcmp (back, launch->own) == 0 && is_stable &&
        disk_unlink (launch->root.disk, launch->root.fd, ROOT_BACK) == 0)
        start_log ("removed a stale rollback target");

    /*  Without stable only the deadlines can end a trial, and they apply. */
    bool first = false;
    launch->on_trial = is_stable
                           ? trial.on_trial && !launch->stranded
                           : lost && !launch->proven && root_trial_is_likely (&launch->root, launch->own);
    if (launch->on_trial) {
        int r = start_trial_take (&launch->trial, &launch->root, launch->own);
        if (r == 0 && start_trial_is_over (&launch->trial)) {
            if (launch->last.cause == ROOT_CAUSE_NONE)
                outcome_remember (launch, ROOT_CAUSE_UNCONFIRMED,
                                  "used up the time of its trial in "
                                  "several starts");
            r = ROOT_E_NONE;
        }
        if (r == ROOT_E_NONE && is_stable) {
            trial_roll_back (launch);
            return AGAIN;
        }
        if (r == ROOT_E_NONE) /* nothing to roll back to, and no other version to run */
            start_trial_extend (&launch->trial);
        first = r == 0 && start_trial_is_first (&launch->trial);
        launch->on_trial = r >= 0;
    }
    if (workspace_verify (launch, launch->own, &error)) {
        if (launch->on_trial && is_stable) {
            outcome_remember (launch, first ? ROOT_CAUSE_CORRUPT : ROOT_CAUSE_DAMAGED, "%.200s", error.text);
            trial_roll_back (launch);
            return AGAIN;
        }
        if (is_stable && !trial.on_trial && stable_replace (launch, error.text))
            return AGAIN;
    }
    struct start_ending ending;
    const struct start_child child = {.root = &launch->root,
                                      .workspace = launch->own,
                                      .trial = launch->on_trial ? &launch->trial : NULL,
                                      .other = launch->not_started,
                                      .sweep = &launch->sweep};
    start_child_run (&child, launch->signals, &ending);
    return version_ended (launch, &ending);
}

/*  An init's umask that denies the owner access to its own files must be an error: a version could not enter
    the directories that it makes. Restrictions for group and others are kept. */
static void umask_keep_owner (void)
{
    mode_t mask = umask (0);
    (void) umask (mask & ~(mode_t) S_IRWXU);
}

int start_launch (void)
{
    (void) prctl (PR_SET_NAME, "start"); /* after execveat the name would be a number */
    umask_keep_owner ();
    base_cleanup (base_free_p) char *path = launcher_path ();
    char *own = path && path_split (path) ? path_split (path) : NULL;
    if (!own) {
        start_log ("cannot determine the workspace of this launcher");
        return EXIT_HOST;
    }
    struct launch launch = {.root = {.fd = -1}, .own = own};
    struct base_error error = {0};
    if (root_open (&disk_system, *path ? path : "/", &launch.root, &error)) {
        start_log ("%s", error.text);
        return EXIT_HOST;
    }
    bool kept;
    launch.lock = root_lock_keep (&launch.root, &kept);
    if (launch.lock == -EWOULDBLOCK && start_sweep_holder (&launch.root))
        launch.lock = root_lock_take (&launch.root);
    if (launch.lock == -EWOULDBLOCK) {
        pid_t holder = 0;
        (void) root_lock_holder (&launch.root, &holder);
        start_log ("the root %s is in use: process %d holds its lock (0: unknown)", launch.root.path,
                   (int) holder);
        root_deinit (&launch.root);
        return ROOT_EXIT_LOCKED;
    }
    if (launch.lock < 0)
        start_log ("cannot lock the root %s: %s: running without the lock", launch.root.path,
                   strerror (-launch.lock));
    launch.signals = start_signals_take ();
    start_reap_begin ();
    start_sweep_begin (&launch.sweep, &launch.root,
                       launch.lock < 0 ? START_LOCK_NONE
                       : kept          ? START_LOCK_KEPT
                                       : START_LOCK_TAKEN);
    int status;
    do
        status = launch_serve (&launch);
    while (status == AGAIN);
    start_sweep_deinit (&launch.sweep);
    root_mounts_deinit (&launch.mounts);
    root_deinit (&launch.root);
    return status;
}
