/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/registry.c - the known nodes, and which of them are online */

#include "broker/registry.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "wire/text.h"

/*  Other messages of the older session extend its challenge, up to this many times BROKER_CHALLENGE_MS. */
enum { CHALLENGES_MOST = 3 };

/*  Asserts what always holds for a node between two calls. */
static void node_check (const struct broker_node *node)
{
    base_assert (node->id);
    base_assert (node->labels || node->n_labels == 0);
    base_assert (!node->online || node->session[0]);
    base_assert (!node->challenge || node->challenge_ms <= node->challenged_ms);
}

/*  Asserts the order of the nodes around an index, after a node was added or removed there. */
static void registry_check (const struct broker_registry *registry, size_t at)
{
    base_assert (registry->n_nodes <= registry->capacity && at <= registry->n_nodes);
    for (size_t i = at > 0 ? at : 1; i < registry->n_nodes && i <= at + 1; i++)
        base_assert (strcmp (registry->nodes[i - 1]->id, registry->nodes[i]->id) < 0);
}

static void challenge_drop (struct broker_node *node)
{
    if (!node->challenge)
        return;
    wire_hello_deinit (node->challenge);
    free (node->challenge);
    node->challenge = NULL;
    node->challenger = (struct bus_peer){.size = 0};
}

static struct broker_node *node_free (struct broker_node *node)
{
    if (!node)
        return NULL;
    challenge_drop (node);
    wire_text_free (&node->id);
    wire_text_free (&node->host_pid);
    wire_text_free (&node->software);
    wire_text_free (&node->platform);
    wire_text_free (&node->kernel);
    for (size_t i = 0; i < node->n_labels; i++)
        wire_label_deinit (&node->labels[i]);
    free (node->labels);
    free (node);
    return NULL;
}

static void node_free_p (struct broker_node **node)
{
    node_free (*node);
}

void broker_registry_init (struct broker_registry *registry, const struct broker_registry_ops *ops,
                           void *context, uint64_t liveness_ms)
{
    base_assert (registry && ops && ops->ping && ops->settled && ops->disconnected);
    *registry = (struct broker_registry){
        .ops = ops, .context = context, .liveness_ms = liveness_ms, .nodes_most = BROKER_NODES_MOST};
}

void broker_registry_deinit (struct broker_registry *registry)
{
    base_assert (registry);
    for (size_t i = 0; i < registry->n_nodes; i++)
        node_free (registry->nodes[i]);
    free (registry->nodes);
    *registry = (struct broker_registry){.ops = NULL};
}

/*  Returns the index of id, or the index at which to insert it. */
static size_t node_index (const struct broker_registry *registry, const char *id, bool *ret_is_there)
{
    size_t low = 0, high = registry->n_nodes;

    *ret_is_there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp (registry->nodes[middle]->id, id);
        if (order == 0) {
            *ret_is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct broker_node *broker_registry_find (const struct broker_registry *registry, const char *id)
{
    base_assert (registry && id);
    bool is_there;
    size_t at = node_index (registry, id, &is_there);

    return is_there ? registry->nodes[at] : NULL;
}

size_t broker_registry_behind (const struct broker_registry *registry, const char *after)
{
    base_assert (registry);
    bool is_there;
    size_t at;

    if (!after)
        return 0;
    at = node_index (registry, after, &is_there);
    return is_there ? at + 1 : at;
}

static int texts_set (struct broker_node *node, const struct records_node *record)
{
    if (wire_text_set (&node->host_pid, record->host_pid) != 0 ||
        wire_text_set (&node->software, record->software) != 0 ||
        wire_text_set (&node->platform, record->platform) != 0 ||
        wire_text_set (&node->kernel, record->kernel) != 0)
        return -ENOMEM;
    node->restarts = record->restarts;
    if (!record->last_seen ||
        base_text_copy (node->last_seen, sizeof node->last_seen, record->last_seen) != 0)
        node->last_seen[0] = '\0';
    return 0;
}

static int registry_grow (struct broker_registry *registry)
{
    size_t capacity = registry->capacity ? registry->capacity * 2 : 64;
    struct broker_node **nodes;

    if (registry->n_nodes >= BROKER_NODES_MOST)
        return -EMFILE;
    if (registry->n_nodes < registry->capacity)
        return 0;
    nodes = reallocarray (registry->nodes, capacity, sizeof *nodes);
    if (!nodes)
        return -ENOMEM;
    registry->nodes = nodes;
    registry->capacity = capacity;
    return 0;
}

int broker_registry_put (struct broker_registry *registry, const struct records_node *record,
                         struct broker_node **ret_node)
{
    base_assert (registry && record && ret_node);
    base_cleanup (node_free_p) struct broker_node *node = NULL;
    bool is_there;
    size_t at = node_index (registry, record->id, &is_there);
    int r;

    if (is_there) {
        r = texts_set (registry->nodes[at], record);
        if (r < 0)
            return r;
        *ret_node = registry->nodes[at];
        return 0;
    }
    r = registry_grow (registry);
    if (r < 0)
        return r;
    node = calloc (1, sizeof *node);
    if (!node || wire_text_set (&node->id, record->id) != 0 || texts_set (node, record) != 0)
        return -ENOMEM;
    node->ring = base_digest_of (node->id, strlen (node->id)).bytes[0];
    memmove (&registry->nodes[at + 1], &registry->nodes[at],
             (registry->n_nodes - at) * sizeof *registry->nodes);
    registry->n_nodes++;
    registry->nodes[at] = node;
    registry_check (registry, at);
    *ret_node = base_take (node);
    return 0;
}

void broker_registry_trial (struct broker_registry *registry, struct broker_node *node, bool trial)
{
    base_assert (registry && node);
    struct broker_node **link = &registry->trials[node->ring];

    if (trial == node->trial)
        return;
    node->trial = trial;
    if (trial) {
        node->next_on_trial = *link;
        *link = node;
        return;
    }
    while (*link != node) {
        base_assert (*link);
        link = &(*link)->next_on_trial;
    }
    *link = node->next_on_trial;
    node->next_on_trial = NULL;
}

void broker_registry_remove (struct broker_registry *registry, const char *id)
{
    base_assert (registry && id);
    bool is_there;
    size_t at = node_index (registry, id, &is_there);

    if (!is_there)
        return;
    broker_registry_trial (registry, registry->nodes[at], false);
    node_free (registry->nodes[at]);
    registry->n_nodes--;
    memmove (&registry->nodes[at], &registry->nodes[at + 1],
             (registry->n_nodes - at) * sizeof *registry->nodes);
    registry_check (registry, at);
}

static const char *host_name (const char *host_pid)
{
    return host_pid && host_pid[0] ? host_pid : "an unknown host";
}

static void refusal_fill (const struct broker_node *node, const struct wire_hello *hello,
                          struct base_error *refusal)
{
    (void) base_error_set (refusal, -EEXIST,
                           "the id %s is in use by %s; %s cannot use it too: give one of the two another id",
                           node->id, host_name (node->host_pid), host_name (hello->host_pid));
}

static enum broker_verdict challenge_begin (struct broker_registry *registry, struct broker_node *node,
                                            const struct bus_peer *peer, const struct wire_hello *hello,
                                            uint64_t now_ms, struct base_error *ret_refusal)
{
    base_assert (node->online && !node->challenge);
    struct wire_hello *copy;

    if (registry->ops->ping (registry->context, &node->peer) == -EHOSTUNREACH)
        return BROKER_ADMIT;
    copy = calloc (1, sizeof *copy);
    if (!copy || wire_copy (&wire_hello_record, hello, copy) != 0) {
        free (copy);
        (void) base_error_set (ret_refusal, -ENOMEM, "the broker is out of memory");
        return BROKER_REFUSE;
    }
    node->challenge = copy;
    node->challenger = *peer;
    node->challenge_ms = node->challenged_ms = now_ms;
    return BROKER_WAIT;
}

enum broker_verdict broker_registry_hello (struct broker_registry *registry, const struct bus_peer *peer,
                                           const struct wire_hello *hello, uint64_t now_ms,
                                           struct base_error *ret_refusal)
{
    base_assert (registry && peer && hello && ret_refusal);
    struct broker_node *node = broker_registry_find (registry, hello->node);

    if (!node) {
        if (registry->n_nodes < registry->nodes_most)
            return BROKER_ADMIT;
        (void) base_error_set (ret_refusal, -EMFILE,
                               "the broker has %zu nodes, which is its limit: nodectl forget --select removes"
                               " nodes that do not exist any more",
                               registry->n_nodes);
        return BROKER_REFUSE;
    }
    if (node->online && strcmp (node->session, hello->session) == 0) {
        /* The challenged session is alive, perhaps on a new connection: only its process knows its name. */
        node->heard_ms = now_ms;
        broker_registry_answered (registry, node);
        return BROKER_ADMIT;
    }
    if (!node->online || bus_peer_equal (&node->peer, peer)) {
        challenge_drop (node);
        return BROKER_ADMIT;
    }
    if (!node->challenge)
        return challenge_begin (registry, node, peer, hello, now_ms, ret_refusal);
    if (strcmp (node->challenge->session, hello->session) == 0) {
        node->challenger = *peer;
        return BROKER_WAIT;
    }
    refusal_fill (node, hello, ret_refusal);
    return BROKER_REFUSE;
}

bool broker_registry_open (struct broker_registry *registry, struct broker_node *node, const char *session,
                           const struct bus_peer *peer, uint64_t now_ms)
{
    base_assert (registry && node && session && peer);
    bool is_new = !node->online || strcmp (node->session, session) != 0;

    (void) registry;
    challenge_drop (node);
    if (strcmp (node->session, session) != 0)
        node->described = false;
    (void) base_text_copy (node->session, sizeof node->session, session);
    node->peer = *peer;
    node->heard_ms = now_ms;
    node->seen_ns = base_time_real_ns ();
    node->online = true;
    node_check (node);
    return is_new;
}

bool broker_node_is_online (const struct broker_node *node)
{
    return node->online && node->described;
}

/*  Accepts or refuses the waiting hello. Moves it out of the node first, because `settled` may change the
    node. */
static void challenge_settle (struct broker_registry *registry, struct broker_node *node, bool admit)
{
    base_assert (node->challenge);
    struct wire_hello hello = *node->challenge;
    struct bus_peer peer = node->challenger;
    struct base_error refusal = {.code = 0};

    free (node->challenge);
    node->challenge = NULL;
    if (!admit)
        refusal_fill (node, &hello, &refusal);
    registry->ops->settled (registry->context, node, &peer, &hello, admit ? NULL : refusal.text);
    wire_hello_deinit (&hello);
}

/*  Returns whether this is the node's session, on its connection. */
static bool node_has_session (struct broker_registry *registry, const struct broker_node *node,
                              const char *session, const struct bus_peer *peer)
{
    if (!node || !node->session[0] || strcmp (node->session, session) != 0)
        return false;
    if (bus_peer_equal (&node->peer, peer))
        return true;
    registry->foreign++;
    return false;
}

struct broker_node *broker_registry_heard (struct broker_registry *registry, const char *id,
                                           const char *session, const struct bus_peer *peer, uint64_t now_ms,
                                           bool *ret_connected)
{
    base_assert (registry && id && session && peer);
    struct broker_node *node = broker_registry_find (registry, id);

    if (ret_connected)
        *ret_connected = false;
    if (!node_has_session (registry, node, session, peer))
        return NULL;
    if (ret_connected)
        *ret_connected = !node->online;
    node->online = true;
    node->heard_ms = now_ms;
    node->seen_ns = base_time_real_ns ();
    if (node->challenge && now_ms - node->challenge_ms < CHALLENGES_MOST * BROKER_CHALLENGE_MS)
        node->challenged_ms = now_ms;
    return node;
}

void broker_registry_answered (struct broker_registry *registry, struct broker_node *node)
{
    base_assert (registry && node);
    if (node->challenge)
        challenge_settle (registry, node, false);
}

struct broker_node *broker_registry_bye (struct broker_registry *registry, const char *id,
                                         const char *session, const struct bus_peer *peer)
{
    base_assert (registry && id && session && peer);
    struct broker_node *node = broker_registry_find (registry, id);

    if (!node_has_session (registry, node, session, peer))
        return NULL;
    node->online = false;
    node->session[0] = '\0';
    node->seen_ns = base_time_real_ns ();
    if (node->challenge)
        challenge_settle (registry, node, true);
    return node;
}

void broker_registry_tick (struct broker_registry *registry, uint64_t now_ms)
{
    base_assert (registry && registry->ops);
    /* After a stall of this process the messages of nodes are not read yet: no node counts as silent. */
    bool was_stalled = registry->ticked_ms && now_ms - registry->ticked_ms > registry->liveness_ms / 2;

    registry->ticked_ms = now_ms;
    if (was_stalled)
        return;
    for (size_t i = 0; i < registry->n_nodes; i++) {
        struct broker_node *node = registry->nodes[i];
        if (node->challenge && (!node->online || now_ms - node->challenged_ms >= BROKER_CHALLENGE_MS))
            challenge_settle (registry, node, true);
        else if (node->online && now_ms - node->heard_ms > registry->liveness_ms) {
            node->online = false;
            registry->ops->disconnected (registry->context, node);
        }
        node_check (node);
    }
}

const char *broker_node_last_seen (const struct broker_node *node, char text[40])
{
    base_assert (node);
    if (node->seen_ns)
        return base_time_format (node->seen_ns, text);
    (void) base_text_copy (text, 40, node->last_seen);
    return text;
}
