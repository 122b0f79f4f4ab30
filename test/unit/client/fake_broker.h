/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/fake_broker.h - a broker in a thread of the test

    It serves control and content as ROUTERs and events as a PUB, over ipc in a directory of its own.
    `answer` fills the answer to a request: the struct of wire_record_answer (request->record), which owns
    nothing; if it returns false, no answer is sent. The broker accepts and keeps all uploads.

    A failed assertion of Criterion jumps back into the test. On the stack of another thread that is a crash.
    Therefore the code that runs in the broker's thread keeps its first failure, and fake_end reports it. */

#ifndef TEST_FAKE_BROKER_H
#define TEST_FAKE_BROKER_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include <zmq.h>

#include "base/text.h"
#include "bus/endpoint.h"
#include "bus/socket_private.h"
#include "noded/client.h"

enum { FAKE_BLOBS = 8, FAKE_REQUESTS = 1024 };

struct fake_request {
    const struct wire_record *record;
    void *body; /* struct wire_NAME */
};

struct fake_blob {
    struct base_digest digest;
    struct base_buffer bytes;
    uint64_t size;
    bool complete;
};

struct fake_broker {
    char directory[64], origin[96];
    struct bus_endpoints endpoints;
    int stop[2];
    pthread_t thread;
    struct bus_loop *loop;
    struct bus_socket *control, *content, *events;
    bool (*answer) (struct fake_broker *broker, const struct fake_request *request, void *ret_answer);
    /*  Copies of the requests received. */
    struct fake_request requests[FAKE_REQUESTS];
    size_t n_requests;
    struct fake_blob blobs[FAKE_BLOBS];
    size_t n_blobs;
    unsigned puts_to_lose;         /* number of puts that are dropped without an answer */
    enum wire_status taken_status; /* NULL: ok */
    struct base_buffer served;     /* the blob that the content channel serves for every digest */
    bool corrupt, gone;            /* served with a flipped bit; answered with status gone */
    bool answers_float;            /* the answers are against the schema */
    bool older;                    /* it knows no request */
    const char *event;             /* published every 20 ms; NULL: none */
    const char *failure;           /* NULL: none. To be read after the thread has ended */
};

static inline bool fake_expect (struct fake_broker *broker, bool holds, const char *failure)
{
    if (!holds && !broker->failure)
        broker->failure = failure;
    return holds;
}

/*  rc: the result of sending to a client. A client that has received enough may be gone. */
static inline void fake_expect_sent (struct fake_broker *broker, int rc)
{
    (void) fake_expect (broker, rc == 0 || rc == -EHOSTUNREACH, "the broker could not answer");
}

/*  How every request begins. */
static inline struct wire_change fake_head (const struct fake_request *request)
{
    struct wire_change head = {.serial = 0};
    bool reads = !wire_record_is_change (request->record);
    memcpy (&head, request->body, reads ? sizeof (struct wire_request) : sizeof head);
    return head;
}

/*  The request of this number, which must be of the record. */
static inline const void *fake_request_of (const struct fake_broker *broker, size_t index,
                                           const struct wire_record *record)
{
    cr_assert_lt (index, broker->n_requests);
    cr_assert_eq (broker->requests[index].record, record, "request %zu is %s", index,
                  wire_record_name (broker->requests[index].record));
    return broker->requests[index].body;
}
#define FAKE_REQUEST(broker, index, name)                                                                    \
    ((const struct wire_##name *) fake_request_of (broker, index, &wire_##name##_record))

/*  The whole request is copied, so that the test can look at it later. */
static inline bool fake_keep (struct fake_broker *broker, const struct bus_message *message)
{
    struct fake_request *kept = &broker->requests[broker->n_requests];
    kept->record = message->record;
    kept->body = calloc (1, wire_record_size (message->record));
    if (!kept->body || wire_copy (message->record, message->body, kept->body) != 0)
        return false;
    broker->n_requests++;
    return true;
}

static inline void fake_control (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct fake_broker *broker = context;
    const struct wire_record *record = wire_record_answer (message->record);
    const struct fake_request request = {message->record, (void *) (uintptr_t) message->body};
    if (!record || broker->n_requests == FAKE_REQUESTS)
        return;
    void *answer = calloc (1, wire_record_size (record));
    if (!fake_expect (broker, answer && fake_keep (broker, message), "a request could not be copied"))
        return;
    struct wire_answer head = {
        .serial = fake_head (&request).serial, .status = WIRE_STATUS_OK, .revision = 1};
    memcpy (answer, &head, sizeof head);
    if (broker->older) {
        head.status = WIRE_STATUS_INVALID;
        head.reason = "unknown request";
        head.notice = "the disk is full";
        fake_expect_sent (broker, bus_send (socket, &message->peer, &wire_answer_record, &head));
    } else if (broker->answers_float) {
        static const char map[] = "\x81\xa6"
                                  "serial\xcb\x40\x08\0\0\0\0\0\0";
        uint8_t prefix[WIRE_PREFIX_SIZE];
        wire_prefix (record, prefix);
        (void) zmq_send (socket->zmq, message->peer.id, message->peer.size, ZMQ_SNDMORE);
        (void) zmq_send (socket->zmq, prefix, sizeof prefix, ZMQ_SNDMORE);
        (void) zmq_send (socket->zmq, map, sizeof map - 1, 0);
    } else if (!broker->answer || broker->answer (broker, &request, answer))
        fake_expect_sent (broker, bus_send (socket, &message->peer, record, answer));
    free (answer);
}

static inline void fake_free (void *data, void *hint)
{
    (void) hint;
    free (data);
}

static inline void fake_get (struct fake_broker *broker, struct bus_socket *socket,
                             const struct bus_message *message)
{
    const struct wire_get *get = message->body;
    struct wire_chunk chunk = {.digest = get->digest,
                               .offset = get->offset,
                               .length = get->length,
                               .status = WIRE_STATUS_OK,
                               .size = broker->served.size};
    size_t left = get->offset < broker->served.size ? broker->served.size - get->offset : 0;
    size_t length = left < get->length ? left : get->length;
    uint8_t *data = malloc (length + 1);
    if (!fake_expect (broker, data != NULL, "out of memory"))
        return;
    memcpy (data, broker->served.data + get->offset, length);
    if (broker->corrupt && length)
        data[0] ^= 1;
    if (broker->gone)
        chunk.status = WIRE_STATUS_GONE;
    fake_expect_sent (broker, bus_send_payload (socket, &message->peer, &wire_chunk_record, &chunk, data,
                                                broker->gone ? 0 : length, fake_free, NULL));
}

static inline void fake_put (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct fake_broker *broker = context;
    if (message->record == &wire_get_record)
        fake_get (broker, socket, message);
    if (message->record != &wire_put_record)
        return;
    if (broker->puts_to_lose) {
        broker->puts_to_lose--;
        return;
    }
    const struct wire_put *put = message->body;
    size_t i = 0;
    while (i < broker->n_blobs && !base_digest_equal (&broker->blobs[i].digest, &put->digest))
        i++;
    if (!fake_expect (broker, i < FAKE_BLOBS, "more blobs arrived than FAKE_BLOBS"))
        return;
    struct fake_blob *blob = &broker->blobs[i];
    if (i == broker->n_blobs) {
        blob->digest = put->digest;
        blob->size = put->size;
        broker->n_blobs++;
    }
    if (put->offset == blob->bytes.size)
        (void) fake_expect (broker,
                            base_buffer_append (&blob->bytes, message->payload, message->payload_size) == 0,
                            "out of memory");
    if (blob->bytes.size == blob->size) {
        struct base_digest digest = base_digest_of (blob->bytes.data, blob->bytes.size);
        blob->complete = base_digest_equal (&digest, &blob->digest);
    }
    struct wire_taken taken = {.digest = put->digest,
                               .status = broker->taken_status ? broker->taken_status : WIRE_STATUS_OK,
                               .offset = blob->bytes.size,
                               .complete = blob->complete,
                               .reason = broker->taken_status ? "the disk is full" : NULL};
    fake_expect_sent (broker, bus_send (socket, &message->peer, &wire_taken_record, &taken));
}

static inline void fake_publish (void *context)
{
    struct fake_broker *broker = context;
    if (broker->event)
        (void) bus_publish_text (broker->events, "event/web-1/connected", broker->event);
    (void) bus_timer_start (broker->loop, 20, fake_publish, broker);
}

static inline void fake_stop (void *context)
{
    struct fake_broker *broker = context;
    bus_loop_stop (broker->loop);
}

static inline struct bus_socket *fake_socket (struct fake_broker *broker, enum bus_kind kind,
                                              bus_message_handler *handler, const char *endpoint)
{
    struct bus_socket *socket;
    struct base_error error = {.code = 0};
    const struct bus_socket_options options = {.on_message = handler, .context = broker, .quiet = true};
    cr_assert_eq (bus_socket_new (broker->loop, kind, &options, &socket, &error), 0, "%s", error.text);
    cr_assert_eq (bus_socket_bind (socket, endpoint, &error), 0, "%s", error.text);
    return socket;
}

static inline void *fake_run (void *context)
{
    struct fake_broker *broker = context;
    (void) fake_expect (broker, bus_loop_run (broker->loop) == 0, "the broker's loop ended with an error");
    return NULL;
}

/*  Binds before it returns, so that a client can connect at once. */
static inline void fake_start (struct fake_broker *broker)
{
    struct base_error error = {.code = 0};
    (void) snprintf (broker->directory, sizeof broker->directory, "/tmp/noded-client-XXXXXX");
    cr_assert_not_null (mkdtemp (broker->directory));
    (void) snprintf (broker->origin, sizeof broker->origin, "ipc://%s", broker->directory);
    cr_assert_eq (bus_endpoints_parse (broker->origin, &broker->endpoints, &error), 0, "%s", error.text);
    broker->loop = bus_loop_new ();
    cr_assert_not_null (broker->loop);
    broker->control = fake_socket (broker, BUS_ROUTER, fake_control, broker->endpoints.control);
    broker->content = fake_socket (broker, BUS_ROUTER, fake_put, broker->endpoints.content);
    broker->events = fake_socket (broker, BUS_PUB, NULL, broker->endpoints.events);
    cr_assert_gt (bus_timer_start (broker->loop, 20, fake_publish, broker), 0);
    cr_assert_eq (pipe2 (broker->stop, O_CLOEXEC), 0);
    cr_assert_eq (bus_watch (broker->loop, broker->stop[0], fake_stop, broker), 0);
    cr_assert_eq (pthread_create (&broker->thread, NULL, fake_run, broker), 0);
}

static inline void fake_end (struct fake_broker *broker)
{
    close (broker->stop[1]);
    cr_assert_eq (pthread_join (broker->thread, NULL), 0);
    cr_expect_null (broker->failure, "%s", broker->failure);
    bus_unwatch (broker->loop, broker->stop[0]);
    close (broker->stop[0]);
    bus_socket_free (broker->control);
    bus_socket_free (broker->content);
    bus_socket_free (broker->events);
    bus_loop_free (broker->loop);
    for (size_t i = 0; i < broker->n_requests; i++) {
        wire_deinit (broker->requests[i].record, broker->requests[i].body);
        free (broker->requests[i].body);
    }
    for (size_t i = 0; i < broker->n_blobs; i++)
        base_buffer_deinit (&broker->blobs[i].bytes);
    base_buffer_deinit (&broker->served);
    DIR *directory = opendir (broker->directory);
    for (struct dirent *entry; directory && (entry = readdir (directory));)
        (void) unlinkat (dirfd (directory), entry->d_name, 0);
    if (directory)
        closedir (directory);
    (void) rmdir (broker->directory);
}

static inline noded_client *fake_client (struct fake_broker *broker, uint64_t timeout_ms)
{
    noded_client *client;
    char error[512] = "";
    cr_assert_eq (noded_client_new (broker->origin, NULL, timeout_ms, &client, error, sizeof error), 0, "%s",
                  error);
    return client;
}

#endif
