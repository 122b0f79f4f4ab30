/*  root/record_file.h - records in var/ as files; for this room alone */

#ifndef ROOT_RECORD_FILE_H
#define ROOT_RECORD_FILE_H

#include "root/root.h"
#include "wire/wire.h"

enum { ROOT_RECORD_MOST = 64 * 1024 /* bytes; a larger file is damaged */ };

/*  Reads a message from a file of JSON. One that cannot be read or parsed is set aside. Returns 0 (the
    caller owns the message), ROOT_E_NONE or -ENOMEM. */
int root_record_read (const struct root *root, const char *path, const struct wire_record *record,
                      void *ret_message);

/*  Whether what reading or parsing returned is the file's own fault. */
bool root_record_is_damaged (int rc);

/*  Writes one. What stands in the way (a directory of that name) is set aside. */
int root_record_write (const struct root *root, const char *path, const struct wire_record *record,
                       const void *message, struct base_error *error);

/*  Makes a directory of var/; something else of that name is set aside. */
int root_record_make_directory (const struct root *root, const char *path, struct base_error *error);

/*  Takes from it, and from var/, the attributes that keep everybody from changing them. Returns whether there were
    any. */
bool root_record_unlock (const struct root *root, const char *path);

/*  Renames to the path plus ".damaged", which it replaces. As well as it can: nothing depends on it. */
void root_record_set_aside (const struct root *root, const char *path);

#endif
