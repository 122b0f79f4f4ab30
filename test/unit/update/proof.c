#include <criterion/criterion.h>

#include "update/proof.h"

Test (proof, nothing_is_confirmed_before_all_three_are_shown)
{
    for (unsigned shown = 0; shown < 8; shown++) {
        struct update_proof proof = {.announced = shown & 1, .matched = shown & 2, .fetched = shown & 4};
        cr_expect_eq (update_proof_left_ms (&proof, 1000000) == UINT64_MAX, shown != 7);
    }
}

Test (proof, the_soak_time_counts_from_the_last_of_them)
{
    struct update_proof proof = {
        .announced = true, .matched = true, .fetched = true, .since_ms = 500, .soak_ms = 100};
    cr_expect_eq (update_proof_left_ms (&proof, 500), 100);
    cr_expect_eq (update_proof_left_ms (&proof, 599), 1);
    cr_expect_eq (update_proof_left_ms (&proof, 600), 0);
    cr_expect_eq (update_proof_left_ms (&proof, 9000), 0);
}

Test (proof, what_is_missing_is_named)
{
    struct update_proof proof = {.announced = true};
    cr_expect_str_eq (update_proof_missing (&proof), "no match was answered");
}
