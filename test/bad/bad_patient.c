/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_patient.c - a launcher whose deadlines never expire: it notices a program that ends, but not
    one that hangs

    Only absolute timers are disabled: these are the deadlines. The pause before the next start is a relative
    timer. */

#include <sys/timerfd.h>

int __real_timerfd_settime (int fd, int flags, const struct itimerspec *value, struct itimerspec *ret_old);

int __wrap_timerfd_settime (int fd, int flags, const struct itimerspec *value, struct itimerspec *ret_old)
{
    if (flags & TFD_TIMER_ABSTIME)
        return 0;
    return __real_timerfd_settime (fd, flags, value, ret_old);
}
