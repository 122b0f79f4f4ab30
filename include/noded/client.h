/* SPDX-License-Identifier: MPL-2.0 */
/*  noded/client.h - requests of an operator's program to a broker

    A client is one connection to a broker. Calls block until they are answered, or until the deadline given
    at connecting has passed. A client is used by one thread at a time; a process may have several.

    Functions return 0, or a negative errno with a sentence in noded_client_error that says what was tried,
    where, what the result was and what to do. The errnos are

        -ETIMEDOUT  the broker did not answer in time
        -ENOENT     it has no such release or node, or a file to be published does not exist
        -EPERM      the broker refuses the request
        -EBUSY      the broker has too much to do: try again later
        -EINVAL     the request is not well-formed
        -EPROTO     the broker's answer violates the protocol
        -EIO        the broker could not carry out the request
        and those of reading files, and -ENOMEM

    An order without an answer may have reached the broker all the same. Within a call it is sent again with
    the same key, and nothing is ordered twice.

    Results are JSON text on the heap: free them with free (). Every list is an array with one object a line.
    Every key below is always present; an absent value is null, false, 0 or [].

    A node:

        id              text
        online          whether the broker has heard from it lately
        held            whether it accepts no updates until the hold is ended
        application     the application of the request; the next keys are about it
        state           "idle", "fetching", "trial" and so on: STATE of schemas/choices.def; null: not
                        reported yet
        version         that runs
        release         that runs, 64 hexadecimal digits
        binary          SHA-256 of the program that runs, read from the running process
        previous        null, or {version, release}: the version that a revert would return to
        epoch           of the last order that it has carried out or refused
        seen_epoch      of the last order that it has received
        transaction     of the update under way, or of the last one
        done, total     bytes of the download that are here, and in all
        retry           unfit: when it tries the update again, RFC 3339, UTC, of the node's clock; else null
        damage          what its last check of stable and previous found damaged; null: nothing
        last_error      null, or {transaction, release, version, step, reason, time} of the last update that
                        failed; removed once a later one is confirmed
        quarantine      the releases that it does not try again: an array of the same objects
        platform        "linux/amd64"
        place           host name and pid
        software        version of its node manager
        last_seen       RFC 3339, UTC, of the broker's clock
        revision        of the broker's records when this node changed last
        desired_epoch   of the last order to the application
        desired_transaction
        outcome         of that order: OUTCOME of schemas/choices.def; null while it is under way
        outcome_step    the step for which the outcome was reported
        outcome_reason  for a person
        labels          [{name, value, own}]: own ones are set on the node itself
        kernel          release of its kernel
        restarts        sessions that began without an update or a goodbye
        journal_serial, journal_head
                        of the last line of its journal that was reported to the broker
        journal_fault   evidence that its journal was changed afterwards; null: none
        rollout, wave   that have it under way; null, 0: none

    A release:

        release, application, version, platforms [text; "": everything], time, withdrawn, size (bytes)

    An order:

        node, status ("ok", or STATUS of schemas/choices.def), reason, epoch, transaction, release, version

    A report:

        node, application, serial, transaction, epoch, attempt, step, outcome, reason, version, release,
        rollout, wave, place, verb, ordered, time: who ordered it, and when (null: the broker does not know)

    A rollout:

        id              "r-" and hexadecimal digits
        spec            its settings, with every default: {application, release, selector, waves
                        [{count, percent, approval}], concurrency, soak_ms, wave_budget, budget,
                        node_deadline_ms, wave_deadline_ms, window {from, until, days}, spread_ms, on_halt,
                        rehearse_revert, revert_limit_ms, false_halt, neighbours, queue, supersede}, as in
                        schemas/rollout.def
        version         of the release
        plan            hash of its plan
        begun           RFC 3339, UTC, of the broker's clock, as all times here
        phase           "approval", "updating", "soaking", "halted", "reverting", "done", "aborted",
                        "reverted", "queued", "superseded"
        since           time of entering that phase
        paused          starts no further nodes
        over            has ended
        unproven        no node of its wave was updated: "approve" skips the wave
        reason          why it was halted, reverted, aborted
        gate            the gate that the reason is of: GATE of schemas/choices.def; null: of none
        waits           what it waits for, for a person
        wave            the current one, from 1
        waves           [{count, under_way, updated, reverted, bad, already_bad, forgiven, taken, approval,
                        begun, ended}]
        left_out        nodes that were selected but are not in the plan
        bytes           on the wire, at most, as planned
        causes          [{step, reason, count, nodes}]: why nodes failed, the most frequent first
        looks, looks_bad, other_looks, other_looks_bad, factor
                        the comparison of updated nodes with others: as in schemas/rollout.def
        revision        of the broker's records when it changed last

    A plan:

        hash, spec, version, updated, left_out, waves, bytes, expected_ms

    A node of a rollout or of a plan:

        node, wave (from 1), state (MEMBER of schemas/choices.def; "excluded": skipped, see reason),
        since, step, reason, epoch, transaction, revert_ms, charged, was_bad, forgiven

    A step of a rollout's history:

        serial, rollout, time, phase, wave, paused, command, place, reason

    An event: as `happened` and `rolled` in schemas/event.def; absent keys are left out. */

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
    /*  called with the bytes uploaded and the bytes in all; or NULL */
    void (*progress) (void *context, uint64_t done, uint64_t total);
    void *context;
} noded_publish;

/*  Uploads the files that the broker does not have, and stores the release. If a program searches
    $ORIGIN/files/lib for shared libraries, they are collected from this host and published with it; a file
    with the destination lib/NAME takes precedence. ret_release: 64 hexadecimal characters and a NUL. */
int noded_client_publish (noded_client *client, const noded_publish *publish, char ret_release[65]);

/*  An array of releases, newest first. application NULL: all. */
int noded_client_releases (noded_client *client, const char *application, char **ret_json);

/*  Withdraws a release: it is never offered again. release: 64 hexadecimal characters. */
int noded_client_withdraw (noded_client *client, const char *release);

/*  Orders to nodes. nodes NULL means all nodes, except for an update: updating all nodes is a rollout.
    application NULL: noded. release NULL: the newest for each node's platform; for clear: every release.
    hold: 0 ends a hold. The result is an array of orders; a refused order is no error. */
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

/*  An array of nodes, by id; nodes NULL means all. -ENOENT if the broker does not know one of them. since 0:
    whatever their revision; else only those that changed after that revision; the call waits up to wait_ms
    (at most a minute) for a change. ret_revision (which may be NULL): pass it as since next time. */
int noded_client_nodes (noded_client *client, const char *application, const char *const *nodes,
                        size_t n_nodes, uint64_t since, uint64_t wait_ms, uint64_t *ret_revision,
                        char **ret_json);

/*  A node's reports on an application (NULL: noded), oldest first. */
int noded_client_why (noded_client *client, const char *application, const char *node, char **ret_json);

/*  The nodes that a selector selects: ids with * and ?, labels such as role=web and zone!=eu-1, and, or, not,
    parentheses. */
int noded_client_nodes_selected (noded_client *client, const char *application, const char *selector,
                                 char **ret_json);

/*  Sets an operator's labels, which take precedence over the node's own: "NAME=VALUE" sets one, "NAME-"
    removes it. nodes NULL means all of them. The result is an array of orders. */
int noded_client_label (noded_client *client, const char *const *nodes, size_t n_nodes,
                        const char *const *labels, size_t n_labels, char **ret_json);

/*  Rollouts. The spec of a rollout is a list of settings "NAME=VALUE", and the path of a ZPL file with the
    same names (or NULL); a setting takes precedence over the file. A name that neither contains has its
    default.

        application      noded          the application of the release
        release          newest         a digest, or its first 6 digits or more
        select           all nodes      a selector, as above
        waves            1, 10%, rest   numbers, percentages of the nodes that can be updated, rest; a wave
                                        followed by "approval" waits until an operator approves it
        approval         no             yes: every wave except the first waits for approval
        concurrency      500            nodes of a wave that are under way at a time, or all
        soak             30s            how long a wave is watched once its last node has ended
        budget           0              nodes that may be bad in all before the rollout halts
        wave-budget      budget's       nodes that may be bad in one wave
        node-deadline    30m            for one node
        wave-deadline    24h            for one wave; pauses and closed windows do not count
        window           always         when it may start nodes, UTC: "Mon-Fri 01:00-05:00"
        spread           0s             time over which the nodes of a wave are started
        on-halt          stay           stay, or revert: what happens to nodes that are updated already
        rehearse-revert  no             yes: the first wave is updated, reverted, and updated again
        revert-limit     60s            the longest time for such a revert
        false-halt       0.1%           chance of halting a good release because updated nodes do worse than
                                        the others, 0.1% to 50%; off: they are not compared
        neighbours       none           a label; nodes with the same value lose their broker together
        queue            no             yes: if other rollouts have nodes of it, wait until none has
        supersede        no             yes: take over nodes from rollouts that are halted or paused

    -EINVAL for unknown names and invalid values: the error says what is valid. */

/*  The plan of a rollout: what it would do now. Nothing is started. */
int noded_client_rollout_plan (noded_client *client, const char *const *settings, size_t n_settings,
                               const char *file, char **ret_json);

/*  Starts a rollout. plan: the hash of a plan; -EPERM if the plan would be different now; NULL: not compared.
    The result is the rollout. */
int noded_client_rollout_start (noded_client *client, const char *const *settings, size_t n_settings,
                                const char *file, const char *plan, char **ret_json);

/*  An array of rollouts, newest first; rollout: only that one, or NULL. since, wait_ms and ret_revision as in
    noded_client_nodes. */
int noded_client_rollout_list (noded_client *client, const char *rollout, uint64_t since, uint64_t wait_ms,
                               uint64_t *ret_revision, char **ret_json);

/*  The nodes of a rollout, or of a plan that was just made; the other argument is NULL. since and
    ret_revision as in noded_client_nodes. */
int noded_client_rollout_members (noded_client *client, const char *rollout, const char *plan, uint64_t since,
                                  uint64_t *ret_revision, char **ret_json);

/*  The steps of a rollout, oldest first. */
int noded_client_rollout_history (noded_client *client, const char *rollout, char **ret_json);

/*  command: "pause", "resume", "approve", "abort", "revert" or "retry". wave: for approve: refused if another
    wave waits; 0: any wave. nodes: for retry only, up to 512; none: all that can be tried again. The result
    is the rollout. */
int noded_client_rollout_steer (noded_client *client, const char *rollout, const char *command, unsigned wave,
                                const char *const *nodes, size_t n_nodes, char **ret_json);

/*  Writes a copy of the broker's records into a new file: verified and durable. An existing file is only
    replaced if replace is set (else -EEXIST). `noded-broker --restore` reads it. The result is {content,
    size, heads, fleet_head}: its SHA-256 and its bytes; how many heads of nodes' journals the broker had
    recorded, and the digest of all of them in their order. */
int noded_client_backup (noded_client *client, const char *path, int replace, char **ret_json);

/*  Waits up to wait_ms for the next event; the caller owns ret_topic ("event/NODE/EVENT", "rollout/ID/PHASE")
    and ret_json. -EAGAIN if none came. The first call checks that the broker answers, and subscribes: earlier
    events are not returned. */
int noded_client_event (noded_client *client, uint64_t wait_ms, char **ret_topic, char **ret_json);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
