/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/deadlines.c - multiplies the timeouts of suites and tests by the load factor

    Linked into every Criterion program. In the sources the timeouts must be constants, so a hook changes them
    before the first test runs. */

#include <criterion/criterion.h>
#include <criterion/hooks.h>

#include "load.h"

ReportHook (PRE_ALL) (struct criterion_test_set *tests)
{
    FOREACH_SET (struct criterion_suite_set * set, tests->suites)
    {
        if (set->suite.data)
            set->suite.data->timeout *= load_factor ();
        FOREACH_SET (struct criterion_test * test, set->tests)
        {
            if (test->data)
                test->data->timeout *= load_factor ();
        }
    }
}
