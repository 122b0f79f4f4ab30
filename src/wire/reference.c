/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/reference.c - the tables of schemas/REFERENCE.md, made from the same descriptions that the codecs use */

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
        r = base_buffer_printf (buffer, "\n%s", record->doc);
    if (r == 0 && record->role)
        r = base_buffer_printf (buffer, " (role *%s*; answered by *%s*)", wire_role_word (record->role),
                                record->answer->name);
    if (r == 0)
        r = base_buffer_append_text (buffer, "\n\n| key | value | presence | meaning |\n|---|---|---|---|\n");
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

/*  The numbers of wire.h that the texts of schemas/ use by name. */
static int limits_write (struct base_buffer *buffer)
{
    static const struct {
        const char *name;
        uint64_t value;
        const char *meaning;
    } limits[] = {
        {"WIRE_VERSION", WIRE_VERSION, "version of the protocol, third byte of the prefix"},
        {"WIRE_PREFIX_SIZE", WIRE_PREFIX_SIZE, "bytes of the prefix"},
        {"WIRE_FRAME_MOST", WIRE_FRAME_MOST, "bytes of a map"},
        {"WIRE_CHUNK_MOST", WIRE_CHUNK_MOST, "bytes of a payload, and of what one get requests"},
        {"WIRE_DEPTH_MOST", WIRE_DEPTH_MOST, "levels of maps and arrays in a map, itself included"},
        {"WIRE_SIZE_MOST", WIRE_SIZE_MOST, "bytes of a blob: 2^48"},
        {"WIRE_EPOCH_MOST", WIRE_EPOCH_MOST, "an epoch, a sequence, a serial or a revision: 2^62"},
        {"WIRE_SPAN_MOST", WIRE_SPAN_MOST, "milliseconds of a time span: 366 days"},
    };
    int r = base_buffer_append_text (buffer, "## Limits\n\n| name | at most | of |\n|---|---|---|\n");
    for (size_t i = 0; !r && i < sizeof limits / sizeof *limits; i++)
        r = base_buffer_printf (buffer, "| `%s` | %" PRIu64 " | %s |\n", limits[i].name, limits[i].value,
                                limits[i].meaning);
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
    int r = limits_write (buffer);
    for (size_t i = 0; r == 0 && i < sizeof order / sizeof *order; i++)
        r = order[i].record ? record_write (order[i].record, buffer)
                            : base_buffer_printf (buffer, "\n## schemas/%s\n", order[i].family);
    if (r == 0)
        r = base_buffer_append_text (buffer, "\n## schemas/choices.def\n");
    for (size_t i = 0; r == 0 && wire_all_choices[i]; i++)
        r = choices_write (wire_all_choices[i], buffer);
    return r;
}
