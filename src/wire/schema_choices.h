/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/schema_choices.h - all choices: expands CHOICES, CHOICE and END_CHOICES, which the includer defines and
    undefines; see schemas/choices.def for their form */

#include "schemas/choices.def"
