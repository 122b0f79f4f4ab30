/* SPDX-License-Identifier: MPL-2.0 */
/*  client/client.h - shared by the files of this room

    A client runs its private loop only inside a call. A call waits for at most one thing at a time: an
    answer, an upload's progress, or an event; its handler stops the loop. */

#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "noded/client.h"

#include "bus/endpoint.h"
#include "bus/socket.h"

enum {
    CLIENT_RESEND_MS = 2000,    /* without an answer: connect again and resend */
    CLIENT_TIMEOUT_MS = 5000,   /* default of a call's deadline */
    CLIENT_ORDER_NODES = 64,    /* nodes an order: their answers fit into a frame with any reasons */
    CLIENT_LIST_NODES = 512,    /* nodes a request for a list */
    CLIENT_WAIT_MOST_MS = 60000 /* of a long poll, as in schemas/operator.def */
};

struct client_exchange; /* a request under way */
struct client_upload;   /* an upload under way */
struct client_download; /* a download under way */
struct client_listener; /* the events */

struct noded_client {
    struct bus_loop *loop;
    struct bus_endpoints endpoints;
    char broker_content[BUS_ENDPOINT_SIZE]; /* of the broker itself, even with a separate content peer */
    struct bus_keys keys;
    bool has_keys;
    uint64_t timeout_ms;
    uint64_t serial;
    char key[33];               /* of the order under way */
    char user[129];             /* the sender, for the records: user@host */
    struct bus_socket *control; /* made on first use, as content */
    struct bus_socket *content;
    struct client_exchange *exchange;
    struct client_upload *upload;
    struct client_download *download;
    struct client_listener *listener;
    struct base_error error;
    char notice[BASE_ERROR_SIZE]; /* of the last answer */
    char refused[256];            /* why a message from the server was refused; empty: none was */
    bool denied;                  /* a server has refused this client's key */
};

/*  settings.c: the settings of --config; path may be NULL. */
struct client_settings {
    char *broker;                    /* on the heap, or NULL */
    char content[BUS_ENDPOINT_SIZE]; /* a separate content peer; empty: none */
    uint64_t timeout_ms;
    bool has_keys;
    struct bus_keys keys;
};
int client_settings_read (const char *path, struct client_settings *ret_settings, struct base_error *error);
void client_settings_deinit (struct client_settings *settings);

/*  connect.c: if *socket is NULL, makes one that is connected to endpoint. take gets the client as its
    context. */
int client_connect (noded_client *client, bus_message_handler *take, const char *endpoint,
                    struct bus_socket **socket);

/*  "no answer from ENDPOINT within SPAN: ...", with the reason if an answer came and was refused. Returns
    -ETIMEDOUT, or -EPROTO if one was refused. */
int client_silent (noded_client *client, const char *endpoint, uint64_t ms);

/*  A server at endpoint has refused this client's key. Returns -EPERM. */
int client_denied (noded_client *client, const char *endpoint);

/*  Returns -ENOMEM. */
int client_out_of_memory (noded_client *client);

/*  exchange.c: sends a request (a struct wire_NAME of the record) and waits for its answer. Fills in the
    request's serial and user and, if it changes something and has none, its key. wait_ms: how much later than
    usual the answer may come. what completes the sentence "cannot ...". ret_answer: the struct of
    wire_record_answer; the caller owns it. Returns 0 with an answer of status ok, or -errno with client->error
    filled in and a null answer. */
int client_ask (noded_client *client, const struct wire_record *record, void *request, uint64_t wait_ms,
                const char *what, void *ret_answer);

/*  list.c: see client/list.h. records.c: makes JSON; see noded/records.h. */

/*  upload.c: sends a blob that the peer may have in part or as a whole. progress gets the bytes of this blob
    that the peer has. */
int client_upload (noded_client *client, int fd, const char *path, const struct base_digest *digest,
                   uint64_t size, void (*progress) (void *context, uint64_t done), void *context);

/*  file.c: a new file of this user. begin: makes the temporary file; the caller owns *ret_fd. finish: syncs it
    and gives it its name. exists: fills in the error; returns -EEXIST. */
int client_file_begin (noded_client *client, const char *part, int *ret_fd);
int client_file_finish (noded_client *client, const char *part, int fd, const char *path, bool replace);
int client_file_exists (noded_client *client, const char *path);

/*  release.c: a release made from files. */
struct client_blob {
    char *path;
    int fd;
    struct base_digest digest;
    uint64_t size;
};
struct client_release {
    struct wire_release release;
    struct client_blob *blobs; /* blobs to upload, each digest once */
    size_t n_blobs;
};
#define CLIENT_RELEASE_NULL ((struct client_release){.blobs = NULL})
int client_release_make (const noded_publish *publish, struct client_release *ret_release,
                         struct base_error *error);
void client_release_deinit (struct client_release *release);

/*  publish.c: uploads what the broker lacks of a release, and stores it. */
int client_release_store (noded_client *client, const noded_publish *publish,
                          const struct client_release *made, char ret_release[65]);

void client_listener_free (struct client_listener *listener);

#endif
