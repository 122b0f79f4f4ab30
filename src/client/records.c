/* SPDX-License-Identifier: MPL-2.0 */
/*  client/records.c - the structs of noded/records.h are those of wire

    A list that wire has unpacked is handed out as it is: the compiler checks here that both have the same
    members, in the same places, and the same numbers for each choice. A new field of the schema has to be added
    to noded/records.h. */

#include "noded/records.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "wire/wire.h"

/*  The record NAME of the schema is public as the struct SHOWN_NAME. */
#define SHOWN_label ~, noded_label
#define SHOWN_failure ~, noded_failure
#define SHOWN_application ~, noded_application
#define SHOWN_node ~, noded_node
#define SHOWN_release_state ~, noded_release
#define SHOWN_stored_report ~, noded_report
#define SHOWN_order_result ~, noded_order
#define SHOWN_followed_order ~, noded_followed_order
#define SHOWN_backup ~, noded_backup
#define SHOWN_reason_count ~, noded_reason_count
#define SHOWN_broker_state ~, noded_broker
#define SHOWN_key ~, noded_key
#define SHOWN_wave ~, noded_wave
#define SHOWN_window ~, noded_window
#define SHOWN_rollout ~, noded_rollout_spec
#define SHOWN_wave_state ~, noded_wave_state
#define SHOWN_cause ~, noded_cause
#define SHOWN_member_state ~, noded_member
#define SHOWN_rollout_state ~, noded_rollout
#define SHOWN_plan ~, noded_plan
#define SHOWN_transition ~, noded_transition
#define SHOWN_node_event ~, noded_node_event
#define SHOWN_rollout_event ~, noded_rollout_event

/*  Of a record that is not public: its own struct, which is the same as itself. */
#define SECOND_(a, b, ...) b
#define SECOND(...) SECOND_ (__VA_ARGS__)
#define SHOWN(name) SECOND (SHOWN_##name, wire_##name, ~)

#define SAME(name, field)                                                                                    \
    _Static_assert(offsetof (struct wire_##name, field) == offsetof (struct SHOWN (name), field) &&          \
                       sizeof ((struct wire_##name){0}.field) == sizeof ((struct SHOWN (name)){0}.field),    \
                   #name "." #field);
#define RECORD(name, doc) _Static_assert(sizeof (struct wire_##name) == sizeof (struct SHOWN (name)), #name);
#define MESSAGE(name, type, doc) RECORD (name, doc)
#define END(name)
#define TEXT(name, field, ...) SAME (name, field)
#define TEXTS(name, field, ...) SAME (name, field) SAME (name, n_##field)
#define RAW(name, field, ...) SAME (name, field)
#define RAWS(name, field, ...) SAME (name, field) SAME (name, n_##field)
#define UINT(name, field, ...) SAME (name, field)
#define FLAG(name, field, ...) SAME (name, field)
#define DIGEST(name, field, ...) SAME (name, field)
#define WORD(name, field, ...) SAME (name, field)
#define PART(name, field, ...) SAME (name, field)
#define PARTS(name, field, ...) SAME (name, field) SAME (name, n_##field)
#include "wire/schema.h"
#include "wire/schema_undef.h"

/*  Choices. */
#define CHECK_STATE(VALUE) SAME_VALUE (STATE, VALUE)
#define CHECK_OUTCOME(VALUE) SAME_VALUE (OUTCOME, VALUE)
#define CHECK_STATUS(VALUE) SAME_VALUE (STATUS, VALUE)
#define CHECK_ROLE(VALUE) SAME_VALUE (ROLE, VALUE)
#define CHECK_KEY_STATE(VALUE) SAME_VALUE (KEY_STATE, VALUE)
#define CHECK_ORDER(VALUE) SAME_VALUE (ORDER, VALUE)
#define CHECK_EVENT(VALUE) SAME_VALUE (EVENT, VALUE)
#define CHECK_ON_HALT(VALUE) SAME_VALUE (ON_HALT, VALUE)
#define CHECK_PHASE(VALUE) SAME_VALUE (PHASE, VALUE)
#define CHECK_GATE(VALUE) SAME_VALUE (GATE, VALUE)
#define CHECK_MEMBER(VALUE) SAME_VALUE (MEMBER, VALUE)
#define CHECK_COMMAND(VALUE) SAME_VALUE (COMMAND, VALUE)
#define SAME_VALUE(NAME, VALUE)                                                                              \
    _Static_assert((int) WIRE_##NAME##_##VALUE == (int) NODED_##NAME##_##VALUE, #NAME "_" #VALUE);
#define CHOICES(NAME, name, doc)
#define CHOICE(NAME, VALUE, word, doc) CHECK_##NAME (VALUE)
#define END_CHOICES(NAME, name)
#include "wire/schema_choices.h"
#undef CHOICES
#undef CHOICE
#undef END_CHOICES

#define WORD_OF(name, shown)                                                                                 \
    const char *noded_##name##_word (enum noded_##shown value)                                               \
    {                                                                                                        \
        return wire_##name##_word ((enum wire_##name) value);                                                \
    }
WORD_OF (state, state)
WORD_OF (outcome, outcome)
WORD_OF (status, status)
WORD_OF (role, role)
WORD_OF (key_state, key_state)
WORD_OF (order, order_kind)
WORD_OF (event, event_kind)
WORD_OF (on_halt, on_halt)
WORD_OF (phase, phase)
WORD_OF (gate, gate)
WORD_OF (member, member_state)
WORD_OF (command, command)

bool noded_digest_is_null (const noded_digest *digest)
{
    struct base_digest value;
    memcpy (value.bytes, digest->bytes, sizeof value.bytes);
    return base_digest_is_null (&value);
}

const char *noded_digest_text (const noded_digest *digest, char text[65])
{
    struct base_digest value;
    memcpy (value.bytes, digest->bytes, sizeof value.bytes);
    *text = '\0';
    return base_digest_is_null (&value) ? text : base_digest_format (&value, text);
}

static void items_free (const struct wire_record *record, void *items, size_t count)
{
    base_assert (record);
    for (size_t i = 0; i < count; i++)
        wire_deinit (record, (char *) items + i * wire_record_size (record));
    free (items);
}

/*  An array with one object a line. */
static char *items_json (const struct wire_record *record, const void *items, size_t count)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    for (size_t i = 0; i < count; i++) {
        base_cleanup (base_free_p) char *text =
            wire_json (record, (const char *) items + i * wire_record_size (record), WIRE_JSON_COMPLETE);
        if (!text || base_buffer_printf (&buffer, "%s%s", i ? ",\n  " : "[\n  ", text) != 0)
            return NULL;
    }
    if (base_buffer_append_text (&buffer, count ? "\n]\n" : "[]\n") != 0)
        return NULL;
    return base_buffer_take_text (&buffer);
}

#define LIST_FREE(names, record)                                                                             \
    void noded_##names##_free (noded_##names *list)                                                          \
    {                                                                                                        \
        if (!list)                                                                                           \
            return;                                                                                          \
        items_free (&wire_##record##_record, list->items, list->count);                                      \
        *list = (noded_##names){.count = 0};                                                                 \
    }
LIST_FREE (nodes, node)
LIST_FREE (releases, release_state)
LIST_FREE (orders, order_result)
LIST_FREE (reports, stored_report)
LIST_FREE (failures, failure)
LIST_FREE (rollouts, rollout_state)
LIST_FREE (members, member_state)
LIST_FREE (transitions, transition)
LIST_FREE (keys, key)

#define OBJECT_FREE(name, record)                                                                            \
    void noded_##name##_free (noded_##name *name)                                                            \
    {                                                                                                        \
        items_free (&wire_##record##_record, name, name ? 1 : 0);                                            \
    }
OBJECT_FREE (broker, broker_state)
OBJECT_FREE (rollout, rollout_state)
OBJECT_FREE (plan, plan)

void noded_event_free (noded_event *event)
{
    if (!event)
        return;
    items_free (&wire_node_event_record, event->node_event, event->node_event ? 1 : 0);
    items_free (&wire_rollout_event_record, event->rollout_event, event->rollout_event ? 1 : 0);
    free (event->topic);
    free (event->json);
    *event = (noded_event){.json = NULL};
}

#define LIST_JSON(names, name, record)                                                                       \
    char *noded_##names##_json (const noded_##name *names, size_t count)                                     \
    {                                                                                                        \
        return items_json (&wire_##record##_record, names, count);                                           \
    }
LIST_JSON (nodes, node, node)
LIST_JSON (releases, release, release_state)
LIST_JSON (orders, order, order_result)
LIST_JSON (reports, report, stored_report)
LIST_JSON (rollouts, rollout, rollout_state)
LIST_JSON (members, member, member_state)
LIST_JSON (transitions, transition, transition)
LIST_JSON (failures, failure, failure)
LIST_JSON (keys, key, key)
LIST_JSON (followed_orders, followed_order, followed_order)

#define OBJECT_JSON(name, record)                                                                            \
    char *noded_##name##_json (const noded_##name *name)                                                     \
    {                                                                                                        \
        return wire_json (&wire_##record##_record, name, WIRE_JSON_COMPLETE | WIRE_JSON_PRETTY);             \
    }
OBJECT_JSON (node, node)
OBJECT_JSON (rollout, rollout_state)
OBJECT_JSON (plan, plan)
OBJECT_JSON (backup, backup)
OBJECT_JSON (broker, broker_state)
