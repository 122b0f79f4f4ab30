/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/der.h - the part of DER (X.690) that keys and ECDSA signatures need

    Strict: definite and shortest lengths, at most 65535; integers are not negative and have no needless zero. */

#ifndef TRUST_DER_H
#define TRUST_DER_H

#include <stddef.h>
#include <stdint.h>

enum { TRUST_DER_INTEGER = 0x02, TRUST_DER_BITS = 0x03, TRUST_DER_SEQUENCE = 0x30 };

/*  Bytes not read yet; borrowed. */
struct trust_der {
    const uint8_t *data;
    size_t size;
};

/*  Takes the next element, which must have this tag. Returns 0 or -EINVAL; der moves behind it. */
int trust_der_take (struct trust_der *der, uint8_t tag, struct trust_der *ret_body);

/*  The same for a positive integer: its big-endian bytes without leading zeros. */
int trust_der_take_positive (struct trust_der *der, struct trust_der *ret_number);

#endif
