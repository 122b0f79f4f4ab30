/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/der.c - the part of DER that keys and ECDSA signatures need */

#include "trust/der.h"

#include <errno.h>

#include "base/assert.h"

int trust_der_take (struct trust_der *der, uint8_t tag, struct trust_der *ret_body)
{
    base_assert (der && ret_body);
    base_assert (der->data || der->size == 0);
    size_t header = 2, size;
    if (der->size < header || der->data[0] != tag)
        return -EINVAL;
    uint8_t first = der->data[1];
    if (first < 0x80) {
        size = first;
    } else if (first == 0x81 && der->size >= 3) {
        header = 3;
        size = der->data[2];
        if (size < 0x80)
            return -EINVAL;
    } else if (first == 0x82 && der->size >= 4) {
        header = 4;
        size = (size_t) der->data[2] << 8 | der->data[3];
        if (size < 0x100)
            return -EINVAL;
    } else {
        return -EINVAL;
    }
    if (size > der->size - header)
        return -EINVAL;
    *ret_body = (struct trust_der){der->data + header, size};
    der->data += header + size;
    der->size -= header + size;
    return 0;
}

int trust_der_take_positive (struct trust_der *der, struct trust_der *ret_number)
{
    struct trust_der body;
    int r = trust_der_take (der, TRUST_DER_INTEGER, &body);
    if (r < 0)
        return r;
    if (body.size == 0 || body.data[0] & 0x80)
        return -EINVAL;
    if (body.data[0] == 0) {
        if (body.size == 1 || !(body.data[1] & 0x80))
            return -EINVAL;
        body.data++;
        body.size--;
    }
    base_assert (body.size > 0 && body.data[0] != 0);
    *ret_number = body;
    return 0;
}
