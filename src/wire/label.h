/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/label.h - rules of labels beyond their schema */

#ifndef WIRE_LABEL_H
#define WIRE_LABEL_H

#include "base/error.h"

/*  Every node has these facts, and no label may have their names: id, platform, kernel, version (of the node
    manager). */

/*  Where a label is set. */
enum wire_label_side {
    WIRE_LABEL_AT_BROKER,
    WIRE_LABEL_AT_NODE, /* which subscribes to the announcements of its own `group` */
};

/*  Checks a name and a value (NULL: none, for a label that is removed). Returns 0, or -EINVAL with a
    sentence. */
int wire_label_check (const char *name, const char *value, enum wire_label_side side,
                      struct base_error *error);

#endif
