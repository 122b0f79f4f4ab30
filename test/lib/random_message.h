/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/random_message.h - random messages of any record, from a seed

    Uses the same record descriptions as the codecs, so new records and fields are covered without a change
    here. */

#ifndef TEST_RANDOM_MESSAGE_H
#define TEST_RANDOM_MESSAGE_H

#include <stdlib.h>
#include <string.h>

#include "wire/record.h"

struct random {
    uint64_t state;
};

static inline uint64_t random_next (struct random *random)
{
    uint64_t z = random->state += UINT64_C (0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline uint64_t random_below (struct random *random, uint64_t bound)
{
    return random_next (random) % bound;
}

static inline char *random_text (struct random *random, const struct wire_field *field, size_t most)
{
    static const char *const points[] = {"a",  "Z",  "0",    ".", "-", "'", "\"",
                                         "\\", "\n", "\x7f", "ä", "€", "😀"};
    if (most > field->most)
        most = field->most;
    bool raw = field->kind == WIRE_RAW || field->kind == WIRE_RAWS;
    size_t size = random_below (random, most + 1), at = 0;
    char *text = calloc (1, size + 1);
    while (text && at < size) {
        if (raw) {
            text[at++] = (char) (1 + random_below (random, 255));
            continue;
        }
        const char *point = points[random_below (random, sizeof points / sizeof *points)];
        if (at + strlen (point) > size)
            point = "x";
        memcpy (text + at, point, strlen (point));
        at += strlen (point);
    }
    return text;
}

static inline void random_message (struct random *random, const struct wire_record *record, void *message);

static inline void random_field (struct random *random, const struct wire_field *field, void *message)
{
    void *member = wire_member (field, message);
    if (!field->required && random_below (random, 3) == 0)
        return;
    switch (field->kind) {
    case WIRE_TEXT:
    case WIRE_RAW:
        *(char **) member = random_text (random, field, 80);
        if (!field->required && !**(char **) member) {
            free (*(char **) member);
            *(char **) member = NULL;
        }
        break;
    case WIRE_UINT: {
        uint64_t number = random_next (random) >> random_below (random, 64);
        *(uint64_t *) member = number % (field->most + 1);
        break;
    }
    case WIRE_FLAG:
        *(bool *) member = true;
        break;
    case WIRE_DIGEST:
        for (size_t i = 0; i < BASE_DIGEST_BYTES; i++)
            ((struct base_digest *) member)->bytes[i] = (uint8_t) (random_next (random) | (i == 0));
        break;
    case WIRE_WORD:
        *(int *) member = 1 + (int) random_below (random, field->choices->count);
        break;
    case WIRE_PART:
        (void) wire_field_set_count (field, message, 1, NULL);
        random_message (random, field->part, wire_field_part (field, message, 0));
        break;
    case WIRE_TEXTS:
    case WIRE_RAWS:
    case WIRE_PARTS: {
        size_t count = random_below (random, field->count < 4 ? field->count + 1 : 4);
        (void) wire_field_set_count (field, message, count, NULL);
        for (size_t i = 0; i < count; i++) {
            if (field->kind == WIRE_PARTS)
                random_message (random, field->part, wire_field_part (field, message, i));
            else
                (*(char ***) member)[i] = random_text (random, field, 40);
        }
        break;
    }
    }
}

/*  Fills a message that is null; wire_deinit releases it. The message is small enough to be packed. */
static inline void random_message (struct random *random, const struct wire_record *record, void *message)
{
    for (size_t i = 0; i < record->n_fields; i++)
        random_field (random, &record->fields[i], message);
}

#endif
