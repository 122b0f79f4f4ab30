/*  root/chain.h - whether the lines of a journal follow each other

    Each line carries the SHA-256 of the one before it: whoever changes, removes or inserts a line has to write
    all lines behind it anew, and then the last one is another than was told to the origin. Lines that an
    earlier version wrote carry none; they are taken as they are until the first that does. */

#ifndef ROOT_CHAIN_H
#define ROOT_CHAIN_H

#include <stdbool.h>

#include "root/root.h"

/*  A line by its number and digest; serial 0: none. */
struct root_journal_head {
    uint64_t serial;
    struct base_digest digest;
};

/*  Serial of a line, or 0 where it has none. */
uint64_t root_chain_serial (const char *line, size_t length);

/*  Lines in their order, one after the other. Null value: all zero. */
struct root_chain {
    struct root_journal_head last;
    uint64_t first_serial;
    char first_time[40];
    bool begun, linked;
};

/*  Takes the next line, without its newline. Returns whether it follows the one before it. */
bool root_chain_add (struct root_chain *chain, const char *line, size_t length);

/*  The last line of the journal: serial 0 where there is none, or it is not whole. */
struct root_journal_head root_journal_head (const struct root *root);

/*  Syncs what other processes have appended: only what is durable is to be reported. Returns 0 or -errno. */
int root_journal_sync (const struct root *root);

/*  For the start of a manager: cuts off what was not on the disk when the host went down, and appends a line that
    says so. *ret_bytes: how much that was; 0: nothing. A line that was changed or removed stays as it is. */
int root_journal_mend (const struct root *root, size_t *ret_bytes, struct base_error *error);

/*  Looks whether the lines follow each other, and whether the line that was told once (serial 0: none) is
    still there. What is older than the oldest that is kept cannot be looked at. Returns 0, ROOT_E_DAMAGED with
    a sentence about the first that does not fit, or -errno where the journal cannot be read. May be called
    from another thread, while lines are appended. */
int root_journal_check (const struct root *root, const struct root_journal_head *told,
                        struct base_error *error);

#endif
