/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/errors.c - error messages on standard error */

#include "ctl/ctl.h"

#include <errno.h>
#include <stdarg.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "ctl/text.h"

static void error_print (struct ctl *ctl, const char *format, va_list arguments)
{
    base_assert (ctl && ctl->err);
    base_assert (format);
    base_cleanup (base_free_p) char *text = NULL;
    if (vasprintf (&text, format, arguments) < 0)
        text = NULL;
    (void) fputs ("nodectl: ", ctl->err);
    ctl_text_put (ctl->err, text ? text : "out of memory");
    (void) fputc ('\n', ctl->err);
}

enum ctl_exit ctl_error (struct ctl *ctl, const char *format, ...)
{
    base_assert (ctl && format);
    va_list arguments;
    va_start (arguments, format);
    error_print (ctl, format, arguments);
    va_end (arguments);
    return CTL_FAILED;
}

enum ctl_exit ctl_misused (struct ctl *ctl, const char *format, ...)
{
    base_assert (ctl && format);
    va_list arguments;
    va_start (arguments, format);
    error_print (ctl, format, arguments);
    va_end (arguments);
    (void) fprintf (ctl->err, "see nodectl%s%s --help\n", ctl->name ? " " : "", ctl->name ? ctl->name : "");
    return CTL_USAGE;
}

enum ctl_exit ctl_fail (struct ctl *ctl, int r)
{
    base_assert (r < 0);
    if (r != -ETIMEDOUT)
        return ctl_error (ctl, "%s", noded_client_error (ctl->client));
    (void) ctl_error (ctl, "%s (to use another broker: --broker HOST[:PORT])",
                      noded_client_error (ctl->client));
    return CTL_UNREACHED;
}
