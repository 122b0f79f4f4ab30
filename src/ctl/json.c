/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/json.c - reading and printing the client's JSON */

#include "ctl/ctl.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"

void ctl_json_free_p (json_t **json)
{
    json_decref (*json);
}

static int print_plain (struct ctl *ctl, const char *json, const char *end)
{
    base_cleanup (base_free_p) char *plain = json ? base_text_plain_json (json) : NULL;
    if (!plain)
        return ctl_tell (ctl, "out of memory");
    (void) fprintf (ctl->out, "%s%s", plain, end);
    return CTL_OK;
}

int ctl_print_json (struct ctl *ctl, char *json)
{
    int code = print_plain (ctl, json, "");
    free (json);
    return code;
}

int ctl_print_value (struct ctl *ctl, const json_t *value)
{
    base_cleanup (base_free_p) char *json = json_dumps (value, JSON_INDENT (2) | JSON_ENCODE_ANY);
    return print_plain (ctl, json, "\n");
}

int ctl_read_json (struct ctl *ctl, char *text, json_t **ret_json)
{
    base_cleanup (base_free_p) char *owned = text;
    json_error_t error;
    json_t *json = json_loads (owned, 0, &error);
    if (!json)
        return ctl_tell (ctl, "cannot read the answer as JSON: %s", error.text);
    *ret_json = json;
    return CTL_OK;
}

const char *ctl_json_text (const json_t *object, const char *key)
{
    const char *text = json_string_value (json_object_get (object, key));
    return text ? text : "";
}

uint64_t ctl_json_uint (const json_t *object, const char *key)
{
    json_int_t number = json_integer_value (json_object_get (object, key));
    return number > 0 ? (uint64_t) number : 0;
}

bool ctl_json_flag (const json_t *object, const char *key)
{
    return json_is_true (json_object_get (object, key));
}
