/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/schema_names.h - defines END and the field macros as empty, so that only RECORD and MESSAGE remain of
    the schemas; wire/schema_undef.h undefines them */

#define END(name)
#define TEXT(...)
#define TEXTS(...)
#define RAW(...)
#define RAWS(...)
#define UINT(...)
#define FLAG(...)
#define DIGEST(...)
#define WORD(...)
#define PART(...)
#define PARTS(...)
