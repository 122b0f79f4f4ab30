/*  broker/text.h - texts that go into messages */

#ifndef BROKER_TEXT_H
#define BROKER_TEXT_H

#include <stdarg.h>

#include "wire/wire.h"

enum { BROKER_REASON_MOST = 511 };

/*  Puts a copy of text in the place of what the field holds, which is freed; NULL stays NULL. Returns 0 or
    -ENOMEM. */
int broker_text_set (char **field, const char *text);

/*  What format makes, on the heap, at most BROKER_REASON_MOST bytes and well-formed UTF-8: where
    formatting cut a text within a character, '?' stands for it. NULL where memory is out. */
__attribute__ ((format (printf, 1, 2))) char *broker_reason (const char *format, ...);
__attribute__ ((format (printf, 1, 0))) char *broker_reason_v (const char *format, va_list arguments);

/*  Puts a status, and a reason as above, into an answer. Returns 0 or -ENOMEM. */
__attribute__ ((format (printf, 3, 4))) int
broker_answer_say (struct wire_answer *answer, enum wire_status status, const char *format, ...);

#endif
