/*  test/bad/bad_patient.c - a launcher whose deadlines never come: a program that ends is noticed, one
 * that hangs is not */

#include <sys/timerfd.h>

int __wrap_timerfd_settime (int fd, int flags, const struct itimerspec *value, struct itimerspec *ret_old)
{
    (void)fd;
    (void)flags;
    (void)value;
    (void)ret_old;
    return 0;
}
