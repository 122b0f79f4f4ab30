/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/planted.c - tests that must fail, each for a reason that Criterion alone does not report */

#include <criterion/criterion.h>
#include <stdlib.h>

static void teardown (void)
{
    cr_expect (false, "planted");
}

Test (planted, teardown, .fini = teardown)
{
}

Test (planted, leak)
{
    char *volatile leak = malloc (1);
    cr_assert_not_null (leak);
    leak = NULL;
}
