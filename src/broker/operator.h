/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/operator.h - requests of operators: what the functions that serve them get

    operator.c has the table of requests, which is made from schemas/operator.def: adding a request there
    asks for its broker_serve_NAME. Each serves one request, in the file of its subject. It fills in its
    answer, except for what every answer has (serial, notice, instance, revision), and returns 0; a refusal
    is in status and reason. ORIGIN_LATER: the answer is sent later. -errno: the request could not be
    carried out; the error says why. */

#ifndef BROKER_OPERATOR_H
#define BROKER_OPERATOR_H

#include "broker/state.h"

/*  As origin_ops.request. */
int broker_on_request (void *context, const struct bus_peer *peer, const struct wire_record *record,
                       const void *request, void *answer);

/*  Answers a waiting request; see broker/waiters.h. */
bool broker_waiter_look (void *context, const struct broker_waiter *waiter, bool over);

/*  One request while it is served. */
struct broker_call {
    struct broker *broker;
    const struct bus_peer *peer;
    const struct wire_record *record; /* of the request */
    const void *request;
    /*  A list without changes: a first call waits for one, later ones go on waiting, the last one is answered
        as it is. */
    enum { BROKER_CALL_FIRST, BROKER_CALL_AGAIN, BROKER_CALL_LAST } round;
    char what[160]; /* for the log: "hold web-1"; empty: the request's name */
    struct base_error *error;
};

/*  Nothing has changed since what the client knows: has the request wait for a change. wait_ms: of the request.
    Returns ORIGIN_LATER; 0: the answer, which may have the status busy now, is to be sent; or -errno. */
int broker_call_wait (struct broker_call *call, uint64_t wait_ms, enum wire_status *status,
                      const char **reason);

#define REQUEST(name, type, role, answer, doc)                                                               \
    int broker_serve_##name (struct broker_call *call, const struct wire_##name *request,                    \
                             struct wire_##answer *answer);
#include "wire/schema_requests.h"
#undef REQUEST

#endif
