/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/second_kind.c - a noded that manages a second application, named "second"

    A candidate is probed by running it with the argument "probe". A version is started as a child of this
    process. So a story shows that two kinds of applications are updated beside each other. */

#include <signal.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "node/application.h"

__typeof__ (node_kinds) __real_node_kinds, __wrap_node_kinds;

struct second {
    struct base_process process; /* the running version */
    struct base_process probe;
    struct bus_work *probing;
    int status; /* of the probe */
};

static int program_start (const struct node_application *app, const char *workspace, const char *argument,
                          struct base_process *ret_process)
{
    base_cleanup (base_free_p) char *path =
        base_text_printf ("%s/%s/" ROOT_PROGRAM, app->root->path, workspace);
    const char *const args[] = {path, argument, NULL};
    struct base_process_spec spec = {.program = path,
                                     .args = base_list_const (args),
                                     .death_signal = SIGKILL,
                                     .standard_fds = {-1, -1, -1}};
    struct base_error error;
    return path ? base_process_spawn (&spec, ret_process, &error) : -1;
}

static int probe_await (void *context)
{
    struct second *own = ((struct node_application *) context)->own;
    struct base_process_end end = {.exited = false};
    (void) base_process_wait (&own->probe, BASE_WAIT_FOR_END, &end);
    return end.exited ? end.code : -1;
}

static void on_probed (void *context, int result)
{
    struct node_application *app = context;
    struct second *own = app->own;
    own->probing = bus_work_free (own->probing);
    if (result)
        node_fail (app, UPDATE_EVENT_BLAMED, "the probe ended with status %d", result);
    else
        node_event (app, UPDATE_EVENT_DONE);
}

static void second_probe (struct node_application *app)
{
    struct second *own = app->own;
    if (program_start (app, app->order.workspace, "probe", &own->probe) ||
        bus_work_start (app->process->loop, probe_await, on_probed, app, &own->probing))
        node_fail (app, UPDATE_EVENT_FAILED, "the probe cannot be started");
}

static void second_probe_abort (struct node_application *app)
{
    struct second *own = app->own;
    if (own->probing)
        (void) base_process_signal (&own->probe, SIGKILL);
    own->probing = bus_work_free (own->probing);
}

static void second_restart (struct node_application *app)
{
    struct second *own = app->own;
    char stable[ROOT_NAME_SIZE];
    base_process_deinit (&own->process);
    if (root_link (app->root, ROOT_STABLE, stable) == 0)
        (void) program_start (app, stable, "run", &own->process);
    node_application_restarted (app);
}

static void second_close (struct node_application *app)
{
    struct second *own = app->own;
    second_probe_abort (app);
    base_process_deinit (&own->process);
}

static const struct node_kind_ops second_ops = {.probe = second_probe,
                                                .probe_abort = second_probe_abort,
                                                .restart = second_restart,
                                                .prove = node_trial_begin,
                                                .prove_end = node_trial_end,
                                                .close = second_close};

static const struct node_kind second = {
    .application = "second", .own_size = sizeof (struct second), .ops = &second_ops};

const struct node_kind *const *__wrap_node_kinds (void)
{
    static const struct node_kind *const kinds[] = {&node_kind_manager, &second, NULL};
    return kinds;
}
