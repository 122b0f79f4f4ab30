/* SPDX-License-Identifier: MPL-2.0 */
/*  node/deadline.h - how long a state of the update procedure may last, by the settings of this node */

#ifndef NODE_DEADLINE_H
#define NODE_DEADLINE_H

#include "identity/config.h"
#include "update/procedure.h"

/*  The deadline of the state that the procedure is in, in milliseconds from its begin; 0: none. */
uint64_t node_deadline_ms (const struct identity_config *config, const struct update_procedure *procedure);

#endif
