/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/schema.h - the families of schemas/, in an order in which each uses only earlier ones

    Include after defining RECORD, MESSAGE, END and the field macros; see schemas/envelope.def for their form.
    wire/schema_undef.h undefines them. */

#include "schemas/envelope.def"
#include "schemas/control.def"
#include "schemas/rollout.def"
#include "schemas/operator.def"
#include "schemas/content.def"
#include "schemas/announce.def"
#include "schemas/callback.def"
#include "schemas/event.def"
#include "schemas/journal.def"
