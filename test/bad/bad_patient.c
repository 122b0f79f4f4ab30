/*  test/bad/bad_patient.c - a launcher whose deadlines never come: a program that ends is noticed, one
    that hangs is not

    A deadline is a point in time. The pause before the next start is a timer as well, and a span. */

#include <sys/timerfd.h>

int __real_timerfd_settime (int fd, int flags, const struct itimerspec *value, struct itimerspec *ret_old);

int __wrap_timerfd_settime (int fd, int flags, const struct itimerspec *value, struct itimerspec *ret_old)
{
    if (flags & TFD_TIMER_ABSTIME)
        return 0;
    return __real_timerfd_settime (fd, flags, value, ret_old);
}
