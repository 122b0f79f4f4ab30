/* SPDX-License-Identifier: MPL-2.0 */
/*  origin/account.h - bytes of payload under way to each peer; private to this room

    An account is shared by the table and by the payloads that count in it. Adding happens on the loop's
    thread, subtracting on any thread. Accounts without payload are dropped before the table grows. So the
    table is no larger than about twice the number of peers that are being served. */

#ifndef ORIGIN_ACCOUNT_H
#define ORIGIN_ACCOUNT_H

#include <stdatomic.h>

#include "bus/socket.h"

struct origin_account {
    struct bus_peer peer;
    atomic_size_t bytes;
    atomic_uint refs;
};

/*  Null value: all zero. */
struct origin_accounts {
    struct origin_account **slots; /* open addressing */
    size_t n_slots, n_used;
};

void origin_accounts_deinit (struct origin_accounts *accounts);

/*  The account of a peer, made if there is none; the table holds the reference. NULL if memory is
    exhausted. */
struct origin_account *origin_accounts_of (struct origin_accounts *accounts, const struct bus_peer *peer);

/*  Counts a payload. It holds the account until origin_account_end. */
void origin_account_begin (struct origin_account *account, size_t bytes);
void origin_account_end (struct origin_account *account, size_t bytes);

#endif
