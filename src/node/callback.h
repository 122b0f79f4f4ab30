/* SPDX-License-Identifier: MPL-2.0 */
/*  node/callback.h - announces readiness and progress to the process that started this one

    There are up to two receivers: the parent of a probe (probe/callback in node.zpl), and the process that
    set NODED_READY="ENDPOINT NONCE" in the environment. Without a receiver, nothing is sent. */

#ifndef NODE_CALLBACK_H
#define NODE_CALLBACK_H

#include "identity/config.h"
#include "identity/self.h"

struct node_callback;

/*  config is read during the call; self must live as long as the result. An unusable NODED_READY is logged
    and ignored. Returns 0 or -errno; the caller owns the result. */
int node_callback_new (struct bus_loop *loop, const struct identity_config *config,
                       const struct identity_self *self, struct node_callback **ret_callback,
                       struct base_error *error);
/*  Messages that were not sent yet get a linger time. Accepts NULL. Returns NULL. */
struct node_callback *node_callback_free (struct node_callback *callback);

/*  Announces that this process is ready. A failure is only logged. */
void node_callback_ready (struct node_callback *callback);

/*  Sends a copy of progress with nonce and pid filled in. A failure is ignored. */
void node_callback_progress (struct node_callback *callback, const struct wire_progress *progress);

#endif
