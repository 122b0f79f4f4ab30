/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/schema_requests.h - only the requests of operators: expands REQUEST (name, type, role, answer, doc),
    which the includer defines and undefines, for each of them */

#define RECORD(name, doc)
#define MESSAGE(name, type, doc)
#include "wire/schema_names.h"
#include "schemas/operator.def"
#include "wire/schema_undef.h"
