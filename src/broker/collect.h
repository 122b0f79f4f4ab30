/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/collect.h - moves blobs that nothing needs to the trash */

#ifndef BROKER_COLLECT_H
#define BROKER_COLLECT_H

#include "broker/state.h"

/*  Moves the blobs of a withdrawn release that nothing needs any more to the trash. Only with blobs: not for
    a broker with no_content. Returns 0 or -errno. */
int broker_blobs_collect_of (struct broker *broker, const struct base_digest *release,
                             struct base_error *error);

/*  Moves blobs that nothing needs to the trash, except those that were uploaded within a day: they may be
    published next. A failure is logged and ignored. Does nothing for a broker with no_content. */
void broker_blobs_collect (struct broker *broker);

#endif
