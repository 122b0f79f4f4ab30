/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/metadata.h - requests of nodes about signed metadata (broker/trust.h) */

#ifndef BROKER_METADATA_H
#define BROKER_METADATA_H

#include "broker/state.h"

/*  As origin_ops.want_metadata and want_consistency. */
int broker_on_want_metadata (void *context, const struct bus_peer *peer,
                             const struct wire_want_metadata *want, struct wire_metadata *answer);
int broker_on_want_consistency (void *context, const struct bus_peer *peer,
                                const struct wire_want_consistency *want, struct wire_consistency *answer);

#endif
