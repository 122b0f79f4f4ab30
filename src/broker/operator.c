/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/operator.c - requests of operators: the table, and what is done for every request

    Each request is a row of the table: its record and the function that serves it. schemas/operator.def
    states the answer and the role of each record; bus has unpacked the request. call_serve is the only way to a
    row: it checks what the sender may do (broker/caller.h), also when a request that waited is answered. The
    row gets the name of the sender's key as its user. A request that changes something is logged with its
    sender. The functions are in the file of their
    subject: operator_orders.c (orders to nodes, labels, forget), operator_releases.c, lists.c, status.c (the
    broker itself), backup.c, and for rollouts in room deploy. */

#include "broker/operator.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "broker/caller.h"
#include "broker/commit.h"
#include "broker/errors.h"
#include "broker/serving.h"
#include "deploy/lists.h"
#include "deploy/request.h"
#include "wire/text.h"

/*  The table. */

struct row {
    const struct wire_record *request;
    int (*serve) (struct broker_call *call, const void *request, void *answer);
};

#define REQUEST(name, type, role, answer, doc)                                                               \
    static int serve_##name (struct broker_call *call, const void *request, void *ret_answer)                \
    {                                                                                                        \
        return broker_serve_##name (call, request, ret_answer);                                              \
    }
#include "wire/schema_requests.h"
#undef REQUEST

static const struct row table[] = {
#define REQUEST(name, type, role, answer, doc) {&wire_##name##_record, serve_##name},
#include "wire/schema_requests.h"
#undef REQUEST
};

static const struct row *row_find (const struct wire_record *record)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].request == record)
            return &table[i];
    return NULL;
}

/*  Answers a request whose type is unknown, or that does not match its schema. */
int broker_serve_request (struct broker_call *call, const struct wire_request *request,
                          struct wire_answer *answer)
{
    (void) call;
    (void) request;
    return wire_answer_set (answer, WIRE_STATUS_INVALID,
                            "unknown or malformed request: this broker may be older than nodectl");
}

/*  Requests of room deploy. */

int broker_serve_plan_rollout (struct broker_call *call, const struct wire_plan_rollout *request,
                               struct wire_planned *answer)
{
    return deploy_request_plan (&call->broker->deploy, request, answer, call->error);
}

int broker_serve_start_rollout (struct broker_call *call, const struct wire_start_rollout *request,
                                struct wire_started *answer)
{
    return deploy_request_start (&call->broker->deploy, request, answer, call->error);
}

int broker_serve_steer_rollout (struct broker_call *call, const struct wire_steer_rollout *request,
                                struct wire_steered *answer)
{
    (void) snprintf (call->what, sizeof call->what, "%s of rollout %.64s",
                     wire_command_word (request->command), request->rollout);
    return deploy_request_steer (&call->broker->deploy, request, answer, call->error);
}

int broker_serve_list_rollouts (struct broker_call *call, const struct wire_list_rollouts *request,
                                struct wire_rollouts *answer)
{
    int r = deploy_list_rollouts (&call->broker->deploy, request, answer, call->error);
    if (r < 0)
        return r;
    if (answer->status != WIRE_STATUS_OK || answer->n_rollouts > 0 || !request->since || request->after)
        return 0;
    return broker_call_wait (call, request->wait_ms, &answer->status, &answer->reason);
}

int broker_serve_list_members (struct broker_call *call, const struct wire_list_members *request,
                               struct wire_members *answer)
{
    return deploy_list_members (&call->broker->deploy, request, answer, call->error);
}

int broker_serve_list_transitions (struct broker_call *call, const struct wire_list_transitions *request,
                                   struct wire_transitions *answer)
{
    return deploy_list_transitions (&call->broker->deploy, request, answer, call->error);
}

/*  Waiting. */

int broker_call_wait (struct broker_call *call, uint64_t wait_ms, enum wire_status *status,
                      const char **reason)
{
    base_assert (call && status && reason);
    base_assert ((unsigned) call->pass <= BROKER_CALL_LAST);
    int r;

    if (wait_ms == 0 || call->pass == BROKER_CALL_LAST)
        return 0;
    if (call->pass == BROKER_CALL_AGAIN)
        return ORIGIN_LATER;
    r = broker_waiters_add (&call->broker->waiters, call->peer, call->record, call->request, wait_ms);
    if (r == -EBUSY)
        return wire_status_set (status, reason, WIRE_STATUS_BUSY,
                                "too many requests are waiting for changes");
    if (r < 0)
        return r;
    return ORIGIN_LATER;
}

/*  Every request. Each answer begins with the same head; see wire/wire.h. */

/*  Fills the fields that every answer has. */
static int head_finish (struct broker *broker, uint64_t serial, struct wire_answer *head)
{
    wire_text_give (&head->notice, broker_serving_notice (broker));
    head->serial = serial; /* of this request: the answer may be that of an earlier one */
    head->revision = broker->revision;
    return wire_text_set (&head->instance, origin_instance (broker->origin));
}

/*  Logs the order and its sender. The user is what nodectl itself reports, which proves nothing; the connection
    distinguishes clients of a key. */
static void call_log (const struct broker_call *call, const struct broker_caller *caller,
                      const struct wire_answer *head)
{
    base_assert (call->peer->size <= BUS_PEER_MOST);
    char connection[2 * BUS_PEER_MOST + 1] = "", who[BROKER_CALLER_TEXT];
    struct wire_request asked;

    memcpy (&asked, call->asked, sizeof asked);
    for (size_t i = 0; i < call->peer->size; i++)
        (void) snprintf (connection + 2 * i, 3, "%02x", call->peer->id[i]);
    base_log_limited (
        &call->broker->orders_log, BASE_LOG_INFO, "%s ordered by %s\"%s\" on connection %s: %s%s%s",
        call->what[0] ? call->what : wire_record_name (call->record), broker_caller_format (caller, who),
        asked.user ? asked.user : "unknown", connection, wire_status_word (head->status),
        head->reason ? ": " : "", head->reason ? head->reason : "");
}

/*  Calls the function of the row with the sender's name as the user. */
static int row_serve (const struct row *row, struct broker_call *call, const struct broker_caller *caller,
                      void *answer)
{
    size_t size = wire_record_size (call->record);
    base_cleanup (base_free_p) void *named = malloc (size);
    struct wire_request head;
    int r;

    if (!named)
        return -ENOMEM;
    memcpy (named, call->asked, size);
    memcpy (&head, named, sizeof head);
    head.user = broker_caller_name (caller, head.user);
    memcpy (named, &head, sizeof head);
    call->request = named;
    r = row->serve (call, named, answer);
    call->request = call->asked;
    return r;
}

/*  Serves a request, and completes its answer. Returns 0, ORIGIN_LATER or -ENOMEM. */
static int call_serve (struct broker_call *call, void *answer)
{
    base_assert (call->record && call->asked && answer);
    base_assert (call->error);
    struct broker *broker = call->broker;
    const struct broker_caller caller = broker_caller_of (&broker->keys, call->peer);
    const struct row *row = row_find (call->record);
    const char *name = wire_record_name (call->record);
    char refusal[BROKER_CALLER_TEXT];
    struct wire_answer head;
    struct wire_request asked;
    int r;

    memcpy (&asked, call->asked, sizeof asked);
    if (broker_caller_check (&caller, call->record, call->asked, refusal) == BROKER_E_REFUSED) {
        broker->denied++;
        base_log_limited (&broker->denied_log, BASE_LOG_WARNING, "refused %s: %s", name, refusal);
        head = (struct wire_answer){.serial = 0};
        r = wire_answer_set (&head, WIRE_STATUS_REFUSED, "%s", refusal);
        if (r == 0)
            r = head_finish (broker, asked.serial, &head);
        memcpy (answer, &head, sizeof head);
        return r;
    }
    r = row ? row_serve (row, call, &caller, answer) : -ENOSYS;
    base_assert (r <= 0 || r == ORIGIN_LATER);
    if (r == ORIGIN_LATER)
        return r;
    if (r < 0) {
        const char *why = call->error->text[0] ? call->error->text : strerror (-r);
        base_log_limited (&broker->log, BASE_LOG_ERROR, "cannot serve %s: %s", name, why);
        wire_deinit (wire_record_answer (call->record), answer);
        head = (struct wire_answer){.serial = 0};
        r = wire_answer_set (&head, WIRE_STATUS_FAILED, "the broker failed: %s", why);
    } else
        memcpy (&head, answer, sizeof head);
    if (wire_record_is_change (call->record) && !call->is_part)
        call_log (call, &caller, &head);
    if (r == 0)
        r = head_finish (broker, asked.serial, &head);
    memcpy (answer, &head, sizeof head);
    return r;
}

int broker_on_request (void *context, const struct bus_peer *peer, const struct wire_record *record,
                       const void *request, void *answer)
{
    base_assert (context && peer && record && request && answer);
    struct broker *broker = context;
    struct base_error error = {.code = 0};
    struct broker_call call = {
        .broker = broker, .peer = peer, .record = record, .asked = request, .error = &error};
    int r;

    broker_commit_flush (broker);
    r = call_serve (&call, answer);
    broker_mark_sync (broker->mark);
    return r;
}

bool broker_waiter_look (void *context, const struct broker_waiter *waiter, bool over)
{
    base_assert (context && waiter && waiter->record && waiter->request);
    struct broker *broker = context;
    struct base_error error = {.code = 0};
    const struct wire_record *record = wire_record_answer (waiter->record);
    struct broker_call call = {.broker = broker,
                               .peer = &waiter->peer,
                               .record = waiter->record,
                               .asked = waiter->request,
                               .pass = over ? BROKER_CALL_LAST : BROKER_CALL_AGAIN,
                               .error = &error};
    void *answer = calloc (1, wire_record_size (record));
    int r;

    if (!answer)
        return over;
    broker_commit_flush (broker);
    r = call_serve (&call, answer);
    if (r == 0)
        (void) origin_answer (broker->origin, &waiter->peer, record, answer);
    wire_deinit (record, answer);
    free (answer);
    return r != ORIGIN_LATER;
}
