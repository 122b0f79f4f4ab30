/* SPDX-License-Identifier: MPL-2.0 */
/*  origin/messages.c - the table of messages: type, operation, answer

    The owner's operation fills in the answer. The row fills in what the answer repeats of its request. An
    answer that cannot be packed is replaced by one that says so: no request is left without an answer. */

#include "origin/messages.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "wire/list.h"
#include "wire/text.h"

enum { ORIGIN_E_MISSING = 2 /* the owner has no such operation */ };

struct origin_message {
    enum origin_channel channel;
    enum wire_status missing; /* the status of the answer without an operation */
    const struct wire_record *type;
    /*  Calls the owner's operation. Returns what it returns, or ORIGIN_E_MISSING. */
    int (*carry_out) (struct origin *origin, const struct bus_message *message, void *answer);
    const struct wire_record *answer; /* NULL: carry_out sends it, or there is none */
    size_t status;                    /* the offset of this member in the answer */
    size_t reason;                    /* the same; 0: it has none */
    /*  Fills in what the answer repeats of the request. */
    void (*repeat) (const struct origin *origin, const void *request, void *answer);
    /*  Takes a copy of why there is no better answer. NULL: the status says it. */
    void (*explain) (void *answer, const char *reason);
};

/*  Fills in a text that the answer repeats. */
static void fill_text (const char **field, const char *text)
{
    if (!*field && text)
        *field = strdup (text);
}

/*  Calls the operation NAME, which answers a request of a peer. */
#define OPERATION(name)                                                                                      \
    static int name##_carry_out (struct origin *origin, const struct bus_message *message, void *answer)     \
    {                                                                                                        \
        return origin->ops.name ? origin->ops.name (origin->context, &message->peer, message->body, answer)  \
                                : ORIGIN_E_MISSING;                                                          \
    }
OPERATION (hello)
OPERATION (list)
OPERATION (describe)
OPERATION (quarantine)
OPERATION (ask)
OPERATION (match)
OPERATION (report)
OPERATION (want_metadata)
OPERATION (want_consistency)
#undef OPERATION

/*  A request of an operator, of any type. The operation gets the record, since there are many. */
static int request_carry_out (struct origin *origin, const struct bus_message *message, void *answer)
{
    return origin->ops.request
               ? origin->ops.request (origin->context, &message->peer, message->record, message->body, answer)
               : ORIGIN_E_MISSING;
}

static void hello_repeat (const struct origin *origin, const void *request, void *answer)
{
    struct wire_welcome *welcome = answer;
    (void) request;
    wire_text_give (&welcome->instance, strdup (origin->instance));
    welcome->sequence = origin->sequence;
    welcome->heartbeat_ms = origin->heartbeat_ms;
}

static void list_repeat (const struct origin *origin, const void *request, void *answer)
{
    const struct wire_list *list = request;
    struct wire_listed *listed = answer;
    (void) origin;
    listed->list = wire_list_digest (list->names, list->n_names);
}

static void describe_repeat (const struct origin *origin, const void *request, void *answer)
{
    const struct wire_describe *describe = request;
    struct wire_described *described = answer;
    (void) origin;
    fill_text (&described->application, describe->application ? describe->application->name : NULL);
    described->serial = describe->serial;
}

static void quarantine_repeat (const struct origin *origin, const void *request, void *answer)
{
    const struct wire_quarantine *quarantine = request;
    struct wire_quarantined *quarantined = answer;
    (void) origin;
    fill_text (&quarantined->application, quarantine->application);
    quarantined->list = quarantine->list;
    quarantined->first = quarantine->first;
}

static void ask_repeat (const struct origin *origin, const void *request, void *answer)
{
    const struct wire_ask *ask = request;
    struct wire_desired *desired = answer;
    (void) origin;
    fill_text (&desired->application, ask->application);
}

static void match_repeat (const struct origin *origin, const void *request, void *answer)
{
    const struct wire_match *match = request;
    struct wire_matched *matched = answer;
    (void) origin;
    fill_text (&matched->application, match->application);
    fill_text (&matched->transaction, match->transaction);
    matched->attempt = match->attempt;
    matched->release = match->release;
}

static void report_repeat (const struct origin *origin, const void *request, void *answer)
{
    const struct wire_report *report = request;
    struct wire_noted *noted = answer;
    (void) origin;
    fill_text (&noted->application, report->application ? report->application->name : NULL);
    noted->epoch = report->epoch;
    noted->attempt = report->attempt;
    fill_text (&noted->step, report->step);
    noted->outcome = report->outcome;
}

static void want_metadata_repeat (const struct origin *origin, const void *request, void *answer)
{
    const struct wire_want_metadata *want = request;
    struct wire_metadata *metadata = answer;
    (void) origin;
    fill_text (&metadata->role, want->role);
    metadata->version = want->version;
    metadata->offset = want->offset;
}

static void want_consistency_repeat (const struct origin *origin, const void *request, void *answer)
{
    const struct wire_want_consistency *want = request;
    struct wire_consistency *consistency = answer;
    (void) origin;
    consistency->older = want->older;
    consistency->size = want->size;
}

/*  Every request and every answer begins in the same way: see wire/wire.h. */
static void request_repeat (const struct origin *origin, const void *request, void *answer)
{
    struct wire_request asked;
    struct wire_answer head;
    memcpy (&asked, request, sizeof asked);
    memcpy (&head, answer, sizeof head);
    head.serial = asked.serial;
    fill_text (&head.instance, origin->instance);
    memcpy (answer, &head, sizeof head);
}

static void request_explain (void *answer, const char *reason)
{
    struct wire_answer head;
    memcpy (&head, answer, sizeof head);
    head.reason = strdup (reason);
    memcpy (answer, &head, sizeof head);
}

static int heartbeat_carry_out (struct origin *origin, const struct bus_message *message, void *answer)
{
    const struct wire_heartbeat *heartbeat = message->body;
    (void) answer;
    if (origin->ops.heartbeat)
        origin->ops.heartbeat (origin->context, &message->peer, heartbeat);
    if (heartbeat->answer)
        return 0;
    struct wire_heartbeat own = {.sender = origin->instance, .sequence = origin->sequence, .answer = true};
    return bus_send (origin->control, &message->peer, &wire_heartbeat_record, &own);
}

static int bye_carry_out (struct origin *origin, const struct bus_message *message, void *answer)
{
    (void) answer;
    if (origin->ops.bye)
        origin->ops.bye (origin->context, &message->peer, message->body);
    return 0;
}

static int get_carry_out (struct origin *origin, const struct bus_message *message, void *answer)
{
    (void) answer;
    origin_blobs_get (origin->blobs, origin->content, &message->peer, message->body, &origin->counts);
    return 0;
}

static int put_carry_out (struct origin *origin, const struct bus_message *message, void *answer)
{
    const struct wire_put *put = message->body;
    struct wire_taken *taken = answer;
    origin->counts.puts++;
    taken->digest = put->digest;
    if (!origin->ops.blob_put)
        return ORIGIN_E_MISSING;
    int r = origin->ops.blob_put (origin->context, &message->peer, put, message->payload,
                                  message->payload_size, taken);
    if (r == 0 && taken->complete)
        origin_blobs_forget (origin->blobs, &put->digest);
    return r;
}

static void put_repeat (const struct origin *origin, const void *request, void *answer)
{
    const struct wire_put *put = request;
    struct wire_taken *taken = answer;
    (void) origin;
    taken->digest = put->digest;
}

#define ANSWER(name)                                                                                         \
    &wire_##name##_record, offsetof (struct wire_##name, status), offsetof (struct wire_##name, reason)
#define SHORT_ANSWER(name) &wire_##name##_record, offsetof (struct wire_##name, status), 0
#define NO_ANSWER NULL, 0, 0, NULL, NULL

/* clang-format off */
static const struct origin_message messages[] = {
    {ORIGIN_CONTROL, WIRE_STATUS_NULL, &wire_heartbeat_record, heartbeat_carry_out, NO_ANSWER},
    {ORIGIN_CONTROL, WIRE_STATUS_REFUSED, &wire_hello_record, hello_carry_out, ANSWER (welcome), hello_repeat, NULL},
    {ORIGIN_CONTROL, WIRE_STATUS_NONE, &wire_list_record, list_carry_out, SHORT_ANSWER (listed), list_repeat, NULL},
    {ORIGIN_CONTROL, WIRE_STATUS_NONE, &wire_describe_record, describe_carry_out, SHORT_ANSWER (described), describe_repeat, NULL},
    {ORIGIN_CONTROL, WIRE_STATUS_NONE, &wire_quarantine_record, quarantine_carry_out, SHORT_ANSWER (quarantined), quarantine_repeat, NULL},
    {ORIGIN_CONTROL, WIRE_STATUS_NONE, &wire_ask_record, ask_carry_out, SHORT_ANSWER (desired), ask_repeat, NULL},
    {ORIGIN_CONTROL, WIRE_STATUS_REFUSED, &wire_match_record, match_carry_out, ANSWER (matched), match_repeat, NULL},
    {ORIGIN_CONTROL, WIRE_STATUS_REFUSED, &wire_report_record, report_carry_out, SHORT_ANSWER (noted), report_repeat, NULL},
    {ORIGIN_CONTROL, WIRE_STATUS_NONE, &wire_want_metadata_record, want_metadata_carry_out, ANSWER (metadata), want_metadata_repeat, NULL},
    {ORIGIN_CONTROL, WIRE_STATUS_NONE, &wire_want_consistency_record, want_consistency_carry_out, ANSWER (consistency), want_consistency_repeat, NULL},
    {ORIGIN_CONTROL, WIRE_STATUS_NULL, &wire_bye_record, bye_carry_out, NO_ANSWER},
    {ORIGIN_CONTENT, WIRE_STATUS_NULL, &wire_get_record, get_carry_out, NO_ANSWER},
    {ORIGIN_CONTENT, WIRE_STATUS_REFUSED, &wire_put_record, put_carry_out, ANSWER (taken), put_repeat, NULL},
};
/* clang-format on */

/*  All requests of operators: wire_record_answer () knows their answers. */
static const struct origin_message request = {ORIGIN_CONTROL,    WIRE_STATUS_REFUSED, &wire_request_record,
                                              request_carry_out, ANSWER (answer),     request_repeat,
                                              request_explain};

static const struct origin_message *message_find (enum origin_channel channel, const struct wire_record *type)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        if (messages[i].channel == channel && messages[i].type == type)
            return &messages[i];
    return channel == ORIGIN_CONTROL && wire_record_answer (type) ? &request : NULL;
}

static const struct wire_record *answer_of (const struct origin_message *row, const struct wire_record *type)
{
    return row == &request ? wire_record_answer (type) : row->answer;
}

static struct bus_socket *channel_socket (const struct origin *origin, enum origin_channel channel)
{
    return channel == ORIGIN_CONTROL ? origin->control : origin->content;
}

/*  The status for an answer whose operation returned r and set `status`. Without an operation, or after it
    failed, the answer's own status does not count. */
static enum wire_status status_of (const struct origin_message *row, int r, enum wire_status status)
{
    if (r == ORIGIN_E_MISSING)
        return row->missing;
    if (r != 0)
        return WIRE_STATUS_FAILED;
    return status == WIRE_STATUS_NULL ? WIRE_STATUS_OK : status;
}

/*  Sends the answer, or one with status failed in its place. r: of the operation. */
static void answer_send (struct origin *origin, const struct origin_message *row,
                         const struct bus_message *message, int r, void *answer)
{
    const struct wire_record *record = answer_of (row, message->record);
    for (int tries = 0; tries < 2; tries++) {
        enum wire_status status;
        if (r != 0 && r != ORIGIN_E_MISSING) {
            wire_deinit (record, answer);
            if (row->explain)
                row->explain (answer, tries > 0 ? "the answer does not fit into a message"
                                                : "the request could not be carried out");
        }
        memcpy (&status, (char *) answer + row->status, sizeof status);
        status = status_of (row, r, status);
        memcpy ((char *) answer + row->status, &status, sizeof status);
        row->repeat (origin, message->body, answer);
        if (bus_send (channel_socket (origin, row->channel), &message->peer, record, answer) != -EINVAL)
            return;
        r = -EINVAL;
    }
}

static void request_handle (struct origin *origin, const struct origin_message *row,
                            const struct bus_message *message)
{
    const struct wire_record *record = answer_of (row, message->record);
    base_cleanup (base_free_p) void *answer = calloc (1, wire_record_size (record));
    if (!answer)
        return; /* the peer asks again */
    int r = row->carry_out (origin, message, answer);
    if (r != ORIGIN_LATER)
        answer_send (origin, row, message, r, answer);
    wire_deinit (record, answer);
}

/*  The sender may not send this message: says so in the answer, if there is one. */
static void message_refuse (struct origin *origin, const struct origin_message *row,
                            const struct bus_message *message, const char *reason)
{
    base_assert (row != &request);
    if (message->record == &wire_get_record)
        origin_blobs_refuse (origin->content, &message->peer, message->body, reason);
    if (!row->answer)
        return;
    base_cleanup (base_free_p) void *answer = calloc (1, wire_record_size (row->answer));
    if (!answer)
        return; /* the peer asks again */
    const enum wire_status refused = WIRE_STATUS_REFUSED;
    memcpy ((char *) answer + row->status, &refused, sizeof refused);
    if (row->reason) {
        const char *text = strdup (reason);
        memcpy ((char *) answer + row->reason, &text, sizeof text);
    }
    answer_send (origin, row, message, 0, answer);
    wire_deinit (row->answer, answer);
}

bool origin_message_handle (struct origin *origin, enum origin_channel channel,
                            const struct bus_message *message)
{
    const struct origin_message *row = message_find (channel, message->record);
    char reason[ORIGIN_REASON_SIZE] = "";
    if (!row)
        return false;
    if (row != &request && origin->ops.permitted &&
        !origin->ops.permitted (origin->context, &message->peer, message->record, message->body, reason)) {
        message_refuse (origin, row, message, reason);
        return true;
    }
    origin->asking = channel == ORIGIN_CONTROL ? message->from : NULL;
    if (row->answer)
        request_handle (origin, row, message);
    else
        (void) row->carry_out (origin, message, NULL);
    origin->asking = NULL;
    return true;
}
