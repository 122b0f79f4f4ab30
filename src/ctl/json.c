/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/json.c - printing JSON that the library wrote */

#include "ctl/ctl.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

enum ctl_exit ctl_print_json (struct ctl *ctl, char *json)
{
    base_assert (ctl && ctl->out);
    base_cleanup (base_free_p) char *owned = json;
    base_cleanup (base_free_p) char *plain = owned ? base_text_plain_json (owned) : NULL;
    if (!plain)
        return ctl_error (ctl, "out of memory");
    (void) fputs (plain, ctl->out);
    return CTL_OK;
}
