/* SPDX-License-Identifier: MPL-2.0 */
/*  records/pack.c - messages as they are stored */

#include "records/driver.h"

#include <errno.h>

#include "base/assert.h"

int records_unpack (const struct wire_record *record, const void *data, size_t size, void *ret_message,
                    struct base_error *error)
{
    base_assert (record && ret_message);
    base_assert (data || size == 0);
    struct base_error why = {.code = 0};
    int r = wire_unpack (record, data, size, ret_message, &why);

    if (r > 0)
        return base_error_set (error, -EBADMSG, "a %s in the broker's database does not fit its schema: %s",
                               wire_record_name (record), why.text);
    return r < 0 ? base_error_errno (error, r, "cannot read a %s", wire_record_name (record)) : 0;
}

int records_pack (const struct wire_record *record, const void *message, struct base_buffer *buffer,
                  struct base_error *error)
{
    base_assert (record && message);
    base_assert (buffer);
    struct base_error why = {.code = 0};
    int r = wire_pack (record, message, buffer, &why);

    if (r > 0)
        return base_error_set (error, -EBADMSG, "a %s does not fit its schema: %s", wire_record_name (record),
                               why.text);
    return r < 0 ? base_error_errno (error, r, "cannot pack a %s", wire_record_name (record)) : 0;
}
