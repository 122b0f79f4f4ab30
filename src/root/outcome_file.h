/* SPDX-License-Identifier: MPL-2.0 */
/*  root/outcome_file.h - file format of the launcher's notes; private to this room */

#ifndef ROOT_OUTCOME_FILE_H
#define ROOT_OUTCOME_FILE_H

#include "root/outcome.h"

enum { ROOT_NOTE_MOST = 4096 };

/*  Formats a note into size bytes. Returns the length. */
size_t root_outcome_format (const struct root_outcome *outcome, char *text, size_t size);

/*  Reads one. Returns 0, ROOT_E_NONE, ROOT_E_DAMAGED or -errno. */
int root_outcome_read_file (const struct root *root, const char *path, struct root_outcome *ret_outcome);

#endif
