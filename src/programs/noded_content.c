/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/noded_content.c - the program of a content peer without a broker */

#include <errno.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/broker.h"
#include "broker/blobs.h"
#include "broker/root.h"
#include "broker/verify.h"
#include "bus/keys.h"
#include "bus/refusals.h"
#include "origin/origin.h"
#include "peer/follow.h"
#include "programs/program_bind.h"
#include "programs/program_options.h"
#include "programs/program_reload.h"
#include "programs/program_signals.h"

enum { TICK_MS = 5000 };

struct options {
    const char *root, *address, *broker;
    uint64_t port, scrub_ms;
    bool insecure;
};

struct running {
    struct options options, again; /* as started; as read on SIGHUP */
    struct program_signals signals;
    struct program_reload reload;
    struct bus_settings *settings;
    struct bus_keyring keys;
    struct bus_admission *admission; /* NULL: everybody may connect */
    struct bus_keyring client;       /* of a client of the broker */
    struct bus_endpoints broker;     /* whose keys are followed; with the option broker */
    struct peer_keys peers;
    struct peer_follow *follow; /* NULL: the allowed keys are in the settings, or there are none */
    const char *endpoint;
    struct base_error *error; /* why serving failed after it began */
    int failure;
    struct bus_loop *loop;
    int root, lock;
    struct broker_blobs *blobs;
    struct origin *origin;
    uint64_t ended[BUS_END_COUNT]; /* connections, as last logged */
    struct base_log_limit log, denied;
    struct bus_refusals refusals;
    int tick;
};

static struct options options_default (void)
{
    return (struct options){.address = "127.0.0.1", .port = WIRE_PORT_CONTENT, .scrub_ms = BROKER_SCRUB_MS};
}

static void running_deinit (struct running *running)
{
    if (running->loop)
        bus_timer_cancel (running->loop, running->tick);
    running->follow = peer_follow_free (running->follow);
    running->origin = origin_free (running->origin);
    running->blobs = broker_blobs_free (running->blobs);
    running->loop = bus_loop_free (running->loop);
    base_close_p (&running->root);
    base_close_p (&running->lock);
    peer_keys_deinit (&running->peers);
    running->admission = bus_admission_free (running->admission);
    bus_keyring_deinit (&running->client);
    bus_keyring_deinit (&running->keys);
    running->settings = bus_settings_free (running->settings);
}

static int on_open (void *context, const struct base_digest *digest, int *ret_fd, uint64_t *ret_size,
                    bool *ret_immutable)
{
    const struct running *running = context;
    base_assert (running->blobs);

    return broker_blobs_get (running->blobs, digest, ret_fd, ret_size, ret_immutable);
}

static int on_put (void *context, const struct bus_peer *peer, const struct wire_put *put,
                   const void *payload, size_t size, struct wire_taken *answer)
{
    const struct running *running = context;
    base_assert (running->blobs);

    return broker_blobs_put (running->blobs, peer, put, payload, size, base_time_boot_ms (), answer);
}

/*  Without a broker, whoever may connect may do everything. */
static bool on_permitted (void *context, const struct bus_peer *peer, const struct wire_record *record,
                          const void *message, char ret_reason[ORIGIN_REASON_SIZE])
{
    struct running *running = context;
    base_assert (peer && record && ret_reason);

    (void) message;
    if (!running->follow ||
        peer_keys_permit (&running->peers, &peer->sender, record, ret_reason, ORIGIN_REASON_SIZE))
        return true;
    base_log_limited (&running->denied, BASE_LOG_WARNING, "refused %s: %s", wire_record_name (record),
                      ret_reason);
    return false;
}

static void on_refused (void *context, const char *channel, const struct bus_refusal *refusal)
{
    base_assert (channel && refusal);
    struct running *running = context;
    char text[BUS_REFUSALS_TEXT];
    uint64_t more;

    if (bus_refusals_due_of (&running->refusals, refusal, base_time_boot_ms (), &more))
        base_log (BASE_LOG_WARNING, "a client%s%s: refused a message on %s: %s%s",
                  *refusal->peer_text ? " " : "", refusal->peer_text, channel, refusal->text,
                  bus_refusals_more (more, text));
}

/*  Logs what was done about peers that cost too much. */
static void peers_log (struct running *running)
{
    base_assert (running->origin);
    struct origin_counts counts = origin_counts (running->origin);

    for (unsigned i = 0; i < BUS_END_COUNT; i++) {
        if (counts.ended[i] != running->ended[i])
            base_log_limited (&running->log, BASE_LOG_WARNING, "ended %llu connections: %s",
                              (unsigned long long) (counts.ended[i] - running->ended[i]),
                              bus_end_text ((enum bus_end) i));
        running->ended[i] = counts.ended[i];
    }
}

static void on_tick (void *context)
{
    struct running *running = context;
    base_assert (running->blobs && running->loop);

    broker_blobs_tick (running->blobs, base_time_boot_ms ());
    peers_log (running);
    running->tick = bus_timer_start (running->loop, TICK_MS, on_tick, running);
}

static void on_damaged (void *context, const struct base_digest *digest)
{
    const struct running *running = context;
    base_assert (running->origin && digest);

    origin_blob_forget (running->origin, digest);
}

static bool is_same (const char *a, const char *b)
{
    return a == b || (a && b && strcmp (a, b) == 0);
}

static void on_hangup (void *context)
{
    struct running *running = context;
    base_assert (running->loop);

    running->again = options_default ();
    program_reload (&running->reload);
}

static enum program_exit again_take (void *context, const struct program_spec *spec)
{
    struct running *running = context;
    base_assert (running->options.root && spec);
    const struct options *now = &running->options, *again = &running->again;

    (void) spec;
    if (!is_same (now->root, again->root) || !is_same (now->address, again->address) ||
        !is_same (now->broker, again->broker) || now->port != again->port ||
        now->insecure != again->insecure || now->scrub_ms != again->scrub_ms)
        base_log (BASE_LOG_WARNING,
                  "changes of root, bind, port, broker, insecure or scrub take effect after a restart");
    return PROGRAM_GO;
}

/*  Binds, and prints that this peer is ready. */
static int running_open (struct running *running)
{
    base_assert (running->loop && !running->origin && running->endpoint);
    static const struct origin_ops operations = {
        .permitted = on_permitted, .blob_open = on_open, .blob_put = on_put, .refused = on_refused};
    struct origin_config config = {.content = running->endpoint,
                                   .keys = running->keys.configured ? &running->keys.bus : NULL,
                                   .admission = running->admission};
    int r = origin_new (running->loop, &config, &operations, running, &running->origin, running->error);

    if (r < 0)
        return r;
    broker_blobs_watch (running->blobs, on_damaged, running);
    broker_blobs_rules (running->blobs, &BROKER_TRASH_RULES, running->options.scrub_ms);
    on_tick (running);
    printf ("ready content=%s\n", origin_endpoint_content (running->origin));
    return fflush (stdout) == 0 ? 0 : -errno;
}

/*  The keys are known. Nothing was bound before: a client that is refused waits long until it tries again. */
static void on_keys (void *context)
{
    struct running *running = context;

    running->failure = running_open (running);
    if (running->failure < 0)
        bus_loop_stop (running->loop);
}

static int running_follow (struct running *running)
{
    const struct peer_follow_config config = {.control = running->broker.control,
                                              .keys = &running->client.bus,
                                              .root = running->root,
                                              .ready = on_keys,
                                              .context = running};

    running->peers.admission = running->admission;
    return peer_follow_new (running->loop, &running->peers, &config, &running->follow, running->error);
}

static int running_serve (struct running *running, const struct options *options, const char *endpoint,
                          struct base_error *error)
{
    base_assert (!running->loop && options->root);
    base_assert (running->root < 0 && running->lock < 0);
    int r;

    running->endpoint = endpoint;
    running->error = error;
    running->loop = bus_loop_new ();
    if (!running->loop)
        return base_error_errno (error, -ENOMEM, "cannot create the event loop");
    bus_loop_connections (running->loop, program_connections (program_files_raise ()));
    running->signals = (struct program_signals){running->loop, on_hangup, running};
    running->reload.keys = &running->keys;
    running->reload.admission = options->broker ? NULL : running->admission;
    r = program_signals_take (&running->signals);
    if (r < 0)
        return base_error_errno (error, r, "cannot set up signals");
    r = broker_root_open (options->root, &running->root, &running->lock, error);
    if (r != 0)
        return r;
    r = broker_blobs_open (running->loop, running->root, &running->blobs, error);
    if (r < 0)
        return r;
    if (options->insecure && !running->keys.configured)
        base_log (BASE_LOG_WARNING,
                  "this content peer has no keys (--insecure): everybody who reaches %s may"
                  " do everything",
                  endpoint);
    r = options->broker ? running_follow (running) : running_open (running);
    if (r < 0)
        return r;
    r = program_loop_run (running->loop, error);
    return r < 0 ? r : running->failure;
}

/*  Reads the keys, and whom they are for. Returns 0 or -errno. */
static int keys_read (struct running *running, struct base_error *error)
{
    const char *broker = running->options.broker;
    int r = bus_keyring_read (running->settings, true, &running->keys, error);

    if (r < 0 || !broker)
        return r;
    if (!running->keys.configured)
        return base_error_set (error, -EINVAL,
                               "content/broker needs the keys of this peer: nodectl keys add NAME --role"
                               " content --out FILE makes the settings for --config");
    if (running->keys.allowed)
        return base_error_set (error, -EINVAL, "%s", PROGRAM_ALLOW_ELSEWHERE);
    r = bus_keyring_read (running->settings, false, &running->client, error);
    if (r == 0)
        r = bus_endpoints_parse (broker, &running->broker, error);
    return r < 0 ? base_error_prefix (error, "content/broker") : 0;
}

int main (int argc, char **argv)
{
    base_cleanup (running_deinit) struct running running = {.root = -1, .lock = -1};
    struct options *options = &running.again; /* the option table points here, also on SIGHUP */
    *options = options_default ();
    const struct program_option table[] = {
        {"root", 'r', PROGRAM_TEXT, "DIR", "content/root", &options->root, 0,
         "directory of blobs; created if missing"},
        {"bind", 'b', PROGRAM_TEXT, "ADDR", "content/bind", &options->address, 0,
         "address to listen on, * for all (127.0.0.1); or ipc://PATH"},
        {"port", 'p', PROGRAM_NUMBER, "PORT", "content/port", &options->port, UINT16_MAX,
         "port to listen on (7672); 0: a free one"},
        {"broker", 0, PROGRAM_TEXT, "ADDR", "content/broker", &options->broker, 0,
         "HOST[:PORT] of the broker whose keys are admitted (none: those of curve/allow)"},
        {"scrub", 0, PROGRAM_SPAN, "SPAN", "content/scrub", &options->scrub_ms, 0,
         "period in which every blob is verified once (168h); 0: off"},
        {"insecure", 0, PROGRAM_FLAG, NULL, "content/insecure", &options->insecure, 0,
         "serve everybody, without CURVE keys"},
        {"log", 0, PROGRAM_LOG, "LEVEL", "content/log", NULL, 0, "error, warning, info or debug (info)"},
        {.name = NULL}};
    const struct program_spec spec = {.name = "noded-content",
                                      .usage = "--root DIR [OPTION...]",
                                      .about =
                                          "Receives blobs from publishers and serves them to nodes.\n"
                                          "Prints one line, \"ready content=ENDPOINT\", once it listens.\n",
                                      .options = table,
                                      .settings = bus_keys_settings,
                                      .more = bus_keys_help};
    char endpoint[BUS_ENDPOINT_SIZE];
    struct base_error error = {.code = 0};
    int first, r;
    enum program_exit code = program_options_parse (&spec, argc, argv, &running.settings, &first);

    if (code != PROGRAM_GO)
        return code;
    running.options = running.again;
    running.reload = (struct program_reload){
        .spec = &spec, .argc = argc, .argv = argv, .take = again_take, .context = &running};
    if (first < argc)
        return program_usage_error (&spec, "%s: unexpected argument", argv[first]);
    if (!running.options.root)
        return program_usage_error (&spec, "--root DIR is missing: the directory of blobs");
    if (keys_read (&running, &error) < 0 ||
        program_bind_check (running.options.address, running.keys.configured, running.options.insecure,
                            &error) != 0 ||
        program_bind_admission (running.options.address, &running.keys, &running.admission, &error) != 0 ||
        program_bind_endpoint (running.options.address, running.options.port, "content", endpoint, &error) !=
            0)
        return program_usage_error (&spec, "%s", error.text);
    r = running_serve (&running, &running.options, endpoint, &error);
    if (r == 0)
        return PROGRAM_OK;
    base_log (BASE_LOG_ERROR, "%s", error.text[0] ? error.text : strerror (r < 0 ? -r : r));
    return r == BROKER_E_LOCKED ? PROGRAM_LOCKED : PROGRAM_FAILED;
}
