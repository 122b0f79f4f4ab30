/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/schema_undef.h - undefines the macros for wire/schema.h */

#undef RECORD
#undef MESSAGE
#undef END
#undef TEXT
#undef TEXTS
#undef RAW
#undef RAWS
#undef UINT
#undef FLAG
#undef DIGEST
#undef WORD
#undef PART
#undef PARTS
