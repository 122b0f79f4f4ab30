#include "disk/pace.h"

#include "test/fault/scratch.h"

TestSuite (pace, .init = scratch_begin, .fini = scratch_end);

Test (pace, is_at_most_the_rate_and_a_twentieth_of_a_processor)
{
    cr_expect_eq (disk_pace_pause_ms (100 * 1000, UINT64_MAX, 0), 10, "10 MB/s");
    cr_expect_eq (disk_pace_pause_ms (100 * 1000, 1000, 0), 100);
    cr_expect_eq (disk_pace_pause_ms (100, 0, 0), 100, "a rate of nothing is one byte a millisecond");
    cr_expect_eq (disk_pace_pause_ms (1, UINT64_MAX, 10 * 1000 * 1000), 190, "5 %% of a processor");
    cr_expect_eq (disk_pace_pause_ms (0, 1, 0), 0);
}

Test (pace, reads_what_is_there_and_no_further)
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
