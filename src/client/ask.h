/* SPDX-License-Identifier: MPL-2.0 */
/*  client/ask.h - requests whose answers become one JSON text */

#ifndef CLIENT_ASK_H
#define CLIENT_ASK_H

#include "client/client.h"
#include "client/json.h"

/*  Builds one list from all portions and pages. Set client, what and request. */
struct client_question {
    noded_client *client;
    struct wire_request request; /* owns nothing */
    const char *what;            /* completes the sentence "cannot ..." */
    uint64_t wait_ms;
    struct client_json json;
    uint64_t revision;
};
void client_question_deinit (struct client_question *question);

/*  Sends the request, naming the nodes in portions; n_nodes is 0 if the request names none. */
int client_question_ask (struct client_question *question, const char *const *nodes, size_t n_nodes,
                         size_t portion);

/*  Returns the list; caller owns. */
int client_question_finish (struct client_question *question, char **ret_json);

#endif
