/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/update/proof.c - what a version on trial must show before it is confirmed, and the soak time */

#include <criterion/criterion.h>

#include "update/proof.h"

Test (proof, no_confirmation_before_all_three_proofs)
{
    for (unsigned shown = 0; shown < 8; shown++) {
        struct update_proof proof = {.announced = shown & 1, .matched = shown & 2, .fetched = shown & 4};
        cr_expect_eq (update_proof_left_ms (&proof, 1000000) == UINT64_MAX, shown != 7);
    }
}

Test (proof, the_soak_time_starts_with_the_last_proof)
{
    struct update_proof proof = {
        .announced = true, .matched = true, .fetched = true, .since_ms = 500, .soak_ms = 100};
    cr_expect_eq (update_proof_left_ms (&proof, 500), 100);
    cr_expect_eq (update_proof_left_ms (&proof, 599), 1);
    cr_expect_eq (update_proof_left_ms (&proof, 600), 0);
    cr_expect_eq (update_proof_left_ms (&proof, 9000), 0);
}

Test (proof, the_missing_proof_is_named)
{
    struct update_proof proof = {.announced = true};
    cr_expect_str_eq (update_proof_missing (&proof), "no match was answered");
}
