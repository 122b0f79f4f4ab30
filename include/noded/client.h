/*  noded/client.h - what an operator's program asks a broker for

    A client is one connection to a broker. Calls block until answered or until the deadline given at connecting has passed. A client is used by one thread at a time.

    Functions return 0, or a negative errno with a sentence in noded_client_error. Results are JSON text, in the form documented in
    schemas/README.md, on the heap: free them with free (). */

#ifndef NODED_CLIENT_H
#define NODED_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct noded_client noded_client;

/*  broker: HOST[:PORT]; NULL: the variable NODED_BROKER, else 127.0.0.1. settings: a ZPL file with CURVE keys, or NULL. timeout_ms: for each call. Nothing is sent yet.
    Returns 0, -EINVAL, -ENOENT or -ENOMEM; error (which may be NULL) gets a sentence. */
int noded_client_new (const char *broker, const char *settings, uint64_t timeout_ms, noded_client **ret_client,
                      char *error, size_t error_size);
void noded_client_free (noded_client *client);

/*  The sentence of the last call that failed. Valid until the next call. */
const char *noded_client_error (const noded_client *client);

/*  A release to publish. Strings are read during the call only. */
typedef struct noded_binary {
    const char *platform; /* OS/ARCH, or NULL: read from the program's ELF header, else none */
    const char *path;
} noded_binary;

typedef struct noded_file {
    const char *path;        /* on this host */
    const char *destination; /* below files/; NULL: the last part of path */
} noded_file;

typedef struct noded_publish {
    const char *application;
    const char *version;
    const char *title; /* or NULL */
    const noded_binary *binaries;
    size_t n_binaries;
    const noded_file *files;
    size_t n_files;
    const char *const *args;
    size_t n_args;
    const char *const *env; /* NAME=VALUE */
    size_t n_env;
    /*  called with bytes uploaded and bytes in all; or NULL */
    void (*progress) (void *context, uint64_t done, uint64_t total);
    void *context;
} noded_publish;

/*  Uploads what the broker does not have and stores the release. ret_release: 64 hexadecimal characters and a NUL. */
int noded_client_publish (noded_client *client, const noded_publish *publish, char ret_release[65]);

/*  An array of releases, newest first. application NULL: all. */
int noded_client_releases (noded_client *client, const char *application, char **ret_json);
int noded_client_withdraw (noded_client *client, const char *release);

/*  Orders to nodes: nodes NULL means all. release NULL: the newest for each node's platform. An array with one object a node: node, status, reason, epoch,
    transaction, release, version. */
int noded_client_update (noded_client *client, const char *application, const char *const *nodes, size_t n_nodes,
                         const char *release, char **ret_json);
int noded_client_revert (noded_client *client, const char *application, const char *const *nodes, size_t n_nodes,
                         char **ret_json);
int noded_client_hold (noded_client *client, const char *application, const char *const *nodes, size_t n_nodes,
                       int hold, char **ret_json);
int noded_client_cancel (noded_client *client, const char *application, const char *const *nodes, size_t n_nodes,
                         char **ret_json);
int noded_client_clear (noded_client *client, const char *application, const char *const *nodes, size_t n_nodes,
                        const char *release, char **ret_json);
int noded_client_forget (noded_client *client, const char *const *nodes, size_t n_nodes, char **ret_json);

/*  An array of nodes. since 0: all; else only those changed after that revision, waiting up to wait_ms for a change. */
int noded_client_nodes (noded_client *client, const char *application, const char *const *nodes, size_t n_nodes,
                        uint64_t since, uint64_t wait_ms, uint64_t *ret_revision, char **ret_json);

/*  A node's reports, oldest first. */
int noded_client_why (noded_client *client, const char *node, char **ret_json);

/*  Waits up to wait_ms for the next event; ret_topic and ret_json are for the caller. -EAGAIN where none came. The first call subscribes. */
int noded_client_event (noded_client *client, uint64_t wait_ms, char **ret_topic, char **ret_json);

#ifdef __cplusplus
}
#endif

#endif
