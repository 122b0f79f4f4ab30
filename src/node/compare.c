/*  A version that never confirmed itself may have been without its broker or its content peer. The one that
    was gone back to judges by itself: where it gets what that one needed, a welcome and a verified chunk of
    the same program, as soon as it starts, the other is to blame. Where it does not, host, network or origin
    kept it from both, and nobody is blamed: a person may order the release again. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "node/manager.h"

enum { CHUNK_SIZE = 64 * 1024 };

struct node_comparison {
    struct wire_failure failure;
    char workspace[ROOT_NAME_SIZE]; /* of the version that was on trial */
    struct base_digest binary;
    uint64_t length; /* of the chunk */
    bool welcome, late;
    int asking, ending;
    node_judge *judge;
};

void node_comparison_free (struct node_manager *node)
{
    struct node_comparison *comparison = node->comparison;
    node->comparison = NULL;
    if (!comparison)
        return;
    bus_timer_cancel (node->loop, comparison->asking);
    bus_timer_cancel (node->loop, comparison->ending);
    wire_failure_deinit (&comparison->failure);
    free (comparison);
}

/*  An order that is under way has records of its own, and a verdict that comes too late is none. */
static void end (struct node_manager *node, bool guilty)
{
    struct node_comparison *comparison = node->comparison;
    if (update_order_at_rest (node->procedure.state)) {
        node_session_content_close (node->session);
        if (!guilty)
            base_log (
                BASE_LOG_WARNING,
                "%s: nobody is blamed, for this version did not reach broker and contents in time either",
                comparison->failure.transaction);
        comparison->judge (node, &comparison->failure, guilty);
    }
    node_comparison_free (node);
}

static void on_late (void *context)
{
    struct node_manager *node = context;
    node->comparison->ending = 0;
    node->comparison->late = true;
    if (node->comparison->welcome)
        end (node, false);
}

static void ask (void *context)
{
    struct node_manager *node = context;
    struct node_comparison *comparison = node->comparison;
    struct wire_get get = {.digest = comparison->binary, .length = comparison->length};
    bus_timer_cancel (node->loop, comparison->asking);
    if (update_order_at_rest (node->procedure.state))
        (void) node_session_get (node->session, &get);
    comparison->asking = bus_timer_start (node->loop, node->config->resend_ms, ask, node);
}

void node_comparison_begin (struct node_manager *node, const struct wire_failure *failure,
                            const char *workspace, node_judge *judge)
{
    base_cleanup (wire_installed_deinit) struct wire_installed installed = {.transaction = NULL};
    struct node_comparison *comparison = calloc (1, sizeof *comparison);
    if (!comparison || wire_copy (&wire_failure_record, failure, &comparison->failure)) {
        free (comparison);
        return;
    }
    /* without it on the disk, what this version has of its own stands in for it */
    const struct wire_envelope *envelope = node->self.installed.envelope;
    (void) base_text_copy (comparison->workspace, sizeof comparison->workspace, node->self.workspace);
    if (!root_workspace_read (&node->root, workspace, &installed, NULL)) {
        envelope = installed.envelope;
        (void) base_text_copy (comparison->workspace, sizeof comparison->workspace, workspace);
    }
    comparison->binary = envelope->binary;
    comparison->length = envelope->size < CHUNK_SIZE ? envelope->size : CHUNK_SIZE;
    comparison->judge = judge;
    node->comparison = comparison;
    comparison->ending = bus_timer_start (node->loop, node->config->answer_ms, on_late, node);
}

void node_comparison_welcome (struct node_manager *node)
{
    if (!node->comparison)
        return;
    node->comparison->welcome = true;
    if (node->comparison->late)
        end (node, false);
    else
        ask (node);
}

bool node_comparison_chunk (struct node_manager *node, const struct wire_chunk *chunk, const void *payload,
                            size_t size)
{
    struct node_comparison *comparison = node->comparison;
    if (!comparison || !update_order_at_rest (node->procedure.state))
        return false;
    if (chunk->status != WIRE_STATUS_OK || chunk->offset != 0 || size == 0 || size != comparison->length ||
        !base_digest_equal (&chunk->digest, &comparison->binary))
        return true;
    uint8_t own[CHUNK_SIZE];
    char path[ROOT_NAME_SIZE + sizeof "/" ROOT_PROGRAM];
    (void) snprintf (path, sizeof path, "%s/" ROOT_PROGRAM, comparison->workspace);
    base_cleanup (base_close_p) int fd = openat (node->root.fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && pread (fd, own, size, 0) == (ssize_t) size && memcmp (own, payload, size) == 0)
        end (node, true);
    return true;
}
