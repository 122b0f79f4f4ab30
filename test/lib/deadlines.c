/*  test/lib/deadlines.c - in every Criterion program: the deadlines of suites and tests, which have to be
    constants, are multiplied before any test begins */

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
