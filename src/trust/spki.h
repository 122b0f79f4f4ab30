/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/spki.h - strict reader for public keys in PEM (SubjectPublicKeyInfo, RFC 5280, RFC 5480, RFC 7468)

    One PEM block "PUBLIC KEY", then exact DER: shortest lengths, no bytes left over, no negative or padded integer. Two
    algorithms: P-256 with an uncompressed point on the curve, and RSA (rsaEncryption) of 2048 to 8192
    bits with an odd exponent from 65537, below 2^32. Anything else is an error. */

#ifndef TRUST_SPKI_H
#define TRUST_SPKI_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    TRUST_P256_BYTES = 32,
    TRUST_RSA_BITS_LEAST = 2048,
    TRUST_RSA_BYTES_MOST = 1024,
    TRUST_PEM_MOST = 4096
};

enum trust_spki_kind { TRUST_SPKI_P256, TRUST_SPKI_RSA };

struct trust_spki {
    enum trust_spki_kind kind;
    uint8_t x[TRUST_P256_BYTES], y[TRUST_P256_BYTES]; /* P-256, big-endian */
    size_t modulus_size;                              /* RSA */
    uint8_t modulus[TRUST_RSA_BYTES_MOST];            /* big-endian, without leading zeros */
    uint32_t exponent;
};

/*  Returns 0, -ENOMEM or TRUST_E_KEY. */
int trust_spki_parse_der (const uint8_t *der, size_t size, struct trust_spki *ret_spki,
                          struct base_error *error);
int trust_spki_parse_pem (const char *pem, struct trust_spki *ret_spki, struct base_error *error);

#endif
