/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/script.c - what the parent does and checks at each step of a rehearsal

    An announcement of the candidate only advances the script. Whether the candidate did what the step
    requires, the parent reads from the links and workspaces of the scratch root. */

#include "rehearsal/private.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "root/manifest.h"

enum { HINT_MS = 100 };

static const char *const steps[] = {"begin",  "readiness", "update", "hand-over",   "hand-over",
                                    "revert", "revert",    "stop",   "start-files", "end"};

_Static_assert(sizeof steps / sizeof *steps == PHASE_END + 1, "a word for each phase");

const char *rehearsal_phase_word (enum rehearsal_phase phase)
{
    base_assert ((unsigned) phase <= PHASE_END);
    return steps[phase];
}

/*  Undoes what the candidate changed in the root of its parent. Its processes have ended. */
static void root_restore (struct rehearsal *rehearsal)
{
    struct base_error error = {.code = 0};
    if (!rehearsal->snapshot)
        return;
    if (rehearsal_snapshot_restore (rehearsal->snapshot, &error) == 0)
        return;
    base_log (BASE_LOG_WARNING, "the rehearsal of %s: %s", rehearsal->spec.candidate, error.text);
    rehearsal->result.end.passed = rehearsal->result.end.host = rehearsal->result.end.killed = false;
    (void) base_text_copy (rehearsal->result.step, sizeof rehearsal->result.step, "root");
    (void) base_text_copy (rehearsal->result.reason, sizeof rehearsal->result.reason, error.text);
}

static void result_report (struct rehearsal *rehearsal)
{
    rehearsal->done (rehearsal->context, &rehearsal->result);
}

/*  Runs on a thread: what a candidate left may take longer to remove than the service's watchdog allows. */
static int scratch_empty (void *context)
{
    base_assert (context);
    struct rehearsal *rehearsal = context;
    const struct disk_until until = {.stop = &rehearsal->leave};
    rehearsal_scratch_empty (&rehearsal->scratch, &until);
    return 0;
}

static void on_emptied (void *context, int r)
{
    struct rehearsal *rehearsal = context;
    (void) r;
    rehearsal->emptying = bus_work_free (rehearsal->emptying);
    rehearsal->emptied = true;
    result_report (rehearsal);
}

/*  All processes of the rehearsal have ended. Called from the loop, because the handler that noticed it may
    not free anything. */
static void rehearsal_finish (void *context)
{
    struct rehearsal *rehearsal = context;
    base_assert (rehearsal->phase == PHASE_END && !rehearsal->guard && !rehearsal->startcheck);
    rehearsal->late = 0;
    if (rehearsal->stuck) {
        size_t length = strlen (rehearsal->result.reason);
        length = length < BASE_ERROR_SIZE - 100 ? length : BASE_ERROR_SIZE - 100;
        (void) snprintf (rehearsal->result.reason + length, BASE_ERROR_SIZE - length,
                         "; its processes could not be ended (guard: pid %d) and still run",
                         (int) rehearsal->stuck);
    }
    root_restore (rehearsal);
    rehearsal->origin = origin_free (rehearsal->origin); /* its sockets are removed next */
    rehearsal->callback = bus_socket_free (rehearsal->callback);
    if (rehearsal->stuck ||
        bus_work_start (rehearsal->spec.loop, scratch_empty, on_emptied, rehearsal, &rehearsal->emptying) < 0)
        result_report (rehearsal);
}

static void span_note (struct rehearsal *rehearsal)
{
    uint64_t took_ms = base_time_boot_ms () - rehearsal->entered_ms;
    if (rehearsal->entered_ms && took_ms > rehearsal->result.end.slowest_ms)
        rehearsal->result.end.slowest_ms = took_ms;
}

void rehearsal_end_processes (struct rehearsal *rehearsal)
{
    base_assert (rehearsal);
    if (rehearsal->guard)
        rehearsal_guard_kill (rehearsal->guard);
    if (rehearsal->startcheck)
        rehearsal_startcheck_end (rehearsal->startcheck);
    if (!rehearsal->guard && !rehearsal->startcheck && !rehearsal->late && !rehearsal->emptying &&
        !rehearsal->emptied)
        rehearsal->late = bus_timer_start (rehearsal->spec.loop, 0, rehearsal_finish, rehearsal);
}

static void rehearsal_conclude (struct rehearsal *rehearsal)
{
    base_assert (rehearsal->phase != PHASE_END);
    bus_timer_cancel (rehearsal->spec.loop, rehearsal->deadline);
    bus_timer_cancel (rehearsal->spec.loop, rehearsal->hint_timer);
    rehearsal->deadline = rehearsal->hint_timer = 0;
    rehearsal->phase = PHASE_END;
    if (rehearsal->result.end.passed)
        span_note (rehearsal);
    rehearsal->result.took_ms = base_time_boot_ms () - rehearsal->started_ms;
    rehearsal_end_processes (rehearsal);
}

/*  Logs the last output of the candidate and of the processes below it, which often explains the failure. */
static void output_log (struct rehearsal *rehearsal)
{
    if (!rehearsal->guard)
        return;
    const char *at = rehearsal_guard_said (rehearsal->guard);
    while (*at) {
        size_t length = strcspn (at, "\n");
        if (length)
            base_log (BASE_LOG_INFO, "output of the probe: %.*s", (int) length, at);
        at += length + (at[length] == '\n');
    }
}

void rehearsal_fail (struct rehearsal *rehearsal, const char *format, ...)
{
    base_assert (rehearsal && format);
    if (rehearsal->phase == PHASE_END)
        return;
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (rehearsal->result.reason, sizeof rehearsal->result.reason, format, arguments);
    va_end (arguments);
    (void) base_text_copy (rehearsal->result.step, sizeof rehearsal->result.step, steps[rehearsal->phase]);
    output_log (rehearsal);
    rehearsal_conclude (rehearsal);
}

static void on_deadline (void *context)
{
    static const char *const missing[] = {
        "the rehearsal did not start",
        "it did not announce its readiness",
        "it did not switch to the offered version",
        "it did not run again after the offered version had failed on trial",
        "it did not switch to the offered version a second time",
        "the offered version did not confirm itself in its place",
        "it did not run again after the offered version had been reverted",
        "it did not stop when ordered",
        "the test of the start files that it staged did not end",
        "",
    };
    _Static_assert(sizeof missing / sizeof *missing == PHASE_END + 1, "a text for each phase");
    struct rehearsal *rehearsal = context;
    base_assert (rehearsal->phase != PHASE_END);
    rehearsal->deadline = 0;
    if (base_time_boot_ms () > rehearsal->due_ms + BUS_TIMER_LATE_MS &&
        rehearsal->times_late < BUS_TIMER_LATE_TIMES) {
        rehearsal->times_late++;
        base_log (BASE_LOG_INFO, "this host was suspended: the deadline of the step %s starts again",
                  steps[rehearsal->phase]);
        rehearsal_enter (rehearsal, rehearsal->phase);
        return;
    }
    pid_t stopped = rehearsal->guard ? rehearsal_guard_stopped (rehearsal->guard) : 0;
    if (stopped) {
        rehearsal->result.end.killed = true; /* by a candidate with the rights for it, or by a person */
        rehearsal_fail (rehearsal, "%s within %llu ms: its guard was stopped (pid %d, by SIGSTOP)",
                        missing[rehearsal->phase],
                        (unsigned long long) rehearsal->spec.config->rehearsal_step_ms, (int) stopped);
        return;
    }
    const char *how = "";
    if (rehearsal->phase == PHASE_UPDATE || rehearsal->phase == PHASE_AGAIN)
        how = !rehearsal->hint           ? ": it did not subscribe to announcements"
              : !rehearsal->asked        ? ": it was sent hints, but did not ask"
              : !rehearsal->matched      ? ": it asked, but did not match"
              : !rehearsal->nested_ready ? ": it matched, but did not start the offered version"
              : !rehearsal->nested_rehearsed
                  ? ": it started the offered version, but did not rehearse an update with it"
                  : ": it did not switch and hand over";
    rehearsal->result.end.late = true;
    rehearsal_fail (rehearsal, "%s within %llu ms%s", missing[rehearsal->phase],
                    (unsigned long long) rehearsal->spec.config->rehearsal_step_ms, how);
}

void rehearsal_enter (struct rehearsal *rehearsal, enum rehearsal_phase phase)
{
    base_assert (rehearsal->phase != PHASE_END && (unsigned) phase < PHASE_END);
    span_note (rehearsal);
    rehearsal->entered_ms = base_time_boot_ms ();
    rehearsal->phase = phase;
    bus_timer_cancel (rehearsal->spec.loop, rehearsal->deadline);
    rehearsal->due_ms = base_time_boot_ms () + rehearsal->spec.config->rehearsal_step_ms;
    rehearsal->deadline = bus_timer_start (rehearsal->spec.loop, rehearsal->spec.config->rehearsal_step_ms,
                                           on_deadline, rehearsal);
    base_log (BASE_LOG_DEBUG, "rehearsal of %s: %s after %llu ms", rehearsal->spec.candidate, steps[phase],
              (unsigned long long) (base_time_boot_ms () - rehearsal->started_ms));
}

struct rehearsal_offer *rehearsal_offer (struct rehearsal *rehearsal)
{
    base_assert (rehearsal && rehearsal->offer < REHEARSAL_OFFERS);
    return &rehearsal->offers[rehearsal->offer];
}

void rehearsal_hint (void *context)
{
    base_assert (context);
    struct rehearsal *rehearsal = context;
    bus_timer_cancel (rehearsal->spec.loop, rehearsal->hint_timer); /* of the phase before */
    rehearsal->hint_timer = 0;
    if (rehearsal->asked)
        return;
    char topic[ORIGIN_TOPIC_SIZE];
    struct wire_update hint = {.application = "noded", .epoch = rehearsal->order};
    (void) origin_announce (rehearsal->origin, origin_ring_topic (rehearsal->spec.config->id, topic), &hint);
    if (!rehearsal->hint)
        rehearsal->hint = origin_sequence (rehearsal->origin);
    rehearsal->hint_timer = bus_timer_start (rehearsal->spec.loop, HINT_MS, rehearsal_hint, rehearsal);
}

void rehearsal_give_order (struct rehearsal *rehearsal, enum rehearsal_phase phase)
{
    rehearsal->order++;
    rehearsal->hint = 0;
    rehearsal->asked = rehearsal->matched = rehearsal->nested_ready = rehearsal->nested_rehearsed = false;
    rehearsal_enter (rehearsal, phase);
    bus_timer_cancel (rehearsal->spec.loop, rehearsal->hint_timer);
    rehearsal_hint (rehearsal);
}

void rehearsal_stop (struct rehearsal *rehearsal)
{
    base_assert (rehearsal->guard);
    rehearsal_enter (rehearsal, PHASE_STOP);
    rehearsal_guard_stop (rehearsal->guard);
}

/*  A failure of the parent itself is not the candidate's fault, unless the candidate used up the missing
    resource. Then it does so in a second rehearsal, too, and the running version does not. */
static void host_failure_note (struct rehearsal *rehearsal, int code)
{
    base_assert (code < 0);
    bool used_up =
        code == -ENOSPC || code == -EDQUOT || code == -EAGAIN || code == -ENOMEM || code == -ENFILE;
    rehearsal->result.end.killed |= used_up;
    rehearsal->result.end.host |= !used_up;
}

__attribute__ ((format (printf, 3, 4))) static void host_fail (struct rehearsal *rehearsal, int code,
                                                               const char *format, ...)
{
    char what[200];
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (what, sizeof what, format, arguments);
    va_end (arguments);
    if (rehearsal->phase == PHASE_END)
        return;
    host_failure_note (rehearsal, code);
    rehearsal_fail (rehearsal, "%s: %s", what, strerror (-code));
}

static void rehearsal_pass_if_complete (struct rehearsal *rehearsal)
{
    bool files = rehearsal->spec.depth < IDENTITY_DEPTH_MINTED || rehearsal->startcheck_passed;
    if (!files) {
        rehearsal_enter (rehearsal, PHASE_FILES);
        return;
    }
    rehearsal->result.end.passed = true;
    rehearsal_conclude (rehearsal);
}

static void on_startcheck (void *context, const struct base_error *error)
{
    base_assert (context);
    struct rehearsal *rehearsal = context;
    bool over = rehearsal->phase == PHASE_END;
    struct base_error found = error ? *error : (struct base_error){.code = 0};
    if (rehearsal_startcheck_stuck (rehearsal->startcheck))
        rehearsal->stuck = rehearsal_startcheck_stuck (rehearsal->startcheck);
    rehearsal->startcheck = rehearsal_startcheck_free (rehearsal->startcheck);
    if (over) {
        rehearsal_end_processes (rehearsal);
        return;
    }
    if (error) {
        rehearsal->phase = PHASE_FILES;
        rehearsal->result.end.late = found.code == -ETIMEDOUT;
        rehearsal->result.end.killed = found.code == -EINTR;
        if (found.code < 0 && !rehearsal->result.end.late && !rehearsal->result.end.killed)
            host_failure_note (rehearsal, found.code);
        rehearsal_fail (rehearsal, "%s", found.text);
        return;
    }
    rehearsal->startcheck_passed = true;
    if (rehearsal->phase == PHASE_FILES)
        rehearsal_pass_if_complete (rehearsal);
}

bool rehearsal_link_is (struct rehearsal *rehearsal, const char *link, const char *expected)
{
    base_assert (rehearsal && link);
    char name[ROOT_NAME_SIZE] = "";
    int r = root_link (&rehearsal->scratch.root, link, name);
    if (base_error_is_of_host (r)) {
        host_fail (rehearsal, r, "cannot read %s in its root", link);
        return false;
    }
    bool fits = expected ? r == 0 && strcmp (name, expected) == 0 : r == ROOT_E_NONE;
    if (!fits)
        rehearsal_fail (rehearsal, "%s in its root should %s%s, but %s%s", link,
                        expected ? "point to " : "not exist", expected ? expected : "",
                        r == 0  ? "points to "
                        : r < 0 ? "cannot be read: "
                                : "is ",
                        r ? root_error_text (r) : name);
    return fits;
}

/*  P runs in service: the switch that C claims must be on disk. */
static bool switch_check (struct rehearsal *rehearsal, char stable[ROOT_NAME_SIZE])
{
    base_assert (stable);
    struct base_error error = {.code = 0};
    int r = root_link (&rehearsal->scratch.root, ROOT_STABLE, stable);
    if (base_error_is_of_host (r)) {
        host_fail (rehearsal, r, "cannot read " ROOT_STABLE " in its root");
        return false;
    }
    if (r) {
        rehearsal_fail (rehearsal, "after it had switched, stable in its root %s%s",
                        r < 0 ? "cannot be read: " : "is ", root_error_text (r));
        return false;
    }
    if (!rehearsal_link_is (rehearsal, ROOT_BACK, rehearsal->spec.candidate))
        return false;
    r = rehearsal_offer_check_workspace (rehearsal_offer (rehearsal), &rehearsal->scratch.root, stable,
                                         &error);
    if (r) {
        if (base_error_is_of_host (r))
            host_failure_note (rehearsal, r);
        rehearsal_fail (rehearsal, "%s", error.text);
        return false;
    }
    return true;
}

static bool candidate_is_stable (struct rehearsal *rehearsal)
{
    return rehearsal_link_is (rehearsal, ROOT_STABLE, rehearsal->spec.candidate) &&
           rehearsal_link_is (rehearsal, ROOT_BACK, NULL);
}

/*  It started again without an order. Another process may have killed it; a second try shows whether it ends
    by itself. */
static void start_fail (struct rehearsal *rehearsal, const char *reason)
{
    rehearsal->result.end.killed = true;
    rehearsal_fail (rehearsal, "%s", reason);
}

/*  The launcher only warns of a damaged workspace, since it must run something; a candidate is refused for
    it. */
static bool candidate_is_intact (struct rehearsal *rehearsal)
{
    struct base_error error = {.code = 0};
    base_cleanup (base_close_p) int fd = -1;
    int r = root_workspace_open (&rehearsal->scratch.root, rehearsal->spec.candidate, &fd);
    r = r ? base_error_set (&error, r, r < 0 ? "cannot open it: %s" : "it is %s", root_error_text (r))
          : root_manifest_verify (NULL, fd, &error);
    if (base_error_is_of_host (r))
        host_fail (rehearsal, r, "cannot check the workspace that it runs from");
    else if (r)
        rehearsal_fail (rehearsal, "it changed the workspace that it runs from: %s", error.text);
    return r == 0;
}

/*  C announced itself, in service in its scratch root. */
static void on_candidate (struct rehearsal *rehearsal)
{
    switch (rehearsal->phase) {
    case PHASE_READY:
        if (rehearsal->spec.depth == 0)
            rehearsal_stop (rehearsal);
        else
            rehearsal_give_order (rehearsal, PHASE_UPDATE);
        break;
    case PHASE_RETURN:
        if (!rehearsal->killed)
            start_fail (rehearsal,
                        "it ran again although the version that it had handed over to did not fail");
        else if (candidate_is_stable (rehearsal) && candidate_is_intact (rehearsal)) {
            rehearsal->offer = 1;
            rehearsal_give_order (rehearsal, PHASE_AGAIN);
        }
        break;
    case PHASE_REVERT:
        if (candidate_is_stable (rehearsal))
            rehearsal_stop (rehearsal);
        break;
    case PHASE_UPDATE:
    case PHASE_AGAIN:
        start_fail (rehearsal, "it was restarted during the update: "
                               "it ended, or did not keep the switch");
        break;
    case PHASE_CONFIRM:
        start_fail (rehearsal, "it ran again although the version that it had handed over to did not fail");
        break;
    case PHASE_BEGIN:
    case PHASE_STOP:
    case PHASE_FILES:
    case PHASE_END:
        break;
    }
}

static void start_files_check (struct rehearsal *rehearsal, const char *workspace)
{
    base_assert (!rehearsal->startcheck);
    struct base_error error = {.code = 0};
    base_cleanup (base_close_p) int fd = -1;
    int r = root_workspace_open (&rehearsal->scratch.root, workspace, &fd);
    bool opened = r == 0;
    if (opened)
        r = rehearsal_startcheck_new (rehearsal->spec.loop, rehearsal->spec.root, fd, rehearsal->launcher,
                                      rehearsal->env, rehearsal->spec.config->rehearsal_step_ms,
                                      on_startcheck, rehearsal, &rehearsal->startcheck, &error);
    if (r) {
        rehearsal->phase = PHASE_FILES;
        if (opened ? r < 0 : base_error_is_of_host (r))
            host_failure_note (rehearsal, r);
        rehearsal_fail (rehearsal, "%s%s", *error.text ? error.text : "its start files cannot be opened: ",
                        *error.text ? "" : root_error_text (r));
    }
}

/*  P announced itself, in service in C's scratch root. */
static void on_offered (struct rehearsal *rehearsal, const struct wire_ready *ready)
{
    struct base_error error = {.code = 0};
    char stable[ROOT_NAME_SIZE];
    if (rehearsal->phase == PHASE_RETURN) {
        if (rehearsal_guard_kill_one (rehearsal->guard, (pid_t) ready->pid) == 0)
            rehearsal->killed++;
        return;
    }
    if (rehearsal->phase == PHASE_CONFIRM || rehearsal->phase == PHASE_REVERT) {
        rehearsal->result.end.killed = true; /* this is proven code: it hardly ended by itself */
        rehearsal_fail (rehearsal, "the version that it had handed over to was started a second time");
        return;
    }
    if (rehearsal->phase != PHASE_UPDATE && rehearsal->phase != PHASE_AGAIN)
        return;
    if (!base_digest_equal (&ready->binary, &rehearsal_offer (rehearsal)->envelope.binary)) {
        rehearsal_fail (rehearsal, "it handed over to a program that was not offered");
        return;
    }
    if (rehearsal_offer_check_ready (rehearsal_offer (rehearsal), rehearsal->env, ready, &error)) {
        rehearsal_fail (rehearsal, "it handed over to the offered version, but %s", error.text);
        return;
    }
    if (rehearsal->spec.depth == IDENTITY_DEPTH_MINTED &&
        (!rehearsal->nested_ready || !rehearsal->nested_rehearsed)) {
        /*  Messages of different senders may arrive in any order, and a message to a parent that did not run
            may be lost with its sender. If the host is merely slow, a second try shows that. */
        rehearsal->result.end.late = true;
        rehearsal_fail (rehearsal, "it handed over to the offered version without having %s",
                        rehearsal->nested_ready ? "rehearsed an update with it" : "rehearsed it");
        return;
    }
    if (!switch_check (rehearsal, stable))
        return;
    if (rehearsal->phase == PHASE_UPDATE && rehearsal->spec.depth == IDENTITY_DEPTH_MINTED) {
        rehearsal_enter (rehearsal, PHASE_RETURN);
        if (rehearsal_guard_kill_one (rehearsal->guard, (pid_t) ready->pid) == 0)
            rehearsal->killed++;
        start_files_check (rehearsal, stable);
        return;
    }
    rehearsal_enter (rehearsal, PHASE_CONFIRM);
    rehearsal->asked = false;
    rehearsal_hint (rehearsal);
}

/*  P announced itself while C rehearses it. */
static void on_nested (struct rehearsal *rehearsal, const struct wire_ready *ready)
{
    struct base_error error = {.code = 0};
    if (rehearsal->nested_ready || (rehearsal->phase != PHASE_UPDATE && rehearsal->phase != PHASE_AGAIN))
        return;
    if (rehearsal_offer_check_ready (rehearsal_offer (rehearsal), rehearsal->env, ready, &error))
        rehearsal_fail (rehearsal, "it rehearsed the offered version, but %s", error.text);
    else
        rehearsal->nested_ready = true;
}

/*  Returns whether the process that announced itself is below the guard. A candidate in a pid name space of
    its own would pass every step, but could not end the processes that it starts, as its next update must. */
static bool ready_is_from_below (struct rehearsal *rehearsal, const struct wire_ready *ready)
{
    struct base_error error = {.code = 0};
    pid_t pid = ready->pid <= INT32_MAX ? (pid_t) ready->pid : 0;
    int r = rehearsal->guard ? rehearsal_guard_check (rehearsal->guard, pid, &error) : 0;
    if (r == -ESRCH && rehearsal->phase == PHASE_READY) /* in later phases it may have ended already */
        (void) base_error_set (&error, r, "it announced itself as process %d, which does not exist",
                               (int) pid);
    else if (r != -EPERM)
        return true;
    start_fail (rehearsal, error.text);
    return false;
}

void rehearsal_on_callback (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    base_assert (context && message);
    struct rehearsal *rehearsal = context;
    (void) socket;
    if (message->record == &wire_ready_record) {
        const struct wire_ready *ready = message->body;
        bool nested = strcmp (ready->nonce, rehearsal_offer (rehearsal)->nonce) == 0;
        bool own = strcmp (ready->nonce, rehearsal->nonce) == 0;
        if (rehearsal->phase == PHASE_END || ((nested || own) && !ready_is_from_below (rehearsal, ready)))
            return;
        if (nested)
            on_nested (rehearsal, ready);
        else if (!own)
            base_log_limited (&rehearsal->log, BASE_LOG_INFO,
                              "ignoring an announcement with an unknown nonce, of pid %llu",
                              (unsigned long long) ready->pid);
        else if (!base_digest_equal (&ready->manifest, &rehearsal->manifest))
            on_offered (rehearsal, ready);
        else if (!base_digest_equal (&ready->binary, &rehearsal->binary))
            rehearsal_fail (rehearsal, "it announced itself with the digest of another program");
        else
            on_candidate (rehearsal);
    } else if (message->record == &wire_progress_record) {
        const struct wire_progress *progress = message->body;
        if (strcmp (progress->nonce, rehearsal_offer (rehearsal)->nonce) == 0 &&
            strcmp (progress->step, wire_state_word (WIRE_STATE_SWITCHING)) == 0 &&
            base_digest_equal (&progress->binary, &rehearsal->binary))
            rehearsal->nested_rehearsed = true;
    }
}

static void end_judge (struct rehearsal *rehearsal, const struct rehearsal_guard_end *end)
{
    base_assert (rehearsal->phase != PHASE_END && rehearsal->guard);
    char text[96], said[200];
    const char *how = end->ended ? base_process_end_format (&end->how, text, sizeof text)
                                 : "was ended together with its guard";
    rehearsal->result.end.killed =
        !end->ended || (end->how.exited ? end->how.code == 128 + SIGKILL : end->how.code == SIGKILL);
    if (end->host)
        host_fail (rehearsal, -end->host, "cannot start it");
    else if (rehearsal->phase != PHASE_STOP)
        rehearsal_fail (rehearsal, "it %s%s", how,
                        rehearsal_guard_last_words (rehearsal->guard, said, sizeof said));
    else if (end->ended && end->how.exited && end->how.code == ROOT_EXIT_KILLED) {
        rehearsal->result.end.late = true;
        rehearsal_fail (rehearsal, "it did not stop when ordered: its launcher had to kill it");
    } else if (end->ended && end->how.exited && end->how.code == ROOT_EXIT_LEFT)
        rehearsal_fail (rehearsal, "when ordered to stop, it left processes behind, which its launcher "
                                   "had to end");
    else if (!end->ended || !end->how.exited || end->how.code != 0)
        rehearsal_fail (rehearsal, "when ordered to stop, it %s", how);
    else if (end->left)
        rehearsal_fail (rehearsal, "when ordered to stop, it left %u processes behind", end->left);
    else
        rehearsal_pass_if_complete (rehearsal);
}

void rehearsal_on_gone (void *context, const struct rehearsal_guard_end *end)
{
    base_assert (context && end);
    struct rehearsal *rehearsal = context;
    if (rehearsal->phase != PHASE_END)
        end_judge (rehearsal, end);
    if (end->stuck)
        rehearsal->stuck = end->stuck;
    rehearsal->guard = rehearsal_guard_free (rehearsal->guard); /* not before: it has the output */
    if (rehearsal->phase == PHASE_END)
        rehearsal_end_processes (rehearsal);
}
