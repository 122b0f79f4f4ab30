/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/reference.c - the tables of schemas/README.md, made from the same descriptions that the codecs use */

#include "wire/record.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"

/*  Records are named, not linked: the anchors of Markdown renderers differ. */
static int field_write (const struct wire_field *field, struct base_buffer *buffer)
{
    int r = base_buffer_printf (buffer, "| `%s` | ", field->name);
    if (r < 0)
        return r;
    switch (field->kind) {
    case WIRE_TEXT:
        r = base_buffer_printf (buffer, "str, at most %" PRIu64 " bytes", field->most);
        break;
    case WIRE_TEXTS:
        r = base_buffer_printf (buffer, "array of at most %zu str, each at most %" PRIu64 " bytes",
                                field->count, field->most);
        break;
    case WIRE_RAW:
        r = base_buffer_printf (buffer, "bin without NUL, at most %" PRIu64 " bytes", field->most);
        break;
    case WIRE_RAWS:
        r = base_buffer_printf (buffer,
                                "array of at most %zu bin without NUL, each at most %" PRIu64 " bytes",
                                field->count, field->most);
        break;
    case WIRE_UINT:
        r = base_buffer_printf (buffer, "integer from 0 to %" PRIu64, field->most);
        break;
    case WIRE_FLAG:
        r = base_buffer_append_text (buffer, "bool");
        break;
    case WIRE_DIGEST:
        r = base_buffer_append_text (buffer, "bin of 32 bytes, not all zero");
        break;
    case WIRE_WORD:
        r = base_buffer_printf (buffer, "str, a word of *%s*", field->choices->name);
        break;
    case WIRE_PART:
        r = base_buffer_printf (buffer, "map (*%s*)", field->part->name);
        break;
    case WIRE_PARTS:
        r = base_buffer_printf (buffer, "array of at most %zu maps (*%s*)", field->count, field->part->name);
        break;
    }
    if (r < 0)
        return r;
    return base_buffer_printf (buffer, " | %s | %s |\n", field->required ? "required" : "", field->doc);
}

static int record_write (const struct wire_record *record, struct base_buffer *buffer)
{
    int r = record->type
                ? base_buffer_printf (buffer, "\n### %s (message, type %u)\n", record->name, record->type)
                : base_buffer_printf (buffer, "\n### %s (record)\n", record->name);
    if (r == 0)
        r = base_buffer_printf (buffer, "\n%s\n\n| key | value | presence | meaning |\n|---|---|---|---|\n",
                                record->doc);
    for (size_t i = 0; r == 0 && i < record->n_fields; i++)
        r = field_write (&record->fields[i], buffer);
    return r;
}

static int choices_write (const struct wire_choices *choices, struct base_buffer *buffer)
{
    int r = base_buffer_printf (buffer, "\n### %s (choice)\n\n%s\n\n| word | meaning |\n|---|---|\n",
                                choices->name, choices->doc);
    for (size_t i = 0; r == 0 && i < choices->count; i++)
        r = base_buffer_printf (buffer, "| `%s` | %s |\n", choices->choices[i].word, choices->choices[i].doc);
    return r;
}

int wire_reference (struct base_buffer *buffer)
{
    base_assert (buffer);
    static const struct {
        const char *family;
        const struct wire_record *record;
    } order[] = {
#define RECORD(name, doc) {NULL, &wire_##name##_record},
#define MESSAGE(name, type, doc) {NULL, &wire_##name##_record},
#include "wire/schema_names.h"
        {"envelope.def", NULL},
#include "schemas/envelope.def"
        {"control.def", NULL},
#include "schemas/control.def"
        {"rollout.def", NULL},
#include "schemas/rollout.def"
        {"operator.def", NULL},
#include "schemas/operator.def"
        {"content.def", NULL},
#include "schemas/content.def"
        {"announce.def", NULL},
#include "schemas/announce.def"
        {"callback.def", NULL},
#include "schemas/callback.def"
        {"event.def", NULL},
#include "schemas/event.def"
        {"journal.def", NULL},
#include "schemas/journal.def"
#include "wire/schema_undef.h"
    };
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof order / sizeof *order; i++)
        r = order[i].record
                ? record_write (order[i].record, buffer)
                : base_buffer_printf (buffer, "%s## schemas/%s\n", i ? "\n" : "", order[i].family);
    if (r == 0)
        r = base_buffer_append_text (buffer, "\n## schemas/choices.def\n");
    for (size_t i = 0; r == 0 && wire_all_choices[i]; i++)
        r = choices_write (wire_all_choices[i], buffer);
    return r;
}
