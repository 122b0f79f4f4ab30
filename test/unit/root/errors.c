/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/errors.c - each contract code of a root has a text */

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "root/root.h"

Test (errors, each_code_has_a_text_of_its_own)
{
    for (int code = ROOT_E_NONE; code <= ROOT_E_UNSYNCED; code++) {
        cr_expect_str_neq (root_error_text (code), strerror (EIO), "code %d", code);
        for (int other = ROOT_E_NONE; other < code; other++)
            cr_expect_str_neq (root_error_text (code), root_error_text (other), "%d, %d", code, other);
    }
}

Test (errors, a_negative_code_has_the_text_of_its_errno)
{
    cr_expect_str_eq (root_error_text (-ENOSPC), strerror (ENOSPC));
}
