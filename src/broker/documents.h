/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/documents.h - the documents of releases beside the blobs: ROOT/releases/DIGEST.json

    A document has all blobs of a release, and whether it was withdrawn. It is written before the publication
    or the withdrawal is acknowledged. So records can be rebuilt from the documents, and records that lack the
    release of a document are not the latest. A document whose release does not match its name is ignored. */

#ifndef BROKER_DOCUMENTS_H
#define BROKER_DOCUMENTS_H

#include "records/records.h"

/*  In all functions, root is the descriptor of the broker's root and stays the caller's. Functions that
    return an int return 0 or -errno, with a text in error. */

/*  Writes the document of a release, and replaces an existing one. It is durable then. */
int broker_document_put (int root, const struct records_release *release, struct base_error *error);

/*  Returns whether there is a document of the release. */
bool broker_document_has (int root, const struct base_digest *release);

/*  Returns whether there is any document. */
bool broker_documents_any (int root);

/*  Adds the releases that only documents have to the records, in the order of publishing. A release that is
    withdrawn in either place is withdrawn. *ret_adopted: how many the records did not have. */
int broker_documents_adopt (int root, struct records *records, uint64_t *ret_adopted,
                            struct base_error *error);

/*  Compares documents and records at a start. Writes the document of each release that has none;
    *ret_missing: how many documents have a release that the records lack. */
int broker_documents_check (int root, struct records *records, uint64_t *ret_missing,
                            struct base_error *error);

/*  Renames the directory of the documents: its name gets the time. For new records, which must not have the
    releases of the old ones. */
int broker_documents_set_aside (int root, struct base_error *error);

/*  All documents, to look up blobs in. The caller owns *ret_documents. */
struct broker_documents;
int broker_documents_load (int root, struct broker_documents **ret_documents, struct base_error *error);
struct broker_documents *broker_documents_free (struct broker_documents *documents);

/*  Returns whether a release that was not withdrawn needs the blob. */
bool broker_documents_need (const struct broker_documents *documents, const struct base_digest *blob);

#endif
