/* SPDX-License-Identifier: MPL-2.0 */
/*  noded/client.h - requests of an operator's program to a broker

    A client is one connection to a broker. Calls block until they are answered, or until the deadline given
    at connecting has passed. A client is used by one thread at a time; a process may have several.

    Functions return 0, or a negative errno with a sentence in noded_client_error that says what was tried,
    where, what the result was and what to do. enum noded_error has the errnos that have a meaning of their own
    here; the others come from reading files and from the system.

    An order without an answer may have reached the broker all the same. Within a call it is sent again with
    the same key, and nothing is ordered twice.

    Results are the structs of noded/records.h. On failure a result is left empty. Free it with its
    noded_..._free. */

#ifndef NODED_CLIENT_H
#define NODED_CLIENT_H

#include <errno.h>

#include "noded/records.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

typedef struct noded_client noded_client;

/*  Errors with a meaning of their own here. The values are negative errnos. */
enum noded_error {
    NODED_E_TIMEOUT = -ETIMEDOUT, /* the broker did not answer in time */
    NODED_E_NONE = -ENOENT,       /* no such release, node or rollout; or no such file on this host */
    NODED_E_REFUSED = -EPERM,     /* the broker refuses the request */
    NODED_E_BUSY = -EBUSY,        /* the broker has too much to do: try again later */
    NODED_E_INVALID = -EINVAL,    /* the request is not well-formed */
    NODED_E_PROTOCOL = -EPROTO,   /* the broker's answer violates the protocol */
    NODED_E_FAILED = -EIO,        /* the broker could not carry out the request */
    NODED_E_NO_EVENT = -EAGAIN,   /* noded_client_event: no event came in time */
    NODED_E_EXISTS = -EEXIST,     /* noded_client_backup, noded_client_key_add: the file exists */
    NODED_E_UNTRUSTED = -EBADMSG, /* noded/trust.h: metadata, a key or a signature is not as it must be */
    NODED_E_PASSPHRASE = -EKEYREJECTED, /* noded/trust.h: a passphrase is missing or wrong */
    NODED_E_CHANGED = -ESTALE,          /* noded/trust.h: somebody else has published meanwhile */
    NODED_E_MEMORY = -ENOMEM            /* out of memory */
};

/*  What an error means, in words: "the broker did not answer in time". For another negative errno: the system's
    text. Not freed. noded_client_error says more about the last call of a client. */
const char *noded_error_text (int error);

/*  broker: HOST[:PORT] or ipc://DIRECTORY, PORT being the first of its four; NULL: the variable NODED_BROKER,
    else client/broker in the settings, else 127.0.0.1. settings: NULL, or a ZPL file with

        client
            broker = HOST[:PORT]
            content = HOST[:PORT]      a separate content peer, to which files are uploaded; the variable
                                       NODED_CONTENT takes precedence if it is set
            timeout = 5s
        curve
            secret-key-file = FILE     a certificate as zcert_save_secret writes it, or the pair itself:
            public-key = Z85
            secret-key = Z85
            server-key = Z85           the broker's public key

    timeout_ms: for each call; 0: client/timeout in the settings, else 5 seconds. Nothing is sent yet. Returns
    0, -EINVAL, -ENOENT, -ENOTSUP or -ENOMEM; error (which may be NULL) gets a sentence. */
int noded_client_new (const char *broker, const char *settings, uint64_t timeout_ms,
                      noded_client **ret_client, char *error, size_t error_size);

/*  noded_client_free (NULL) does nothing. */
void noded_client_free (noded_client *client);

/*  The sentence of the last call that failed. Valid until the next call. */
const char *noded_client_error (const noded_client *client);

/*  A problem of the broker itself, from its last answer; empty: none. Valid until the next call. */
const char *noded_client_notice (const noded_client *client);

/*  The endpoint of the broker: "tcp://127.0.0.1:7671". Valid while the client lives. */
const char *noded_client_endpoint (const noded_client *client);

/*  A release to publish. Strings are read during the call only. */
typedef struct noded_binary {
    const char *platform; /* OS/ARCH, or NULL: read from the program's ELF header, else none */
    const char *path;
} noded_binary;

typedef struct noded_file {
    const char *path;        /* on this host; executable files stay executable */
    const char *destination; /* below files/; NULL: the last part of path */
} noded_file;

typedef struct noded_publish {
    const char *application;
    const char *version;
    const char *title; /* or NULL */
    const noded_binary *binaries;
    size_t n_binaries;
    const noded_file *files; /* included in every platform's envelope */
    size_t n_files;
    const char *const *args;
    size_t n_args;
    const char *const *env; /* NAME=VALUE */
    size_t n_env;
    /*  Called with the bytes uploaded and the bytes in all; or NULL. It must not use the client. */
    void (*progress) (void *context, uint64_t done, uint64_t total);
    void *context;
} noded_publish;

/*  Uploads the files that the broker does not have, and stores the release. If a program searches
    $ORIGIN/files/lib for shared libraries, they are collected from this host and published with it; a file
    with the destination lib/NAME takes precedence. ret_release: 64 hexadecimal characters and a NUL. */
int noded_client_publish (noded_client *client, const noded_publish *publish, char ret_release[65]);

/*  The releases, newest first. application NULL: all. */
int noded_client_releases (noded_client *client, const char *application, noded_releases *ret_releases);

/*  Withdraws a release: it is never offered again. release: 64 hexadecimal characters. */
int noded_client_withdraw (noded_client *client, const char *release);

/*  Which nodes an order is for. Strings are read during the call only. */
typedef struct noded_targets {
    const char *application; /* NULL: noded */
    const char *const
        *nodes; /* ids; NULL: all nodes, except for an update: updating all nodes is a rollout */
    size_t n_nodes;
} noded_targets;

/*  Orders to nodes. The result has an item for each node; a refused order is no error. release: 64 hexadecimal
    characters; NULL: the newest for each node's platform; for clear: every release. hold: 0 ends a hold.
    forget and label: the application does not matter. */
int noded_client_update (noded_client *client, const noded_targets *targets, const char *release,
                         noded_orders *ret_orders);
int noded_client_revert (noded_client *client, const noded_targets *targets, noded_orders *ret_orders);
int noded_client_hold (noded_client *client, const noded_targets *targets, int hold,
                       noded_orders *ret_orders);
int noded_client_cancel (noded_client *client, const noded_targets *targets, noded_orders *ret_orders);
int noded_client_clear (noded_client *client, const noded_targets *targets, const char *release,
                        noded_orders *ret_orders);
int noded_client_forget (noded_client *client, const noded_targets *targets, noded_orders *ret_orders);

/*  Sets an operator's labels, which take precedence over the node's own: "NAME=VALUE" sets one, "NAME-"
    removes it. */
int noded_client_label (noded_client *client, const noded_targets *targets, const char *const *labels,
                        size_t n_labels, noded_orders *ret_orders);

/*  Which nodes to list. All zero: every node, and its application noded. */
typedef struct noded_nodes_query {
    const char *application;  /* NULL: noded */
    const char *const *nodes; /* ids; NULL: all */
    size_t n_nodes;
    const char *selector; /* ids with * and ?, labels such as role=web and zone!=eu-1, and, or, not,
                             parentheses; NULL: all */
    uint64_t since;       /* only those that changed after this revision; 0: all */
    uint64_t wait_ms;     /* with since: how long to wait for a change; at most a minute */
} noded_nodes_query;

/*  The nodes, by id. -ENOENT if the broker does not know one that is named. */
int noded_client_nodes (noded_client *client, const noded_nodes_query *query, noded_nodes *ret_nodes);

/*  A node's reports on an application (NULL: noded), oldest first. */
int noded_client_why (noded_client *client, const char *application, const char *node,
                      noded_reports *ret_reports);

/*  The releases that are quarantined for an application (NULL: noded) of a node, newest first. */
int noded_client_quarantine (noded_client *client, const char *application, const char *node,
                             noded_failures *ret_failures);

/*  The specification of a rollout: settings "NAME=VALUE", and a ZPL file with the same names; a setting takes
    precedence over the file. A name that neither contains has its default.

        application      noded          the application of the release
        release          newest         a digest, or its first 6 digits or more
        select           all nodes      a selector, as above
        waves            1, 10%, rest   numbers, percentages of the nodes that can be updated, rest; a wave
                                        followed by "approval" waits until an operator approves it
        approval         no             yes: every wave except the first waits for approval
        concurrency      500            nodes of a wave that are under way at a time, or all
        soak             30s            how long a wave is watched once its last node has ended
        budget           0              nodes that may fail in all before the rollout halts
        wave-budget      budget's       nodes that may fail in one wave
        node-deadline    30m            for one node
        wave-deadline    24h            for one wave; pauses and closed windows do not count
        window           always         when it may start nodes, UTC: "Mon-Fri 01:00-05:00"
        stagger          0s             time over which the nodes of a wave are started, evenly
        on-halt          stay           stay, or revert: what happens to nodes that are updated already
        rehearse-revert  no             yes: the first wave is updated, reverted, and updated again
        revert-limit     60s            the longest time for such a revert
        significance     0.1%           chance of halting a good release because updated nodes fail more
                                        often than the others, 0.1% to 50%; off: not compared
        failure-domain   none           a label; nodes with the same value lose their broker together
        queue            no             yes: if other rollouts have nodes of it, wait until none has
        supersede        no             yes: take over nodes from rollouts that are halted or paused

    -EINVAL for unknown names and invalid values: the error says what is valid. */
typedef struct noded_spec {
    const char *const *settings;
    size_t n_settings;
    const char *file; /* NULL: none */
} noded_spec;

/*  The plan of a rollout: what it would do now. Nothing is started. Its members are not filled in: see
    noded_client_rollout_members. */
int noded_client_rollout_plan (noded_client *client, const noded_spec *given, noded_plan **ret_plan);

/*  Starts a rollout. plan: the hash of a plan, 64 hexadecimal characters; -EPERM if the plan would be different
    now; NULL: not compared. The result is the rollout. */
int noded_client_rollout_start (noded_client *client, const noded_spec *given, const char *plan,
                                noded_rollout **ret_rollout);

/*  Which rollouts to list. All zero: every rollout. */
typedef struct noded_rollouts_query {
    const char *rollout; /* only this one */
    uint64_t since;      /* as in noded_nodes_query */
    uint64_t wait_ms;
} noded_rollouts_query;

/*  The rollouts, newest first. Their members are not filled in. */
int noded_client_rollout_list (noded_client *client, const noded_rollouts_query *query,
                               noded_rollouts *ret_rollouts);

/*  The nodes of a rollout, or of a plan that was just made: set exactly one of the two. */
typedef struct noded_members_query {
    const char *rollout;
    const char *plan; /* its hash, 64 hexadecimal characters */
    uint64_t since;   /* as in noded_nodes_query */
} noded_members_query;
int noded_client_rollout_members (noded_client *client, const noded_members_query *query,
                                  noded_members *ret_members);

/*  The transitions of a rollout, oldest first. */
int noded_client_rollout_history (noded_client *client, const char *rollout,
                                  noded_transitions *ret_transitions);

/*  A command to a rollout. */
typedef struct noded_steering {
    const char *rollout;
    enum noded_command command;
    unsigned wave;            /* approve: refused if another wave waits; 0: any wave */
    const char *const *nodes; /* retry: only these, up to 512; none: all that can be tried again */
    size_t n_nodes;
} noded_steering;

/*  The result is the rollout afterwards. */
int noded_client_rollout_steer (noded_client *client, const noded_steering *steering,
                                noded_rollout **ret_rollout);

/*  The state of the broker itself. The caller frees it with noded_broker_free. */
int noded_client_broker (noded_client *client, noded_broker **ret_broker);

/*  Writes a copy of the broker's records into a new file: verified and durable. An existing file is only
    replaced if replace is set (else -EEXIST). `noded-broker --restore` reads it. ret_backup: what was
    written. */
int noded_client_backup (noded_client *client, const char *path, int replace, noded_backup *ret_backup);

/*  The keys of a name (NULL: all), in the order in which they were added. */
int noded_client_keys (noded_client *client, const char *name, noded_keys *ret_keys);

/*  A key to make and to add. Strings are read during the call only. */
typedef struct noded_new_key {
    const char *name; /* of a node: its id */
    enum noded_role role;
    const char *const *applications; /* publisher: what it may publish; else none */
    size_t n_applications;
    const char *path;    /* of the new file; an existing one is never replaced (-EEXIST) */
    const char *address; /* HOST[:PORT] of the broker for the new file; NULL: where this client found it */
    const char
        *content; /* content: HOST[:PORT] where nodes and operators reach the content peer; else NULL */
} noded_new_key;

/*  Makes a key pair, writes it into a new file that only this user can read, with the broker's key and address,
    and adds its public half at the broker. The file is a node.zpl for a node, settings of noded-content for a
    content peer, else settings as for noded_client_new. If the broker knows a content peer, files of nodes,
    publishers and admins have its address and public key, too. The secret half goes nowhere else. If the broker refuses the key, the file is removed; if
    the broker does not answer, the file stays, because the key may have been added. ret_key: one item. */
int noded_client_key_add (noded_client *client, const noded_new_key *wanted, noded_keys *ret_key);

/*  Revokes a key by its fingerprint (64 hexadecimal characters), or all active keys of a name; the other one is
    NULL. ret_revoked: the keys. */
int noded_client_key_revoke (noded_client *client, const char *fingerprint, const char *name,
                             noded_keys *ret_revoked);

/*  Waits up to wait_ms for the next event. -EAGAIN if none came. The first call checks that the broker answers,
    and subscribes: earlier events are not returned. */
int noded_client_event (noded_client *client, uint64_t wait_ms, noded_event *ret_event);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
