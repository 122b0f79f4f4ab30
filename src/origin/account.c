/* SPDX-License-Identifier: MPL-2.0 */
/*  origin/account.c - bytes of payload under way to each peer */

#include "origin/account.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { SLOTS_LEAST = 64 };

static void account_unref (struct origin_account *account)
{
    base_assert (account);
    if (atomic_fetch_sub_explicit (&account->refs, 1, memory_order_acq_rel) == 1)
        free (account);
}

void origin_accounts_deinit (struct origin_accounts *accounts)
{
    base_assert (accounts);
    for (size_t i = 0; i < accounts->n_slots; i++)
        if (accounts->slots[i])
            account_unref (accounts->slots[i]);
    free (accounts->slots);
    *accounts = (struct origin_accounts){0};
}

/*  The slot of a peer, or the empty slot where it belongs. libzmq counts its routing ids up: they differ in
    their last bytes. */
static size_t slot_find (struct origin_account **slots, size_t n_slots, const struct bus_peer *peer)
{
    base_assert (n_slots > 0 && (n_slots & (n_slots - 1)) == 0);
    uint32_t hash = 2166136261u;
    for (unsigned i = 0; i < peer->size; i++)
        hash = (hash ^ peer->id[i]) * 16777619u;
    size_t at = hash & (n_slots - 1);
    while (slots[at] && !bus_peer_equal (&slots[at]->peer, peer))
        at = (at + 1) & (n_slots - 1);
    return at;
}

/*  Moves the accounts with payload under way into a table with room, and drops the others. */
static bool slots_renew (struct origin_accounts *accounts)
{
    size_t live = 0;
    for (size_t i = 0; i < accounts->n_slots; i++)
        if (accounts->slots[i] && atomic_load (&accounts->slots[i]->bytes) > 0)
            live++;
    size_t n_slots = SLOTS_LEAST;
    while (n_slots < live * 4)
        n_slots *= 2;
    struct origin_account **slots = calloc (n_slots, sizeof (struct origin_account *));
    if (!slots)
        return false;

    size_t n_used = 0;
    for (size_t i = 0; i < accounts->n_slots; i++) {
        struct origin_account *account = accounts->slots[i];
        if (!account)
            continue;
        if (atomic_load (&account->bytes) > 0) {
            slots[slot_find (slots, n_slots, &account->peer)] = account;
            n_used++;
        } else
            account_unref (account);
    }
    free (accounts->slots);
    *accounts = (struct origin_accounts){.slots = slots, .n_slots = n_slots, .n_used = n_used};
    return true;
}

struct origin_account *origin_accounts_of (struct origin_accounts *accounts, const struct bus_peer *peer)
{
    base_assert (accounts && peer);
    base_assert (accounts->n_used <= accounts->n_slots);
    if (accounts->n_slots > 0) {
        size_t at = slot_find (accounts->slots, accounts->n_slots, peer);
        if (accounts->slots[at])
            return accounts->slots[at];
    }
    if (accounts->n_used * 2 >= accounts->n_slots && !slots_renew (accounts))
        return NULL;

    struct origin_account *account = calloc (1, sizeof *account);
    if (!account)
        return NULL;
    account->peer = *peer;
    atomic_init (&account->refs, 1);
    accounts->slots[slot_find (accounts->slots, accounts->n_slots, peer)] = account;
    accounts->n_used++;
    return account;
}

void origin_account_begin (struct origin_account *account, size_t bytes)
{
    base_assert (account);
    atomic_fetch_add_explicit (&account->refs, 1, memory_order_relaxed);
    atomic_fetch_add (&account->bytes, bytes);
}

void origin_account_end (struct origin_account *account, size_t bytes)
{
    base_assert (account && atomic_load (&account->bytes) >= bytes);
    atomic_fetch_sub (&account->bytes, bytes);
    account_unref (account);
}
