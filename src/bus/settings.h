/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/settings.h - ZPL files (https://rfc.zeromq.org/spec/4/), read and written through czmq

    node
        id = web-17
        broker = 10.0.0.1 */

#ifndef BUS_SETTINGS_H
#define BUS_SETTINGS_H

#include <stdbool.h>

#include "base/error.h"

struct bus_settings;

/*  Empty settings. NULL if memory is exhausted. */
struct bus_settings *bus_settings_new (void);
struct bus_settings *bus_settings_free (struct bus_settings *settings);

/*  Reads a file of at most 1 MiB. A section may be repeated. The caller owns ret_settings. Returns 0,
    -ENOENT, -EINVAL with file and line in the error, or another -errno. */
int bus_settings_load (const char *path, struct bus_settings **ret_settings, struct base_error *error);

/*  The value at a path ("node/id"), or NULL. Valid while the settings live. */
const char *bus_settings_get (const struct bus_settings *settings, const char *path);

/*  All values with the path's last name as key in the section before it ("curve/allow" may be repeated):
    NULL-terminated, free with base_list_free. NULL if there are none. */
char **bus_settings_get_all (const struct bus_settings *settings, const char *path);

/*  Calls each for every item directly below a section, in the order of the file. value is NULL for an item
    that has items below it. Stops at a non-zero return and returns it. */
typedef int bus_settings_item (void *context, const char *name, const char *value);
int bus_settings_each (const struct bus_settings *settings, const char *section, bus_settings_item *each,
                       void *context);

/*  Sets a value. Returns 0, or -EINVAL if a ZPL file cannot hold it: it has control characters, both kinds of
    quotes or more than 900 bytes, or the path is not a list of names separated by '/'. */
int bus_settings_put (struct bus_settings *settings, const char *path, const char *value);

/*  Calls unknown with the path of every value that is not in known (NULL-terminated), so that a misspelt key
    can be reported. An entry "node/labels/" matches everything below node/labels. */
void bus_settings_check (const struct bus_settings *settings, const char *const *known,
                         void (*unknown) (void *context, const char *path), void *context);

/*  Returns the text of a ZPL file, on the heap, caller owns; NULL if memory is exhausted. */
char *bus_settings_format (const struct bus_settings *settings);

#endif
