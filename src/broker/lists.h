/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/lists.h - the lists that operators read, a page at a time */

#ifndef BROKER_LISTS_H
#define BROKER_LISTS_H

#include "broker/state.h"

/*  Returns the application of a request; the default is noded. */
static inline const char *broker_request_application (const struct wire_request *request)
{
    return request->application ? request->application : "noded";
}

/*  Visits the nodes that a request names, in the order of their ids, after request->after; all nodes if it
    names none. node is NULL for an unknown id. Stops at a non-zero return and returns it. */
typedef int broker_node_visit (void *context, const char *id, struct broker_node *node);
int broker_nodes_each (struct broker *broker, const struct wire_request *request, broker_node_visit *visit,
                       void *context);

/*  Each fills its list in the answer, and more and next. Returns 0 or -errno. */

/*  Lists nodes that changed after revision `since`. A since from the future (records restored from a
    backup) counts as 0. If a named node is not known, the status is none. */
int broker_list_nodes (struct broker *broker, const struct wire_request *request, struct wire_answer *answer,
                       struct base_error *error);
int broker_list_releases (struct broker *broker, const struct wire_request *request,
                          struct wire_answer *answer, struct base_error *error);
int broker_list_reports (struct broker *broker, const struct wire_request *request,
                         struct wire_answer *answer, struct base_error *error);

#endif
