/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/rows.h - one test for each row of a table */

#ifndef TEST_ROWS_H
#define TEST_ROWS_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/*  The body gets the index of its row as *row. Each row runs in a process of its own, between the set-up and the
    teardown of its suite. */
#define TEST_ROWS(suite, name, table)                                                                        \
    ParameterizedTestParameters (suite, name)                                                                \
    {                                                                                                        \
        static size_t rows[sizeof (table) / sizeof *(table)];                                                \
        for (size_t i = 0; i < sizeof (table) / sizeof *(table); i++)                                        \
            rows[i] = i;                                                                                     \
        return cr_make_param_array (size_t, rows, sizeof (table) / sizeof *(table));                         \
    }                                                                                                        \
    ParameterizedTest (const size_t *row, suite, name)

#endif
