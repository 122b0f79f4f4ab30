/*  test/sim/rollout.c - whole rollouts over random fleets, on a virtual clock, with the production machine

    Nodes take their time, fail, fall silent and come back; messages are lost, late, doubled and out of
    order; people pause, resume and retry; the broker dies between any two of its transactions and goes on
    from what it kept. After each step the invariants are looked at:

        each rollout ends, or is halted, within the time that its deadlines allow
        nothing is begun with once a gate has broken, or while it is paused
        no node is told twice to do what it is told once
        no node is begun with before its wave, and no wave before the one before has ended
        no wave is begun but by a person while no node of the one before is updated
        a budget that is exceeded halts in the same step

    usage: sim_rollout [--seed N] [--runs N] [--verbose]

    Every run has a seed of its own, printed where an invariant breaks; --seed N --runs 1 replays it. */

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

enum what { TELL, END, SILENT, HEARD, REPORT, PERSON, CRASH, CLOCK };

struct event {
    uint64_t at_ms;
    uint64_t order; /* of two at the same time */
    enum what what;
    uint32_t node;
    unsigned number; /* of the order that it belongs to */
};

/*  What a node really is, and what the broker has it do. */
struct node {
    bool online;
    unsigned ordered; /* the number of the last order that the broker made durable; 0: none */
    bool back;        /* that order is one to go back */
    bool cancelled;
    unsigned obeyed; /* the last order that the node took up */
    bool ended;      /* that one has ended */
    bool runs_release;
    bool failed;
    bool reported; /* the broker has heard how it ended */
    bool retried;  /* a person wants it told once more, heard or not */
};

struct sim {
    uint64_t seed, random, now_ms, order;
    uint64_t wall_ms;                 /* by which the wall clock is ahead */
    struct event events[EVENTS_MOST]; /* a heap */
    size_t n_events;
    struct node nodes[NODES_MOST];
    struct rollout_candidate candidates[NODES_MOST];
    struct wire_wave waves[8];
    struct wire_window window;
    struct wire_rollout spec;
    uint32_t n_nodes;
    struct rollout rollout;
    struct rollout kept; /* what a restart goes on from: shallow, members below */
    struct rollout_member kept_members[NODES_MOST];
    double p_fail, p_dark, p_lost;
    uint64_t limit_ms;
    unsigned orders, crashes;
    bool verbose;
};

static uint64_t draw (struct sim *sim)
{
    sim->random += UINT64_C (0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t z = sim->random;
    z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t below (struct sim *sim, uint64_t bound)
{
    return bound ? draw (sim) % bound : 0;
}

static bool chance (struct sim *sim, double p)
{
    return (double) (draw (sim) >> 11) * 0x1.0p-53 < p;
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

static bool earlier (const struct event *a, const struct event *b)
{
    return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void push (struct sim *sim, uint64_t delay_ms, enum what what, uint32_t node, unsigned number)
{
    CHECK (sim, sim->n_events < EVENTS_MOST, "too many events");
    size_t at = sim->n_events++;
    sim->events[at] = (struct event){sim->now_ms + delay_ms, sim->order++, what, node, number};
    while (at > 0 && earlier (&sim->events[at], &sim->events[(at - 1) / 2])) {
        struct event swap = sim->events[at];
        sim->events[at] = sim->events[(at - 1) / 2];
        at = (at - 1) / 2;
        sim->events[at] = swap;
    }
}

static struct event pop (struct sim *sim)
{
    struct event first = sim->events[0];
    sim->events[0] = sim->events[--sim->n_events];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < sim->n_events; child++)
            if (earlier (&sim->events[child], &sim->events[least]))
                least = child;
        if (least == at)
            return first;
        struct event swap = sim->events[at];
        sim->events[at] = sim->events[least];
        sim->events[least] = swap;
        at = least;
    }
}

/*  --- the broker's records: what was kept is all that a restart has ---------------------------------- */

static void keep (struct sim *sim)
{
    sim->kept = sim->rollout;
    memcpy (sim->kept_members, sim->rollout.members, sim->n_nodes * sizeof *sim->kept_members);
}

/*  How a node stands, as it says itself, is told to a broker that has just started. */
static void tell_again (struct sim *sim, uint32_t i);

static void restart (struct sim *sim)
{
    sim->crashes++;
    struct rollout *rollout = &sim->rollout;
    struct rollout kept = sim->kept;
    kept.members = rollout->members;
    kept.neighbours = rollout->neighbours;
    kept.spec = rollout->spec;
    memcpy (rollout->members, sim->kept_members, sim->n_nodes * sizeof *sim->kept_members);
    *rollout = kept;
    for (uint32_t i = 0; i < sim->n_nodes; i++) { /* who does not say hello is not there */
        rollout->members[i].online = sim->nodes[i].online;
        rollout->members[i].dark_ms = sim->nodes[i].online ? 0 : sim->now_ms;
    }
    rollout_resume (rollout);
    for (uint32_t i = 0; i < sim->n_nodes; i++)
        tell_again (sim, i);
}

/*  --- what is told to nodes ---------------------------------------------------------------------------- */

static void order (struct sim *sim, uint32_t i, bool back)
{
    struct node *node = &sim->nodes[i];
    CHECK (sim,
           node->ordered == 0 || node->reported || node->cancelled || node->retried || node->back != back,
           "node %u is told to %s, and was told so before", i, back ? "go back" : "update");
    node->ordered = ++sim->orders;
    node->back = back;
    node->cancelled = node->reported = node->retried = false;
    push (sim, 1 + below (sim, 3 * SECOND), TELL, i, node->ordered);
}

static void check_step (struct sim *sim, const struct rollout_action *action, enum wire_phase phase,
                        bool paused)
{
    const struct rollout *rollout = &sim->rollout;
    const struct rollout_member *member = &rollout->members[action->member];
    const struct rollout_wave *wave = &rollout->waves[rollout->wave];
    bool retried = member->wave < rollout->wave; /* by a person, in a wave that is over */
    if (action->kind == ROLLOUT_ORDER && member->revert_ms == 0 && !retried) {
        CHECK (sim, phase == WIRE_PHASE_UPDATING && rollout->phase == WIRE_PHASE_UPDATING,
               "node %u is begun with while the rollout is %s", action->member, wire_phase_word (phase));
        CHECK (sim, !paused, "node %u is begun with while the rollout is paused", action->member);
        CHECK (sim, rollout_window_opens_ms (sim->spec.window, sim->wall_ms + sim->now_ms) == 0,
               "node %u is begun with outside of the window", action->member);
        CHECK (sim, member->wave <= rollout->wave, "node %u is begun with before its wave", action->member);
        CHECK (sim, sim->now_ms >= member->start_ms + rollout->stopped_ms, "node %u is begun with too early",
               action->member);
        CHECK (sim, sim->spec.concurrency == 0 || wave->under_way <= sim->spec.concurrency,
               "%u nodes are under way", wave->under_way);
    }
    if (rollout->phase == WIRE_PHASE_UPDATING || rollout->phase == WIRE_PHASE_SOAKING) {
        CHECK (sim, wave->charged + wave->already_bad <= rollout->spec.wave_budget,
               "wave %u goes on over its budget", rollout->wave);
        CHECK (sim, rollout->charged <= rollout->spec.budget, "it goes on over its budget");
    }
    if (rollout->phase == WIRE_PHASE_DONE)
        for (uint32_t i = 0; i < sim->n_nodes; i++)
            CHECK (sim,
                   rollout->members[i].state != WIRE_MEMBER_WAITING &&
                       rollout->members[i].state != WIRE_MEMBER_ORDERED,
                   "it is done, and node %u is %s", i, wire_member_word (rollout->members[i].state));
}

static bool any_updated (const struct sim *sim, uint32_t wave)
{
    for (uint32_t i = 0; i < sim->n_nodes; i++)
        if (sim->rollout.members[i].wave == wave && sim->rollout.members[i].state == WIRE_MEMBER_UPDATED)
            return true;
    return false;
}

/*  Carries out what the machine wants. The broker may die before any of its transactions. */
static uint64_t carry_out (struct sim *sim)
{
    for (unsigned i = 0;; i++) {
        CHECK (sim, i < 20 * NODES_MOST, "the machine does not come to rest");
        enum wire_phase phase = sim->rollout.phase;
        bool paused = sim->rollout.paused;
        uint32_t wave = sim->rollout.wave;
        struct rollout_action action = rollout_next (&sim->rollout, sim->now_ms, sim->wall_ms + sim->now_ms);
        bool goes_on = sim->rollout.phase == WIRE_PHASE_UPDATING || sim->rollout.phase == WIRE_PHASE_APPROVAL;
        CHECK (sim, !goes_on || sim->rollout.wave == wave || any_updated (sim, wave),
               "wave %u is left, and none of its nodes is updated", wave);
        if (chance (sim, 0.002)) { /* before it was kept, and so before it was told */
            restart (sim);
            continue;
        }
        if (action.kind == ROLLOUT_WAIT) {
            keep (sim);
            return action.until_ms;
        }
        if (action.kind == ROLLOUT_TURN) {
            keep (sim);
            continue;
        }
        if (sim->verbose)
            printf ("%10.1f %s, wave %u: %u -> %s (%d)\n", (double) sim->now_ms / 1000,
                    wire_phase_word (sim->rollout.phase), sim->rollout.wave, action.member,
                    wire_member_word (sim->rollout.members[action.member].state), action.kind);
        if (phase == sim->rollout.phase || action.kind != ROLLOUT_ORDER)
            check_step (sim, &action, phase, paused);
        keep (sim);
        if (action.kind == ROLLOUT_ORDER || action.kind == ROLLOUT_BACK)
            order (sim, action.member, action.kind == ROLLOUT_BACK);
        else if (action.kind == ROLLOUT_CANCEL)
            sim->nodes[action.member].cancelled = true;
    }
}

/*  --- nodes --------------------------------------------------------------------------------------------- */

static void report (struct sim *sim, uint32_t i)
{
    const struct node *node = &sim->nodes[i];
    if (chance (sim, sim->p_lost))
        push (sim, 10 * SECOND + below (sim, MINUTE), REPORT, i, node->obeyed); /* sent again */
    else
        push (sim, 1 + below (sim, SECOND), REPORT, i, node->obeyed);
    if (chance (sim, 0.1))
        push (sim, below (sim, 20 * SECOND), REPORT, i, node->obeyed); /* doubled, and late */
}

/*  A node asks for what is wanted; lost answers are asked for again. */
static void on_tell (struct sim *sim, const struct event *event)
{
    struct node *node = &sim->nodes[event->node];
    if (event->number != node->ordered || node->obeyed == node->ordered)
        return;
    if (!node->online || chance (sim, sim->p_lost)) {
        push (sim, 20 * SECOND + below (sim, 20 * SECOND), TELL, event->node, event->number);
        return;
    }
    node->obeyed = node->ordered;
    node->ended = false;
    push (sim, node->back ? 100 + below (sim, 2 * SECOND) : SECOND + below (sim, 30 * SECOND), END,
          event->node, event->number);
}

static void on_end (struct sim *sim, const struct event *event)
{
    struct node *node = &sim->nodes[event->node];
    if (event->number != node->obeyed || node->ended)
        return;
    node->ended = true;
    node->failed = !node->back && chance (sim, sim->p_fail);
    if (!node->failed && !(node->cancelled && !node->back && chance (sim, 0.5)))
        node->runs_release = !node->back;
    else
        node->failed = true;
    report (sim, event->node);
    if (!node->back && node->runs_release && chance (sim, sim->p_dark))
        push (sim, SECOND + below (sim, 5 * MINUTE), SILENT, event->node, 0);
}

static void tell_result (struct sim *sim, uint32_t i)
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
        return; /* of an order before: the broker knows by its epoch */
    tell_result (sim, event->node);
}

static void tell_again (struct sim *sim, uint32_t i)
{
    const struct node *node = &sim->nodes[i];
    if (node->reported && node->obeyed == node->ordered && node->ended)
        tell_result (sim, i);
}

static void set_online (struct sim *sim, uint32_t i, bool online)
{
    sim->nodes[i].online = online;
    rollout_heard (&sim->rollout, i, online, sim->now_ms);
}

static void on_person (struct sim *sim)
{
    char text[ROLLOUT_REASON];
    enum wire_command command = (enum wire_command) (1 + below (sim, WIRE_COMMAND_END - 1));
    if (command == WIRE_COMMAND_ABORT && chance (sim, 0.8))
        command = WIRE_COMMAND_APPROVE;
    uint32_t node = (uint32_t) below (sim, sim->n_nodes);
    int rc = rollout_command (&sim->rollout, command, node, sim->now_ms, text);
    sim->nodes[node].retried |= rc == 0 && command == WIRE_COMMAND_RETRY;
    push (sim, below (sim, 20 * MINUTE), PERSON, 0, 0);
}

/*  --- a run --------------------------------------------------------------------------------------------- */

static void make_spec (struct sim *sim)
{
    static char application[] = "noded";
    struct wire_rollout *spec = &sim->spec;
    *spec = (struct wire_rollout){.application = application, .waves = sim->waves};
    spec->n_waves = 1 + below (sim, 5);
    for (size_t i = 0; i < spec->n_waves; i++)
        sim->waves[i] = (struct wire_wave){.approval = chance (sim, 0.2)};
    spec->concurrency = chance (sim, 0.5) ? 1 + below (sim, 10) : 0;
    spec->soak_ms = below (sim, 10 * MINUTE);
    spec->wave_budget = chance (sim, 0.5) ? below (sim, 5) : below (sim, NODES_MOST);
    spec->budget = spec->wave_budget + below (sim, NODES_MOST);
    spec->node_deadline_ms = 2 * MINUTE + below (sim, 30 * MINUTE);
    spec->wave_deadline_ms = HOUR + below (sim, 5 * HOUR);
    spec->spread_ms = chance (sim, 0.3) ? below (sim, HOUR) : 0;
    spec->on_halt = chance (sim, 0.5) ? WIRE_ON_HALT_REVERT : WIRE_ON_HALT_STAY;
    spec->rehearse_revert = chance (sim, 0.3);
    spec->revert_limit_ms = chance (sim, 0.2) ? SECOND : 0;
    if (chance (sim, 0.2)) {
        uint64_t from = below (sim, 24 * 60);
        sim->window = (struct wire_window){.from = from, .until = (from + 60 + below (sim, 600)) % (24 * 60)};
        spec->window = &sim->window;
    }
}

static void begin (struct sim *sim)
{
    sim->now_ms = 24 * HOUR;
    sim->wall_ms = WALL + below (sim, 7 * 24 * HOUR);
    make_spec (sim);
    sim->n_nodes = (uint32_t) (sim->spec.n_waves + below (sim, NODES_MOST - sim->spec.n_waves));
    static const double failing[] = {0, 0, 0, 0.01, 0.1, 0.5, 1};
    sim->p_fail = failing[below (sim, 7)];
    sim->p_dark = failing[below (sim, 5)];
    sim->p_lost = failing[below (sim, 6)];
    uint32_t groups = 1 + (uint32_t) below (sim, 4);
    for (uint32_t i = 0; i < sim->n_nodes; i++) {
        sim->nodes[i] = (struct node){.online = !chance (sim, 0.03)};
        sim->candidates[i] =
            (struct rollout_candidate){.wave = (uint32_t) ((uint64_t) i * sim->spec.n_waves / sim->n_nodes),
                                       .neighbours = (uint32_t) below (sim, groups),
                                       .online = sim->nodes[i].online};
        if (!sim->nodes[i].online && chance (sim, 0.7))
            push (sim, below (sim, HOUR), HEARD, i, 0);
    }
    int rc = rollout_init (&sim->rollout, &sim->spec, sim->candidates, sim->n_nodes, groups, sim->now_ms);
    CHECK (sim, rc == 0, "rollout_init: %d", rc);
    keep (sim);
    if (chance (sim, 0.4))
        push (sim, below (sim, 10 * MINUTE), PERSON, 0, 0);
    if (chance (sim, 0.5))
        push (sim, below (sim, HOUR), CRASH, 0, 0);
    for (uint64_t i = below (sim, 4); i > 0; i--)
        push (sim, below (sim, 6 * HOUR), CLOCK, 0, 0);
    for (uint64_t i = below (sim, 6); i > 0; i--) { /* the network goes, for everybody or for some */
        uint64_t at = below (sim, 3 * HOUR), lasts = below (sim, 20 * MINUTE);
        double share = chance (sim, 0.5) ? 1 : 0.3;
        for (uint32_t node = 0; node < sim->n_nodes; node++)
            if (chance (sim, share)) {
                push (sim, at, SILENT, node, 0);
                push (sim, at + lasts, HEARD, node, 0);
            }
    }
    /* What a person pauses for ever never ends; a person who comes by now and then resumes. */
    sim->limit_ms = sim->now_ms + 60 * 24 * HOUR;
}

static bool at_rest (const struct sim *sim)
{
    return rollout_is_over (&sim->rollout) || sim->rollout.phase == WIRE_PHASE_HALTED ||
           (sim->rollout.paused && sim->n_events == 0);
}

static void happen (struct sim *sim, const struct event *event)
{
    switch (event->what) {
    case TELL:
        on_tell (sim, event);
        break;
    case END:
        on_end (sim, event);
        break;
    case SILENT:
        set_online (sim, event->node, false);
        if (chance (sim, 0.5))
            push (sim, below (sim, HOUR), HEARD, event->node, 0);
        break;
    case HEARD:
        set_online (sim, event->node, true);
        break;
    case REPORT:
        on_report (sim, event);
        break;
    case PERSON:
        on_person (sim);
        break;
    case CRASH:
        restart (sim);
        break;
    case CLOCK: /* somebody sets it: by hours, or to anything */
        sim->wall_ms = WALL + below (sim, chance (sim, 0.5) ? 12 * HOUR : 800 * 24 * HOUR);
        break;
    }
}

static enum wire_phase run (uint64_t seed, bool verbose)
{
    static struct sim sim;
    sim = (struct sim){.seed = seed, .random = seed, .verbose = verbose};
    begin (&sim);
    for (unsigned step = 0;; step++) {
        CHECK (&sim, step < STEPS_MOST && sim.now_ms < sim.limit_ms,
               "it does not end: it is %s, wave %u of %u%s", wire_phase_word (sim.rollout.phase),
               sim.rollout.wave + 1, sim.rollout.n_waves, sim.rollout.paused ? ", paused" : "");
        uint64_t until_ms = carry_out (&sim);
        if (at_rest (&sim) && sim.rollout.under_way == 0)
            break;
        if (sim.n_events && sim.events[0].at_ms <= until_ms) {
            struct event event = pop (&sim);
            sim.now_ms = event.at_ms;
            happen (&sim, &event);
        } else {
            CHECK (&sim, until_ms != UINT64_MAX,
                   "it waits for nothing: it is %s, wave %u of %u, %u under way",
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
        ends[run (seed + i, verbose)]++;
    printf ("%" PRIu64 " rollouts from seed %" PRIu64 ":", runs, seed);
    for (unsigned i = 1; i < WIRE_PHASE_END; i++)
        if (ends[i])
            printf (" %" PRIu64 " %s", ends[i], wire_phase_word ((enum wire_phase) i));
    printf ("\n");
    return 0;
}
