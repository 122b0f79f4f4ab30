/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/document.h - a metadata file: what is signed, and its signatures

    The bytes are parsed once, and what was verified is what is used: the canonical form is made from the same values
    that the readers of metadata.h get. Repeated names, floats, and a keyid with two signatures are refused. */

#ifndef TRUST_DOCUMENT_H
#define TRUST_DOCUMENT_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/error.h"
#include "trust/key.h"

enum { TRUST_SIGNATURES_MOST = 1024, TRUST_ROLE_KEYS_MOST = 256 };

#define TRUST_DOCUMENT_MOST (8u * 1024 * 1024) /* bytes; no limit of a role may be higher */

struct trust_signature {
    struct base_digest keyid;
    uint8_t *bytes; /* NULL: no hexadecimal text; counts as a wrong signature */
    size_t size;
};

struct trust_document {
    json_t *json;                 /* the whole file; owned */
    json_t *content;              /* "signed"; borrowed from json */
    struct base_buffer canonical; /* of content */
    struct trust_signature *signatures;
    size_t n_signatures;
};

/*  Which keys sign for a role, and how many of them must. */
struct trust_role {
    struct base_digest *keyids; /* unique */
    size_t n_keyids;
    uint64_t threshold; /* at least 1 */
};

void trust_role_deinit (struct trust_role *role);

/*  Reads "keyids" and "threshold" of an object. Returns 0, -ENOMEM, TRUST_E_FORMAT or TRUST_E_TOO_LARGE. */
int trust_role_read (const json_t *json, struct trust_role *ret_role, struct base_error *error);

void trust_document_deinit (struct trust_document *document);

/*  Returns 0, -ENOMEM, TRUST_E_FORMAT or TRUST_E_TOO_LARGE (more than most bytes, or too many signatures). */
int trust_document_parse (const void *data, size_t size, size_t most, struct trust_document *ret_document,
                          struct base_error *error);

/*  Counts different key materials of role that signed the document. what names the file in the sentence ("version 4 of
    root"). Returns 0 or TRUST_E_THRESHOLD. */
int trust_document_verify (const struct trust_document *document, const struct trust_keys *keys,
                           const struct trust_role *role, const char *what, struct base_error *error);

/*  The number that trust_document_verify compares with the threshold, for tools that show how far signing is. */
size_t trust_document_count (const struct trust_document *document, const struct trust_keys *keys,
                             const struct trust_role *role);

#endif
