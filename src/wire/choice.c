/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/choice.c - the words of choices, made from schemas/choices.def */

#include "wire/record.h"

#include <string.h>

#define CHOICES(NAME, name, doc) static const struct wire_choice choices_of_##name[] = {
#define CHOICE(NAME, VALUE, word, doc) {word, doc},
/* clang-format off */
#define END_CHOICES(NAME, name) };
/* clang-format on */
#include "base/assert.h"
#include "schemas/choices.def"
#undef CHOICES
#undef CHOICE
#undef END_CHOICES

#define CHOICES(NAME, name, doc)                                                                             \
    const struct wire_choices wire_##name##_choices = {                                                      \
        #name, doc, choices_of_##name, sizeof choices_of_##name / sizeof *choices_of_##name};
#define CHOICE(NAME, VALUE, word, doc)
#define END_CHOICES(NAME, name)                                                                              \
    const char *wire_##name##_word (enum wire_##name value)                                                  \
    {                                                                                                        \
        return wire_choices_word (&wire_##name##_choices, (int) value);                                      \
    }                                                                                                        \
    enum wire_##name wire_##name##_parse (const char *word)                                                  \
    {                                                                                                        \
        return (enum wire_##name) wire_choices_parse (&wire_##name##_choices, word, strlen (word));          \
    }
#include "schemas/choices.def"
#undef CHOICES
#undef CHOICE
#undef END_CHOICES

const struct wire_choices *const wire_all_choices[] = {
#define CHOICES(NAME, name, doc) &wire_##name##_choices,
#define CHOICE(NAME, VALUE, word, doc)
#define END_CHOICES(NAME, name)
#include "schemas/choices.def"
#undef CHOICES
#undef CHOICE
#undef END_CHOICES
    NULL,
};

int wire_choices_parse (const struct wire_choices *choices, const char *word, size_t size)
{
    base_assert (choices);
    base_assert (word || size == 0);
    for (size_t i = 0; i < choices->count; i++)
        if (strlen (choices->choices[i].word) == size && memcmp (choices->choices[i].word, word, size) == 0)
            return (int) i + 1;
    return 0;
}

const char *wire_choices_word (const struct wire_choices *choices, int value)
{
    base_assert (choices);
    if (value < 1 || (size_t) value > choices->count)
        return "unknown";
    return choices->choices[value - 1].word;
}
