/*  ctl/json.c - reading what the client gives */

#include "ctl/ctl.h"

#include <stdlib.h>

#include "base/cleanup.h"

void ctl_json_free_p (json_t **json)
{
    json_decref (*json);
}

int ctl_print_json (struct ctl *ctl, char *json)
{
    (void) fputs (json, ctl->out);
    free (json);
    return CTL_OK;
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
