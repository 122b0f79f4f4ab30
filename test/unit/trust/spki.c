/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/spki.c - public keys in PEM and DER */

#include <criterion/criterion.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "test/unit/trust/vectors.h"
#include "trust/der.h"
#include "trust/errors.h"

#include "trust/spki.h"

static struct base_buffer der_of (const char *pem)
{
    struct base_buffer text = {0}, der = {0};
    const char *at = strchr (pem, '\n'), *end = strstr (pem, "-----END");
    for (; at < end; at++)
        if (*at != '\n')
            base_buffer_append (&text, at, 1);
    char *base64 = base_buffer_take_text (&text);
    cr_assert_eq (base_base64_decode (base64, &der), 0);
    free (base64);
    return der;
}

static void bytes_put (char *to, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = bytes[i];
}

static int pem_parse (const char *pem)
{
    struct trust_spki spki;
    struct base_error error = {0};
    int r = trust_spki_parse_pem (pem, &spki, &error);
    cr_assert_eq (r != 0, *error.text != 0);
    return r;
}

Test (spki, p256_and_rsa_are_read)
{
    struct trust_spki spki;
    cr_assert_eq (trust_spki_parse_pem (p256_pem, &spki, NULL), 0);
    cr_assert_eq (spki.kind, TRUST_SPKI_P256);
    cr_assert_eq (spki.x[0], 0x60);
    cr_assert_eq (spki.y[31], 0x99);
    cr_assert_eq (trust_spki_parse_pem (rsa_pem, &spki, NULL), 0);
    cr_assert_eq (spki.kind, TRUST_SPKI_RSA);
    cr_assert_eq (spki.modulus_size, 256);
    cr_assert_eq (spki.exponent, 65537);
}

Test (spki, other_curves_short_moduli_and_small_exponents_are_refused)
{
    cr_assert_eq (pem_parse (p384_pem), TRUST_E_KEY);
    cr_assert_eq (pem_parse (rsa_2040_pem), TRUST_E_KEY);
    cr_assert_eq (pem_parse (rsa_2047_pem), TRUST_E_KEY);
    cr_assert_eq (pem_parse (rsa_e3_pem), TRUST_E_KEY);
}

Test (spki, pem_is_one_block_of_the_right_kind)
{
    base_cleanup (base_free_p) char *before = base_text_printf (" %s", p256_pem);
    base_cleanup (base_free_p) char *after = base_text_printf ("%s%s", p256_pem, p256_pem);
    base_cleanup (base_free_p) char *crlf = base_text_printf ("%s", p256_pem);
    base_cleanup (base_free_p) char *kind = base_text_printf ("%s", p256_pem);
    cr_assert_eq (pem_parse (before), TRUST_E_KEY);
    cr_assert_eq (pem_parse (after), TRUST_E_KEY);
    *strrchr (crlf, '\n') = '\r';
    cr_assert_eq (pem_parse (crlf), 0);
    bytes_put (strstr (kind, "PUBLIC"), "SECRET", 6);
    cr_assert_eq (pem_parse (kind), TRUST_E_KEY);
    cr_assert_eq (pem_parse (""), TRUST_E_KEY);
    cr_assert_eq (pem_parse ("-----BEGIN PUBLIC KEY-----"), TRUST_E_KEY);
    cr_assert_eq (pem_parse ("-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----"), TRUST_E_KEY);
    cr_assert_eq (pem_parse ("-----BEGIN PUBLIC KEY-----\nAA=A\n-----END PUBLIC KEY-----"), TRUST_E_KEY);
    char *space = strchr (kind, '\n');
    bytes_put (strstr (kind, "SECRET"), "PUBLIC", 6);
    *space = ' ';
    cr_assert_eq (pem_parse (kind), TRUST_E_KEY);
}

Test (spki, a_point_off_the_curve_is_refused)
{
    base_cleanup (base_buffer_deinit) struct base_buffer der = der_of (p256_pem);
    struct trust_spki spki;
    cr_assert_eq (trust_spki_parse_der (der.data, der.size, &spki, NULL), 0);
    der.data[der.size - 1] ^= 1;
    cr_assert_eq (trust_spki_parse_der (der.data, der.size, &spki, NULL), TRUST_E_KEY);
    memset (der.data + der.size - 64, 0, 64);
    cr_assert_eq (trust_spki_parse_der (der.data, der.size, &spki, NULL), TRUST_E_KEY);
    memset (der.data + der.size - 64, 0xff, 64);
    cr_assert_eq (trust_spki_parse_der (der.data, der.size, &spki, NULL), TRUST_E_KEY);
}

Test (spki, no_byte_too_few_and_none_too_many)
{
    static const char *const pems[] = {p256_pem, rsa_pem};
    for (int i = 0; i < 2; i++) {
        base_cleanup (base_buffer_deinit) struct base_buffer der = der_of (pems[i]);
        struct trust_spki spki;
        for (size_t size = 0; size < der.size; size++)
            cr_assert_eq (trust_spki_parse_der (der.data, size, &spki, NULL), TRUST_E_KEY);
        cr_assert_eq (trust_spki_parse_der (der.data, der.size, &spki, NULL), 0);
        base_buffer_append (&der, "", 1);
        cr_assert_eq (trust_spki_parse_der (der.data, der.size, &spki, NULL), TRUST_E_KEY);
    }
}

/*  Each header byte of an RSA key is needed as it is. */
Test (spki, a_changed_header_is_refused)
{
    base_cleanup (base_buffer_deinit) struct base_buffer der = der_of (rsa_pem);
    struct trust_spki spki;
    for (size_t at = 0; at < 32; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            der.data[at] ^= (uint8_t) (1 << bit);
            cr_assert_eq (trust_spki_parse_der (der.data, der.size, &spki, NULL), TRUST_E_KEY, "%zu", at);
            der.data[at] ^= (uint8_t) (1 << bit);
        }
}

Test (spki, an_even_modulus_is_refused)
{
    base_cleanup (base_buffer_deinit) struct base_buffer der = der_of (rsa_pem);
    struct trust_spki spki;
    der.data[der.size - 6] &= 0xfe;
    cr_assert_eq (trust_spki_parse_der (der.data, der.size, &spki, NULL), TRUST_E_KEY);
}

static int number_take (const char *data, size_t size, size_t *ret_size)
{
    struct trust_der der = {(const uint8_t *) data, size}, number = {0};
    int r = trust_der_take_positive (&der, &number);
    *ret_size = number.size;
    return r ? r : (int) der.size;
}

Test (der, integers_are_positive_and_as_short_as_possible)
{
    size_t size;
    cr_assert_eq (number_take ("\x02\x01\x05", 3, &size), 0);
    cr_assert_eq (size, 1);
    cr_assert_eq (number_take ("\x02\x02\x00\x80", 4, &size), 0);
    cr_assert_eq (size, 1);
    cr_assert_eq (number_take ("\x02\x01\x05xy", 5, &size), 2);
    cr_assert_eq (number_take ("\x02\x00", 2, &size), -EINVAL);
    cr_assert_eq (number_take ("\x02\x01\x00", 3, &size), -EINVAL);
    cr_assert_eq (number_take ("\x02\x01\x80", 3, &size), -EINVAL);
    cr_assert_eq (number_take ("\x02\x02\x00\x7f", 4, &size), -EINVAL);
    cr_assert_eq (number_take ("\x03\x01\x05", 3, &size), -EINVAL);
}

Test (der, lengths_are_definite_and_as_short_as_possible)
{
    size_t size;
    char data[300] = {0};
    cr_assert_eq (number_take ("\x02\x80\x05\x00\x00", 5, &size), -EINVAL);
    cr_assert_eq (number_take ("\x02\x81\x01\x05", 4, &size), -EINVAL);
    cr_assert_eq (number_take ("\x02\x82\x00\x01\x05", 5, &size), -EINVAL);
    cr_assert_eq (number_take ("\x02\x05\x05", 3, &size), -EINVAL);
    cr_assert_eq (number_take ("\x02\x03\x05\x05", 4, &size), -EINVAL);
    cr_assert_eq (number_take ("\x02\x81", 2, &size), -EINVAL);
    cr_assert_eq (number_take ("\x02", 1, &size), -EINVAL);
    cr_assert_eq (number_take ("", 0, &size), -EINVAL);
    bytes_put (data, "\x02\x81\x80\x01", 4);
    cr_assert_eq (number_take (data, 131, &size), 0);
    cr_assert_eq (size, 128);
    bytes_put (data, "\x02\x82\x00\x80\x01", 5);
    cr_assert_eq (number_take (data, 132, &size), -EINVAL);
    bytes_put (data, "\x02\x82\x01\x00\x01", 5);
    cr_assert_eq (number_take (data, 260, &size), 0);
    cr_assert_eq (size, 256);
    bytes_put (data, "\x02\x83\x00\x01\x00\x01", 6);
    cr_assert_eq (number_take (data, 261, &size), -EINVAL);
}
