/*  noded/client.h - what an operator's program asks a broker for

    A client is one connection to a broker. Calls block until they are answered, or until the deadline
    given at connecting has passed. A client is used by one thread at a time; a process may have several.

    Functions return 0, or a negative errno with a sentence in noded_client_error that says what was tried,
    where, what came of it and what to do. The errnos are

        -ETIMEDOUT  the broker did not answer in time
        -ENOENT     it has no such release or node, or a file to be published is not there
        -EPERM      it understood and refuses
        -EBUSY      it has too much to do: try again later
        -EINVAL     what was asked for is not well-formed
        -EPROTO     it answered in a way that breaks the protocol
        -EIO        it could not do it
        and those of reading files, and -ENOMEM

    An order that was not answered may have reached the broker all the same. Within a call it is sent again
    under the same key, and nothing is ordered twice.

    Results are JSON text on the heap: free them with free (). Every list is an array with one object a
    line. Every key below is always there; what is absent is null, false, 0 or [].

    A node:

        id              text
        online          whether the broker has heard of it lately
        held            whether it takes no updates until the hold is ended
        application     the application that was asked about; what follows is about it
        state           "idle", "fetching", "trial" and so on: STATE of schemas/choices.def; null: never told
        version         that runs
        release         that runs, 64 hexadecimal digits
        binary          SHA-256 of the program that runs, read from the running process
        previous        null, or {version, release}: what a revert would go back to
        epoch           of the last order that it has carried out or refused
        seen_epoch      of the last order that it has received
        transaction     of the update under way, or of the last one
        done, total     bytes of the download that are here, and in all
        last_error      null, or {transaction, release, version, step, reason, time} of the last update that
                        failed; gone once a later one is confirmed
        quarantine      the releases that it does not try again: an array of the same objects
        platform        "linux/amd64"
        place           host name and pid
        software        version of its node manager
        last_seen       RFC 3339, UTC, of the broker's clock
        revision        of the broker's records when this node changed last
        desired_epoch   of the last order to the application
        desired_transaction
        outcome         of that order: OUTCOME of schemas/choices.def; null while it is under way
        outcome_step    the step that the outcome was told of
        outcome_reason  for a person

    A release:

        release, application, version, platforms [text; "": everything], time, withdrawn, size (bytes)

    An order:

        node, status ("ok", or STATUS of schemas/choices.def), reason, epoch, transaction, release, version

    A report:

        node, application, serial, transaction, epoch, attempt, step, outcome, reason, version, release, time

    An event: as `happened` in schemas/event.def; absent keys are left out. */

#ifndef NODED_CLIENT_H
#define NODED_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

typedef struct noded_client noded_client;

/*  broker: HOST[:PORT] or ipc://DIRECTORY, PORT being the first of its four; NULL: the variable
    NODED_BROKER, else client/broker in the settings, else 127.0.0.1. settings: NULL, or a ZPL file with

        client
            broker = HOST[:PORT]
            content = HOST[:PORT]      a content peer beside the broker, which uploads go to
            timeout = 5s
        curve
            secret-key-file = FILE     a certificate as zcert_save_secret writes it, or the pair itself:
            public-key = Z85
            secret-key = Z85
            server-key = Z85           the broker's public key

    timeout_ms: for each call; 0: client/timeout in the settings, else 5 seconds. Nothing is sent yet.
    Returns 0, -EINVAL, -ENOENT, -ENOTSUP or -ENOMEM; error (which may be NULL) gets a sentence. */
int noded_client_new (const char *broker, const char *settings, uint64_t timeout_ms,
                      noded_client **ret_client, char *error, size_t error_size);

/*  noded_client_free (NULL) does nothing. */
void noded_client_free (noded_client *client);

/*  The sentence of the last call that failed. Valid until the next call. */
const char *noded_client_error (const noded_client *client);

/*  Where the client asks: "tcp://127.0.0.1:7671". Valid while the client lives. */
const char *noded_client_endpoint (const noded_client *client);

/*  A release to publish. Strings are read during the call only. */
typedef struct noded_binary {
    const char *platform; /* OS/ARCH, or NULL: read from the program's ELF header, else none */
    const char *path;
} noded_binary;

typedef struct noded_file {
    const char *path;        /* on this host; an executable one stays executable */
    const char *destination; /* below files/; NULL: the last part of path */
} noded_file;

typedef struct noded_publish {
    const char *application;
    const char *version;
    const char *title; /* or NULL */
    const noded_binary *binaries;
    size_t n_binaries;
    const noded_file *files; /* part of every platform's envelope */
    size_t n_files;
    const char *const *args;
    size_t n_args;
    const char *const *env; /* NAME=VALUE */
    size_t n_env;
    /*  called with bytes uploaded and bytes in all; or NULL */
    void (*progress) (void *context, uint64_t done, uint64_t total);
    void *context;
} noded_publish;

/*  Uploads what the broker does not have and stores the release. The shared libraries of a program that
    looks for them in $ORIGIN/files/lib are gathered from this host and published with it; a file with the
    destination lib/NAME goes before that. ret_release: 64 hexadecimal characters and a NUL. */
int noded_client_publish (noded_client *client, const noded_publish *publish, char ret_release[65]);

/*  An array of releases, newest first. application NULL: all. */
int noded_client_releases (noded_client *client, const char *application, char **ret_json);

/*  Never offer a release again. release: 64 hexadecimal characters. */
int noded_client_withdraw (noded_client *client, const char *release);

/*  Orders to nodes; nodes NULL means all of them. application NULL: noded. release NULL: the newest for
    each node's platform, and in clear every release. hold: 0 ends a hold. The result is an array of
    orders; that one of them was refused is no error. */
int noded_client_update (noded_client *client, const char *application, const char *const *nodes,
                         size_t n_nodes, const char *release, char **ret_json);
int noded_client_revert (noded_client *client, const char *application, const char *const *nodes,
                         size_t n_nodes, char **ret_json);
int noded_client_hold (noded_client *client, const char *application, const char *const *nodes,
                       size_t n_nodes, int hold, char **ret_json);
int noded_client_cancel (noded_client *client, const char *application, const char *const *nodes,
                         size_t n_nodes, char **ret_json);
int noded_client_clear (noded_client *client, const char *application, const char *const *nodes,
                        size_t n_nodes, const char *release, char **ret_json);
int noded_client_forget (noded_client *client, const char *const *nodes, size_t n_nodes, char **ret_json);

/*  An array of nodes, by id; nodes NULL means all. -ENOENT where the broker does not know one of them.
    since 0: whatever their revision; else only those changed after that revision, waiting up to wait_ms
    (at most a minute) for a change. ret_revision (which may be NULL): to be given as since next time. */
int noded_client_nodes (noded_client *client, const char *application, const char *const *nodes,
                        size_t n_nodes, uint64_t since, uint64_t wait_ms, uint64_t *ret_revision,
                        char **ret_json);

/*  A node's reports on an application (NULL: noded), oldest first. */
int noded_client_why (noded_client *client, const char *application, const char *node, char **ret_json);

/*  Waits up to wait_ms for the next event; ret_topic ("event/NODE/EVENT") and ret_json are for the caller.
    -EAGAIN where none came. The first call makes sure that the broker answers, and subscribes: what
    happened before is not told. */
int noded_client_event (noded_client *client, uint64_t wait_ms, char **ret_topic, char **ret_json);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
