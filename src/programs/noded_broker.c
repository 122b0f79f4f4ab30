/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/noded_broker.c - the broker's program: options, setup, one loop */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/random.h"
#include "broker/broker.h"
#include "broker/verify.h"
#include "bus/keys.h"
#include "programs/program_bind.h"
#include "programs/program_options.h"
#include "programs/program_reload.h"
#include "programs/program_signals.h"

enum {
    FILES_A_NODE = 2, /* announce and control; a download needs a third for a while */
    FILES_FOR_FLEET = 512,
    PORT_FIRST = 10000, /* for --port 0, four in a row: below the ports that kernels assign */
    PORT_ROWS = 5500,
    PORT_TRIES = 50
};

enum { HEARTBEAT_MS = 15000, HEARTBEAT_LEAST_MS = 100 };

struct options {
    const char *root, *address, *restore;
    uint64_t port, heartbeat_ms, liveness_ms, new_nodes, nodes_most;
    struct broker_trash_rules trash;
    uint64_t scrub_ms;
    bool insecure, no_content, anew;
};

struct running {
    struct options options, again; /* as started; as read on SIGHUP */
    struct program_signals signals;
    struct program_reload reload;
    struct bus_settings *settings;
    struct bus_keyring keys;
    struct bus_admission *admission; /* of a broker without keys; NULL: everybody may connect */
    struct bus_loop *loop;
    struct broker *broker;
};

/*  The broker's own key, if it is not to be in its root. Its clients are in its records. */
static const char own_key_help[] =
    "  curve/secret-key-file  the broker's own key, instead of ROOT/broker.key: a certificate in the format of\n"
    "                         zcert_save_secret\n"
    "  curve/secret-key       or the keys themselves, 40 characters of Z85\n"
    "  curve/public-key\n";

static struct options options_default (void)
{
    return (struct options){.address = "127.0.0.1",
                            .port = WIRE_PORT_ANNOUNCE,
                            .heartbeat_ms = HEARTBEAT_MS,
                            .trash = BROKER_TRASH_RULES,
                            .scrub_ms = BROKER_SCRUB_MS};
}

static void running_deinit (struct running *running)
{
    running->broker = broker_free (running->broker);
    running->loop = bus_loop_free (running->loop);
    running->admission = bus_admission_free (running->admission);
    bus_keyring_deinit (&running->keys);
    running->settings = bus_settings_free (running->settings);
}

/*  Raises the limit of open files, and logs it. Returns the number of connections that there is room for. */
static unsigned files_check (void)
{
    uint64_t files = program_files_raise ();
    unsigned connections = program_connections (files);

    if (files < FILES_FOR_FLEET)
        base_log (BASE_LOG_WARNING,
                  "open files are limited to %llu: enough for %u nodes; raise the hard limit for more",
                  (unsigned long long) files, connections / FILES_A_NODE);
    else
        base_log (BASE_LOG_INFO, "open files are limited to %llu: enough for %u nodes",
                  (unsigned long long) files, connections / FILES_A_NODE);
    return connections;
}

static int ready_print (const struct broker *broker)
{
    base_assert (broker);
    const char *content = broker_endpoint_content (broker);

    printf ("ready announce=%s control=%s", broker_endpoint_announce (broker),
            broker_endpoint_control (broker));
    if (content)
        printf (" content=%s", content);
    printf (" events=%s\n", broker_endpoint_events (broker));
    return fflush (stdout) == 0 ? 0 : -errno;
}

static bool is_same (const char *a, const char *b)
{
    return a == b || (a && b && strcmp (a, b) == 0);
}

static void on_hangup (void *context)
{
    struct running *running = context;
    base_assert (running->broker);

    running->again = options_default ();
    program_reload (&running->reload);
}

/*  Nodes get a new heartbeat when they say hello. */
static enum program_exit again_take (void *context, const struct program_spec *spec)
{
    struct running *running = context;
    base_assert (running->broker && spec);
    const struct options *now = &running->options, *again = &running->again;
    struct base_error error = {.code = 0};

    if (again->heartbeat_ms < HEARTBEAT_LEAST_MS)
        return program_usage_error (spec, "--heartbeat: at least %d ms is allowed", HEARTBEAT_LEAST_MS);
    if (broker_pace (running->broker, again->heartbeat_ms, again->liveness_ms, &error) != 0)
        return program_usage_error (spec, "%s", error.text);
    if (!is_same (now->root, again->root) || !is_same (now->address, again->address) ||
        now->port != again->port || now->no_content != again->no_content || now->insecure != again->insecure)
        base_log (BASE_LOG_WARNING,
                  "changes of root, bind, port, no-content or insecure take effect after a restart");
    if (memcmp (&now->trash, &again->trash, sizeof now->trash) != 0 || now->scrub_ms != again->scrub_ms ||
        now->new_nodes != again->new_nodes || now->nodes_most != again->nodes_most)
        base_log (BASE_LOG_WARNING,
                  "changes of trash, scrub, new-nodes or nodes take effect after a restart");
    return PROGRAM_GO;
}

/*  Starts the broker, for port 0 on the first free row of ports that it finds. Returns BROKER_E_LOCKED if another
    process uses the root. Clients are given one port: free ports that are not in a row are of no use. */
static int broker_start (struct running *running, const struct options *options, struct broker_config *config,
                         struct base_error *error)
{
    base_assert (!running->broker && running->loop);
    struct bus_endpoints endpoints;
    int r = -EADDRINUSE;

    for (int tries = 0; r == -EADDRINUSE && tries < (options->port ? 1 : PORT_TRIES); tries++) {
        uint64_t port = options->port ? options->port : PORT_FIRST + 4 * base_random_below (PORT_ROWS);
        r = program_bind_endpoints (options->address, port, &endpoints, error);
        if (r < 0)
            break;
        config->bind = &endpoints;
        r = broker_new (running->loop, config, &running->broker, error);
    }
    config->bind = NULL;
    return r;
}

static int running_serve (struct running *running, const struct options *options, struct base_error *error)
{
    base_assert (!running->loop && options->root);
    struct broker_config config = {.root = options->root,
                                   .keys = running->keys.configured ? &running->keys.bus : NULL,
                                   .with_keys = !options->insecure,
                                   .admission = running->admission,
                                   .anew = options->anew,
                                   .trash = options->trash,
                                   .scrub_ms = options->scrub_ms,
                                   .no_content = options->no_content,
                                   .heartbeat_ms = options->heartbeat_ms,
                                   .liveness_ms = options->liveness_ms,
                                   .new_nodes = (unsigned) options->new_nodes,
                                   .nodes_most = (unsigned) options->nodes_most};
    int r;

    running->loop = bus_loop_new ();
    if (!running->loop)
        return base_error_errno (error, -ENOMEM, "cannot create the event loop");
    bus_loop_connections (running->loop, files_check ());
    running->signals = (struct program_signals){running->loop, on_hangup, running};
    running->reload.keys = &running->keys;
    r = program_signals_take (&running->signals);
    if (r < 0)
        return base_error_errno (error, r, "cannot set up signals");
    r = broker_start (running, options, &config, error);
    if (r != 0)
        return r;
    r = ready_print (running->broker);
    return r < 0 ? r : program_loop_run (running->loop, error);
}

int main (int argc, char **argv)
{
    base_cleanup (running_deinit) struct running running = {.loop = NULL};
    struct options *options = &running.again; /* the option table points here, also on SIGHUP */
    *options = options_default ();
    const struct program_option table[] = {
        {"root", 'r', PROGRAM_TEXT, "DIR", "broker/root", &options->root, 0,
         "directory of records and blobs; created if missing"},
        {"bind", 'b', PROGRAM_TEXT, "ADDR", "broker/bind", &options->address, 0,
         "address to listen on, * for all (127.0.0.1); or ipc://PATH"},
        {"port", 'p', PROGRAM_NUMBER, "BASE", "broker/port", &options->port, UINT16_MAX,
         "announce on BASE, control on +1, content on +2, events on +3 (7670);\n"
         "0: any four free ports in a row"},
        {"no-content", 0, PROGRAM_FLAG, NULL, "broker/no-content", &options->no_content, 0,
         "serve no blobs; noded-content serves them"},
        {"heartbeat", 0, PROGRAM_SPAN, "SPAN", "broker/heartbeat", &options->heartbeat_ms, 0,
         "interval of a node's heartbeats (15s)"},
        {"liveness", 0, PROGRAM_SPAN, "SPAN", "broker/liveness", &options->liveness_ms, 0,
         "time without a message after which a node counts as offline (3 heartbeats)"},
        {"trash-keep", 0, PROGRAM_SPAN, "SPAN", "broker/trash/keep", &options->trash.keep_ms, 0,
         "minimum time for which an unneeded blob is kept (168h)"},
        {"trash-first", 0, PROGRAM_SPAN, "SPAN", "broker/trash/first", &options->trash.first_ms, 0,
         "time after a start in which no blob is deleted (1h)"},
        {"trash-free", 0, PROGRAM_NUMBER, "BYTES", "broker/trash/free", &options->trash.free, 0,
         "delete unneeded blobs only while less disk space is free (1073741824)"},
        {"scrub", 0, PROGRAM_SPAN, "SPAN", "broker/scrub", &options->scrub_ms, 0,
         "period in which every blob is verified once (168h); 0: off"},
        {"new-nodes", 0, PROGRAM_NUMBER, "N", "broker/new-nodes", &options->new_nodes, BROKER_NODES_MOST,
         "new nodes accepted per minute (600, and 10000 at once)"},
        {"nodes", 0, PROGRAM_NUMBER, "N", "broker/nodes", &options->nodes_most, BROKER_NODES_MOST,
         "maximum number of nodes that the broker knows (65536)"},
        {"restore", 0, PROGRAM_TEXT, "FILE", NULL, &options->restore, 0,
         "create the records from a backup, in a root that has none, and exit"},
        {"new", 0, PROGRAM_FLAG, NULL, NULL, &options->anew, 0,
         "start with empty records, whatever else the root contains"},
        {"insecure", 0, PROGRAM_FLAG, NULL, "broker/insecure", &options->insecure, 0,
         "for a laboratory: no keys, everybody who reaches the broker may do everything.\n"
         "Without it, only keys that nodectl keys add has added are served"},
        {"log", 0, PROGRAM_LOG, "LEVEL", "broker/log", NULL, 0, "error, warning, info or debug (info)"},
        {.name = NULL}};
    const struct program_spec spec = {
        .name = "noded-broker",
        .usage = "[recover] --root DIR [OPTION...]",
        .about = "Announces updates, keeps the fleet's records, takes orders, and serves blobs.\n"
                 "Prints one line that begins with \"ready\", with its endpoints, once it listens.\n"
                 "recover: rebuilds records that are lost, damaged or too old, and exits.\n",
        .options = table,
        .settings = bus_keys_settings,
        .more = own_key_help};
    const struct bus_keyring none = {.configured = false};
    struct bus_endpoints endpoints;
    struct base_error error = {.code = 0};
    bool recover = false;
    int first, r;
    enum program_exit code = program_options_parse (&spec, argc, argv, &running.settings, &first);

    if (code != PROGRAM_GO)
        return code;
    running.options = running.again;
    running.reload = (struct program_reload){
        .spec = &spec, .argc = argc, .argv = argv, .take = again_take, .context = &running};
    if (first < argc && strcmp (argv[first], "recover") == 0) {
        recover = true;
        first++;
    }
    if (first < argc)
        return program_usage_error (&spec, "%s: unexpected argument", argv[first]);
    if (!running.options.root)
        return program_usage_error (&spec, "--root DIR is missing: the directory of records and blobs");
    if (running.options.heartbeat_ms < HEARTBEAT_LEAST_MS)
        return program_usage_error (&spec, "--heartbeat: at least %d ms is allowed", HEARTBEAT_LEAST_MS);
    if (bus_keyring_read (running.settings, true, &running.keys, &error) < 0 ||
        program_bind_admission (running.options.address, &none, &running.admission, &error) != 0 ||
        program_bind_endpoints (running.options.address, running.options.port, &endpoints, &error) != 0)
        return program_usage_error (&spec, "%s", error.text);
    if (running.keys.allowed)
        return program_usage_error (&spec, "%s", PROGRAM_ALLOW_ELSEWHERE);
    if (running.options.insecure && running.keys.configured)
        return program_usage_error (&spec, "--insecure is for a broker without keys: leave it out");
    if (recover && running.options.restore)
        return program_usage_error (&spec, "recover and --restore: choose one of them");
    if (recover)
        r = broker_recover (running.options.root, &error);
    else if (running.options.restore)
        r = broker_restore (running.options.root, running.options.restore, &error);
    else
        r = running_serve (&running, &running.options, &error);
    if (r == 0)
        return PROGRAM_OK;
    base_log (BASE_LOG_ERROR, "%s", error.text[0] ? error.text : strerror (r < 0 ? -r : r));
    return r == BROKER_E_LOCKED ? PROGRAM_LOCKED : PROGRAM_FAILED;
}
