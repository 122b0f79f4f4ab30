/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/operator.h - requests of operators: what the functions that serve them get

    The table of requests in operator.c is made from schemas/operator.def; each request in it needs a function
    broker_serve_NAME, in the file of its subject. The function fills its answer and returns 0; a refusal is
    in status and reason. The fields of every answer (serial, notice, instance, revision) are filled by
    operator.c. ORIGIN_LATER: the answer is sent later. -errno: the request failed; call->error has the
    reason. */

#ifndef BROKER_OPERATOR_H
#define BROKER_OPERATOR_H

#include "broker/state.h"

/*  As origin_ops.request. */
int broker_on_request (void *context, const struct bus_peer *peer, const struct wire_record *record,
                       const void *request, void *answer);

/*  Answers a waiting request if it can, and returns whether it did; see broker/waiters.h. */
bool broker_waiter_look (void *context, const struct broker_waiter *waiter, bool over);

/*  One request while it is served. */
struct broker_call {
    struct broker *broker;
    const struct bus_peer *peer;
    const struct wire_record *record; /* of the request */
    const void *asked;                /* as it was received */
    const void *request;              /* the same, with the name of the sender's key as its user */
    /*  Of a list without changes: the first call starts to wait, later calls continue to wait, and the last
        one sends the list as it is. */
    enum { BROKER_CALL_FIRST, BROKER_CALL_AGAIN, BROKER_CALL_LAST } pass;
    char what[160]; /* for the log: "hold web-1"; empty: the request's name */
    bool is_part;   /* of something that is logged when it is complete */
    struct base_error *error;
};

/*  Lets a request wait for up to wait_ms, because nothing has changed that the client does not know. Returns
    ORIGIN_LATER if it waits; 0 if its answer is to be sent now (its status is busy if too many requests
    wait); or -errno. */
int broker_call_wait (struct broker_call *call, uint64_t wait_ms, enum wire_status *status,
                      const char **reason);

#define REQUEST(name, type, role, answer, doc)                                                               \
    int broker_serve_##name (struct broker_call *call, const struct wire_##name *request,                    \
                             struct wire_##answer *answer);
#include "wire/schema_requests.h"
#undef REQUEST

#endif
