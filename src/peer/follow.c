/* SPDX-License-Identifier: MPL-2.0 */
/*  peer/follow.c - follows the list of keys of a broker

    One request is under way at a time. It is sent only over a connection (only_connected), and sent again when
    the connection is lost or no answer came in time. */

#include "peer/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "bus/refusals.h"

enum {
    WAIT_MS = 10000,     /* how long the broker waits for a change before it answers */
    CHECK_MS = 1000,     /* while a request is under way: is the connection still there? */
    RETRY_LEAST_MS = 20, /* without a connection; doubles */
    RETRY_MOST_MS = 1000,
    STORE_MS = 1000, /* from an added key until the list is stored */
};

struct peer_follow {
    struct bus_loop *loop;
    struct peer_keys *keys;
    struct peer_follow_config config;
    char broker[sizeof ((struct bus_keys *) NULL)->server_key];
    struct bus_socket *socket;
    char list[65]; /* that is followed; empty: ask for it from the beginning */
    uint64_t position;
    uint64_t serial;               /* of the last request */
    uint64_t asked_ms, overdue_ms; /* of the request under way; 0: none is under way */
    uint64_t heard_ms;             /* when the broker answered last; at first: the start */
    uint64_t retry_ms;
    int timer, store_timer;
    bool is_receiving; /* the list is not complete yet */
    bool is_known;     /* ready was called */
    bool is_silent;    /* the broker does not answer, and that was logged */
    struct bus_refusals_of refusals;
    struct base_log_limit log;
};

static void follow_ask (void *context);

static void follow_check (const struct peer_follow *follow)
{
    base_assert (follow->keys && follow->socket);
    base_assert (!follow->asked_ms == !follow->overdue_ms);
    base_assert (follow->retry_ms >= RETRY_LEAST_MS && follow->retry_ms <= RETRY_MOST_MS);
    base_assert (!follow->is_receiving || *follow->list);
}

/*  Replaces the only timer of the conversation. Without memory for it, nothing would be asked any more. */
static void timer_set (struct peer_follow *follow, uint64_t delay_ms, bus_handler *handler)
{
    bus_timer_cancel (follow->loop, follow->timer);
    follow->timer = bus_timer_start (follow->loop, delay_ms, handler, follow);
    if (follow->timer >= 0)
        return;
    follow->timer = 0;
    base_log (BASE_LOG_ERROR, "cannot follow the keys of the broker any more: %s", strerror (ENOMEM));
    bus_loop_stop (follow->loop);
}

/*  Storing. */

static void list_store (void *context)
{
    struct peer_follow *follow = context;
    struct base_error error = {.code = 0};

    bus_timer_cancel (follow->loop, follow->store_timer);
    follow->store_timer = 0;
    if (peer_keys_store (follow->keys, follow->config.root, follow->broker, &error) < 0)
        base_log_limited (&follow->log, BASE_LOG_ERROR, "%s", error.text);
}

static void list_store_later (struct peer_follow *follow)
{
    int r;

    if (follow->store_timer > 0)
        return;
    r = bus_timer_start (follow->loop, STORE_MS, list_store, follow);
    if (r < 0)
        list_store (follow);
    else
        follow->store_timer = r;
}

static void list_is_known (struct peer_follow *follow)
{
    if (follow->is_known)
        return;
    follow->is_known = true;
    follow->config.ready (follow->config.context);
}

/*  The broker does not answer. */

static void silence_log (struct peer_follow *follow)
{
    if (follow->is_silent)
        return;
    follow->is_silent = true;
    if (follow->is_known)
        base_log (BASE_LOG_WARNING,
                  "no answer from the broker %s: this peer goes on with its last list of %zu keys",
                  follow->config.control, follow->keys->n_active);
    else
        base_log (BASE_LOG_WARNING,
                  "no answer from the broker %s, and no list of its keys is stored: nobody is admitted until"
                  " the broker answers",
                  follow->config.control);
}

static void silence_note (struct peer_follow *follow, uint64_t now_ms)
{
    struct base_error error = {.code = 0};
    int r;

    if (now_ms - follow->heard_ms < follow->config.patience_ms || follow->is_silent)
        return;
    if (follow->is_known) {
        silence_log (follow);
        return;
    }
    follow->list[0] = '\0'; /* one that was not received to its end begins anew */
    follow->is_receiving = false;
    r = peer_keys_load (follow->keys, follow->config.root, follow->broker, &error);
    if (r < 0 && r != -ENOENT)
        base_log (BASE_LOG_ERROR, "%s", error.text);
    if (r == 0)
        list_is_known (follow);
    silence_log (follow);
}

/*  Asking. */

static void on_check (void *context)
{
    struct peer_follow *follow = context;
    uint64_t now_ms = base_time_boot_ms ();

    follow->timer = 0;
    follow_check (follow);
    if (now_ms < follow->overdue_ms && bus_socket_is_ready (follow->socket)) {
        timer_set (follow, CHECK_MS, on_check);
        return;
    }
    follow->asked_ms = follow->overdue_ms = 0;
    follow_ask (follow);
}

static void follow_ask (void *context)
{
    struct peer_follow *follow = context;
    uint64_t now_ms = base_time_boot_ms ();
    struct wire_follow_keys request = {.serial = ++follow->serial};
    bool waits = *follow->list && !follow->is_receiving;

    follow->timer = 0;
    silence_note (follow, now_ms);
    if (*follow->list) {
        request.list = follow->list;
        request.position = follow->position;
    }
    request.wait_ms = waits ? WAIT_MS : 0;
    follow->asked_ms = follow->overdue_ms = 0;
    if (bus_send (follow->socket, NULL, &wire_follow_keys_record, &request) == 0) {
        follow->asked_ms = now_ms;
        follow->overdue_ms = now_ms + request.wait_ms + follow->config.patience_ms;
        timer_set (follow, CHECK_MS, on_check);
    } else {
        timer_set (follow, follow->retry_ms, follow_ask);
        follow->retry_ms = follow->retry_ms * 2 < RETRY_MOST_MS ? follow->retry_ms * 2 : RETRY_MOST_MS;
    }
    follow_check (follow);
}

/*  Answers. */

/*  Returns 0, or -ENOMEM: the list must be asked for again. */
static int users_take (struct peer_follow *follow, const struct wire_followed_keys *answer, bool *ret_revoked)
{
    *ret_revoked = false;
    for (size_t i = 0; i < answer->n_users; i++) {
        struct base_error error = {.code = 0};
        int r = peer_keys_put (follow->keys, &answer->users[i], &error);
        *ret_revoked |= answer->users[i].revoked;
        if (r < 0)
            base_log_limited (&follow->log, BASE_LOG_ERROR, "%s", error.text);
        if (r == -ENOMEM)
            return r;
    }
    return 0;
}

/*  The list is complete up to this answer. */
static void list_is_complete (struct peer_follow *follow, bool changed, bool revoked)
{
    if (follow->is_receiving) {
        follow->is_receiving = false;
        peer_keys_end (follow->keys);
        base_log (BASE_LOG_INFO, "the broker %s admits %zu keys to content", follow->config.control,
                  follow->keys->n_active);
        list_store (follow);
    } else if (revoked)
        list_store (follow);
    else if (changed)
        list_store_later (follow);
    list_is_known (follow);
}

static void answer_take (struct peer_follow *follow, const struct wire_followed_keys *answer)
{
    uint64_t now_ms = base_time_boot_ms ();
    bool revoked, is_early = answer->n_users == 0 && !answer->more && now_ms - follow->asked_ms < CHECK_MS;

    follow->asked_ms = follow->overdue_ms = 0;
    follow->heard_ms = now_ms;
    follow->retry_ms = RETRY_LEAST_MS;
    if (follow->is_silent)
        base_log (BASE_LOG_INFO, "the broker %s answers again", follow->config.control);
    follow->is_silent = false;
    if (answer->anew) {
        peer_keys_begin (follow->keys);
        follow->is_receiving = true;
    }
    if (base_text_copy (follow->list, sizeof follow->list, answer->list ? answer->list : "") < 0 ||
        !*follow->list || users_take (follow, answer, &revoked) < 0) {
        follow->list[0] = '\0';
        follow->is_receiving = false;
        timer_set (follow, CHECK_MS, follow_ask);
        return;
    }
    follow->position = answer->position;
    if (!answer->more)
        list_is_complete (follow, answer->n_users > 0, revoked);
    /*  A broker with too many waiting requests answers at once. */
    timer_set (follow, is_early && !answer->anew ? CHECK_MS : 0, follow_ask);
    follow_check (follow);
}

static void on_message (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct peer_follow *follow = context;
    const struct wire_followed_keys *answer = message->body;
    struct wire_answer head;

    (void) socket;
    if (follow->asked_ms == 0 ||
        (message->record != &wire_followed_keys_record && message->record != &wire_answer_record))
        return;
    memcpy (&head, message->body, sizeof head);
    if (head.serial != follow->serial)
        return;
    if (message->record == &wire_followed_keys_record && head.status == WIRE_STATUS_OK) {
        answer_take (follow, answer);
        return;
    }
    base_log_limited (&follow->log, BASE_LOG_WARNING, "the broker %s does not send its list of keys: %s",
                      follow->config.control, head.reason ? head.reason : wire_status_word (head.status));
    follow->asked_ms = follow->overdue_ms = 0;
    timer_set (follow, RETRY_MOST_MS, follow_ask);
}

static void on_refused (void *context, struct bus_socket *socket, const struct bus_refusal *refusal)
{
    struct peer_follow *follow = context;
    char text[BUS_REFUSALS_TEXT];
    uint64_t more;

    (void) socket;
    if (bus_refusals_due (&follow->refusals, base_time_boot_ms (), &more))
        base_log (BASE_LOG_WARNING, "%s: refused a message on control: %s%s", follow->config.control,
                  refusal->text, bus_refusals_more (more, text));
}

static void on_denied (void *context, struct bus_socket *socket)
{
    struct peer_follow *follow = context;

    (void) socket;
    base_log (BASE_LOG_ERROR,
              "the broker %s refuses the key of this content peer: it was revoked or never added, or has not"
              " the role content (nodectl keys list, as admin)",
              follow->config.control);
}

int peer_follow_new (struct bus_loop *loop, struct peer_keys *keys, const struct peer_follow_config *config,
                     struct peer_follow **ret_follow, struct base_error *error)
{
    base_assert (loop && keys && config && ret_follow);
    base_assert (config->control && config->keys && config->ready && config->root >= 0);
    struct peer_follow *follow = calloc (1, sizeof *follow);
    const struct bus_socket_options options = {.on_message = on_message,
                                               .on_refused = on_refused,
                                               .on_denied = on_denied,
                                               .context = follow,
                                               .keys = config->keys,
                                               .only_connected = true,
                                               .no_payloads = true};
    int r;

    if (!follow)
        return base_error_errno (error, -ENOMEM, "cannot follow the keys of the broker");
    follow->loop = loop;
    follow->keys = keys;
    follow->config = *config;
    if (follow->config.patience_ms == 0)
        follow->config.patience_ms = PEER_FOLLOW_PATIENCE_MS;
    memcpy (follow->broker, config->keys->server_key, sizeof follow->broker);
    follow->heard_ms = base_time_boot_ms ();
    follow->retry_ms = RETRY_LEAST_MS;
    r = bus_socket_new (loop, BUS_DEALER, &options, &follow->socket, error);
    if (r == 0)
        r = bus_socket_connect (follow->socket, config->control, error);
    if (r < 0) {
        (void) peer_follow_free (follow);
        return r;
    }
    timer_set (follow, 0, follow_ask);
    *ret_follow = follow;
    return 0;
}

struct peer_follow *peer_follow_free (struct peer_follow *follow)
{
    if (!follow)
        return NULL;
    bus_timer_cancel (follow->loop, follow->timer);
    if (follow->store_timer > 0)
        list_store (follow);
    (void) bus_socket_free (follow->socket);
    free (follow);
    return NULL;
}
