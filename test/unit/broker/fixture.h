/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/fixture.h - a broker in this process, and peers that talk to it over real sockets */

#ifndef FIXTURE_H
#define FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/random.h"
#include "base/time.h"
#include "broker/broker.h"
#include "disk/disk.h"
#include "test/lib/load.h"
#include "wire/envelope.h"

enum { FIXTURE_INBOX = 512 };
#define FIXTURE_DEADLINE_MS load_deadline_ms (30000)

/*  A socket with an inbox. */
struct peer {
    struct bus_loop *loop;
    struct bus_socket *socket;
    struct {
        const struct wire_record *record;
        void *message;
        char *topic;
    } inbox[FIXTURE_INBOX];
    size_t n_inbox;
    bool expired;
    bool denied; /* the server refused its key */
};

struct fixture {
    char root[64];
    struct bus_loop *loop;
    struct broker *broker;
    struct bus_endpoints endpoints;
    uint64_t heartbeat_ms, liveness_ms;
    bool no_content;
    bool with_keys;
};

static inline void peer_on_message (void *context, struct bus_socket *socket,
                                    const struct bus_message *message)
{
    struct peer *peer = context;
    void *copy = calloc (1, wire_record_size (message->record));

    (void) socket;
    cr_assert (peer->n_inbox < FIXTURE_INBOX);
    cr_assert (wire_copy (message->record, message->body, copy) == 0);
    peer->inbox[peer->n_inbox].record = message->record;
    peer->inbox[peer->n_inbox].message = copy;
    peer->inbox[peer->n_inbox].topic = message->topic ? strdup (message->topic) : NULL;
    peer->n_inbox++;
    bus_loop_stop (peer->loop);
}

static inline void peer_on_deadline (void *context)
{
    struct peer *peer = context;

    peer->expired = true;
    bus_loop_stop (peer->loop);
}

static inline void peer_on_denied (void *context, struct bus_socket *socket)
{
    struct peer *peer = context;

    (void) socket;
    peer->denied = true;
    bus_loop_stop (peer->loop);
}

/*  keys NULL: none. */
static inline struct peer *peer_new_with (struct bus_loop *loop, enum bus_kind kind, const char *endpoint,
                                          const struct bus_keys *keys)
{
    struct peer *peer = calloc (1, sizeof *peer);
    struct bus_socket_options options = {.on_message = peer_on_message,
                                         .on_denied = peer_on_denied,
                                         .context = peer,
                                         .keys = keys,
                                         .linger_ms = 1000};
    struct base_error error = {.text = ""};

    peer->loop = loop;
    cr_assert (bus_socket_new (loop, kind, &options, &peer->socket, &error) == 0, "%s", error.text);
    cr_assert (bus_socket_connect (peer->socket, endpoint, &error) == 0, "%s", error.text);
    return peer;
}

static inline struct peer *peer_new (struct bus_loop *loop, enum bus_kind kind, const char *endpoint)
{
    return peer_new_with (loop, kind, endpoint, NULL);
}

static inline void peer_take (struct peer *peer, size_t index)
{
    wire_deinit (peer->inbox[index].record, peer->inbox[index].message);
    free (peer->inbox[index].message);
    free (peer->inbox[index].topic);
    peer->n_inbox--;
    memmove (&peer->inbox[index], &peer->inbox[index + 1], (peer->n_inbox - index) * sizeof peer->inbox[0]);
}

static inline void peer_clear (struct peer *peer)
{
    while (peer->n_inbox > 0)
        peer_take (peer, 0);
}

static inline struct peer *peer_free (struct peer *peer)
{
    if (!peer)
        return NULL;
    peer_clear (peer);
    bus_socket_free (peer->socket);
    free (peer);
    return NULL;
}

static inline void peer_send (struct peer *peer, const struct wire_record *record, const void *message)
{
    int r = bus_send (peer->socket, NULL, record, message);

    cr_assert (r == 0, "sending %s: %s", wire_record_name (record), strerror (-r));
}

/*  Runs the loop until the peer has a message of this kind. Returns its index in the inbox, or -1 after
    within_ms. */
static inline int peer_wait (struct peer *peer, const struct wire_record *record, uint64_t within_ms)
{
    int timer = bus_timer_start (peer->loop, within_ms, peer_on_deadline, peer);

    peer->expired = false;
    for (;;) {
        for (size_t i = 0; i < peer->n_inbox; i++) {
            if (peer->inbox[i].record == record) {
                bus_timer_cancel (peer->loop, timer);
                return (int) i;
            }
        }
        if (peer->expired)
            return -1;
        cr_assert (bus_loop_run (peer->loop) == 0);
    }
}

/*  Waits for the oldest message of this kind and moves it to ret_message; the caller owns it. */
static inline void peer_expect (struct peer *peer, const struct wire_record *record, void *ret_message)
{
    int index = peer_wait (peer, record, FIXTURE_DEADLINE_MS);

    cr_assert (index >= 0, "no %s arrived", wire_record_name (record));
    memcpy (ret_message, peer->inbox[index].message, wire_record_size (record));
    memset (peer->inbox[index].message, 0, wire_record_size (record));
    peer_take (peer, (size_t) index);
}

static inline void fixture_start (struct fixture *fixture)
{
    struct base_error error = {.text = ""};
    struct broker_config config = {.root = fixture->root,
                                   .bind = &fixture->endpoints,
                                   .heartbeat_ms = fixture->heartbeat_ms,
                                   .liveness_ms = fixture->liveness_ms,
                                   .no_content = fixture->no_content,
                                   .with_keys = fixture->with_keys};

    /* ZeroMQ closes the listener of a stopped broker a moment after the request to do so */
    uint64_t until_ms = base_time_boot_ms () + FIXTURE_DEADLINE_MS;
    int r;
    while ((r = broker_new (fixture->loop, &config, &fixture->broker, &error)) == -EADDRINUSE &&
           base_time_boot_ms () < until_ms)
        (void) poll (NULL, 0, 1);
    cr_assert (r == 0, "%s", error.text);
}

static inline void fixture_init (struct fixture *fixture)
{
    struct base_error error = {.text = ""};
    char bind[80];

    (void) snprintf (fixture->root, sizeof fixture->root, "/tmp/broker.XXXXXX");
    cr_assert_not_null (mkdtemp (fixture->root));
    (void) snprintf (bind, sizeof bind, "ipc://%s", fixture->root);
    cr_assert (bus_endpoints_parse (bind, &fixture->endpoints, &error) == 0, "%s", error.text);
    fixture->loop = bus_loop_new ();
    cr_assert_not_null (fixture->loop);
    fixture_start (fixture);
}

static inline void fixture_stop (struct fixture *fixture)
{
    fixture->broker = broker_free (fixture->broker);
}

static inline void fixture_deinit (struct fixture *fixture)
{
    fixture_stop (fixture);
    bus_loop_free (fixture->loop);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, fixture->root, NULL);
}

static inline struct peer *fixture_control (struct fixture *fixture)
{
    return peer_new (fixture->loop, BUS_DEALER, broker_endpoint_control (fixture->broker));
}

/*  A node whose messages the test sends. */

struct node {
    struct peer *control;
    const char *id;
    char session[33];
    struct wire_application application; /* members point to memory of the test */
    uint64_t described;                  /* states that were sent */
    struct base_digest binary;           /* the program's digest in a confirmation */
};

static inline struct base_digest digest_of (const char *text)
{
    return base_digest_of (text, strlen (text));
}

static inline void node_init (struct node *node, struct fixture *fixture, const char *id)
{
    *node = (struct node){.control = fixture_control (fixture), .id = id};
    (void) base_random_hex (node->session, 16);
    node->binary = digest_of ("2.0.0");
    node->application = (struct wire_application){
        .name = "noded", .state = WIRE_STATE_IDLE, .version = "1.0.0", .release = digest_of ("1.0.0")};
}

static inline void node_hello_send (struct node *node)
{
    struct wire_hello hello = {.node = node->id,
                               .session = node->session,
                               .host_pid = "testhost, pid 1",
                               .software = "1.0.0",
                               .platform = "linux/amd64",
                               .trial = node->application.state == WIRE_STATE_TRIAL};

    peer_send (node->control, &wire_hello_record, &hello);
}

/*  Sends a state of an application. */
static inline void node_describe_send (struct node *node, struct wire_application *application)
{
    struct wire_describe describe = {
        .node = node->id, .session = node->session, .serial = ++node->described, .application = application};

    peer_send (node->control, &wire_describe_record, &describe);
}

/*  The same, and waits for the answer. */
static inline enum wire_status node_describe (struct node *node, struct wire_application *application)
{
    struct wire_described described;
    enum wire_status status;

    node_describe_send (node, application);
    peer_expect (node->control, &wire_described_record, &described);
    cr_assert_str_eq (described.application, application->name);
    cr_assert_eq (described.serial, node->described);
    status = described.status;
    wire_described_deinit (&described);
    return status;
}

static inline void node_hello (struct node *node)
{
    struct wire_welcome welcome;

    node_hello_send (node);
    peer_expect (node->control, &wire_welcome_record, &welcome);
    cr_assert (welcome.status == WIRE_STATUS_OK, "%s: %s", wire_status_word (welcome.status),
               welcome.reason ? welcome.reason : "");
    wire_welcome_deinit (&welcome);
    cr_assert_eq (node_describe (node, &node->application), WIRE_STATUS_OK);
}

static inline struct wire_desired node_ask (struct node *node)
{
    struct wire_ask ask = {.node = node->id, .session = node->session, .application = "noded"};
    struct wire_desired desired;

    peer_send (node->control, &wire_ask_record, &ask);
    peer_expect (node->control, &wire_desired_record, &desired);
    return desired;
}

static inline enum wire_status node_report (struct node *node, uint64_t epoch, const char *transaction,
                                            const char *step, enum wire_outcome outcome, const char *reason)
{
    struct wire_report report = {.node = node->id,
                                 .session = node->session,
                                 .transaction = transaction,
                                 .epoch = epoch,
                                 .attempt = 1,
                                 .step = step,
                                 .outcome = outcome,
                                 .reason = reason,
                                 .time = "2026-11-22T15:00:00.000000000Z",
                                 .application = &node->application};
    struct wire_noted noted;
    enum wire_status status;

    if (outcome == WIRE_OUTCOME_CONFIRMED)
        node->application.binary = node->binary;
    peer_send (node->control, &wire_report_record, &report);
    peer_expect (node->control, &wire_noted_record, &noted);
    cr_assert_eq (noted.epoch, epoch);
    cr_assert_str_eq (noted.step, step);
    status = noted.status;
    wire_noted_deinit (&noted);
    return status;
}

/*  An operator. */

/*  Sends a request of this record under a new serial, and waits for its answer. */
static inline void operator_exchange (struct peer *peer, const struct wire_record *record, void *request,
                                      void *ret_answer)
{
    static uint64_t serial;
    struct wire_request asked;
    struct wire_answer head;

    memcpy (&asked, request, sizeof asked);
    asked.serial = ++serial;
    memcpy (request, &asked, sizeof asked);
    peer_send (peer, record, request);
    peer_expect (peer, wire_record_answer (record), ret_answer);
    memcpy (&head, ret_answer, sizeof head);
    cr_assert_eq (head.serial, serial);
}

/*  The same for a struct wire_NAME; its value is the struct wire_ANSWER, which the caller owns. */
#define operator_ask(peer, name, answer, request)                                                            \
    __extension__({                                                                                          \
        struct wire_##answer answer_;                                                                        \
        operator_exchange (peer, &wire_##name##_record, request, &answer_);                                  \
        answer_;                                                                                             \
    })

/*  Sends an order to nodes; none: to all. The caller owns the answer. */
static inline struct wire_orders operator_orders (struct peer *peer, enum wire_order order,
                                                  const char *const *nodes, size_t n_nodes)
{
    struct wire_order_revert revert = {.nodes = nodes, .n_nodes = n_nodes, .all = !nodes};
    struct wire_order_hold hold = {.nodes = nodes, .n_nodes = n_nodes, .all = !nodes};
    struct wire_order_unhold unhold = {.nodes = nodes, .n_nodes = n_nodes, .all = !nodes};

    switch (order) {
    case WIRE_ORDER_REVERT:
        return operator_ask (peer, order_revert, orders, &revert);
    case WIRE_ORDER_HOLD:
        return operator_ask (peer, order_hold, orders, &hold);
    default:
        cr_assert_eq (order, WIRE_ORDER_UNHOLD);
        return operator_ask (peer, order_unhold, orders, &unhold);
    }
}

/*  Takes the result for the only node out of an answer. */
static inline struct wire_order_result operator_result (struct wire_orders *answer)
{
    struct wire_order_result result;

    cr_assert (answer->status == WIRE_STATUS_OK, "%s", answer->reason ? answer->reason : "");
    cr_assert_eq (answer->n_orders, 1);
    result = answer->orders[0];
    answer->orders[0] = (struct wire_order_result){.node = NULL};
    wire_orders_deinit (answer);
    return result;
}

/*  Sends an order to one node. The caller owns the result. */
static inline struct wire_order_result operator_order (struct peer *peer, enum wire_order order,
                                                       const char *node, const struct base_digest *release)
{
    const char *nodes[] = {node};
    struct wire_order_update update = {.nodes = nodes, .n_nodes = 1};
    struct wire_orders answer;

    if (release)
        update.release = *release;
    answer = order == WIRE_ORDER_UPDATE ? operator_ask (peer, order_update, orders, &update)
                                        : operator_orders (peer, order, nodes, 1);
    return operator_result (&answer);
}

static inline struct wire_order_result operator_forget (struct peer *peer, const char *node)
{
    const char *nodes[] = {node};
    struct wire_forget_nodes request = {.nodes = nodes, .n_nodes = 1};
    struct wire_orders answer = operator_ask (peer, forget_nodes, orders, &request);

    return operator_result (&answer);
}

static inline struct wire_node operator_node (struct peer *peer, const char *node)
{
    const char *nodes[] = {node};
    struct wire_list_nodes request = {.nodes = nodes, .n_nodes = 1};
    struct wire_nodes answer = operator_ask (peer, list_nodes, nodes, &request);
    struct wire_node shown;

    cr_assert (answer.status == WIRE_STATUS_OK, "%s", answer.reason ? answer.reason : "");
    cr_assert_eq (answer.n_nodes, 1);
    shown = answer.nodes[0];
    answer.nodes[0] = (struct wire_node){.id = NULL};
    wire_nodes_deinit (&answer);
    return shown;
}

static inline enum wire_status operator_withdraw (struct peer *peer, const struct base_digest *release)
{
    struct wire_withdraw_release request = {.release = *release};
    struct wire_withdrawn answer = operator_ask (peer, withdraw_release, withdrawn, &request);
    enum wire_status status = answer.status;

    wire_withdrawn_deinit (&answer);
    return status;
}

/*  Uploads a blob, in one piece. */
static inline struct base_digest fixture_upload_bytes (struct fixture *fixture, const void *bytes,
                                                       size_t size)
{
    struct peer *peer = peer_new (fixture->loop, BUS_DEALER, broker_endpoint_content (fixture->broker));
    struct wire_put put = {.digest = base_digest_of (bytes, size), .size = size};
    struct wire_taken taken;

    cr_assert (bus_send_payload (peer->socket, NULL, &wire_put_record, &put, (void *) (uintptr_t) bytes, size,
                                 NULL, NULL) == 0);
    peer_expect (peer, &wire_taken_record, &taken);
    cr_assert (taken.complete, "%s", taken.reason ? taken.reason : "");
    wire_taken_deinit (&taken);
    peer_free (peer);
    return put.digest;
}

static inline struct base_digest fixture_upload (struct fixture *fixture, const char *text)
{
    return fixture_upload_bytes (fixture, text, strlen (text));
}

static inline void fixture_upload_document (struct fixture *fixture, const struct wire_release *release)
{
    base_cleanup (base_buffer_deinit) struct base_buffer document = {.size = 0};

    cr_assert_eq (wire_release_pack (release, &document, NULL), 0);
    (void) fixture_upload_bytes (fixture, document.data, document.size);
}

/*  Publishes a release of noded for linux/amd64. The text of the version serves as its program. */
static inline struct base_digest fixture_publish (struct fixture *fixture, struct peer *peer,
                                                  const char *version)
{
    struct wire_envelope envelope = {.application = "noded",
                                     .version = version,
                                     .platform = "linux/amd64",
                                     .binary = digest_of (version),
                                     .size = strlen (version)};
    struct wire_release release = {
        .application = "noded", .version = version, .envelopes = &envelope, .n_envelopes = 1};
    struct wire_publish_release request = {.release = &release};
    struct wire_published answer;
    struct base_digest digest;

    if (!fixture->no_content) {
        (void) fixture_upload (fixture, version);
        fixture_upload_document (fixture, &release);
    }
    answer = operator_ask (peer, publish_release, published, &request);
    cr_assert (answer.status == WIRE_STATUS_OK, "%s", answer.reason ? answer.reason : "");
    digest = answer.release;
    wire_published_deinit (&answer);
    return digest;
}

#endif
