/*  broker/documents.h - the documents of releases beside the blobs: ROOT/releases/DIGEST.json

    What the blobs are for is known without the records, too: each release that is published or withdrawn is
    written here before that is acknowledged. Records can be rebuilt from them, and records that lack one of
    them are not the last that there were. A document whose release is not what its name says is ignored. */

#ifndef BROKER_DOCUMENTS_H
#define BROKER_DOCUMENTS_H

#include "broker/store.h"

/*  Writes the document of a release, in the place of the one that is there. */
int broker_document_put (int root, const struct broker_release *release, struct base_error *error);

/*  Whether there is a document of the release. */
bool broker_document_has (int root, const struct base_digest *release);

/*  Whether any document is there. */
bool broker_documents_any (int root);

/*  Takes releases into the records, in the order in which they were published, that only documents know; one
    that is withdrawn in either is withdrawn. *ret_adopted: how many the records did not know. */
int broker_documents_adopt (int root, struct broker_store *store, uint64_t *ret_adopted,
                            struct base_error *error);

/*  Compares both at a start: what the records know and no document tells is written; in *ret_missing is put
    how many documents the records do not know. */
int broker_documents_check (int root, struct broker_store *store, uint64_t *ret_missing,
                            struct base_error *error);

/*  Sets the documents aside, under a name with the time: for records that are meant to be new. */
int broker_documents_set_aside (int root, struct base_error *error);

/*  All documents, to look blobs up in. */
struct broker_documents;
int broker_documents_load (int root, struct broker_documents **ret_documents, struct base_error *error);
struct broker_documents *broker_documents_free (struct broker_documents *documents);

/*  Whether a release that was not withdrawn needs the blob. */
bool broker_documents_need (const struct broker_documents *documents, const struct base_digest *blob);

#endif
