/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/rollouts.c - the built nodectl against a broker in a thread: rollouts and labels */

#include "../client/fake_broker.h"
#include "printed.h"
#include "program.h"

#include <pty.h>
#include <sys/ioctl.h>

#define HASH "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffff0000000011111111"

static struct fake_broker broker;
static struct wire_wave waves[2];
static struct wire_rollout spec;
static struct wire_wave_state states[2];
static struct wire_plan plan;
static struct wire_rollout_state rollouts[2];
static struct wire_member_state members[4];
static struct wire_transition transitions[2];
static struct wire_cause cause;
static struct wire_node node;
static struct wire_order_result ordered;
static size_t lists; /* lists of rollouts sent so far */
static size_t over;  /* the list that shows the first rollout as done; 0: none */
static size_t mute;  /* requests that stay without an answer after the second list */

/*  The last request, except for those for rollouts, members and history. */
static struct {
    const struct wire_record *record;
    enum wire_command command;
    uint64_t wave, soak_ms;
    size_t n_nodes, n_labels, n_waves;
    bool has_plan, has_release, has_user, removes;
    char rollout[64], selector[64];
} last;

static void spec_note (const struct wire_rollout *noted)
{
    last.soak_ms = noted->soak_ms;
    last.n_waves = noted->n_waves;
    last.has_release = !base_digest_is_null (&noted->release);
    (void) snprintf (last.selector, sizeof last.selector, "%s", noted->selector ? noted->selector : "");
}

static void request_note (const struct fake_request *request)
{
    const char *user = fake_head (request).user;
    last.record = request->record;
    last.has_user = user && strchr (user, '@');
    if (request->record == &wire_steer_rollout_record) {
        const struct wire_steer_rollout *steer = request->body;
        last.command = steer->command;
        last.wave = steer->wave;
        last.n_nodes = steer->n_nodes;
        (void) snprintf (last.rollout, sizeof last.rollout, "%s", steer->rollout);
    } else if (request->record == &wire_label_nodes_record) {
        const struct wire_label_nodes *label = request->body;
        last.n_nodes = label->n_nodes;
        last.n_labels = label->n_labels;
        last.removes = label->n_labels && !label->labels[label->n_labels - 1].value;
    } else if (request->record == &wire_start_rollout_record) {
        const struct wire_start_rollout *start = request->body;
        last.has_plan = !base_digest_is_null (&start->plan);
        spec_note (start->spec);
    } else if (request->record == &wire_plan_rollout_record)
        spec_note (((const struct wire_plan_rollout *) request->body)->spec);
    else if (request->record == &wire_list_nodes_record) {
        const struct wire_list_nodes *list = request->body;
        (void) snprintf (last.selector, sizeof last.selector, "%s", list->selector ? list->selector : "");
    }
}

static bool rollouts_list (const struct wire_list_rollouts *request, struct wire_rollouts *answer)
{
    if (lists == 2 && mute && mute--)
        return false;
    if (++lists == over) {
        rollouts[0].phase = WIRE_PHASE_DONE;
        rollouts[0].over = true;
        states[1].updated = 2;
        states[1].under_way = 0;
    }
    answer->rollouts = rollouts;
    answer->n_rollouts = request->rollout ? 1 : 2;
    answer->revision = lists;
    return true;
}

static void nodes_list (const struct wire_list_nodes *request, struct wire_nodes *answer)
{
    if (request->n_nodes && strcmp (request->nodes[0], "web-1") != 0) {
        answer->status = WIRE_STATUS_NONE;
        return;
    }
    answer->nodes = &node;
    answer->n_nodes = 1;
}

static bool rollouts_answer (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    const struct wire_record *record = request->record;
    (void) fake;
    if (record == &wire_list_rollouts_record)
        return rollouts_list (request->body, ret_answer);
    if (record == &wire_list_members_record) {
        struct wire_members *answer = ret_answer;
        answer->members = members;
        answer->n_members = 4;
        return true;
    }
    if (record == &wire_list_transitions_record) {
        struct wire_transitions *answer = ret_answer;
        answer->transitions = transitions;
        answer->n_transitions = 2;
        return true;
    }
    request_note (request);
    if (record == &wire_plan_rollout_record)
        ((struct wire_planned *) ret_answer)->plan = &plan;
    else if (record == &wire_start_rollout_record)
        ((struct wire_started *) ret_answer)->rollout = rollouts;
    else if (record == &wire_steer_rollout_record)
        ((struct wire_steered *) ret_answer)->rollout = rollouts;
    else if (record == &wire_list_nodes_record)
        nodes_list (request->body, ret_answer);
    else if (record == &wire_label_nodes_record) {
        struct wire_orders *answer = ret_answer;
        answer->orders = &ordered;
        answer->n_orders = 1;
    }
    return true;
}

static void setup (void)
{
    static struct wire_label labels[] = {{.name = "role", .value = "web", .own = true},
                                         {.name = "zone", .value = "eu-1"}};
    static const char time[] = "2026-11-22T15:00:00.000000000Z";
    waves[0] = (struct wire_wave){.count = 1};
    waves[1] = (struct wire_wave){.percent = 100, .approval = true};
    spec = (struct wire_rollout){.application = "noded",
                                 .release = {{0x3f, 0x2a, 0x9c}},
                                 .waves = waves,
                                 .n_waves = 2,
                                 .soak_ms = 30000,
                                 .significance = 1};
    states[0] = (struct wire_wave_state){.count = 1, .updated = 1, .started = time, .ended = time};
    states[1] = (struct wire_wave_state){.count = 2, .updated = 1, .under_way = 1, .started = time};
    plan = (struct wire_plan){.spec = &spec,
                              .version = "2.0.0",
                              .updated = 3,
                              .skipped = 1,
                              .waves = states,
                              .n_waves = 2,
                              .bytes = 3 << 20,
                              .expected_ms = 70000};
    cr_assert_eq (base_digest_parse (HASH, &plan.hash), 0);
    rollouts[0] = (struct wire_rollout_state){.id = "r-1a2b3c",
                                              .spec = &spec,
                                              .version = "2.0.0",
                                              .plan = plan.hash,
                                              .started = time,
                                              .phase = WIRE_PHASE_UPDATING,
                                              .since = time,
                                              .wave = 2,
                                              .waves = states,
                                              .n_waves = 2,
                                              .waiting_for = "1 node under way",
                                              .revision = 1};
    rollouts[1] = rollouts[0];
    rollouts[1].id = "r-1a9999";
    rollouts[1].phase = WIRE_PHASE_ABORTED;
    rollouts[1].over = true;
    rollouts[1].reason = "aborted by an operator";
    members[0] = (struct wire_member_state){.node = "web-3", .wave = 1, .state = WIRE_MEMBER_UPDATED};
    members[1] = (struct wire_member_state){.node = "web-1", .wave = 2, .state = WIRE_MEMBER_UPDATED};
    members[2] = (struct wire_member_state){.node = "web-2", .wave = 2, .state = WIRE_MEMBER_ORDERED};
    members[3] =
        (struct wire_member_state){.node = "web-4", .state = WIRE_MEMBER_EXCLUDED, .reason = "offline"};
    transitions[0] = (struct wire_transition){
        .serial = 1, .rollout = rollouts[0].id, .time = time, .phase = WIRE_PHASE_UPDATING, .wave = 1};
    transitions[1] = (struct wire_transition){.serial = 2,
                                              .rollout = rollouts[0].id,
                                              .time = time,
                                              .phase = WIRE_PHASE_UPDATING,
                                              .wave = 2,
                                              .command = WIRE_COMMAND_APPROVE,
                                              .user = "ann@desk"};
    node = (struct wire_node){.id = "web-1", .labels = labels, .n_labels = 2};
    ordered = (struct wire_order_result){.node = "web-1", .status = WIRE_STATUS_OK};
    lists = over = mute = 0;
    broker = (struct fake_broker){.answer = rollouts_answer};
    fake_start (&broker);
}

static void teardown (void)
{
    fake_end (&broker);
}

TestSuite (rollouts, .init = setup, .fini = teardown, .timeout = 60);

static void expect_run (const char *const *words, int code, const char *out, const char *err)
{
    expect_program (words, broker.origin, code, out, err);
}

Test (rollouts, a_plan_shows_the_nodes_of_each_wave_and_the_skipped_ones)
{
    struct run got =
        run_program (WORDS ("rollout", "plan", "--soak", "1m", "--select", "web-*"), broker.origin);
    cr_expect_eq (got.code, 0);
    cr_expect_str_empty (got.err);
    IN_ORDER (got.out, "noded 2.0.0 (3f2a9c000000) to 3 nodes in 2 waves\n", "wave 1: 1 node: web-3\n",
              "wave 2: 2 nodes, once approved: web-1, web-2\n", "1 node skipped (offline): web-4\n");
    free (got.out);
    free (got.err);
    cr_expect_eq (last.record, &wire_plan_rollout_record);
    cr_expect_eq (last.soak_ms, 60000);
    cr_expect_eq (last.n_waves, 3, "the default");
    cr_expect_str_eq (last.selector, "web-*");
    cr_expect (!last.has_release, "the broker chooses the newest release");
    expect_run (WORDS ("rollout", "plan", "--soak", "1m", "--approval", "--select", "a b"), 0,
                "nodectl rollout start --release 3f2a9c000000 --soak 1m --approval --select 'a b' --plan "
                "aaaaaaaabbbb\n",
                NULL);
    expect_run (WORDS ("rollout", "plan", "--json"), 0, "\"members\": [\n    {\n", NULL);
    expect_run (WORDS ("rollout", "plan"), 0, "download   3.0 MiB at most", NULL);
}

Test (rollouts, a_rollout_is_followed_to_its_end)
{
    over = 2;
    expect_run (WORDS ("rollout", "start"), 0, "done: 3 of 3 updated, 0 failed\n", NULL);
    cr_expect (last.record == &wire_start_rollout_record && last.has_release && last.has_user &&
               !last.has_plan);
    rollouts[0].phase = WIRE_PHASE_UPDATING;
    rollouts[0].over = false;
    lists = 0;
    expect_run (WORDS ("update", "--all", "--soak", "2s"), 0, "done: 3 of 3 updated, 0 failed\n", NULL);
    cr_expect (last.record == &wire_start_rollout_record && last.soak_ms == 2000);
}

Test (rollouts, a_broker_that_is_silent_for_a_while_does_not_end_the_command)
{
    char path[] = "/tmp/nodectl-settings-XXXXXX";
    static const char settings[] = "client\n    timeout = 100ms\n";
    int fd = mkostemp (path, O_CLOEXEC);
    cr_assert_geq (fd, 0);
    cr_assert_eq (write (fd, settings, sizeof settings - 1), (ssize_t) sizeof settings - 1);
    close (fd);
    over = 3;
    mute = 1;
    expect_run (WORDS ("rollout", "status", "--follow", "--config", path), 0,
                "done: 3 of 3 updated, 0 failed\n", "does not answer; still trying");
    (void) unlink (path);
}

Test (rollouts, only_the_plan_that_was_shown_is_started)
{
    expect_run (WORDS ("rollout", "start", "--no-wait", "--plan", "aaaaaaaabb"), 0, "rollout r-1a2b3c: noded",
                NULL);
    cr_expect (last.record == &wire_start_rollout_record && last.has_plan);
    last.record = NULL;
    expect_run (WORDS ("rollout", "start", "--plan", "aaaaaaaacc"), 1, NULL, "has changed");
    expect_run (WORDS ("rollout", "start", "--plan", "aaa"), 2, NULL, "the first 6 digits");
    cr_expect_neq (last.record, &wire_start_rollout_record);
}

Test (rollouts, a_rollout_without_nodes_succeeds_only_if_all_run_the_release)
{
    plan.updated = 0;
    for (size_t i = 0; i < 4; i++)
        members[i] = (struct wire_member_state){
            .node = "web-1", .state = WIRE_MEMBER_EXCLUDED, .reason = "runs the release already"};
    expect_run (WORDS ("rollout", "start"), 0, "runs the release already", NULL);
    members[3].reason = "offline";
    expect_run (WORDS ("rollout", "start"), 1, "1 node skipped (offline): web-1", "nothing to do");
    cr_expect_neq (last.record, &wire_start_rollout_record);
}

Test (rollouts, a_halt_ends_the_command_and_prints_the_possible_actions)
{
    static const char *const nodes[] = {"web-2", NULL};
    cause = (struct wire_cause){
        .step = "probing/readiness", .reason = "it ended\033[2J", .count = 1, .nodes = nodes, .n_nodes = 1};
    rollouts[0].phase = WIRE_PHASE_HALTED;
    rollouts[0].reason = "wave 2 has more bad nodes than its budget allows";
    rollouts[0].causes = &cause;
    rollouts[0].n_causes = 1;
    expect_run (WORDS ("rollout", "status", "r-1a2b", "--follow"), 1,
                "  failed: web-2, in probing/readiness: it ended\\x1b[2J\n", NULL);
    expect_run (
        WORDS ("rollout", "status", "r-1a2", "--follow"), 1,
        "  action required: nodectl rollout resume r-1a2b3c continues, revert r-1a2b3c reverts updated",
        NULL);
    /*  A rollout that reverts by itself is still followed. */
    spec.on_halt = WIRE_ON_HALT_REVERT;
    expect_run (WORDS ("rollout", "status", "--follow", "--timeout", "300ms"), 3, "halted in wave 2 of 2",
                "continues");
}

Test (rollouts, forgiven_nodes_are_shown_and_an_unproven_wave_can_be_passed_by_approval)
{
    states[0].count = 2;
    states[0].forgiven = 1;
    rollouts[0].phase = WIRE_PHASE_HALTED;
    rollouts[0].unproven = true;
    members[1].state = WIRE_MEMBER_FAILED;
    members[1].forgiven = true;
    expect_run (WORDS ("rollout", "status", "r-1a2b3c", "--nodes"), 0, "1 updated, 1 forgiven", NULL);
    expect_run (WORDS ("rollout", "status", "r-1a2b3c", "--nodes"), 0,
                "failed nodes: 0, 0 allowed; 1 forgiven", NULL);
    expect_run (WORDS ("rollout", "status", "r-1a2b3c", "--nodes"), 0, "failed (forgiven)", NULL);
    expect_run (WORDS ("rollout", "approve", "r-1a2b3c"), 0, "rollout r-1a2b3c", NULL);
    cr_expect_eq (last.wave, 3, "the next wave is approved");
}

/*  Runs nodectl on a terminal of this size. Returns its output, on the heap. */
static char *run_on_terminal (unsigned short rows, unsigned short columns, int *ret_code)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    struct base_buffer text = {.size = 0};
    char path[PATH_MAX], piece[4096];
    ssize_t length = readlink ("/proc/self/exe", path, sizeof path - 16);
    int master, status;
    cr_assert_gt (length, 0);
    path[length] = '\0';
    (void) snprintf (strrchr (path, '/'), 16, "/../nodectl");
    pid_t pid = forkpty (&master, NULL, NULL, &size);
    cr_assert_geq (pid, 0);
    if (pid == 0) {
        (void) execl (path, path, "--broker", broker.origin, "rollout", "status", "--follow", NULL);
        _exit (126);
    }
    while ((length = read (master, piece, sizeof piece)) > 0)
        cr_assert_eq (base_buffer_append (&text, piece, (size_t) length), 0);
    close (master);
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    *ret_code = WIFEXITED (status) ? WEXITSTATUS (status) : -1;
    return base_buffer_take_text (&text);
}

Test (rollouts, on_a_terminal_only_changed_lines_are_redrawn)
{
    int code;
    over = 3;
    char *text = run_on_terminal (20, 60, &code);
    cr_expect_eq (code, 0);
    cr_expect_not_null (
        strstr (text, "rollout r-1a2b3c: noded 2.0.0 (3f2a9c000000)\033[K\r\n  updating wave 2 of 2 since "),
        "%s", text);
    /*  The cursor moves up. The first line and the first wave did not change. */
    cr_expect_not_null (strstr (text, "\033[6A\r\n  done since 2026-11-22 15:00:00Z\033[K\r\n\r\n"), "%s",
                        text);
    free (text);
}

Test (rollouts, a_rollout_is_named_by_a_prefix_of_its_id)
{
    expect_run (WORDS ("rollout", "status"), 0,
                "rollout r-1a2b3c: noded 2.0.0 (3f2a9c000000): updating wave 2", NULL);
    expect_run (WORDS ("rollout", "status", "r-1a9"), 0, "rollout r-1a9999", NULL);
    expect_run (WORDS ("rollout", "status", "r-1a"), 1, NULL, "2 rollouts start with r-1a");
    expect_run (WORDS ("rollout", "status", "r-77"), 1, NULL, "does not know rollout \"r-77\"");
    expect_run (WORDS ("rollout", "status", "1a2b3c"), 2, NULL,
                "\"1a2b3c\" is not a rollout: give its id (r- and");
    expect_run (WORDS ("rollout", "status", "r-1a2b3c", "--nodes"), 0, "2     web-2  ordered", NULL);
    expect_run (WORDS ("rollout", "status", "--json"), 0, "{\n  \"id\": \"r-1a2b3c\"", NULL);
    expect_run (WORDS ("rollout", "list"), 0, "r-1a9999  noded        2.0.0    aborted   2/2", NULL);
    expect_run (WORDS ("rollout", "list", "--json"), 0, "[\n  {\"id\":\"r-1a2b3c\"", NULL);
}

Test (rollouts, commands_apply_to_the_rollout_that_is_not_over)
{
    static const struct {
        const char *word;
        enum wire_command command;
    } commands[] = {{"pause", WIRE_COMMAND_PAUSE},
                    {"resume", WIRE_COMMAND_RESUME},
                    {"abort", WIRE_COMMAND_ABORT},
                    {"approve", WIRE_COMMAND_APPROVE}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        last.wave = 99;
        expect_run (WORDS ("rollout", commands[i].word), 0, "rollout r-1a2b3c", NULL);
        cr_expect (last.record == &wire_steer_rollout_record && last.command == commands[i].command);
        cr_expect_str_eq (last.rollout, "r-1a2b3c");
        cr_expect_eq (last.wave, commands[i].command == WIRE_COMMAND_APPROVE ? 2 : 0);
    }
    expect_run (WORDS ("rollout", "retry", "r-1a2", "web-2", "web-3"), 0, "rollout r-1a2b3c", NULL);
    cr_expect_eq (last.n_nodes, 2);
    expect_run (WORDS ("rollout", "retry", "r-1a2"), 0, "rollout r-1a2b3c", NULL);
    cr_expect_eq (last.n_nodes, 0, "the broker chooses the nodes to retry");
    expect_run (WORDS ("rollout", "retry", "a"), 0, "rollout r-1a2b3c", NULL);
    cr_expect_eq (last.n_nodes, 1, "a word without r- is a node");
    rollouts[1].over = false;
    expect_run (WORDS ("rollout", "abort"), 2, NULL, "name a rollout: 2 have not ended");
    rollouts[0].over = rollouts[1].over = true;
    expect_run (WORDS ("rollout", "abort"), 1, NULL,
                "no rollout is under way: the newest, r-1a2b3c, has ended (updating)");
}

Test (rollouts, a_revert_is_followed_until_all_nodes_are_reverted)
{
    rollouts[0].phase = WIRE_PHASE_REVERTED;
    rollouts[0].over = true;
    states[0].updated = states[1].updated = 0;
    states[0].reverted = states[1].reverted = 1;
    expect_run (WORDS ("rollout", "revert", "r-1a2"), 0, "reverted", NULL);
    cr_expect_eq (last.command, WIRE_COMMAND_REVERT);
    states[0].updated = 1;
    expect_run (WORDS ("rollout", "revert", "r-1a2"), 1, "reverted", NULL);
}

Test (rollouts, why_prints_the_history_and_the_reason_for_waiting)
{
    expect_run (WORDS ("why", "r-1a2b3c"), 0,
                "  2026-11-22 15:00:00Z  updating wave 2 (approve by ann@desk)\n\nNow: "
                "rollout r-1a2b3c",
                NULL);
    expect_run (WORDS ("why", "r-1a2"), 0, "  waits for 1 node under way\n", NULL);
    expect_run (WORDS ("why", "r-1a2b3c", "--json"), 0, "[\n  {\"serial\":1", NULL);
}

Test (rollouts, labels_are_set_removed_and_listed)
{
    expect_run (WORDS ("label", "web-1", "role=db", "zone-"), 0, "web-1  labelled\n", NULL);
    cr_expect (last.record == &wire_label_nodes_record && last.n_labels == 2 && last.removes &&
               last.has_user);
    expect_run (
        WORDS ("label", "web-1"), 0,
        "NODE   LABEL  VALUE  SET\nweb-1  role   web    on the node\nweb-1  zone   eu-1   by an operator\n",
        NULL);
    expect_run (WORDS ("label", "web-1", "--json"), 0, "\"name\":\"role\"", NULL);
    expect_run (WORDS ("label", "--select", "role=web", "x=y"), 0, "web-1  labelled\n", NULL);
    cr_expect_eq (last.n_nodes, 1);
    expect_run (WORDS ("label", "web-1", "role"), 2, NULL,
                "\"role\" is not a label: give NAME=VALUE, or NAME-");
    expect_run (WORDS ("label", "web-1", "role="), 2, NULL, "role- removes it");
    expect_run (WORDS ("label"), 2, NULL, "name a node");
    ordered.status = WIRE_STATUS_INVALID;
    ordered.reason = "no such name";
    expect_run (WORDS ("label", "web-1", "a=b"), 1, "0 of 1", "web-1: no such name");
}

Test (rollouts, nodes_are_selected_by_labels)
{
    expect_run (WORDS ("nodes", "--select", "role=web"), 0, "web-1", NULL);
    cr_expect_str_eq (last.selector, "role=web");
    expect_run (WORDS ("nodes", "web-1", "--select", "role=web"), 2, NULL, "not both");
}
