/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/action.h - what the owner of a refresh or a search does next

    The owner calls ..._next, does it, and reports with ..._bytes, ..._absent or ..._done. It decides what a file is: a
    blob by name, a file below an address. `file` is safe as a name in one directory. */

#ifndef TRUST_ACTION_H
#define TRUST_ACTION_H

#include <stddef.h>

#include "base/error.h"
#include "trust/name.h"

enum trust_action_kind {
    TRUST_LOAD, /* read the stored file of `role`; answer: bytes, or absent (also if it cannot be read) */
    TRUST_FETCH, /* fetch `file`, at most `most` bytes; answer: bytes, or absent (the repository has no such file), or
                    failed */
    TRUST_STORE,  /* store data durably as the file of `role`; answer: done, or failed */
    TRUST_DROP,   /* remove the stored file of `role`, if there is one; answer: done, or failed */
    TRUST_DONE,   /* the metadata is current, or the search has a result */
    TRUST_FAILED, /* code and text say why; what was stored before stays valid */
};

struct trust_action {
    enum trust_action_kind kind;
    char role[TRUST_NAME_TEXT];
    uint64_t version;           /* FETCH: 0 if the file has no version in its name */
    char file[TRUST_FILE_TEXT]; /* LOAD, STORE, DROP: "ROLE.json", quoted. FETCH: also "VERSION.ROLE.json" */
    size_t most;      /* LOAD, FETCH: a longer file is not read to its end, but reported as failed */
    const void *data; /* STORE: borrowed until done */
    size_t size;
};

#endif
