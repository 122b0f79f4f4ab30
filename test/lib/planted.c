/*  Tests that must fail, each for something that Criterion lets pass. */

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
