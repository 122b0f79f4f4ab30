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
        retry           unfit: when it tries the update again, RFC 3339, UTC, of the node's clock; else null
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
        labels          [{name, value, own}]: own ones are set on the node itself
        kernel          release of its kernel
        restarts        sessions that began without an update or a goodbye
        journal_serial, journal_head
                        of the last line of its journal that the broker was told of
        journal_fault   what shows that its journal was changed afterwards; null: nothing does
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
        spec            what it is to do, with every default: {application, release, selector, waves
                        [{count, percent, approval}], concurrency, soak_ms, wave_budget, budget,
                        node_deadline_ms, wave_deadline_ms, window {from, until, days}, spread_ms, on_halt,
                        rehearse_revert, revert_limit_ms, false_halt, neighbours, queue, supersede}, as in schemas/rollout.def
        version         of the release
        plan            hash of its plan
        begun           RFC 3339, UTC, of the broker's clock, as all times here
        phase           "approval", "updating", "soaking", "halted", "reverting", "done", "aborted",
                        "reverted"
        since           since when it is in that phase
        paused          begins with nothing new
        over            has come to its end
        reason          why it was halted, reverted, aborted
        waits           what it waits for, for a person
        wave            that it is at, from 1
        waves           [{count, under_way, updated, reverted, bad, already_bad, forgiven, taken, approval,
                        begun, ended}]
        left_out        nodes that were selected and not planned for
        bytes           on the wire, at most, as planned
        causes          [{step, reason, count, nodes}]: why nodes failed, the most frequent first
        looks, looks_bad, other_looks, other_looks_bad, factor
                        the comparison of updated nodes with others: as in schemas/rollout.def
        revision        of the broker's records when it changed last

    A plan:

        hash, spec, version, updated, left_out, waves, bytes, expected_ms

    A node of a rollout or of a plan:

        node, wave (from 1), state (MEMBER of schemas/choices.def; "excluded": left out, reason tells why),
        since, step, reason, epoch, transaction, revert_ms, charged, was_bad

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

/*  broker: HOST[:PORT] or ipc://DIRECTORY, PORT being the first of its four; NULL: the variable
    NODED_BROKER, else client/broker in the settings, else 127.0.0.1. settings: NULL, or a ZPL file with

        client
            broker = HOST[:PORT]
            content = HOST[:PORT]      a content peer beside the broker, which uploads go to; the variable
                                       NODED_CONTENT, where it is set, comes before it
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

/*  What is wrong at the broker itself, as its last answer said; empty where nothing is. Valid until the next
    call. */
const char *noded_client_notice (const noded_client *client);

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

/*  Orders to nodes; nodes NULL means all of them, but for an update: that of all is a rollout. application NULL: noded. release NULL: the newest for
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

/*  The same of the nodes that a selector fits: ids with * and ?, labels such as role=web and zone!=eu-1,
    and, or, not, parentheses. */
int noded_client_nodes_selected (noded_client *client, const char *application, const char *selector,
                                 char **ret_json);

/*  Labels of an operator, which go before the node's own: "NAME=VALUE" sets one, "NAME-" removes it. nodes
    NULL means all of them. The result is an array of orders. */
int noded_client_label (noded_client *client, const char *const *nodes, size_t n_nodes,
                        const char *const *labels, size_t n_labels, char **ret_json);

/*  Rollouts. What one is to do is a list of settings "NAME=VALUE", and the path of a ZPL file with the same
    names (or NULL); a setting goes before the file's. What is given in neither has its default.

        application      noded          whose release
        release          newest         a digest, or its first 6 digits or more
        select           all nodes      a selector, as above
        waves            1, 10%, rest   numbers, percentages of the nodes that can be updated, rest; with
                                        "approval" behind it a wave waits until a person lets it begin
        approval         no             yes: every wave but the first waits so
        concurrency      500            nodes of a wave that are under way at a time, or all
        soak             30s            how long a wave is watched once its last node has ended
        budget           0              nodes that may be bad in all before the rollout halts
        wave-budget      budget's       nodes that may be bad in one wave
        node-deadline    30m            for one node
        wave-deadline    24h            for one wave, pauses and closed windows not counted
        window           always         when it may begin with nodes, UTC: "Mon-Fri 01:00-05:00"
        spread           0s             over which the nodes of a wave are begun with
        on-halt          stay           stay, or revert: what becomes of nodes that were updated already
        rehearse-revert  no             yes: the first wave goes forward, back, and forward again
        revert-limit     60s            that such a revert may take
        false-halt       0.1%           chance at which a good release may be halted because updated nodes do
                                        worse than the others, 0.1% to 50%; off: they are not compared
        neighbours       none           a label whose value nodes share that lose their broker together
        queue            no             yes: where another rollout has one of its nodes, begin once none has
        supersede        no             yes: take nodes over from rollouts that are halted or paused

    -EINVAL for names and values that are none: the error says what would be right. */

/*  What it would do now: a plan. Nothing is begun. */
int noded_client_rollout_plan (noded_client *client, const char *const *settings, size_t n_settings,
                               const char *file, char **ret_json);

/*  Begins it. plan: the hash of a plan; -EPERM where what it would do now is something else; NULL: whatever
    it is. The result is the rollout. */
int noded_client_rollout_start (noded_client *client, const char *const *settings, size_t n_settings,
                                const char *file, const char *plan, char **ret_json);

/*  An array of rollouts, newest first; rollout: only that one, or NULL. since, wait_ms and ret_revision as in
    noded_client_nodes. */
int noded_client_rollout_list (noded_client *client, const char *rollout, uint64_t since, uint64_t wait_ms,
                               uint64_t *ret_revision, char **ret_json);

/*  The nodes of a rollout, or of a plan that was just made; the other one is NULL. since and ret_revision as
    in noded_client_nodes. */
int noded_client_rollout_members (noded_client *client, const char *rollout, const char *plan, uint64_t since,
                                  uint64_t *ret_revision, char **ret_json);

/*  The steps that it took, oldest first. */
int noded_client_rollout_history (noded_client *client, const char *rollout, char **ret_json);

/*  command: "pause", "resume", "approve", "abort", "revert" or "retry". wave: for approve, refused where
    another one waits; 0: whichever waits. nodes: for retry alone, up to 512; none: all that can be
    tried again. The result is the rollout. */
int noded_client_rollout_steer (noded_client *client, const char *rollout, const char *command, unsigned wave,
                                const char *const *nodes, size_t n_nodes, char **ret_json);

/*  Writes a copy of the broker's records into a new file: verified, durable, and never over an existing file
    unless replace says so (else -EEXIST). `noded-broker --restore` reads it. The result is
    {content, size, heads, fleet_head}: its SHA-256 and its bytes; how many heads of nodes' journals the broker had
    taken, and the digest of all of them in their order. */
int noded_client_backup (noded_client *client, const char *path, int replace, char **ret_json);

/*  Waits up to wait_ms for the next event; ret_topic ("event/NODE/EVENT", "rollout/ID/PHASE") and ret_json are
    for the caller. -EAGAIN where none came. The first call makes sure that the broker answers, and
    subscribes: what happened before is not told. */
int noded_client_event (noded_client *client, uint64_t wait_ms, char **ret_topic, char **ret_json);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
