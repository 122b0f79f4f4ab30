/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/errors.h - contract codes of this room */

#ifndef BROKER_ERRORS_H
#define BROKER_ERRORS_H

enum {
    BROKER_E_LOCKED = 1, /* another process uses the root */
    BROKER_E_NO_RECORDS, /* the root has no records, but had some before */
    BROKER_E_OLDER,      /* the records are not the latest of this root */
};

#endif
