/* SPDX-License-Identifier: MPL-2.0 */
/*  client/exchange.c - one request and its answer

    A request without an answer for two seconds, plus the time that the answer may wait, is sent again over a
    new connection, until the deadline. The serial distinguishes its answer from a late one, and the key keeps
    an order from being carried out twice. */

#include "client/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"

struct client_exchange {
    noded_client *client;
    const struct wire_record *record;
    const void *request;
    uint64_t serial;
    void *answer;            /* of wire_record_answer (record); the caller's */
    struct wire_answer head; /* its first fields; owned */
    uint64_t resend_ms;
    int resend_timer;
    bool answered, expired;
    int failure; /* -errno of the bus, or of copying the answer */
};

/*  typed: the message is the answer to this request. Only a plain answer may lack its fields, and then it is
    not ok. */
static int answer_copy (struct client_exchange *exchange, const struct bus_message *message,
                        const struct wire_answer *head, bool typed)
{
    base_assert (exchange && exchange->answer);
    base_assert (head->serial == exchange->serial);
    int r = wire_copy (&wire_answer_record, head, &exchange->head);
    if (r < 0 || head->status != WIRE_STATUS_OK)
        return r;
    return typed ? wire_copy (message->record, message->body, exchange->answer) : -EPROTO;
}

/*  A broker that does not know the request sends the plain answer instead of the answer to it. */
static void exchange_take (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    noded_client *client = context;
    base_assert (client && message);
    struct client_exchange *exchange = client->exchange;
    struct wire_answer head;
    (void) socket;
    if (!exchange || exchange->answered)
        return;
    bool typed = message->record == wire_record_answer (exchange->record);
    if (!typed && message->record != &wire_answer_record)
        return;
    memcpy (&head, message->body, sizeof head);
    if (head.serial != exchange->serial)
        return;
    exchange->failure = answer_copy (exchange, message, &head, typed);
    (void) snprintf (client->notice, sizeof client->notice, "%s", head.notice ? head.notice : "");
    exchange->answered = true;
    bus_loop_stop (client->loop);
}

/*  A full queue is no failure here: the request is sent again later. */
static void exchange_send (struct client_exchange *exchange)
{
    base_assert (exchange && exchange->client->control);
    int r = bus_send (exchange->client->control, NULL, exchange->record, exchange->request);
    if (r == 0 || r == -EAGAIN || r == -EHOSTUNREACH)
        return;
    exchange->failure = r;
    bus_loop_stop (exchange->client->loop);
}

static void exchange_again (void *context);

/*  Connects again, and starts the time until the next attempt. */
static int exchange_reconnect (struct client_exchange *exchange)
{
    base_assert (exchange->resend_timer == 0);
    base_assert (!exchange->answered);
    int r = bus_socket_reconnect (exchange->client->control);
    if (r < 0)
        return r;
    int timer = bus_timer_start (exchange->client->loop, exchange->resend_ms, exchange_again, exchange);
    if (timer < 0)
        return timer;
    exchange->resend_timer = timer;
    return 0;
}

static void exchange_again (void *context)
{
    struct client_exchange *exchange = context;
    exchange->resend_timer = 0;
    if (exchange->answered)
        return;
    int r = exchange_reconnect (exchange);
    if (r < 0) {
        exchange->failure = r;
        bus_loop_stop (exchange->client->loop);
        return;
    }
    exchange_send (exchange);
}

static void exchange_expire (void *context)
{
    struct client_exchange *exchange = context;
    base_assert (exchange && !exchange->expired);
    exchange->expired = true;
    bus_loop_stop (exchange->client->loop);
}

/*  Maps the broker's status to an errno, with a text for answers without a reason. */
static int exchange_judge (noded_client *client, const struct wire_answer *answer, const char *what)
{
    base_assert (what);
    static const struct {
        enum wire_status status;
        int code;
        const char *text;
    } meanings[] = {
        {WIRE_STATUS_NONE, -ENOENT, "not found at the broker"},
        {WIRE_STATUS_GONE, -ENOENT, "it was withdrawn"},
        {WIRE_STATUS_BUSY, -EBUSY, "the broker is busy; try again later"},
        {WIRE_STATUS_REFUSED, -EPERM, "the broker refuses it without a reason"},
        {WIRE_STATUS_INVALID, -EINVAL, "the broker considers the request malformed"},
        {WIRE_STATUS_FAILED, -EIO, "the broker failed without a reason"},
    };
    if (answer->status == WIRE_STATUS_OK)
        return 0;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].status == answer->status)
            return base_error_set (&client->error, meanings[i].code, "cannot %s: %s", what,
                                   answer->reason ? answer->reason : meanings[i].text);
    return base_error_set (&client->error, -EPROTO,
                           "cannot %s: the broker answers with a status that this version does not know%s%s",
                           what, answer->reason ? ": " : "", answer->reason ? answer->reason : "");
}

/*  Runs the loop until the answer or the deadline. */
static int exchange_run (struct client_exchange *exchange, uint64_t deadline_ms, const char *what)
{
    base_assert (!exchange->client->exchange);
    base_assert (exchange->resend_ms > 0);
    noded_client *client = exchange->client;
    int deadline = bus_timer_start (client->loop, deadline_ms, exchange_expire, exchange);
    exchange->resend_timer = bus_timer_start (client->loop, exchange->resend_ms, exchange_again, exchange);
    if (deadline < 0 || exchange->resend_timer < 0)
        exchange->failure = -ENOMEM;
    client->exchange = exchange;
    if (exchange->failure == 0)
        exchange_send (exchange);
    int r = 0;
    while (r == 0 && !exchange->answered && !exchange->expired && !client->denied && exchange->failure == 0)
        r = bus_loop_run (client->loop);
    client->exchange = NULL;
    bus_timer_cancel (client->loop, deadline > 0 ? deadline : 0);
    bus_timer_cancel (client->loop, exchange->resend_timer > 0 ? exchange->resend_timer : 0);
    if (r == 0)
        r = exchange->failure; /* of a handler */
    if (r < 0)
        return base_error_errno (&client->error, r, "cannot %s: asking %s", what, client->endpoints.control);
    if (!exchange->answered && client->denied) {
        client->control = bus_socket_free (client->control); /* the next request makes a new attempt */
        return client_denied (client, client->endpoints.control);
    }
    if (!exchange->answered)
        return client_silent (client, client->endpoints.control, deadline_ms);
    return exchange_judge (client, &exchange->head, what);
}

/*  Fills in how every request begins. */
static void request_begin (noded_client *client, const struct wire_record *record, void *request)
{
    base_assert (wire_record_answer (record));
    struct wire_change change;
    /*  Sending a part twice is harmless: it has no key. */
    if (!wire_record_is_change (record) || record == &wire_send_metadata_record) {
        struct wire_request read = {.serial = ++client->serial, .user = client->user};
        memcpy (request, &read, sizeof read);
        return;
    }
    memcpy (&change, request, sizeof change);
    change.serial = ++client->serial;
    change.user = client->user;
    if (!change.key) {
        base_random_hex (client->key, sizeof client->key / 2);
        change.key = client->key;
    }
    memcpy (request, &change, sizeof change);
}

int client_ask (noded_client *client, const struct wire_record *record, void *request, uint64_t wait_ms,
                const char *what, void *ret_answer)
{
    base_assert (client->loop);
    base_assert (record && request);
    base_assert (what && *what);
    base_assert (ret_answer);
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {.size = 0};
    memset (ret_answer, 0, wire_record_size (wire_record_answer (record)));
    request_begin (client, record, request);
    /*  Packing reports which field violates the schema; sending would only report that one does. */
    int r = wire_pack (record, request, &packed, &client->error);
    if (r == -ENOMEM)
        return client_out_of_memory (client);
    if (r != 0) {
        base_error_prefix (&client->error, "cannot %s", what);
        return client->error.code = -EINVAL;
    }
    r = client_connect (client, exchange_take, client->endpoints.control, &client->control);
    if (r < 0)
        return r;
    struct client_exchange exchange = {.client = client,
                                       .record = record,
                                       .request = request,
                                       .serial = client->serial,
                                       .answer = ret_answer,
                                       .resend_ms = CLIENT_RESEND_MS + wait_ms};
    r = exchange_run (&exchange, client->timeout_ms + wait_ms, what);
    wire_answer_deinit (&exchange.head);
    if (r < 0)
        wire_deinit (wire_record_answer (record), ret_answer);
    return r;
}
