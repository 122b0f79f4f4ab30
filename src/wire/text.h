/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/text.h - texts for messages */

#ifndef WIRE_TEXT_H
#define WIRE_TEXT_H

#include <stdarg.h>

#include "wire/wire.h"

enum { WIRE_REASON_MOST = 511 };

/*  Replaces the text of a field by a copy of text and frees the old one; NULL sets NULL. Returns 0 or
    -ENOMEM. */
int wire_text_set (char **field, const char *text);

/*  Formats a text on the heap: at most WIRE_REASON_MOST bytes of well-formed UTF-8. A character that was
    cut by the limit becomes '?'. Returns NULL if memory is exhausted. The caller owns the text. */
__attribute__ ((format (printf, 1, 2))) char *wire_reason (const char *format, ...);
__attribute__ ((format (printf, 1, 0))) char *wire_reason_v (const char *format, va_list arguments);

/*  Sets the status of an answer (to any request of an operator), and its reason as above. Returns 0 or
    -ENOMEM. */
#define wire_answer_say(answer, value, ...)                                                                  \
    wire_status_say (&(answer)->status, &(answer)->reason, value, __VA_ARGS__)
__attribute__ ((format (printf, 4, 5))) int wire_status_say (enum wire_status *status, char **reason,
                                                             enum wire_status value, const char *format, ...);

#endif
