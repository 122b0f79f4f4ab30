/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/disk/pace.c - the pauses of slow reading */

#include "disk/pace.h"

#include "test/fault/scratch.h"

TestSuite (pace, .init = scratch_begin, .fini = scratch_end);

Test (pace, the_pause_limits_the_rate_and_uses_at_most_5_percent_of_a_processor)
{
    cr_expect_eq (disk_pace_pause_ms (100 * 1000, UINT64_MAX, 0), 10, "10 MB/s");
    cr_expect_eq (disk_pace_pause_ms (100 * 1000, 1000, 0), 100);
    cr_expect_eq (disk_pace_pause_ms (100, 0, 0), 100, "a rate of 0 means one byte a millisecond");
    cr_expect_eq (disk_pace_pause_ms (1, UINT64_MAX, 10 * 1000 * 1000), 190, "5 %% of a processor");
    cr_expect_eq (disk_pace_pause_ms (0, 1, 0), 0);
}

Test (pace, a_read_stops_at_the_end_of_the_file)
{
    char block[16];
    scratch_write_text ("f", "0123456789");
    int fd = open ("f", O_RDONLY | O_CLOEXEC);
    cr_expect_eq (disk_pace_read (fd, block, 4, 0), 4);
    cr_expect_arr_eq (block, "0123", 4);
    cr_expect_eq (disk_pace_read (fd, block, sizeof block, 4), 6);
    cr_expect_eq (disk_pace_read (fd, block, sizeof block, 10), 0);
    (void) close (fd);
}
