/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/spki.c - strict reader for public keys in PEM */

#include "trust/spki.h"

#include <errno.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <nettle/rsa.h>
#include <stdbool.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "trust/der.h"
#include "trust/errors.h"

static int spki_wrong (struct base_error *error, const char *what)
{
    return base_error_set (error, TRUST_E_KEY, "the public key is not usable: %s", what);
}

static bool p256_is_on_curve (const struct trust_spki *spki)
{
    struct ecc_point point;
    mpz_t x, y;
    mpz_init (x);
    mpz_init (y);
    ecc_point_init (&point, nettle_get_secp_256r1 ());
    mpz_import (x, sizeof spki->x, 1, 1, 1, 0, spki->x);
    mpz_import (y, sizeof spki->y, 1, 1, 1, 0, spki->y);
    bool is = ecc_point_set (&point, x, y) == 1;
    ecc_point_clear (&point);
    mpz_clear (x);
    mpz_clear (y);
    return is;
}

/*  SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { SEQUENCE { modulus, exponent } } } */
static int rsa_parse (struct trust_der der, struct trust_spki *ret_spki, struct base_error *error)
{
    static const uint8_t algorithm[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                        0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
    struct trust_der outer, head, bits, inner, modulus, exponent;
    if (trust_der_take (&der, TRUST_DER_SEQUENCE, &outer) || der.size ||
        trust_der_take (&outer, TRUST_DER_SEQUENCE, &head) ||
        trust_der_take (&outer, TRUST_DER_BITS, &bits) || outer.size)
        return spki_wrong (error, "it is no SubjectPublicKeyInfo in DER");
    if (head.size != sizeof algorithm || memcmp (head.data, algorithm, sizeof algorithm) != 0)
        return spki_wrong (error, "it is neither P-256 with an uncompressed point nor RSA");
    if (bits.size == 0 || bits.data[0] != 0)
        return spki_wrong (error, "its bit string has unused bits");
    bits = (struct trust_der){bits.data + 1, bits.size - 1};
    if (trust_der_take (&bits, TRUST_DER_SEQUENCE, &inner) || bits.size ||
        trust_der_take_positive (&inner, &modulus) || trust_der_take_positive (&inner, &exponent) ||
        inner.size)
        return spki_wrong (error, "it is no RSA key in DER");
    if (modulus.size < TRUST_RSA_BITS_LEAST / 8 || modulus.size > TRUST_RSA_BYTES_MOST ||
        (modulus.size == TRUST_RSA_BITS_LEAST / 8 && !(modulus.data[0] & 0x80)))
        return spki_wrong (error, "its modulus has fewer than 2048 or more than 8192 bits");
    uint32_t number = 0;
    for (size_t i = 0; exponent.size <= sizeof number && i < exponent.size; i++)
        number = number << 8 | exponent.data[i];
    if (exponent.size > sizeof number || number < 65537 || number % 2 == 0 ||
        modulus.data[modulus.size - 1] % 2 == 0)
        return spki_wrong (error,
                           "its exponent or modulus is even, or the exponent is not from 65537, below 2^32");
    *ret_spki = (struct trust_spki){.kind = TRUST_SPKI_RSA, .modulus_size = modulus.size, .exponent = number};
    memcpy (ret_spki->modulus, modulus.data, modulus.size);
    return 0;
}

int trust_spki_parse_der (const uint8_t *der, size_t size, struct trust_spki *ret_spki,
                          struct base_error *error)
{
    /*  Everything before the coordinates is the same in every key of this kind. */
    static const uint8_t p256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    base_assert ((der || size == 0) && ret_spki);
    if (size < sizeof p256 || memcmp (der, p256, sizeof p256) != 0)
        return rsa_parse ((struct trust_der){der, size}, ret_spki, error);
    if (size != sizeof p256 + 2 * TRUST_P256_BYTES)
        return spki_wrong (error, "it has another length than a P-256 key");
    struct trust_spki spki = {.kind = TRUST_SPKI_P256};
    memcpy (spki.x, der + sizeof p256, TRUST_P256_BYTES);
    memcpy (spki.y, der + sizeof p256 + TRUST_P256_BYTES, TRUST_P256_BYTES);
    if (!p256_is_on_curve (&spki))
        return spki_wrong (error, "its point is not on the curve P-256");
    *ret_spki = spki;
    return 0;
}

int trust_spki_parse_pem (const char *pem, struct trust_spki *ret_spki, struct base_error *error)
{
    static const char begin[] = "-----BEGIN PUBLIC KEY-----", end[] = "-----END PUBLIC KEY-----";
    base_assert (pem && ret_spki);
    if (strnlen (pem, TRUST_PEM_MOST + 1) > TRUST_PEM_MOST)
        return spki_wrong (error, "its PEM text is too long");
    const char *stop = strstr (pem, end);
    if (!base_text_begins (pem, begin) || !stop || stop < pem + sizeof begin - 1 ||
        stop[sizeof end - 1 + strspn (stop + sizeof end - 1, "\r\n")])
        return spki_wrong (error, "it is not one PEM block PUBLIC KEY");
    base_cleanup (base_buffer_deinit) struct base_buffer text = {0}, der = {0};
    for (const char *at = pem + sizeof begin - 1; at < stop; at++)
        if (*at != '\r' && *at != '\n' && base_buffer_append (&text, at, 1))
            return base_error_set (error, -ENOMEM, "no memory for a key");
    base_cleanup (base_free_p) char *base64 = base_buffer_take_text (&text);
    if (!base64)
        return base_error_set (error, -ENOMEM, "no memory for a key");
    int r = base_base64_decode (base64, &der);
    if (r == -ENOMEM)
        return base_error_set (error, -ENOMEM, "no memory for a key");
    if (r)
        return spki_wrong (error, "its PEM text is no base64");
    return trust_spki_parse_der (der.data, der.size, ret_spki, error);
}
