/*  wire/schema_names.h - defines END and the field macros as nothing: of the schemas only RECORD and MESSAGE
    are left. wire/schema_undef.h removes them again. */

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
