/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/label.h - rules of labels beyond their schema */

#ifndef WIRE_LABEL_H
#define WIRE_LABEL_H

#include <stdbool.h>

#include "base/error.h"

/*  Every node has these facts, and no label may have their names: id, platform, kernel, version (of the node
    manager). */

/*  Checks a name and a value (NULL: none, for a label that is removed). own: set on the node itself, which
    subscribes to the announcements of its own `group`. Returns 0, or -EINVAL with a sentence. */
int wire_label_check (const char *name, const char *value, bool own, struct base_error *error);

#endif
