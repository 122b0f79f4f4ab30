/* SPDX-License-Identifier: MPL-2.0 */
/*  root/journal_file.h - the files of the journal; private to this room */

#ifndef ROOT_JOURNAL_FILE_H
#define ROOT_JOURNAL_FILE_H

#include "root/root.h"

enum { ROOT_JOURNAL_MOST = 4 * 1024 * 1024 /* bytes read from a file, at most */ };

/*  Keeps other processes (a manager and `noded revert`) from appending until the descriptor is closed. Waits
    at most 100 ms. Returns the descriptor, -EWOULDBLOCK if the lock stays taken, or another -errno; the caller
    then continues without it. */
int root_journal_lock (const struct root *root);

#endif
