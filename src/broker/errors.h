/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/errors.h - contract codes of this room

    The functions of broker/broker.h return the first three, with a sentence in struct base_error. The others
    are used within this room only. */

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
