/* SPDX-License-Identifier: MPL-2.0 */
/*  manager PROGRAM - starts a program as a node manager does. Exit status 0 only if the program announces itself
    in time, with its nonce and with its true pid, version, digest, arguments and environment */

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "bus/socket.h"

enum { DEADLINE_MS = 30000 };
static const char nonce[] = "0123456789abcdef0123456789abcdef";

struct manager {
    struct bus_loop *loop;
    struct base_process child;
    struct base_digest binary;
    bool good;
};

static void on_message (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct manager *manager = context;
    const struct wire_ready *ready = message->body;
    (void) socket;
    base_cleanup (base_free_p) char *json = wire_json (message->record, message->body, 0);
    manager->good = message->record == &wire_ready_record && strcmp (ready->nonce, nonce) == 0 &&
                    ready->pid == (uint64_t) manager->child.pid && ready->version &&
                    strcmp (ready->version, "1.2.3") == 0 &&
                    base_digest_equal (&ready->binary, &manager->binary) && ready->n_args == 1 &&
                    ready->n_env == 1;
    if (!manager->good)
        (void) fprintf (stderr, "manager: wrong announcement: %s\n", json ? json : "");
    bus_loop_stop (manager->loop);
}

static void on_deadline (void *context)
{
    struct manager *manager = context;
    (void) fprintf (stderr, "manager: the program did not announce itself in time\n");
    bus_loop_stop (manager->loop);
}

int main (int argc, char **argv)
{
    char directory[] = "/tmp/noded-manager-XXXXXX";
    if (argc != 2 || !mkdtemp (directory))
        return 2;
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/callback", directory);
    base_cleanup (base_free_p) char *endpoint = base_text_printf ("ipc://%s", path);
    base_cleanup (base_free_p) char *variable = base_text_printf ("NODED_READY=%s %s", endpoint, nonce);
    struct manager manager = {.loop = bus_loop_new (), .child = BASE_PROCESS_NULL};
    struct bus_socket_options options = {.on_message = on_message, .context = &manager, .quiet = true};
    struct base_process_spec spec = {.program = argv[1],
                                     .args = (char *[]){argv[1], NULL},
                                     .env = (char *[]){variable, NULL},
                                     .standard_fds = {-1, -1, -1}};
    struct bus_socket *socket = NULL;
    struct base_process_end end = {.exited = false};
    struct base_error error = {.code = 0};
    FILE *file = fopen (argv[1], "re");
    int rc = file ? base_digest_of_fd (fileno (file), &manager.binary, NULL) : -1;
    rc = rc ? rc : bus_socket_new (manager.loop, BUS_PULL, &options, &socket, &error);
    rc = rc ? rc : bus_socket_bind (socket, endpoint, &error);
    rc = rc ? rc : base_process_spawn (&spec, &manager.child, &error);
    if (!rc) {
        (void) bus_timer_start (manager.loop, DEADLINE_MS, on_deadline, &manager);
        (void) bus_loop_run (manager.loop);
        (void) base_process_wait (&manager.child, BASE_WAIT_FOR_END, &end);
    } else
        (void) fprintf (stderr, "manager: %s\n", error.text);
    if (file)
        (void) fclose (file);
    (void) bus_socket_free (socket);
    (void) bus_loop_free (manager.loop);
    (void) unlink (path);
    (void) rmdir (directory);
    return manager.good && end.exited && end.code == 0 ? 0 : 1;
}
