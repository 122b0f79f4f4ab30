/*  An origin with an owner that the test plays, and clients over real sockets. */

#include <fcntl.h>
#include <sys/mman.h>

#include "../bus/rig.h"
#include "base/time.h"
#include "origin/origin.h"

TestSuite (origin, .init = rig_setup, .fini = rig_teardown, .timeout = 60);

enum { CONTENTS = 8 };

/*  The owner. */
struct owner {
    struct origin *origin;
    int status; /* what every operation returns */
    unsigned calls, heartbeats, byes, subscriptions, opened;
    struct bus_peer peer;
    struct bus_peer later;
    bool too_large;
    bool immutable;
    uint64_t lies; /* added to the size of contents */
    struct base_digest digests[CONTENTS];
    const uint8_t *data[CONTENTS];
    size_t sizes[CONTENTS];
};

static struct owner owner;

static int on_hello (void *context, const struct bus_peer *peer, const struct wire_hello *hello,
                     struct wire_welcome *answer)
{
    struct owner *self = context;
    self->calls++;
    self->peer = *peer;
    cr_assert_str_eq (hello->node, "web-17");
    answer->status = WIRE_STATUS_OK;
    return self->status;
}

static int on_ask (void *context, const struct bus_peer *peer, const struct wire_ask *ask,
                   struct wire_desired *answer)
{
    struct owner *self = context;
    self->calls++;
    self->later = *peer;
    answer->application = strdup (ask->application);
    answer->epoch = 12;
    return self->status;
}

static int on_match (void *context, const struct bus_peer *peer, const struct wire_match *match,
                     struct wire_matched *answer)
{
    struct owner *self = context;
    (void) peer;
    (void) match;
    self->calls++;
    if (self->too_large) {
        struct wire_envelope *envelope = calloc (1, sizeof *envelope);
        envelope->application = strdup ("app");
        envelope->version = strdup ("1");
        envelope->binary = base_digest_of ("x", 1);
        envelope->args = calloc (8, sizeof (char *));
        envelope->n_args = 8;
        for (size_t i = 0; i < 8; i++) {
            envelope->args[i] = malloc (16001);
            memset (envelope->args[i], 'a', 16000);
            envelope->args[i][16000] = '\0';
        }
        answer->envelope = envelope;
    }
    answer->status = WIRE_STATUS_OK;
    return self->status;
}

static int on_report (void *context, const struct bus_peer *peer, const struct wire_report *report,
                      struct wire_noted *answer)
{
    struct owner *self = context;
    (void) peer;
    (void) report;
    (void) answer;
    self->calls++;
    return self->status;
}

static int on_request (void *context, const struct bus_peer *peer, const struct wire_request *request,
                       struct wire_answer *answer)
{
    struct owner *self = context;
    (void) request;
    self->calls++;
    self->later = *peer;
    answer->reason = strdup ("put off");
    return self->status;
}

static void on_heartbeat (void *context, const struct bus_peer *peer, const struct wire_heartbeat *heartbeat)
{
    struct owner *self = context;
    (void) peer;
    (void) heartbeat;
    self->heartbeats++;
}

static void on_bye (void *context, const struct bus_peer *peer, const struct wire_bye *bye)
{
    struct owner *self = context;
    (void) peer;
    (void) bye;
    self->byes++;
}

static void on_subscription (void *context, const char *topic, bool subscribed)
{
    struct owner *self = context;
    if (subscribed) {
        self->subscriptions++;
        cr_assert_eq (origin_announce (self->origin, topic, "noded", 4), 0);
    }
}

static int on_open (void *context, const struct base_digest *digest, int *ret_fd, uint64_t *ret_size,
                    bool *ret_immutable)
{
    struct owner *self = context;
    for (unsigned i = 0; i < CONTENTS; i++)
        if (base_digest_equal (digest, &self->digests[i]) && self->data[i]) {
            int fd = memfd_create ("content", MFD_CLOEXEC);
            cr_assert_eq (write (fd, self->data[i], self->sizes[i]), (ssize_t) self->sizes[i]);
            *ret_fd = fd;
            *ret_size = self->sizes[i] + self->lies;
            *ret_immutable = self->immutable;
            self->opened++;
            return 0;
        }
    return self->status ? self->status : -ENOENT;
}

static int on_put (void *context, const struct bus_peer *peer, const struct wire_put *put,
                   const void *payload, size_t size, struct wire_taken *answer)
{
    struct owner *self = context;
    (void) peer;
    self->calls++;
    cr_assert (size == 0 || ((const uint8_t *) payload)[size - 1] == 'z');
    answer->offset = put->offset + size;
    return self->status;
}

static const struct origin_ops OPS = {
    .hello = on_hello,
    .ask = on_ask,
    .match = on_match,
    .report = on_report,
    .request = on_request,
    .heartbeat = on_heartbeat,
    .bye = on_bye,
    .subscription = on_subscription,
    .content_open = on_open,
    .content_put = on_put,
};

static void serve (const struct origin_ops *ops, struct origin_config config)
{
    struct base_error error = {0};
    config.announce = rig_ipc ("announce");
    config.control = rig_ipc ("control");
    config.content = rig_ipc ("content");
    cr_assert_eq (origin_new (loop, &config, ops, &owner, &owner.origin, &error), 0, "%s", error.text);
}

/*  The client: keeps what came last. */
struct heard {
    unsigned calls;
    struct wire_welcome welcome;
    struct wire_desired desired;
    struct wire_matched matched;
    struct wire_noted noted;
    struct wire_answer answer;
    struct wire_heartbeat heartbeat;
    struct wire_taken taken;
    struct wire_update update;
    struct wire_chunk chunk;
    size_t payload_size;
};

static struct heard heard;

static void on_message (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    (void) socket;
    const struct {
        const struct wire_record *record;
        void *copy;
    } table[] = {
        {&wire_welcome_record, &heard.welcome}, {&wire_desired_record, &heard.desired},
        {&wire_matched_record, &heard.matched}, {&wire_noted_record, &heard.noted},
        {&wire_answer_record, &heard.answer},   {&wire_heartbeat_record, &heard.heartbeat},
        {&wire_taken_record, &heard.taken},     {&wire_update_record, &heard.update},
        {&wire_chunk_record, &heard.chunk},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].record == message->record) {
            wire_deinit (message->record, table[i].copy);
            cr_assert_eq (wire_copy (message->record, message->body, table[i].copy), 0);
        }
    heard.calls++;
    heard.payload_size = message->payload_size;
    bus_loop_stop (loop);
}

static struct bus_socket *client_of (const char *name)
{
    struct bus_socket *client =
        rig_socket (BUS_DEALER, &(struct bus_socket_options){.on_message = on_message});
    rig_connect (client, rig_ipc (name));
    return client;
}

static void done (struct bus_socket *client)
{
    bus_socket_free (client);
    owner.origin = origin_free (owner.origin);
    wire_welcome_deinit (&heard.welcome);
    wire_desired_deinit (&heard.desired);
    wire_matched_deinit (&heard.matched);
    wire_noted_deinit (&heard.noted);
    wire_answer_deinit (&heard.answer);
    wire_heartbeat_deinit (&heard.heartbeat);
    wire_taken_deinit (&heard.taken);
    wire_update_deinit (&heard.update);
    wire_chunk_deinit (&heard.chunk);
}

static void say (struct bus_socket *client, const struct wire_record *record, const void *message)
{
    cr_assert_eq (bus_send (client, NULL, record, message), 0);
    rig_run ();
}

static char node[] = "web-17", session[] = "s", platform[] = "linux/amd64", application[] = "app",
            transaction[] = "t", step[] = "probing", now[] = "2026-01-01T00:00:00.000000000Z";

static struct wire_application standing = {.name = application, .state = WIRE_STATE_IDLE};
static const struct wire_hello HELLO = {.node = node, .session = session, .platform = platform};
static const struct wire_ask ASK = {.node = node, .session = session, .application = application};
static const struct wire_report REPORT = {.node = node,
                                          .session = session,
                                          .epoch = 3,
                                          .attempt = 2,
                                          .step = step,
                                          .outcome = WIRE_OUTCOME_PASSED,
                                          .time = now,
                                          .application = &standing};
static const struct wire_request REQUEST = {.serial = 99, .verb = WIRE_VERB_NODES};

static struct wire_match match_of (const char *content)
{
    return (struct wire_match){.node = node,
                               .application = application,
                               .release = base_digest_of (content, strlen (content)),
                               .platform = platform,
                               .transaction = transaction,
                               .attempt = 7};
}

Test (origin, every_question_gets_the_answer_of_its_operation)
{
    serve (&OPS, (struct origin_config){.heartbeat_ms = 1234});
    struct bus_socket *client = client_of ("control");
    say (client, &wire_hello_record, &HELLO);
    cr_assert_eq (heard.welcome.status, WIRE_STATUS_OK);
    cr_assert_str_eq (heard.welcome.instance, origin_instance (owner.origin));
    cr_assert_eq (heard.welcome.heartbeat_ms, 1234);
    say (client, &wire_ask_record, &ASK);
    cr_assert_eq (heard.desired.status, WIRE_STATUS_OK);
    cr_assert_eq (heard.desired.epoch, 12);
    struct wire_match match = match_of ("r");
    say (client, &wire_match_record, &match);
    cr_assert_eq (heard.matched.status, WIRE_STATUS_OK);
    cr_assert_str_eq (heard.matched.transaction, "t");
    cr_assert_eq (heard.matched.attempt, 7);
    cr_assert (base_digest_equal (&heard.matched.release, &match.release));
    say (client, &wire_report_record, &REPORT);
    cr_assert_eq (heard.noted.status, WIRE_STATUS_OK);
    cr_assert_str_eq (heard.noted.application, "app");
    cr_assert_str_eq (heard.noted.step, "probing");
    cr_assert_eq (heard.noted.epoch, 3);
    cr_assert_eq (heard.noted.attempt, 2);
    say (client, &wire_request_record, &REQUEST);
    cr_assert_eq (heard.answer.serial, 99);
    cr_assert_str_eq (heard.answer.reason, "put off");
    cr_assert_eq (owner.calls, 5);
    done (client);
}

Test (origin, an_operation_that_fails_is_answered_with_failed)
{
    owner.status = -EIO;
    serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_of ("control");
    say (client, &wire_hello_record, &HELLO);
    cr_assert_eq (heard.welcome.status, WIRE_STATUS_FAILED);
    say (client, &wire_ask_record, &ASK);
    cr_assert_eq (heard.desired.status, WIRE_STATUS_FAILED);
    cr_assert_str_eq (heard.desired.application, "app");
    cr_assert_eq (heard.desired.epoch, 0);
    struct wire_match match = match_of ("r");
    say (client, &wire_match_record, &match);
    cr_assert_eq (heard.matched.status, WIRE_STATUS_FAILED);
    say (client, &wire_report_record, &REPORT);
    cr_assert_eq (heard.noted.status, WIRE_STATUS_FAILED);
    say (client, &wire_request_record, &REQUEST);
    cr_assert_eq (heard.answer.status, WIRE_STATUS_FAILED);
    cr_assert_eq (heard.answer.serial, 99);
    done (client);
}

Test (origin, what_no_operation_answers_is_refused)
{
    serve (&(struct origin_ops){0}, (struct origin_config){0});
    struct bus_socket *client = client_of ("control");
    say (client, &wire_hello_record, &HELLO);
    cr_assert_eq (heard.welcome.status, WIRE_STATUS_REFUSED);
    cr_assert_eq (heard.welcome.heartbeat_ms, 15000);
    say (client, &wire_ask_record, &ASK);
    cr_assert_eq (heard.desired.status, WIRE_STATUS_NONE);
    struct wire_match match = match_of ("r");
    say (client, &wire_match_record, &match);
    cr_assert_eq (heard.matched.status, WIRE_STATUS_REFUSED);
    say (client, &wire_report_record, &REPORT);
    cr_assert_eq (heard.noted.status, WIRE_STATUS_REFUSED);
    say (client, &wire_request_record, &REQUEST);
    cr_assert_eq (heard.answer.status, WIRE_STATUS_REFUSED);

    struct bus_socket *content = client_of ("content");
    struct wire_put put = {.digest = base_digest_of ("x", 1), .size = 1};
    say (content, &wire_put_record, &put);
    cr_assert_eq (heard.taken.status, WIRE_STATUS_REFUSED);
    struct wire_get get = {.digest = base_digest_of ("x", 1), .length = 1};
    say (content, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_GONE);
    bus_socket_free (content);
    done (client);
}

Test (origin, an_answer_that_does_not_fit_becomes_a_failure)
{
    owner.too_large = true;
    serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_of ("control");
    struct wire_match match = match_of ("r");
    say (client, &wire_match_record, &match);
    cr_assert_eq (heard.matched.status, WIRE_STATUS_FAILED);
    cr_assert_null (heard.matched.envelope);
    cr_assert_str_eq (heard.matched.application, "app");
    done (client);
}

static void answer_later (void *context)
{
    (void) context;
    struct wire_answer answer = {.serial = 99, .status = WIRE_STATUS_OK};
    struct wire_desired desired = {.application = application, .status = WIRE_STATUS_NONE};
    if (owner.calls == 1)
        cr_assert_eq (origin_answer (owner.origin, &owner.later, &wire_answer_record, &answer), 0);
    else
        cr_assert_eq (origin_answer (owner.origin, &owner.later, &wire_desired_record, &desired), 0);
}

Test (origin, an_answer_may_come_later)
{
    owner.status = ORIGIN_LATER;
    serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_of ("control");
    bus_timer_start (loop, 100, answer_later, NULL);
    say (client, &wire_request_record, &REQUEST);
    cr_assert_eq (owner.calls, 1);
    cr_assert_eq (heard.calls, 1);
    cr_assert_eq (heard.answer.serial, 99);
    cr_assert_null (heard.answer.reason);
    bus_timer_start (loop, 100, answer_later, NULL);
    say (client, &wire_ask_record, &ASK);
    cr_assert_eq (heard.desired.status, WIRE_STATUS_NONE);
    done (client);
}

Test (origin, a_later_answer_to_a_peer_that_has_gone_says_so)
{
    serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_of ("control");
    say (client, &wire_request_record, &REQUEST);
    (void) bus_socket_free (client);
    struct wire_answer answer = {.serial = 99, .status = WIRE_STATUS_OK};
    int r = 0;
    while (r == 0) {
        r = origin_answer (owner.origin, &owner.later, &wire_answer_record, &answer);
        rig_run_for (1);
    }
    cr_assert_eq (r, -EHOSTUNREACH);
    cr_assert_geq (origin_counts (owner.origin).unroutable, 1);
    done (NULL);
}

Test (origin, a_heartbeat_is_answered_and_an_answer_is_not)
{
    serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_of ("control");
    struct wire_heartbeat heartbeat = {.sender = session, .node = node};
    say (client, &wire_heartbeat_record, &heartbeat);
    cr_assert_str_eq (heard.heartbeat.sender, origin_instance (owner.origin));
    cr_assert (heard.heartbeat.answer);
    heartbeat.answer = true;
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &heartbeat), 0);
    struct wire_bye bye = {.node = node, .session = session};
    cr_assert_eq (bus_send (client, NULL, &wire_bye_record, &bye), 0);
    while (owner.byes == 0)
        rig_run_for (5);
    cr_assert_eq (owner.heartbeats, 2);
    cr_assert_eq (heard.calls, 1);
    done (client);
}

Test (origin, messages_that_are_out_of_place_are_counted_and_disturb_nobody)
{
    serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_of ("control"), *content = client_of ("content");
    struct wire_get get = {.digest = base_digest_of ("x", 1), .length = 1};
    struct wire_put put = {.digest = base_digest_of ("x", 1), .size = 1};
    cr_assert_eq (bus_send (client, NULL, &wire_get_record, &get), 0);
    cr_assert_eq (bus_send (client, NULL, &wire_put_record, &put), 0);
    cr_assert_eq (bus_send (content, NULL, &wire_ask_record, &ASK), 0);
    say (client, &wire_hello_record, &HELLO);
    say (content, &wire_get_record, &get);
    cr_assert_eq (origin_counts (owner.origin).malformed, 3);
    bus_socket_free (content);
    done (client);
}

Test (origin, announcements_are_numbered_within_an_instance)
{
    serve (&OPS, (struct origin_config){0});
    char topic[ORIGIN_TOPIC_SIZE];
    struct bus_socket *sub = rig_socket (BUS_SUB, &(struct bus_socket_options){.on_message = on_message});
    cr_assert_eq (bus_socket_subscribe (sub, origin_ring_topic ("web-17", topic)), 0);
    rig_connect (sub, rig_ipc ("announce"));
    rig_run ();
    cr_assert_eq (owner.subscriptions, 1);
    cr_assert_eq (heard.update.sequence, 1);
    cr_assert_eq (heard.update.epoch, 4);
    cr_assert_str_eq (heard.update.instance, origin_instance (owner.origin));
    cr_assert_eq (origin_announce (owner.origin, "update/group/other", NULL, 0), 0);
    cr_assert_eq (origin_announce (owner.origin, topic, NULL, 0), 0);
    rig_run ();
    cr_assert_eq (heard.update.sequence, 3);
    cr_assert_null (heard.update.application);
    cr_assert_eq (origin_sequence (owner.origin), 3);
    done (sub);
}

Test (origin, the_ring_is_the_first_byte_of_the_digest_of_the_id)
{
    char text[ORIGIN_TOPIC_SIZE];
    /* echo -n abc | sha256sum: ba7816bf... */
    cr_assert_str_eq (origin_ring_topic ("abc", text), "update/ring/ba");
}

Test (origin, two_origins_have_two_instances_and_real_endpoints)
{
    struct origin *first = NULL, *second = NULL;
    struct base_error error = {0};
    struct origin_config config = {.control = "tcp://127.0.0.1:*"};
    cr_assert_eq (origin_new (loop, &config, &OPS, &owner, &first, &error), 0);
    cr_assert_eq (origin_new (loop, &config, &OPS, &owner, &second, &error), 0);
    cr_assert_str_neq (origin_instance (first), origin_instance (second));
    cr_assert_null (origin_endpoint_announce (first));
    cr_assert_null (origin_endpoint_content (first));
    cr_assert_null (strchr (origin_endpoint_control (first), '*'));
    cr_assert_eq (origin_announce (first, "update/all", NULL, 0), -ENOTSUP);
    config.control = origin_endpoint_control (first);
    struct origin *third = NULL;
    cr_assert_lt (origin_new (loop, &config, &OPS, &owner, &third, &error), 0);
    cr_assert_null (third);
    origin_free (first);
    origin_free (second);
}

/*  Content. */

static uint8_t *add_content (unsigned index, size_t size)
{
    uint8_t *data = malloc (size ? size : 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t) (i * 31 + index + (i >> 12));
    owner.data[index] = data;
    owner.sizes[index] = size;
    owner.digests[index] = base_digest_of (data, size);
    return data;
}

static void free_contents (void)
{
    for (unsigned i = 0; i < CONTENTS; i++)
        free ((void *) owner.data[i]);
}

struct download {
    const struct base_digest *digest;
    uint64_t size, asked, taken;
    uint32_t chunk;
    unsigned under_way, window;
    struct base_hash hash;
    bool ended;
};

static void ask_on (struct bus_socket *client, struct download *download)
{
    while (download->under_way < download->window && download->asked < download->size) {
        struct wire_get get = {
            .digest = *download->digest, .offset = download->asked, .length = download->chunk};
        cr_assert_eq (bus_send (client, NULL, &wire_get_record, &get), 0);
        download->asked += download->chunk;
        download->under_way++;
    }
}

static void on_chunk (void *context, struct bus_socket *client, const struct bus_message *message)
{
    struct download *download = context;
    const struct wire_chunk *chunk = message->body;
    cr_assert_eq (message->record, &wire_chunk_record);
    cr_assert_eq (chunk->status, WIRE_STATUS_OK);
    cr_assert_eq (chunk->offset, download->taken);
    cr_assert_eq (chunk->size, download->size);
    base_hash_update (&download->hash, message->payload, message->payload_size);
    download->taken += message->payload_size;
    download->under_way--;
    ask_on (client, download);
    if (download->taken == download->size) {
        download->ended = true;
        bus_loop_stop (loop);
    }
}

static void download_whole (bool immutable, const char *endpoint)
{
    struct base_error error = {0};
    owner.immutable = immutable;
    add_content (0, 9 * 1000 * 1000 + 13);
    struct origin_config config = {.content = endpoint};
    cr_assert_eq (origin_new (loop, &config, &OPS, &owner, &owner.origin, &error), 0, "%s", error.text);

    struct download download = {
        .digest = &owner.digests[0], .size = owner.sizes[0], .chunk = 256 * 1024, .window = 8};
    base_hash_init (&download.hash);
    struct bus_socket *client =
        rig_socket (BUS_DEALER, &(struct bus_socket_options){.on_message = on_chunk, .context = &download});
    rig_connect (client, origin_endpoint_content (owner.origin));
    ask_on (client, &download);
    rig_run ();
    struct base_digest digest = base_hash_final (&download.hash);
    cr_assert (base_digest_equal (&digest, &owner.digests[0]));
    cr_assert_eq (owner.opened, 1);
    struct origin_counts counts = origin_counts (owner.origin);
    cr_assert_eq (counts.bytes, owner.sizes[0]);
    cr_assert_eq (counts.chunks, counts.pieces);
    done (client);
    free_contents ();
}

Test (origin, a_whole_content_comes_through_from_a_mapping)
{
    download_whole (true, "tcp://127.0.0.1:*");
}

Test (origin, a_whole_content_comes_through_by_reading)
{
    download_whole (false, "tcp://127.0.0.1:*");
}

Test (origin, a_whole_content_comes_through_over_ipc)
{
    download_whole (true, rig_ipc ("content"));
}

static void keep_the_ends (bool immutable)
{
    owner.immutable = immutable;
    serve (&OPS, (struct origin_config){0});
    add_content (0, 1000);
    add_content (1, 0);
    struct bus_socket *client = client_of ("content");
    struct wire_get get = {.digest = owner.digests[0], .offset = 900, .length = 400};
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_OK);
    cr_assert_eq (heard.chunk.length, 400);
    cr_assert_eq (heard.payload_size, 100);
    get.offset = 1000;
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_OK);
    cr_assert_eq (heard.payload_size, 0);
    get.offset = 1001;
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_FAILED);
    get.offset = WIRE_SIZE_MOST;
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_FAILED);
    get = (struct wire_get){.digest = owner.digests[1], .length = 400};
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_OK);
    cr_assert_eq (heard.chunk.size, 0);
    cr_assert_eq (heard.payload_size, 0);
    done (client);
    free_contents ();
}

Test (origin, the_ends_of_a_mapped_content_are_kept)
{
    keep_the_ends (true);
}

Test (origin, the_ends_of_a_content_that_is_read_are_kept)
{
    keep_the_ends (false);
}

Test (origin, what_is_not_here_is_gone_and_what_cannot_be_read_failed)
{
    serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_of ("content");
    struct wire_get get = {.digest = base_digest_of ("x", 1), .length = 400};
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_GONE);
    owner.status = -EACCES;
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_FAILED);
    owner.status = 0;
    /* Its file is shorter than its owner says: nobody may be killed by that. */
    add_content (0, 1000);
    owner.lies = 100000;
    owner.immutable = true;
    get.digest = owner.digests[0];
    say (client, &wire_get_record, &get);
    cr_assert_eq (heard.chunk.status, WIRE_STATUS_FAILED);
    cr_assert_eq (origin_counts (owner.origin).failed, 2);
    cr_assert_eq (origin_counts (owner.origin).gone, 1);
    done (client);
    free_contents ();
}

static enum wire_status get_of (struct bus_socket *client, unsigned index, uint64_t offset, uint32_t length)
{
    struct wire_get get = {.digest = owner.digests[index], .offset = offset, .length = length};
    say (client, &wire_get_record, &get);
    return heard.chunk.status;
}

Test (origin, more_contents_at_a_time_than_allowed_are_put_off)
{
    serve (&OPS, (struct origin_config){.transfers = 2});
    for (unsigned i = 0; i < 4; i++)
        add_content (i, 100000);
    struct bus_socket *client = client_of ("content");
    cr_assert_eq (get_of (client, 0, 0, 100), WIRE_STATUS_OK);
    cr_assert_eq (get_of (client, 1, 0, 100), WIRE_STATUS_OK);
    cr_assert_eq (get_of (client, 2, 0, 100), WIRE_STATUS_BUSY);
    cr_assert_eq (heard.chunk.retry_after_ms, 200);
    /* What is open goes on; what has ended makes room; what nobody asks for any more does too. */
    cr_assert_eq (get_of (client, 0, 100, 100), WIRE_STATUS_OK);
    cr_assert_eq (get_of (client, 1, 99900, 100), WIRE_STATUS_OK);
    cr_assert_eq (get_of (client, 2, 0, 100), WIRE_STATUS_OK);
    enum wire_status status;
    while ((status = get_of (client, 3, 0, 100)) == WIRE_STATUS_BUSY)
        rig_run_for (20);
    cr_assert_eq (status, WIRE_STATUS_OK);
    cr_assert_eq (owner.opened, 4);
    done (client);
    free_contents ();
}

Test (origin, many_small_contents_one_after_the_other_are_not_put_off)
{
    serve (&OPS, (struct origin_config){.transfers = 2});
    for (unsigned i = 0; i < CONTENTS; i++)
        add_content (i, 100 + i);
    struct bus_socket *client = client_of ("content");
    for (unsigned i = 0; i < CONTENTS; i++)
        cr_assert_eq (get_of (client, i, 0, 1000), WIRE_STATUS_OK);
    done (client);
    free_contents ();
}

static int count_descriptors (void)
{
    int n = 0;
    DIR *listing = opendir ("/proc/self/fd");
    while (readdir (listing))
        n++;
    (void) closedir (listing);
    return n;
}

Test (origin, a_content_that_nobody_asks_for_is_closed)
{
    serve (&OPS, (struct origin_config){0});
    add_content (0, 1000);
    struct bus_socket *client = client_of ("content");
    say (client, &wire_get_record, &(struct wire_get){.digest = base_digest_of ("x", 1), .length = 1});
    int before = count_descriptors ();
    cr_assert_eq (get_of (client, 0, 0, 10), WIRE_STATUS_OK);
    cr_assert_eq (count_descriptors (), before + 1);
    while (count_descriptors () > before)
        rig_run_for (100);
    done (client);
    free_contents ();
}

/*  A peer that asks and does not read: how many gets are answered before it is told busy shows in the
    counts. */
static void peer_that_does_not_read (bool immutable)
{
    owner.immutable = immutable;
    add_content (0, WIRE_CHUNK_MOST);
    struct base_error error = {0};
    struct origin_config config = {.content = "tcp://127.0.0.1:*", .peer_bytes = 4 * WIRE_CHUNK_MOST};
    cr_assert_eq (origin_new (loop, &config, &OPS, &owner, &owner.origin, &error), 0, "%s", error.text);
    void *context = zmq_ctx_new ();
    void *peer = zmq_socket (context, ZMQ_DEALER);
    int one = 1, linger = 0;
    (void) zmq_setsockopt (peer, ZMQ_RCVHWM, &one, sizeof one);
    (void) zmq_setsockopt (peer, ZMQ_LINGER, &linger, sizeof linger);
    cr_assert_eq (zmq_connect (peer, origin_endpoint_content (owner.origin)), 0);
    struct wire_get get = {.digest = owner.digests[0], .length = WIRE_CHUNK_MOST};
    struct base_buffer map = {0};
    uint8_t prefix[4];
    wire_prefix (&wire_get_record, prefix);
    cr_assert_eq (wire_pack (&wire_get_record, &get, &map, NULL), 0);
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq (zmq_send (peer, prefix, 4, ZMQ_SNDMORE), 4);
        cr_assert_eq (zmq_send (peer, map.data, map.size, 0), (int) map.size);
    }
    while (origin_counts (owner.origin).pieces < 100)
        rig_run_for (10);
    struct origin_counts counts = origin_counts (owner.origin);
    cr_assert_gt (counts.busy, 0);
    cr_assert_geq (counts.chunks, 4);

    /* Another peer is served meanwhile. */
    struct bus_socket *client =
        rig_socket (BUS_DEALER, &(struct bus_socket_options){.on_message = on_message});
    rig_connect (client, origin_endpoint_content (owner.origin));
    cr_assert_eq (get_of (client, 0, 0, 1000), WIRE_STATUS_OK);

    /* The origin goes while payloads of its mapping are under way. */
    done (client);
    zmq_close (peer);
    zmq_ctx_term (context);
    base_buffer_deinit (&map);
    free_contents ();
}

Test (origin, a_peer_that_does_not_read_is_told_busy_and_costs_no_other)
{
    peer_that_does_not_read (true);
}

Test (origin, a_peer_that_does_not_read_is_told_busy_where_contents_are_read)
{
    peer_that_does_not_read (false);
}

Test (origin, many_peers_come_and_go)
{
    serve (&OPS, (struct origin_config){0});
    add_content (0, 100000);
    owner.immutable = true;
    for (unsigned i = 0; i < 300; i++) {
        struct bus_socket *client = client_of ("content");
        cr_assert_eq (get_of (client, 0, i, 40000), WIRE_STATUS_OK);
        bus_socket_free (client);
    }
    cr_assert_eq (owner.opened, 1);
    done (NULL);
    free_contents ();
}

Test (origin, an_upload_reaches_its_operation)
{
    serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_of ("content");
    struct wire_put put = {.digest = base_digest_of ("x", 1), .size = 300, .offset = 100};
    char payload[] = "xyz";
    cr_assert_eq (bus_send_payload (client, NULL, &wire_put_record, &put, payload, 3, NULL, NULL), 0);
    rig_run ();
    cr_assert_eq (heard.taken.status, WIRE_STATUS_OK);
    cr_assert_eq (heard.taken.offset, 103);
    cr_assert (base_digest_equal (&heard.taken.digest, &put.digest));
    say (client, &wire_put_record, &put);
    cr_assert_eq (heard.taken.offset, 100);
    owner.status = -ENOSPC;
    say (client, &wire_put_record, &put);
    cr_assert_eq (heard.taken.status, WIRE_STATUS_FAILED);
    done (client);
}
