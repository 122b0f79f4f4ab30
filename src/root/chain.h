/* SPDX-License-Identifier: MPL-2.0 */
/*  root/chain.h - the digest chain of the journal

    Each line has the SHA-256 of the line before it. A person who changes, removes or inserts a line must
    rewrite all lines after it, and then the last line differs from the one reported to the origin. Lines of
    earlier versions have no digest; they are accepted until the first line that has one. */

#ifndef ROOT_CHAIN_H
#define ROOT_CHAIN_H

#include <stdbool.h>

#include "root/root.h"

/*  Serial and digest of a line; serial 0: no line. */
struct root_journal_head {
    uint64_t serial;
    struct base_digest digest;
};

/*  The serial of a line, or 0 if it has none. */
uint64_t root_chain_serial (const char *line, size_t length);

/*  State while checking lines in order. Null value: all zero. */
struct root_chain {
    struct root_journal_head last;
    uint64_t first_serial;
    char first_time[40];
    bool started, linked;
};

/*  Adds the next line, without its newline. Returns whether it follows the line before it. */
bool root_chain_add (struct root_chain *chain, const char *line, size_t length);

/*  The last line of the journal. Serial 0 if there is none or it is incomplete. */
struct root_journal_head root_journal_head (const struct root *root);

/*  Syncs lines that other processes have appended: only durable lines may be reported. Returns 0
    or -errno. */
int root_journal_sync (const struct root *root);

/*  Repairs the journal when a manager starts: cuts off the end that was not on disk when the host went down,
    and appends a line that records this. *ret_bytes: number of bytes cut off; 0: none. Lines that were
    changed or removed are left as they are. */
int root_journal_repair (const struct root *root, size_t *ret_bytes, struct base_error *error);

/*  Checks that the lines follow each other and that the line reported last (serial 0: none) still exists.
    Lines older than the oldest kept line cannot be checked. Returns 0, ROOT_E_DAMAGED with a sentence about
    the first mismatch, or -errno if the journal cannot be read. May be called from another thread while lines
    are appended. */
int root_journal_check (const struct root *root, const struct root_journal_head *reported,
                        struct base_error *error);

#endif
