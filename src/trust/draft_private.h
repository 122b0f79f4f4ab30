/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/draft_private.h - shared by the files that make drafts */

#ifndef TRUST_DRAFT_PRIVATE_H
#define TRUST_DRAFT_PRIVATE_H

#include "trust/draft.h"

/*  A draft without signatures; takes content, also if it fails. NULL content: out of memory. */
int trust_draft_init (struct trust_draft *ret_draft, enum trust_kind kind, json_t *content,
                      struct base_error *error);

/*  A copy of a draft's content, to be changed: another version and expiry, no signatures. */
int trust_draft_follow (const struct trust_draft *last, uint64_t version, uint64_t expires,
                        struct trust_draft *ret_draft, struct base_error *error);

/*  "_type", "expires", "spec_version" and "version" of new content. The caller owns it; NULL if out of memory. */
json_t *trust_draft_begin (enum trust_kind kind, uint64_t version, uint64_t expires);

/*  After a change. */
void trust_draft_unsign (struct trust_draft *draft);

int trust_draft_no_memory (struct base_error *error);

/*  Reads a key of which only the object is given. */
int trust_draft_key_read (const json_t *key, struct trust_key *ret_key, struct base_error *error);

/*  A role in the making: {"keyids", "threshold"} beside an object of keys. name is for sentences. */
json_t *trust_draft_role (uint64_t threshold);
int trust_draft_role_add (json_t *keys, json_t *role, const char *name, const json_t *key,
                          struct base_error *error);
int trust_draft_role_remove (json_t *role, const char *name, const struct base_digest *keyid,
                             struct base_error *error);

/*  Whether the different keys of a role can reach its threshold. */
int trust_draft_role_check (const struct trust_keys *keys, const struct trust_role *role, const char *name,
                            struct base_error *error);

/*  Removes the keys that none of these roles names. */
void trust_draft_keys_collect (json_t *keys, json_t *const *roles, size_t count);

#endif
