/*  wire/schema.h - the families of schemas/, in the order in which a later one may use an earlier one

    Include after defining RECORD, MESSAGE, END and the field macros; see schemas/envelope.def for their
    form. wire/schema_undef.h removes them again. */

#include "schemas/envelope.def"
#include "schemas/control.def"
#include "schemas/rollout.def"
#include "schemas/operator.def"
#include "schemas/content.def"
#include "schemas/announce.def"
#include "schemas/callback.def"
#include "schemas/event.def"
#include "schemas/journal.def"
