/*  root/journal_file.h - the files of the journal; for this room alone */

#ifndef ROOT_JOURNAL_FILE_H
#define ROOT_JOURNAL_FILE_H

#include "root/root.h"

#define ROOT_JOURNAL ROOT_VAR "/journal"
#define ROOT_JOURNAL_OLDER ROOT_VAR "/journal.1"

enum { ROOT_JOURNAL_MOST = 4 * 1024 * 1024 /* bytes that are read of a file */ };

/*  Keeps other processes (a manager and `noded revert`) from appending until the descriptor is closed. Waits
    a little for one that does; -1 where that does not end, and then the caller goes on all the same. */
int root_journal_lock (const struct root *root);

#endif
