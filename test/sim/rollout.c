/* SPDX-License-Identifier: MPL-2.0 */
/*  test/sim/rollout.c - whole rollouts over random fleets on a virtual clock, with the production machine

    Nodes take time, fail, lose contact and return. Messages are lost, late, doubled and out of order.
    Operators pause, resume and retry. The broker crashes between any two of its transactions and continues
    from its records. After each step the simulation checks these invariants:

        each rollout ends, or is halted, within the time that its deadlines allow
        no node is started after a gate has failed, or while the rollout is paused
        no node gets the same order twice
        no node is started before its wave, and no wave before the previous wave has ended
        while no node of a wave is updated, only an operator can start the next wave
        an exceeded budget halts the rollout in the same step

        usage: sim_rollout [--seed N] [--runs N] [--verbose]

    Each run has a seed of its own, printed if an invariant fails. --seed N --runs 1 replays a run. */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rollout/rollout.h"
#include "rollout/window.h"

enum { NODES_MOST = 120, EVENTS_MOST = 8192, STEPS_MOST = 200000 };

#define SECOND UINT64_C (1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define WALL UINT64_C (1700000000000)

enum what {
    EVENT_ASK,    /* a node asks for its order */
    EVENT_END,    /* a node has carried out its order */
    EVENT_SILENT, /* a node loses contact */
    EVENT_HEARD,  /* a node has contact again */
    EVENT_REPORT, /* a report reaches the broker */
    EVENT_PERSON, /* an operator gives a command */
    EVENT_CRASH,  /* the broker restarts */
    EVENT_CLOCK   /* the wall clock is set */
};

struct event {
    uint64_t at_ms;
    uint64_t order; /* order of events with the same time */
    enum what what;
    uint32_t node;
    unsigned number; /* of the order to which the event belongs */
};

/*  The true state of a node, and the broker's order for it. */
struct node {
    bool online;
    unsigned ordered; /* number of the last order that the broker has recorded; 0: none */
    bool back;        /* that order is a revert */
    bool cancelled;
    unsigned obeyed; /* number of the last order that the node has taken up */
    bool ended;      /* the order taken up has ended */
    bool runs_release;
    bool failed;
    bool reported; /* the broker has received the outcome */
    bool retried;  /* an operator retries the node: it may be ordered again, reported or not */
};

struct sim {
    uint64_t seed, random, now_ms, order;
    uint64_t wall_ms;                 /* offset of the wall clock from now_ms */
    struct event events[EVENTS_MOST]; /* a heap */
    size_t n_events;
    struct node nodes[NODES_MOST];
    struct rollout_candidate candidates[NODES_MOST];
    struct wire_wave waves[8];
    struct wire_window window;
    struct wire_rollout spec;
    uint32_t n_nodes;
    struct rollout rollout;
    struct rollout kept; /* the broker's records: a shallow copy, its members below */
    struct rollout_member kept_members[NODES_MOST];
    double p_fail, p_lost_contact, p_lost;
    uint64_t limit_ms;
    unsigned orders, crashes;
    bool verbose;
};

static uint64_t sim_draw (struct sim *sim)
{
    sim->random += UINT64_C (0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t z = sim->random;
    z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t sim_below (struct sim *sim, uint64_t bound)
{
    return bound ? sim_draw (sim) % bound : 0;
}

static bool sim_chance (struct sim *sim, double p)
{
    return (double) (sim_draw (sim) >> 11) * 0x1.0p-53 < p;
}

#define CHECK(sim, condition, ...)                                                                           \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            printf ("seed %" PRIu64 " at %.1f s: ", (sim)->seed, (double) (sim)->now_ms / 1000);             \
            printf (__VA_ARGS__);                                                                            \
            printf ("\nreplay: sim_rollout --seed %" PRIu64 " --runs 1 --verbose\n", (sim)->seed);           \
            exit (1);                                                                                        \
        }                                                                                                    \
    } while (0)

static bool event_is_earlier (const struct event *a, const struct event *b)
{
    return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void event_push (struct sim *sim, uint64_t delay_ms, enum what what, uint32_t node, unsigned number)
{
    CHECK (sim, sim->n_events < EVENTS_MOST, "too many events");
    size_t at = sim->n_events++;
    sim->events[at] = (struct event){sim->now_ms + delay_ms, sim->order++, what, node, number};
    while (at > 0 && event_is_earlier (&sim->events[at], &sim->events[(at - 1) / 2])) {
        struct event swap = sim->events[at];
        sim->events[at] = sim->events[(at - 1) / 2];
        at = (at - 1) / 2;
        sim->events[at] = swap;
    }
}

static struct event event_pop (struct sim *sim)
{
    struct event first = sim->events[0];
    sim->events[0] = sim->events[--sim->n_events];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < sim->n_events; child++)
            if (event_is_earlier (&sim->events[child], &sim->events[least]))
                least = child;
        if (least == at)
            return first;
        struct event swap = sim->events[at];
        sim->events[at] = sim->events[least];
        sim->events[least] = swap;
        at = least;
    }
}

/*  --- the broker's records: a restart has nothing else -------------------------------------------------- */

static void records_keep (struct sim *sim)
{
    sim->kept = sim->rollout;
    memcpy (sim->kept_members, sim->rollout.members, sim->n_nodes * sizeof *sim->kept_members);
}

/*  Nodes report their state to a broker that has just started. */
static void result_repeat (struct sim *sim, uint32_t i);

static void broker_restart (struct sim *sim)
{
    sim->crashes++;
    struct rollout *rollout = &sim->rollout;
    struct rollout kept = sim->kept;
    kept.members = rollout->members;
    kept.failure_domains = rollout->failure_domains;
    kept.spec = rollout->spec;
    memcpy (rollout->members, sim->kept_members, sim->n_nodes * sizeof *sim->kept_members);
    *rollout = kept;
    for (uint32_t i = 0; i < sim->n_nodes; i++) { /* offline nodes send no hello */
        rollout->members[i].online = sim->nodes[i].online;
        rollout->members[i].lost_ms = sim->nodes[i].online ? 0 : sim->now_ms;
    }
    if (rollout_resume (rollout) < 0)
        abort ();
    for (uint32_t i = 0; i < sim->n_nodes; i++)
        result_repeat (sim, i);
}

/*  --- orders to nodes ----------------------------------------------------------------------------------- */

static void node_order (struct sim *sim, uint32_t i, bool back)
{
    struct node *node = &sim->nodes[i];
    CHECK (sim,
           node->ordered == 0 || node->reported || node->cancelled || node->retried || node->back != back,
           "node %u is ordered twice to %s", i, back ? "revert" : "update");
    node->ordered = ++sim->orders;
    node->back = back;
    node->cancelled = node->reported = node->retried = false;
    event_push (sim, 1 + sim_below (sim, 3 * SECOND), EVENT_ASK, i, node->ordered);
}

static void check_step (struct sim *sim, const struct rollout_action *action, enum wire_phase phase,
                        bool paused)
{
    const struct rollout *rollout = &sim->rollout;
    const struct rollout_member *member = &rollout->members[action->member];
    const struct rollout_wave *wave = &rollout->waves[rollout->wave];
    bool retried = member->wave < rollout->wave; /* by an operator, in a wave that is over */
    if (action->kind == ROLLOUT_ORDER && member->revert_ms == 0 && !retried) {
        CHECK (sim, phase == WIRE_PHASE_UPDATING && rollout->phase == WIRE_PHASE_UPDATING,
               "node %u is started while the rollout is %s", action->member, wire_phase_word (phase));
        CHECK (sim, !paused, "node %u is started while the rollout is paused", action->member);
        CHECK (sim, rollout_window_opens_ms (sim->spec.window, sim->wall_ms + sim->now_ms) == 0,
               "node %u is started outside of the window", action->member);
        CHECK (sim, member->wave <= rollout->wave, "node %u is started before its wave", action->member);
        CHECK (sim, sim->now_ms >= member->start_ms + rollout->stopped_ms, "node %u is started too early",
               action->member);
        CHECK (sim, sim->spec.concurrency == 0 || wave->under_way <= sim->spec.concurrency,
               "%u nodes are under way", wave->under_way);
    }
    if (rollout->phase == WIRE_PHASE_UPDATING || rollout->phase == WIRE_PHASE_SOAKING) {
        CHECK (sim, wave->charged + wave->lost_before <= rollout->spec.wave_budget,
               "wave %u continues over its budget", rollout->wave);
        CHECK (sim, rollout->charged <= rollout->spec.budget, "the rollout continues over its budget");
    }
    if (rollout->phase == WIRE_PHASE_DONE)
        for (uint32_t i = 0; i < sim->n_nodes; i++)
            CHECK (sim,
                   rollout->members[i].state != WIRE_MEMBER_WAITING &&
                       rollout->members[i].state != WIRE_MEMBER_ORDERED,
                   "the rollout is done, but node %u is %s", i, wire_member_word (rollout->members[i].state));
}

static bool any_updated (const struct sim *sim, uint32_t wave)
{
    for (uint32_t i = 0; i < sim->n_nodes; i++)
        if (sim->rollout.members[i].wave == wave && sim->rollout.members[i].state == WIRE_MEMBER_UPDATED)
            return true;
    return false;
}

/*  Carries out the actions of the machine until it waits. Returns until when. The broker may crash before any
    of its transactions. */
static uint64_t carry_out (struct sim *sim)
{
    for (unsigned i = 0;; i++) {
        CHECK (sim, i < 20 * NODES_MOST, "the machine never returns ROLLOUT_WAIT");
        enum wire_phase phase = sim->rollout.phase;
        bool paused = sim->rollout.paused;
        uint32_t wave = sim->rollout.wave;
        struct rollout_action action = rollout_next (&sim->rollout, sim->now_ms, sim->wall_ms + sim->now_ms);
        bool continues =
            sim->rollout.phase == WIRE_PHASE_UPDATING || sim->rollout.phase == WIRE_PHASE_APPROVAL;
        CHECK (sim, !continues || sim->rollout.wave == wave || any_updated (sim, wave),
               "wave %u ended, but none of its nodes is updated", wave);
        if (sim_chance (sim, 0.002)) { /* a crash before the action is recorded, and so before it is sent */
            broker_restart (sim);
            continue;
        }
        if (action.kind == ROLLOUT_WAIT) {
            records_keep (sim);
            return action.until_ms;
        }
        if (action.kind == ROLLOUT_TRANSITION) {
            records_keep (sim);
            continue;
        }
        if (sim->verbose)
            printf ("%10.1f %s, wave %u: %u -> %s (%d)\n", (double) sim->now_ms / 1000,
                    wire_phase_word (sim->rollout.phase), sim->rollout.wave, action.member,
                    wire_member_word (sim->rollout.members[action.member].state), action.kind);
        if (phase == sim->rollout.phase || action.kind != ROLLOUT_ORDER)
            check_step (sim, &action, phase, paused);
        records_keep (sim);
        if (action.kind == ROLLOUT_ORDER || action.kind == ROLLOUT_REVERT)
            node_order (sim, action.member, action.kind == ROLLOUT_REVERT);
        else if (action.kind == ROLLOUT_CANCEL)
            sim->nodes[action.member].cancelled = true;
    }
}

/*  --- nodes --------------------------------------------------------------------------------------------- */

static void node_report (struct sim *sim, uint32_t i)
{
    const struct node *node = &sim->nodes[i];
    if (sim_chance (sim, sim->p_lost))
        event_push (sim, 10 * SECOND + sim_below (sim, MINUTE), EVENT_REPORT, i, node->obeyed); /* resent */
    else
        event_push (sim, 1 + sim_below (sim, SECOND), EVENT_REPORT, i, node->obeyed);
    if (sim_chance (sim, 0.1))
        event_push (sim, sim_below (sim, 20 * SECOND), EVENT_REPORT, i, node->obeyed); /* a duplicate, late */
}

/*  A node asks for its order. It asks again if it is offline or the answer is lost. */
static void on_ask (struct sim *sim, const struct event *event)
{
    struct node *node = &sim->nodes[event->node];
    if (event->number != node->ordered || node->obeyed == node->ordered)
        return;
    if (!node->online || sim_chance (sim, sim->p_lost)) {
        event_push (sim, 20 * SECOND + sim_below (sim, 20 * SECOND), EVENT_ASK, event->node, event->number);
        return;
    }
    node->obeyed = node->ordered;
    node->ended = false;
    event_push (sim, node->back ? 100 + sim_below (sim, 2 * SECOND) : SECOND + sim_below (sim, 30 * SECOND),
                EVENT_END, event->node, event->number);
}

static void on_end (struct sim *sim, const struct event *event)
{
    struct node *node = &sim->nodes[event->node];
    if (event->number != node->obeyed || node->ended)
        return;
    node->ended = true;
    node->failed = !node->back && sim_chance (sim, sim->p_fail);
    if (!node->failed && !(node->cancelled && !node->back && sim_chance (sim, 0.5)))
        node->runs_release = !node->back;
    else
        node->failed = true;
    node_report (sim, event->node);
    if (!node->back && node->runs_release && sim_chance (sim, sim->p_lost_contact))
        event_push (sim, SECOND + sim_below (sim, 5 * MINUTE), EVENT_SILENT, event->node, 0);
}

static void result_report (struct sim *sim, uint32_t i)
{
    struct node *node = &sim->nodes[i];
    node->reported = true;
    rollout_ended (&sim->rollout, i,
                   node->failed         ? ROLLOUT_FAILED
                   : node->runs_release ? ROLLOUT_CONFIRMED
                                        : ROLLOUT_REVERTED,
                   sim->now_ms);
}

static void on_report (struct sim *sim, const struct event *event)
{
    const struct node *node = &sim->nodes[event->node];
    if (event->number != node->ordered || !node->ended)
        return; /* of an earlier order: the broker knows that by its epoch */
    result_report (sim, event->node);
}

static void result_repeat (struct sim *sim, uint32_t i)
{
    const struct node *node = &sim->nodes[i];
    if (node->reported && node->obeyed == node->ordered && node->ended)
        result_report (sim, i);
}

static void set_online (struct sim *sim, uint32_t i, bool online)
{
    sim->nodes[i].online = online;
    rollout_heard (&sim->rollout, i, online ? ROLLOUT_CONTACT : ROLLOUT_CONTACT_LOST, sim->now_ms);
}

static void on_person (struct sim *sim)
{
    char text[ROLLOUT_REASON];
    enum wire_command command = (enum wire_command) (1 + sim_below (sim, WIRE_COMMAND_END - 1));
    if (command == WIRE_COMMAND_ABORT && sim_chance (sim, 0.8))
        command = WIRE_COMMAND_APPROVE;
    uint32_t node = (uint32_t) sim_below (sim, sim->n_nodes);
    int rc = rollout_command (&sim->rollout, command, node, sim->now_ms, text);
    sim->nodes[node].retried |= rc == 0 && command == WIRE_COMMAND_RETRY;
    event_push (sim, sim_below (sim, 20 * MINUTE), EVENT_PERSON, 0, 0);
}

/*  --- a run --------------------------------------------------------------------------------------------- */

static void make_spec (struct sim *sim)
{
    static char application[] = "noded";
    struct wire_rollout *spec = &sim->spec;
    *spec = (struct wire_rollout){.application = application, .waves = sim->waves};
    spec->n_waves = 1 + sim_below (sim, 5);
    for (size_t i = 0; i < spec->n_waves; i++)
        sim->waves[i] = (struct wire_wave){.approval = sim_chance (sim, 0.2)};
    spec->concurrency = sim_chance (sim, 0.5) ? 1 + sim_below (sim, 10) : 0;
    spec->soak_ms = sim_below (sim, 10 * MINUTE);
    spec->wave_budget = sim_chance (sim, 0.5) ? sim_below (sim, 5) : sim_below (sim, NODES_MOST);
    spec->budget = spec->wave_budget + sim_below (sim, NODES_MOST);
    spec->node_deadline_ms = 2 * MINUTE + sim_below (sim, 30 * MINUTE);
    spec->wave_deadline_ms = HOUR + sim_below (sim, 5 * HOUR);
    spec->stagger_ms = sim_chance (sim, 0.3) ? sim_below (sim, HOUR) : 0;
    spec->on_halt = sim_chance (sim, 0.5) ? WIRE_ON_HALT_REVERT : WIRE_ON_HALT_STAY;
    spec->rehearse_revert = sim_chance (sim, 0.3);
    spec->revert_limit_ms = sim_chance (sim, 0.2) ? SECOND : 0;
    if (sim_chance (sim, 0.2)) {
        uint64_t from = sim_below (sim, 24 * 60);
        sim->window =
            (struct wire_window){.from = from, .until = (from + 60 + sim_below (sim, 600)) % (24 * 60)};
        spec->window = &sim->window;
    }
}

static void sim_begin (struct sim *sim)
{
    sim->now_ms = 24 * HOUR;
    sim->wall_ms = WALL + sim_below (sim, 7 * 24 * HOUR);
    make_spec (sim);
    sim->n_nodes = (uint32_t) (sim->spec.n_waves + sim_below (sim, NODES_MOST - sim->spec.n_waves));
    static const double failing[] = {0, 0, 0, 0.01, 0.1, 0.5, 1};
    sim->p_fail = failing[sim_below (sim, 7)];
    sim->p_lost_contact = failing[sim_below (sim, 5)];
    sim->p_lost = failing[sim_below (sim, 6)];
    uint32_t groups = 1 + (uint32_t) sim_below (sim, 4);
    for (uint32_t i = 0; i < sim->n_nodes; i++) {
        sim->nodes[i] = (struct node){.online = !sim_chance (sim, 0.03)};
        sim->candidates[i] =
            (struct rollout_candidate){.wave = (uint32_t) ((uint64_t) i * sim->spec.n_waves / sim->n_nodes),
                                       .failure_domain = (uint32_t) sim_below (sim, groups),
                                       .online = sim->nodes[i].online};
        if (!sim->nodes[i].online && sim_chance (sim, 0.7))
            event_push (sim, sim_below (sim, HOUR), EVENT_HEARD, i, 0);
    }
    int rc = rollout_init (&sim->rollout, &sim->spec, sim->candidates, sim->n_nodes, groups, sim->now_ms);
    CHECK (sim, rc == 0, "rollout_init: %d", rc);
    records_keep (sim);
    if (sim_chance (sim, 0.4))
        event_push (sim, sim_below (sim, 10 * MINUTE), EVENT_PERSON, 0, 0);
    if (sim_chance (sim, 0.5))
        event_push (sim, sim_below (sim, HOUR), EVENT_CRASH, 0, 0);
    for (uint64_t i = sim_below (sim, 4); i > 0; i--)
        event_push (sim, sim_below (sim, 6 * HOUR), EVENT_CLOCK, 0, 0);
    for (uint64_t i = sim_below (sim, 6); i > 0; i--) { /* the network fails, for all nodes or for some */
        uint64_t at = sim_below (sim, 3 * HOUR), lasts = sim_below (sim, 20 * MINUTE);
        double share = sim_chance (sim, 0.5) ? 1 : 0.3;
        for (uint32_t node = 0; node < sim->n_nodes; node++)
            if (sim_chance (sim, share)) {
                event_push (sim, at, EVENT_SILENT, node, 0);
                event_push (sim, at + lasts, EVENT_HEARD, node, 0);
            }
    }
    /*  A paused rollout ends only if it is resumed: the operator gives commands again and again. */
    sim->limit_ms = sim->now_ms + 60 * 24 * HOUR;
}

static bool at_rest (const struct sim *sim)
{
    return rollout_is_over (&sim->rollout) || sim->rollout.phase == WIRE_PHASE_HALTED ||
           (sim->rollout.paused && sim->n_events == 0);
}

static void event_handle (struct sim *sim, const struct event *event)
{
    switch (event->what) {
    case EVENT_ASK:
        on_ask (sim, event);
        break;
    case EVENT_END:
        on_end (sim, event);
        break;
    case EVENT_SILENT:
        set_online (sim, event->node, false);
        if (sim_chance (sim, 0.5))
            event_push (sim, sim_below (sim, HOUR), EVENT_HEARD, event->node, 0);
        break;
    case EVENT_HEARD:
        set_online (sim, event->node, true);
        break;
    case EVENT_REPORT:
        on_report (sim, event);
        break;
    case EVENT_PERSON:
        on_person (sim);
        break;
    case EVENT_CRASH:
        broker_restart (sim);
        break;
    case EVENT_CLOCK: /* by hours, or to any time */
        sim->wall_ms = WALL + sim_below (sim, sim_chance (sim, 0.5) ? 12 * HOUR : 800 * 24 * HOUR);
        break;
    }
}

static enum wire_phase sim_run (uint64_t seed, bool verbose)
{
    static struct sim sim;
    sim = (struct sim){.seed = seed, .random = seed, .verbose = verbose};
    sim_begin (&sim);
    for (unsigned step = 0;; step++) {
        CHECK (&sim, step < STEPS_MOST && sim.now_ms < sim.limit_ms,
               "the rollout does not end: it is %s, wave %u of %u%s", wire_phase_word (sim.rollout.phase),
               sim.rollout.wave + 1, sim.rollout.n_waves, sim.rollout.paused ? ", paused" : "");
        uint64_t until_ms = carry_out (&sim);
        if (at_rest (&sim) && sim.rollout.under_way == 0)
            break;
        if (sim.n_events && sim.events[0].at_ms <= until_ms) {
            struct event event = event_pop (&sim);
            sim.now_ms = event.at_ms;
            event_handle (&sim, &event);
        } else {
            CHECK (&sim, until_ms != UINT64_MAX,
                   "the rollout waits for nothing: it is %s, wave %u of %u, %u under way",
                   wire_phase_word (sim.rollout.phase), sim.rollout.wave + 1, sim.rollout.n_waves,
                   sim.rollout.under_way);
            sim.now_ms = until_ms;
        }
    }
    enum wire_phase phase = sim.rollout.phase;
    rollout_deinit (&sim.rollout);
    return phase;
}

int main (int argc, char **argv)
{
    uint64_t seed = 1, runs = 20000, ends[WIRE_PHASE_END] = {0};
    bool verbose = false;
    for (int i = 1; i < argc; i++) {
        uint64_t *number = strcmp (argv[i], "--seed") == 0   ? &seed
                           : strcmp (argv[i], "--runs") == 0 ? &runs
                                                             : NULL;
        if (strcmp (argv[i], "--verbose") == 0)
            verbose = true;
        else if (number && i + 1 < argc && !base_text_parse_u64 (argv[i + 1], UINT32_MAX, number))
            i++;
        else {
            fprintf (stderr, "usage: sim_rollout [--seed N] [--runs N] [--verbose]\n");
            return 2;
        }
    }
    for (uint64_t i = 0; i < runs; i++)
        ends[sim_run (seed + i, verbose)]++;
    printf ("%" PRIu64 " rollouts from seed %" PRIu64 ":", runs, seed);
    for (unsigned i = 1; i < WIRE_PHASE_END; i++)
        if (ends[i])
            printf (" %" PRIu64 " %s", ends[i], wire_phase_word ((enum wire_phase) i));
    printf ("\n");
    return 0;
}
