/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/newer_settings.c - a later version: it accepts node/log = trace, and node/broker = "any of ...",
    which earlier versions cannot read */

#include <string.h>

#include "base/log.h"
#include "bus/endpoint.h"

__typeof__ (base_log_level_parse) __real_base_log_level_parse, __wrap_base_log_level_parse;
__typeof__ (bus_endpoints_parse) __real_bus_endpoints_parse, __wrap_bus_endpoints_parse;

bool __wrap_base_log_level_parse (const char *word, enum base_log_level *ret_level)
{
    return __real_base_log_level_parse (strcmp (word, "trace") == 0 ? "debug" : word, ret_level);
}

int __wrap_bus_endpoints_parse (const char *text, struct bus_endpoints *ret_endpoints,
                                struct base_error *error)
{
    static const char form[] = "any of ";
    return __real_bus_endpoints_parse (strncmp (text, form, strlen (form)) == 0 ? text + strlen (form) : text,
                                       ret_endpoints, error);
}
