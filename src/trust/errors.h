/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/errors.h - why metadata, a key or a target is not trusted

    These codes are the contract of every function of this room that judges received bytes. -ENOMEM is the only negative
    code. The sentence in struct base_error says what was judged, and what to do if something can be done. */

#ifndef TRUST_ERRORS_H
#define TRUST_ERRORS_H

enum trust_error {
    TRUST_E_FORMAT = 1, /* no JSON, or a violation of the format; also floats, repeated names, wrong _type */
    TRUST_E_TOO_LARGE,  /* over a limit of size or count */
    TRUST_E_KEY,        /* a key is malformed, or its keyid is not the digest of the key */
    TRUST_E_THRESHOLD,  /* fewer keys than the threshold signed it */
    TRUST_E_VERSION, /* not the version that must follow: rollback, gap, or other than the referring file says */
    TRUST_E_EXPIRED,      /* its time is over: the repository is frozen, or nobody renewed it */
    TRUST_E_LENGTH,       /* another length than the referring file says */
    TRUST_E_HASH,         /* another hash than the referring file says, or no hash that is known here */
    TRUST_E_UNKNOWN_ROLE, /* the snapshot or the parent does not name this role */
    TRUST_E_NO_TARGET,    /* no role that is trusted for this path names the target */
    TRUST_E_UNAVAILABLE,  /* the repository did not deliver a file that it must have */
    TRUST_E_PASSPHRASE,   /* a passphrase is missing or wrong */
    TRUST_E_DAMAGED,      /* a key file is not as it was written */
    TRUST_E_PROOF,        /* a proof of the transparency log is wrong, or the log did not only grow */
    TRUST_E_END,
};

/*  The word of a code ("threshold"); "unknown" for other numbers. */
const char *trust_error_word (int code);

#endif
