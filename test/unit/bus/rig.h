/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/rig.h - shared by the tests of sockets: a loop with a deadline, a fresh directory for ipc */

#ifndef TEST_BUS_RIG_H
#define TEST_BUS_RIG_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "bus/loop.h"
#include "bus/socket.h"
#include "test/lib/load.h"

#pragma GCC diagnostic ignored "-Wunused-function"

static struct bus_loop *loop;
static char directory[64];
static int deadline_timer;

static void rig_deadline (void *context)
{
    (void) context;
    cr_assert_fail ("the test's deadline has passed");
}

static void rig_setup (void)
{
    loop = bus_loop_new ();
    cr_assert_not_null (loop);
    deadline_timer = bus_timer_start (loop, load_deadline_ms (20000), rig_deadline, NULL);
    (void) snprintf (directory, sizeof directory, "/tmp/noded-test-XXXXXX");
    cr_assert_not_null (mkdtemp (directory));
}

static void rig_teardown (void)
{
    loop = bus_loop_free (loop);
    DIR *listing = opendir (directory);
    for (struct dirent *entry; listing && (entry = readdir (listing));)
        (void) unlinkat (dirfd (listing), entry->d_name, 0);
    if (listing)
        (void) closedir (listing);
    (void) rmdir (directory);
}

static const char *rig_ipc (const char *name)
{
    static char endpoint[8][128];
    static unsigned next;
    char *text = endpoint[next++ % 8];
    (void) snprintf (text, sizeof endpoint[0], "ipc://%s/%s", directory, name);
    return text;
}

static struct bus_socket *rig_socket (enum bus_kind kind, const struct bus_socket_options *options)
{
    struct base_error error = {0};
    struct bus_socket *made = NULL;
    cr_assert_eq (bus_socket_new (loop, kind, options, &made, &error), 0, "%s", error.text);
    return made;
}

static void rig_bind (struct bus_socket *socket, const char *endpoint)
{
    struct base_error error = {0};
    cr_assert_eq (bus_socket_bind (socket, endpoint, &error), 0, "%s", error.text);
}

static void rig_connect (struct bus_socket *socket, const char *endpoint)
{
    struct base_error error = {0};
    cr_assert_eq (bus_socket_connect (socket, endpoint, &error), 0, "%s", error.text);
}

static void rig_stop (void *context)
{
    (void) context;
    bus_loop_stop (loop);
}

/*  Runs the loop for ms milliseconds, to check that something does not happen. */
static void rig_run_for (uint64_t ms)
{
    bus_timer_start (loop, ms, rig_stop, NULL);
    cr_assert_eq (bus_loop_run (loop), 0);
}

static void rig_run (void)
{
    cr_assert_eq (bus_loop_run (loop), 0);
}

#endif
