/* SPDX-License-Identifier: MPL-2.0 */
/*  root/record_file.h - file format of the records in var/; private to this room */

#ifndef ROOT_RECORD_FILE_H
#define ROOT_RECORD_FILE_H

#include "root/root.h"
#include "wire/wire.h"

enum { ROOT_RECORD_MOST = 64 * 1024 /* bytes; a larger file is damaged */ };

/*  Reads a record from a JSON file. Sets the file aside if it cannot be read or parsed. Returns 0 (the caller
    owns the message), ROOT_E_NONE or -ENOMEM. */
int root_record_read (const struct root *root, const char *path, const struct wire_record *record,
                      void *ret_message);

/*  Whether a result of reading or parsing is a fault of the file itself. */
bool root_record_is_damaged (int r);

/*  Writes a record. A directory with that name is set aside. */
int root_record_write (const struct root *root, const char *path, const struct wire_record *record,
                       const void *message, struct base_error *error);

/*  Makes a directory in var/. Anything else with that name is set aside. */
int root_record_make_directory (const struct root *root, const char *path, struct base_error *error);

/*  Clears attributes of the file and of var/ that forbid changes. Returns whether there were any. */
bool root_record_unlock (const struct root *root, const char *path);

/*  Renames to the path plus ".damaged", which is replaced. Best effort: nothing depends on it. */
void root_record_set_aside (const struct root *root, const char *path);

#endif
