/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/errors.h - contract codes of this room

    The first three are returned by broker_new and its like, and struct base_error has a sentence for each. The
    others stay within this room: what they mean for a person is in the answer, or in the text beside them. */

#ifndef BROKER_ERRORS_H
#define BROKER_ERRORS_H

enum {
    BROKER_E_LOCKED = 1, /* another process uses the root */
    BROKER_E_NO_RECORDS, /* the root has no records, but had some before */
    BROKER_E_OLDER,      /* the records are not the latest of this root */
    BROKER_E_REFUSED,    /* a request was refused: the answer has status and reason */
    BROKER_E_UNSERVED,   /* a blob of a release is missing or damaged here */
};

#endif
