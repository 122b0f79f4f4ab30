/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/metadata_private.h - parts that the readers of metadata share */

#ifndef TRUST_METADATA_PRIVATE_H
#define TRUST_METADATA_PRIVATE_H

#include "trust/metadata.h"

/*  Reads what every kind of metadata begins with, and checks that it is of this kind. */
int trust_common_read (const json_t *content, enum trust_kind kind, struct trust_common *ret_common,
                       struct base_error *error);

/*  An integer from least to most. */
bool trust_integer_read (const json_t *json, uint64_t least, uint64_t most, uint64_t *ret_number);

#endif
