#include "node/rehearsal.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "bus/work.h"
#include "node/guard.h"
#include "node/offer.h"
#include "node/scratch.h"
#include "node/spare.h"
#include "node/startcheck.h"
#include "origin/origin.h"
#include "root/manifest.h"

enum { HEARTBEAT_MS = 15 * 1000, HINT_MS = 100, OFFERS = 2 };

/*  Where the rehearsal is. The candidate is C, the offered program P. */
enum phase {
    PHASE_BEGIN,
    PHASE_READY,   /* C announces itself */
    PHASE_UPDATE,  /* C brings P into service (depth 0: never) */
    PHASE_RETURN,  /* P is killed until C is back */
    PHASE_AGAIN,   /* C brings P into service once more */
    PHASE_CONFIRM, /* P confirms */
    PHASE_REVERT,  /* P is told to revert, and C is back */
    PHASE_STOP,    /* C is told to stop */
    PHASE_FILES,   /* what is left of the start files' check */
    PHASE_END
};

static const char *const steps[] = {"begin",  "readiness", "update", "hand-over",   "hand-over",
                                    "revert", "revert",    "stop",   "start-files", "end"};

struct node_rehearsal {
    struct node_rehearsal_spec spec;
    node_rehearsal_done *done;
    void *context;

    struct node_scratch scratch;
    struct bus_work *copying; /* the candidate into the scratch root */
    atomic_bool stop;         /* its copying */
    struct base_error copy_error;
    struct bus_socket *callback;
    struct origin *origin;
    struct node_guard *guard;
    struct node_spare *spare; /* where the candidate can write to the parent's root */
    struct node_startcheck *startcheck;
    bool startcheck_passed;
    char **env;     /* what the candidate's launcher is given */
    char *launcher; /* the guard's program */
    char nonce[33];
    uint64_t begun_ms;
    uint64_t entered_ms, due_ms; /* when the step began, and when its deadline is */
    unsigned times_late;
    int deadline, hint_timer, late;

    struct base_digest binary, manifest; /* of C */
    enum phase phase;
    struct node_offer offers[OFFERS];
    unsigned offer;        /* the one that counts */
    uint64_t hint;         /* sequence of the first hint of this phase */
    uint64_t order;        /* epoch of the order of this phase */
    bool asked;            /* C has asked after that hint */
    bool matched;          /* C had its match answered */
    bool nested_ready;     /* P announced itself while C rehearsed it */
    bool nested_rehearsed; /* P brought what C offered through its own rehearsal */
    unsigned killed;
    struct node_rehearsal_result result;
};

/*  Where the candidate could write to the root of its parent: nothing of it runs any more, and what it did
    there is undone. */
static void put_back (struct node_rehearsal *rehearsal)
{
    struct base_error error = {.code = 0};
    if (!rehearsal->spare)
        return;
    rehearsal->startcheck = node_startcheck_free (rehearsal->startcheck);
    rehearsal->guard = node_guard_free (rehearsal->guard);
    int rc = node_spare_restore (rehearsal->spare, &error);
    if (!rc)
        return;
    base_log (BASE_LOG_WARNING, "the rehearsal of %s: %s", rehearsal->spec.candidate, error.text);
    rehearsal->result.end.passed = rehearsal->result.end.host = rehearsal->result.end.killed = false;
    (void) base_text_copy (rehearsal->result.step, sizeof rehearsal->result.step, "root");
    (void) base_text_copy (rehearsal->result.reason, sizeof rehearsal->result.reason, error.text);
}

/*  Tells the owner from the loop, not from inside whatever found it out. */
static void tell_owner (void *context)
{
    struct node_rehearsal *rehearsal = context;
    rehearsal->late = 0;
    put_back (rehearsal);
    rehearsal->done (rehearsal->context, &rehearsal->result);
}

static void note_span (struct node_rehearsal *rehearsal)
{
    uint64_t took_ms = base_time_boot_ms () - rehearsal->entered_ms;
    if (rehearsal->entered_ms && took_ms > rehearsal->result.end.slowest_ms)
        rehearsal->result.end.slowest_ms = took_ms;
}

static void conclude (struct node_rehearsal *rehearsal)
{
    bus_timer_cancel (rehearsal->spec.loop, rehearsal->deadline);
    bus_timer_cancel (rehearsal->spec.loop, rehearsal->hint_timer);
    rehearsal->deadline = rehearsal->hint_timer = 0;
    rehearsal->phase = PHASE_END;
    if (rehearsal->result.end.passed)
        note_span (rehearsal);
    rehearsal->result.took_ms = base_time_boot_ms () - rehearsal->begun_ms;
    rehearsal->late = bus_timer_start (rehearsal->spec.loop, 0, tell_owner, rehearsal);
}

/*  What the candidate and those below it printed last is often the best reason of all. */
static void tell_output (struct node_rehearsal *rehearsal)
{
    if (!rehearsal->guard)
        return;
    const char *at = node_guard_said (rehearsal->guard);
    while (*at) {
        size_t length = strcspn (at, "\n");
        if (length)
            base_log (BASE_LOG_INFO, "probe said: %.*s", (int) length, at);
        at += length + (at[length] == '\n');
    }
}

__attribute__ ((format (printf, 2, 3))) static void fail (struct node_rehearsal *rehearsal,
                                                          const char *format, ...)
{
    if (rehearsal->phase == PHASE_END)
        return;
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (rehearsal->result.reason, sizeof rehearsal->result.reason, format, arguments);
    va_end (arguments);
    (void) base_text_copy (rehearsal->result.step, sizeof rehearsal->result.step, steps[rehearsal->phase]);
    tell_output (rehearsal);
    conclude (rehearsal);
}

static void enter (struct node_rehearsal *rehearsal, enum phase phase);

static void on_deadline (void *context)
{
    static const char *const missing[] = {
        "nothing began",
        "it did not announce its readiness",
        "it did not bring the offered version into service",
        "it was not back after the offered version had failed on trial",
        "it did not bring the offered version into service a second time",
        "the offered version was not able to confirm itself in its place",
        "it was not back after the offered version had been reverted",
        "it did not stop when it was told to",
        "the start files that it staged were not through",
        "",
    };
    struct node_rehearsal *rehearsal = context;
    rehearsal->deadline = 0;
    if (base_time_boot_ms () > rehearsal->due_ms + BUS_TIMER_LATE_MS &&
        rehearsal->times_late < BUS_TIMER_LATE_TIMES) {
        rehearsal->times_late++;
        base_log (BASE_LOG_INFO, "this host slept: the step %s gets its time anew", steps[rehearsal->phase]);
        enter (rehearsal, rehearsal->phase);
        return;
    }
    const char *how = "";
    if (rehearsal->phase == PHASE_UPDATE || rehearsal->phase == PHASE_AGAIN)
        how = !rehearsal->hint           ? ": it did not subscribe to announcements"
              : !rehearsal->asked        ? ": it was sent hints, and did not ask after one"
              : !rehearsal->matched      ? ": it asked, and did not match"
              : !rehearsal->nested_ready ? ": it matched, and did not start what it was offered"
              : !rehearsal->nested_rehearsed
                  ? ": it started what it was offered, and did not take it through an update"
                  : ": it did not switch and hand over";
    rehearsal->result.end.late = true;
    fail (rehearsal, "%s within %llu ms%s", missing[rehearsal->phase],
          (unsigned long long) rehearsal->spec.config->rehearsal_step_ms, how);
}

static void enter (struct node_rehearsal *rehearsal, enum phase phase)
{
    note_span (rehearsal);
    rehearsal->entered_ms = base_time_boot_ms ();
    rehearsal->phase = phase;
    bus_timer_cancel (rehearsal->spec.loop, rehearsal->deadline);
    rehearsal->due_ms = base_time_boot_ms () + rehearsal->spec.config->rehearsal_step_ms;
    rehearsal->deadline = bus_timer_start (rehearsal->spec.loop, rehearsal->spec.config->rehearsal_step_ms,
                                           on_deadline, rehearsal);
    base_log (BASE_LOG_DEBUG, "rehearsal of %s: %s after %llu ms", rehearsal->spec.candidate, steps[phase],
              (unsigned long long) (base_time_boot_ms () - rehearsal->begun_ms));
}

static struct node_offer *offer_of (struct node_rehearsal *rehearsal)
{
    return &rehearsal->offers[rehearsal->offer];
}

static void hint (void *context)
{
    struct node_rehearsal *rehearsal = context;
    rehearsal->hint_timer = 0;
    if (rehearsal->asked)
        return;
    char topic[ORIGIN_TOPIC_SIZE];
    struct wire_update told = {.application = (char *) "noded", .epoch = rehearsal->order};
    (void) origin_announce (rehearsal->origin, origin_ring_topic (rehearsal->spec.config->id, topic), &told);
    if (!rehearsal->hint)
        rehearsal->hint = origin_sequence (rehearsal->origin);
    rehearsal->hint_timer = bus_timer_start (rehearsal->spec.loop, HINT_MS, hint, rehearsal);
}

/*  Gives an order and says so on announce only: who does not hear it there, does not get it. */
static void give_order (struct node_rehearsal *rehearsal, enum phase phase)
{
    rehearsal->order++;
    rehearsal->hint = 0;
    rehearsal->asked = rehearsal->matched = rehearsal->nested_ready = rehearsal->nested_rehearsed = false;
    enter (rehearsal, phase);
    bus_timer_cancel (rehearsal->spec.loop, rehearsal->hint_timer);
    hint (rehearsal);
}

static void stop (struct node_rehearsal *rehearsal)
{
    enter (rehearsal, PHASE_STOP);
    node_guard_stop (rehearsal->guard);
}

static void pass_if_through (struct node_rehearsal *rehearsal)
{
    bool files = rehearsal->spec.depth < NODE_DEPTH_MINTED || rehearsal->startcheck_passed;
    if (!files) {
        enter (rehearsal, PHASE_FILES);
        return;
    }
    rehearsal->result.end.passed = true;
    conclude (rehearsal);
}

static void on_startcheck (void *context, const struct base_error *error)
{
    struct node_rehearsal *rehearsal = context;
    rehearsal->startcheck = node_startcheck_free (rehearsal->startcheck);
    if (rehearsal->phase == PHASE_END)
        return;
    if (error) {
        rehearsal->phase = PHASE_FILES;
        rehearsal->result.end.late = error->code == -ETIMEDOUT;
        fail (rehearsal, "%s", error->text);
        return;
    }
    rehearsal->startcheck_passed = true;
    if (rehearsal->phase == PHASE_FILES)
        pass_if_through (rehearsal);
}

/*  Compares a link of the scratch root; expected NULL: none must be there. */
static bool link_is (struct node_rehearsal *rehearsal, const char *link, const char *expected)
{
    char name[ROOT_NAME_SIZE] = "";
    int rc = root_link (&rehearsal->scratch.root, link, name);
    bool fits = expected ? !rc && strcmp (name, expected) == 0 : rc == ROOT_E_NONE;
    if (!fits)
        fail (rehearsal, "%s in its root should %s%s, and %s%s", link,
              expected ? "point to " : "not be there", expected ? expected : "",
              rc ? "is missing or damaged" : "points to ", rc ? "" : name);
    return fits;
}

/*  P runs in service: what C claims to have done must be on disk. */
static bool switched (struct node_rehearsal *rehearsal, char stable[ROOT_NAME_SIZE])
{
    struct base_error error = {.code = 0};
    if (root_link (&rehearsal->scratch.root, ROOT_STABLE, stable)) {
        fail (rehearsal, "stable in its root is missing or damaged after it had switched");
        return false;
    }
    if (!link_is (rehearsal, ROOT_BACK, rehearsal->spec.candidate))
        return false;
    if (node_offer_check_workspace (offer_of (rehearsal), &rehearsal->scratch.root, stable, &error)) {
        fail (rehearsal, "%s", error.text);
        return false;
    }
    return true;
}

static bool c_is_stable (struct node_rehearsal *rehearsal)
{
    return link_is (rehearsal, ROOT_STABLE, rehearsal->spec.candidate) &&
           link_is (rehearsal, ROOT_BACK, NULL);
}

/*  A start that nobody asked for: what ran before it may have been killed by a stranger, which is to be told
    from a candidate that does so each time. */
static void fail_unasked (struct node_rehearsal *rehearsal, const char *reason)
{
    rehearsal->result.end.killed = true;
    fail (rehearsal, "%s", reason);
}

/*  What the launcher only warns of, since it must run something, is a reason to refuse a candidate. */
static bool c_is_whole (struct node_rehearsal *rehearsal)
{
    struct base_error error = {.code = 0};
    base_cleanup (base_close_p) int fd = -1;
    int rc = root_workspace_open (&rehearsal->scratch.root, rehearsal->spec.candidate, &fd);
    rc = rc ? base_error_set (&error, rc, "it is gone") : root_manifest_verify (NULL, fd, &error);
    if (rc)
        fail (rehearsal, "it changed the workspace that it runs from: %s", error.text);
    return !rc;
}

/*  C, in service in its scratch root. */
static void on_candidate (struct node_rehearsal *rehearsal)
{
    switch (rehearsal->phase) {
    case PHASE_READY:
        if (rehearsal->spec.depth == 0)
            stop (rehearsal);
        else
            give_order (rehearsal, PHASE_UPDATE);
        break;
    case PHASE_RETURN:
        if (!rehearsal->killed)
            fail_unasked (rehearsal,
                          "it came back although the version that it had handed over to did not fail");
        else if (c_is_stable (rehearsal) && c_is_whole (rehearsal)) {
            rehearsal->offer = 1;
            give_order (rehearsal, PHASE_AGAIN);
        }
        break;
    case PHASE_REVERT:
        if (c_is_stable (rehearsal))
            stop (rehearsal);
        break;
    case PHASE_UPDATE:
    case PHASE_AGAIN:
        fail_unasked (rehearsal, "it was started anew in the middle of the update: "
                                 "it ended, or did not keep what it had switched to");
        break;
    case PHASE_CONFIRM:
        fail_unasked (rehearsal, "it came back although the version that it had handed over to did not fail");
        break;
    case PHASE_BEGIN:
    case PHASE_STOP:
    case PHASE_FILES:
    case PHASE_END:
        break;
    }
}

static void check_start_files (struct node_rehearsal *rehearsal, const char *workspace)
{
    struct base_error error = {.code = 0};
    base_cleanup (base_close_p) int fd = -1;
    int rc = root_workspace_open (&rehearsal->scratch.root, workspace, &fd);
    if (!rc)
        rc = node_startcheck_new (rehearsal->spec.loop, rehearsal->spec.root, fd, rehearsal->launcher,
                                  rehearsal->env, rehearsal->spec.config->rehearsal_step_ms, on_startcheck,
                                  rehearsal, &rehearsal->startcheck, &error);
    if (rc) {
        rehearsal->phase = PHASE_FILES; /* of whom it is the fault, the parent's own rehearsal tells */
        fail (rehearsal, "%s", error.text);
    }
}

/*  P, in service in C's scratch root. */
static void on_offered (struct node_rehearsal *rehearsal, const struct wire_ready *ready)
{
    struct base_error error = {.code = 0};
    char stable[ROOT_NAME_SIZE];
    if (rehearsal->phase == PHASE_RETURN) {
        if (!node_guard_kill_one (rehearsal->guard, (pid_t) ready->pid))
            rehearsal->killed++;
        return;
    }
    if (rehearsal->phase == PHASE_CONFIRM || rehearsal->phase == PHASE_REVERT) {
        rehearsal->result.end.killed = true; /* proven code ended: hardly by itself */
        fail (rehearsal, "the version that it had handed over to was started a second time");
        return;
    }
    if (rehearsal->phase != PHASE_UPDATE && rehearsal->phase != PHASE_AGAIN)
        return;
    if (!base_digest_equal (&ready->binary, &offer_of (rehearsal)->envelope.binary)) {
        fail (rehearsal, "it handed over to a program that it was not offered");
        return;
    }
    if (node_offer_check_ready (offer_of (rehearsal), rehearsal->env, ready, &error)) {
        fail (rehearsal, "it handed over to the offered version, but %s", error.text);
        return;
    }
    if (rehearsal->spec.depth == NODE_DEPTH_MINTED &&
        (!rehearsal->nested_ready || !rehearsal->nested_rehearsed)) {
        fail (rehearsal, "it handed over to the offered version without having %s",
              rehearsal->nested_ready ? "taken it through an update" : "rehearsed it");
        return;
    }
    if (!switched (rehearsal, stable))
        return;
    if (rehearsal->phase == PHASE_UPDATE && rehearsal->spec.depth == NODE_DEPTH_MINTED) {
        enter (rehearsal, PHASE_RETURN);
        if (!node_guard_kill_one (rehearsal->guard, (pid_t) ready->pid))
            rehearsal->killed++;
        check_start_files (rehearsal, stable);
        return;
    }
    enter (rehearsal, PHASE_CONFIRM);
    rehearsal->asked = false;
    hint (rehearsal);
}

/*  P, while C rehearses it. */
static void on_nested (struct node_rehearsal *rehearsal, const struct wire_ready *ready)
{
    struct base_error error = {.code = 0};
    if (rehearsal->nested_ready || (rehearsal->phase != PHASE_UPDATE && rehearsal->phase != PHASE_AGAIN))
        return;
    if (node_offer_check_ready (offer_of (rehearsal), rehearsal->env, ready, &error))
        fail (rehearsal, "it rehearsed the offered version, but %s", error.text);
    else
        rehearsal->nested_ready = true;
}

static void on_callback (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct node_rehearsal *rehearsal = context;
    (void) socket;
    if (message->record == &wire_ready_record) {
        const struct wire_ready *ready = message->body;
        if (strcmp (ready->nonce, offer_of (rehearsal)->nonce) == 0)
            on_nested (rehearsal, ready);
        else if (strcmp (ready->nonce, rehearsal->nonce) != 0)
            base_log (BASE_LOG_INFO,
                      "ignoring an announcement with a nonce that was not given out, of pid %llu",
                      (unsigned long long) ready->pid);
        else if (!base_digest_equal (&ready->manifest, &rehearsal->manifest))
            on_offered (rehearsal, ready);
        else if (!base_digest_equal (&ready->binary, &rehearsal->binary))
            fail (rehearsal, "it announced itself with the digest of another program");
        else
            on_candidate (rehearsal);
    } else if (message->record == &wire_progress_record) {
        const struct wire_progress *progress = message->body;
        if (strcmp (progress->nonce, offer_of (rehearsal)->nonce) == 0 &&
            strcmp (progress->step, wire_state_word (WIRE_STATE_SWITCHING)) == 0 &&
            base_digest_equal (&progress->binary, &rehearsal->binary))
            rehearsal->nested_rehearsed = true;
    }
}

/*  P may confirm itself: in the first hand-over of a whole rehearsal it is kept from it. */
static bool confirming_allowed (const struct node_rehearsal *rehearsal)
{
    return rehearsal->phase == PHASE_AGAIN || rehearsal->phase == PHASE_CONFIRM ||
           rehearsal->phase == PHASE_REVERT ||
           (rehearsal->phase == PHASE_UPDATE && rehearsal->spec.depth < NODE_DEPTH_MINTED);
}

static int on_hello (void *context, const struct bus_peer *peer, const struct wire_hello *hello,
                     struct wire_welcome *answer)
{
    (void) context;
    (void) peer;
    (void) hello;
    answer->status = WIRE_STATUS_OK;
    return 0;
}

static int on_ask (void *context, const struct bus_peer *peer, const struct wire_ask *ask,
                   struct wire_desired *answer)
{
    struct node_rehearsal *rehearsal = context;
    (void) peer;
    answer->application = strdup (ask->application);
    answer->status = WIRE_STATUS_NONE;
    bool heard = rehearsal->hint && ask->instance &&
                 strcmp (ask->instance, origin_instance (rehearsal->origin)) == 0 &&
                 ask->sequence >= rehearsal->hint;
    bool ordered = rehearsal->phase == PHASE_UPDATE || rehearsal->phase == PHASE_AGAIN ||
                   rehearsal->phase == PHASE_REVERT;
    if (!answer->application || !heard || !ordered)
        return answer->application ? 0 : -ENOMEM;
    const struct node_offer *offer = offer_of (rehearsal);
    rehearsal->asked = true;
    answer->status = WIRE_STATUS_OK;
    answer->epoch = rehearsal->order;
    answer->release = offer->release;
    answer->transaction = strdup (offer->transaction);
    answer->release_epoch = rehearsal->phase == PHASE_REVERT ? rehearsal->order - 1 : rehearsal->order;
    if (rehearsal->phase == PHASE_REVERT) {
        answer->revert_epoch = rehearsal->order;
        answer->revert_from = offer->release;
    }
    return answer->transaction ? 0 : -ENOMEM;
}

static int on_match (void *context, const struct bus_peer *peer, const struct wire_match *match,
                     struct wire_matched *answer)
{
    struct node_rehearsal *rehearsal = context;
    const struct node_offer *offer = offer_of (rehearsal);
    (void) peer;
    bool updating = strcmp (match->transaction, offer->transaction) == 0;
    answer->application = strdup (match->application);
    answer->transaction = strdup (match->transaction);
    answer->attempt = match->attempt;
    answer->release = match->release;
    if (!answer->application || !answer->transaction)
        return -ENOMEM;
    if (!updating && !confirming_allowed (rehearsal)) {
        answer->status = WIRE_STATUS_BUSY;
        return 0;
    }
    answer->status = WIRE_STATUS_NONE;
    if (!base_digest_equal (&match->release, &offer->release))
        return 0;
    answer->envelope = calloc (1, sizeof *answer->envelope);
    if (!answer->envelope || wire_copy (&wire_envelope_record, &offer->envelope, answer->envelope))
        return -ENOMEM;
    answer->status = WIRE_STATUS_OK;
    rehearsal->matched = rehearsal->matched || updating;
    return 0;
}

static int on_report (void *context, const struct bus_peer *peer, const struct wire_report *report,
                      struct wire_noted *answer)
{
    struct node_rehearsal *rehearsal = context;
    const struct node_offer *offer = offer_of (rehearsal);
    (void) peer;
    answer->application = strdup (report->application->name);
    answer->step = strdup (report->step);
    answer->epoch = report->epoch;
    answer->attempt = report->attempt;
    answer->status = WIRE_STATUS_OK;
    if (!answer->application || !answer->step)
        return -ENOMEM;
    bool ours = report->transaction && strcmp (report->transaction, offer->transaction) == 0;
    bool updating = rehearsal->phase == PHASE_UPDATE || rehearsal->phase == PHASE_AGAIN;
    if (ours && updating &&
        (report->outcome == WIRE_OUTCOME_FAILED || report->outcome == WIRE_OUTCOME_REFUSED ||
         report->outcome == WIRE_OUTCOME_NOTHING)) {
        /* perhaps by a deadline of its own rehearsal, which is shorter: it would say that in its own words */
        rehearsal->result.end.late = base_time_boot_ms () - rehearsal->entered_ms >=
                                     node_config_probe_step_ms (rehearsal->spec.config);
        fail (rehearsal, "it could not update: %s %s: %s", report->step, wire_outcome_word (report->outcome),
              report->reason ? report->reason : "it gave no reason");
    } else if (ours && rehearsal->phase == PHASE_CONFIRM && report->outcome == WIRE_OUTCOME_CONFIRMED &&
               base_digest_equal (&report->application->release, &offer->release)) {
        if (!base_digest_equal (&report->application->binary, &offer->envelope.binary))
            fail (rehearsal, "a program confirmed itself in its place that it was not offered");
        else if (!link_is (rehearsal, ROOT_PREVIOUS, rehearsal->spec.candidate) ||
                 !link_is (rehearsal, ROOT_BACK, NULL))
            return 0;
        else if (rehearsal->spec.depth < NODE_DEPTH_MINTED)
            stop (rehearsal);
        else
            give_order (rehearsal, PHASE_REVERT);
    }
    return 0;
}

/*  A subscription that comes while somebody waits for a hint: it need not wait for the next one. */
static void on_subscription (void *context, const char *topic, bool subscribed)
{
    struct node_rehearsal *rehearsal = context;
    char ring[ORIGIN_TOPIC_SIZE];
    bool wanted = rehearsal->phase == PHASE_CONFIRM || (rehearsal->order && !rehearsal->asked);
    if (!subscribed || !wanted || strcmp (topic, origin_ring_topic (rehearsal->spec.config->id, ring)) != 0)
        return;
    bus_timer_cancel (rehearsal->spec.loop, rehearsal->hint_timer);
    hint (rehearsal);
}

static int on_open (void *context, const struct base_digest *digest, int *ret_fd, uint64_t *ret_size,
                    bool *ret_immutable)
{
    struct node_rehearsal *rehearsal = context;
    *ret_immutable = false;
    return node_offer_open (offer_of (rehearsal), digest, ret_fd, ret_size);
}

static const struct origin_ops ops = {.hello = on_hello,
                                      .ask = on_ask,
                                      .match = on_match,
                                      .report = on_report,
                                      .subscription = on_subscription,
                                      .content_open = on_open};

static void judge_end (struct node_rehearsal *rehearsal, const struct node_guard_end *end)
{
    char text[96], said[200];
    const char *how = end->ended ? base_process_end_format (&end->how, text, sizeof text)
                                 : "was ended together with its guard";
    rehearsal->result.end.killed =
        !end->ended || (end->how.exited ? end->how.code == 128 + SIGKILL : end->how.code == SIGKILL);
    if (rehearsal->phase != PHASE_STOP)
        fail (rehearsal, "it %s%s", how, node_guard_last_words (rehearsal->guard, said, sizeof said));
    else if (!end->ended || !end->how.exited || end->how.code != 0)
        fail (rehearsal, "when it was told to stop, it %s", how);
    else if (end->left)
        fail (rehearsal, "when it was told to stop, it left %u processes behind", end->left);
    else
        pass_if_through (rehearsal);
}

static void on_gone (void *context, const struct node_guard_end *end)
{
    struct node_rehearsal *rehearsal = context;
    if (rehearsal->phase != PHASE_END)
        judge_end (rehearsal, end);
    rehearsal->guard = node_guard_free (rehearsal->guard); /* not before: it has what the candidate said */
}

/*  A host where the guard may not mount, such as a container or a user other than root. */
static void on_open_root (void *context, const char *reason)
{
    struct node_rehearsal *rehearsal = context;
    struct base_error error = {.code = 0};
    base_log (BASE_LOG_INFO,
              "the candidate could write to the whole of %s (%s): what a start needs is kept aside",
              rehearsal->spec.root->path, reason);
    if (node_spare_make (rehearsal->spec.root, &rehearsal->spare, &error))
        base_log (BASE_LOG_WARNING, "going on without keeping aside what a start needs: %s", error.text);
}

static int serve (struct node_rehearsal *rehearsal, struct base_error *error)
{
    const char *sockets = rehearsal->scratch.sockets;
    char announce[96], control[96], content[96], callback[96];
    (void) snprintf (announce, sizeof announce, "ipc://%s/announce", sockets);
    (void) snprintf (control, sizeof control, "ipc://%s/control", sockets);
    (void) snprintf (content, sizeof content, "ipc://%s/content", sockets);
    (void) snprintf (callback, sizeof callback, "ipc://%s/callback", sockets);
    struct origin_config config = {
        .announce = announce, .control = control, .content = content, .heartbeat_ms = HEARTBEAT_MS};
    int rc = origin_new (rehearsal->spec.loop, &config, &ops, rehearsal, &rehearsal->origin, error);
    struct bus_socket_options options = {.on_message = on_callback, .context = rehearsal, .quiet = true};
    rc = rc ? rc : bus_socket_new (rehearsal->spec.loop, BUS_PULL, &options, &rehearsal->callback, error);
    rc = rc ? rc : bus_socket_bind (rehearsal->callback, callback, error);
    for (size_t i = 0; i < OFFERS && !rc; i++)
        rc = node_offer_make (rehearsal->spec.root, rehearsal->spec.self, callback, &rehearsal->offers[i],
                              error);
    return rc;
}

static int settings (struct node_rehearsal *rehearsal, struct base_error *error)
{
    struct node_probe_settings probe = {.nonce = rehearsal->nonce, .depth = rehearsal->spec.depth};
    (void) snprintf (probe.endpoints.announce, BUS_ENDPOINT_SIZE, "%s",
                     origin_endpoint_announce (rehearsal->origin));
    (void) snprintf (probe.endpoints.control, BUS_ENDPOINT_SIZE, "%s",
                     origin_endpoint_control (rehearsal->origin));
    (void) snprintf (probe.endpoints.content, BUS_ENDPOINT_SIZE, "%s",
                     origin_endpoint_content (rehearsal->origin));
    probe.callback = bus_socket_endpoint (rehearsal->callback);
    base_cleanup (base_free_p) char *text = node_config_probe_file (rehearsal->spec.config, &probe);
    return text ? node_scratch_settings (&rehearsal->scratch, text, error) : -ENOMEM;
}

/*  What the candidate is, by its workspace. */
static int identify (struct node_rehearsal *rehearsal, struct base_error *error)
{
    base_cleanup (base_close_p) int fd = -1;
    base_cleanup (base_buffer_deinit) struct base_buffer manifest = {0};
    struct wire_installed installed = {0};
    int rc = root_workspace_read (rehearsal->spec.root, rehearsal->spec.candidate, &installed, error);
    if (rc)
        return rc;
    rehearsal->binary = installed.envelope->binary;
    wire_installed_deinit (&installed);
    rc = root_workspace_open (rehearsal->spec.root, rehearsal->spec.candidate, &fd);
    rc = rc ? rc : disk_file_read (rehearsal->spec.root->disk, fd, ROOT_MANIFEST, 1 << 20, &manifest);
    if (rc)
        return base_error_set (error, rc, "reading the manifest of %s", rehearsal->spec.candidate);
    rehearsal->manifest = base_digest_of (manifest.data, manifest.size);
    return 0;
}

static void could_not_begin (struct node_rehearsal *rehearsal, const struct base_error *error)
{
    rehearsal->result.end.host = true;
    fail (rehearsal, "the rehearsal could not begin: %s", *error->text ? error->text : "out of memory");
}

static int copy (void *context);
static void on_copied (void *context, int rc);

static void begin (void *context)
{
    struct node_rehearsal *rehearsal = context;
    const struct node_rehearsal_spec *spec = &rehearsal->spec;
    struct base_error error = {.code = 0};
    rehearsal->late = 0;
    rehearsal->begun_ms = base_time_boot_ms ();
    rehearsal->env = node_self_pristine_env (spec->self);
    rehearsal->launcher = base_text_printf ("%s/%s/%s", spec->root->path, spec->candidate, ROOT_LAUNCHER);
    int rc = rehearsal->env && rehearsal->launcher ? 0 : -ENOMEM;
    rc = rc ? rc : identify (rehearsal, &error);
    rc = rc ? rc : node_scratch_make (spec->root, &rehearsal->scratch, &error);
    rc = rc ? rc : node_scratch_rendezvous (&rehearsal->scratch, &error);
    if (!rc)
        rc = bus_work_start (spec->loop, copy, on_copied, rehearsal, &rehearsal->copying);
    if (rc)
        could_not_begin (rehearsal, &error);
}

static int copy (void *context)
{
    struct node_rehearsal *rehearsal = context;
    return node_scratch_copy (&rehearsal->scratch, rehearsal->spec.candidate, &rehearsal->stop,
                              &rehearsal->copy_error);
}

static void on_copied (void *context, int rc)
{
    struct node_rehearsal *rehearsal = context;
    const struct node_rehearsal_spec *spec = &rehearsal->spec;
    struct base_error error = rehearsal->copy_error;
    rehearsal->copying = bus_work_free (rehearsal->copying);
    rc = rc ? rc : root_stable_set (&rehearsal->scratch.root, spec->candidate, &error);
    rc = rc ? rc : serve (rehearsal, &error);
    rc = rc ? rc : settings (rehearsal, &error);
    base_cleanup (base_free_p) char *script =
        rc ? NULL : base_text_printf ("%s/%s/%s", rehearsal->scratch.root.path, ROOT_STABLE, ROOT_SCRIPT);
    struct node_guard_spec guard = {.loop = spec->loop,
                                    .launcher = rehearsal->launcher,
                                    .script = script,
                                    .env = rehearsal->env,
                                    .grace_ms = spec->config->rehearsal_step_ms,
                                    .root = spec->root->path,
                                    .scratch = rehearsal->scratch.root.path,
                                    .open = on_open_root,
                                    .gone = on_gone,
                                    .context = rehearsal};
    if (!rc)
        rc = script ? node_guard_start (&guard, &rehearsal->guard, &error) : -ENOMEM;
    if (rc)
        could_not_begin (rehearsal, &error);
    else
        enter (rehearsal, PHASE_READY);
}

int node_rehearsal_new (const struct node_rehearsal_spec *spec, node_rehearsal_done *done, void *context,
                        struct node_rehearsal **ret_rehearsal)
{
    struct node_rehearsal *rehearsal = calloc (1, sizeof *rehearsal);
    if (!rehearsal)
        return -ENOMEM;
    rehearsal->spec = *spec;
    rehearsal->done = done;
    rehearsal->context = context;
    rehearsal->scratch.root.fd = -1;
    for (size_t i = 0; i < OFFERS; i++)
        rehearsal->offers[i].odd = -1;
    (void) base_random_hex (rehearsal->nonce, 16);
    rehearsal->late = bus_timer_start (spec->loop, 0, begin, rehearsal);
    if (rehearsal->late < 0) {
        free (rehearsal);
        return -ENOMEM;
    }
    *ret_rehearsal = rehearsal;
    return 0;
}

struct node_rehearsal *node_rehearsal_free (struct node_rehearsal *rehearsal)
{
    if (!rehearsal)
        return NULL;
    int timers[] = {rehearsal->deadline, rehearsal->hint_timer, rehearsal->late};
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        bus_timer_cancel (rehearsal->spec.loop, timers[i]);
    atomic_store (&rehearsal->stop, true);
    (void) bus_work_free (rehearsal->copying);
    (void) node_startcheck_free (rehearsal->startcheck);
    (void) node_guard_free (rehearsal->guard);
    (void) node_spare_free (rehearsal->spare);
    (void) origin_free (rehearsal->origin);
    (void) bus_socket_free (rehearsal->callback);
    for (size_t i = 0; i < OFFERS; i++)
        node_offer_deinit (&rehearsal->offers[i]);
    node_scratch_deinit (&rehearsal->scratch);
    base_list_free (rehearsal->env);
    free (rehearsal->launcher);
    free (rehearsal);
    return NULL;
}

const char *node_rehearsal_step (const struct node_rehearsal *rehearsal)
{
    return rehearsal ? steps[rehearsal->phase] : "";
}
