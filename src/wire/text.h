/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/text.h - texts for messages */

#ifndef WIRE_TEXT_H
#define WIRE_TEXT_H

#include <stdarg.h>

#include "wire/wire.h"

enum { WIRE_REASON_MOST = 511 };

/*  A message points to const, because it may borrow its texts. These functions are for a message that owns them
    (see wire/wire.h), and for other structs that keep texts in the same way. */

/*  Replaces the text of a field by a copy of text and frees the old one; NULL sets NULL. Returns 0 or
    -ENOMEM. */
int wire_text_set (const char **field, const char *text);

/*  Replaces it by a text on the heap, which the message then owns; NULL sets NULL. */
void wire_text_give (const char **field, char *text);

/*  Frees the text of a field, which must be on the heap or NULL, and sets NULL. */
void wire_text_free (const char **field);

/*  The same list, for its owner: to change it, or to free it. Not for a list that the message borrows. */
char **wire_texts_own (const char *const *texts);

/*  Formats a text on the heap: at most WIRE_REASON_MOST bytes of well-formed UTF-8. A character that was
    cut by the limit becomes '?'. Returns NULL if memory is exhausted. The caller owns the text. */
__attribute__ ((format (printf, 1, 2))) char *wire_reason (const char *format, ...);
__attribute__ ((format (printf, 1, 0))) char *wire_reason_v (const char *format, va_list arguments);

/*  Sets the status of an answer (to any request of an operator), and its reason as above. Returns 0 or
    -ENOMEM. */
#define wire_answer_set(answer, value, ...)                                                                  \
    wire_status_set (&(answer)->status, &(answer)->reason, value, __VA_ARGS__)
__attribute__ ((format (printf, 4, 5))) int wire_status_set (enum wire_status *status, const char **reason,
                                                             enum wire_status value, const char *format, ...);

#endif
