/* SPDX-License-Identifier: MPL-2.0 */
/*  records/applications.c - which applications of a node are kept */

#include "records/driver.h"

#include <errno.h>

#include "base/text.h"

void records_application_deinit (struct records_application *application)
{
    wire_application_deinit (&application->told);
    wire_desired_deinit (&application->desired);
    *application = (struct records_application){.epoch = 0};
}

static bool is_among (const char *name, const char *const *names, size_t n_names)
{
    for (size_t i = 0; i < n_names; i++)
        if (strcmp (name, names[i]) == 0)
            return true;
    return false;
}

/*  The names that are not among those to keep. */
struct dropping {
    const char *const *names;
    size_t n_names;
    char dropped[RECORDS_APPLICATIONS_MOST][RECORDS_ID_SIZE];
    size_t n_dropped;
};

static int name_take (void *context, const char *name)
{
    struct dropping *dropping = context;

    if (dropping->n_dropped == RECORDS_APPLICATIONS_MOST)
        return 1;
    if (!is_among (name, dropping->names, dropping->n_names) &&
        base_text_copy (dropping->dropped[dropping->n_dropped], RECORDS_ID_SIZE, name) == 0)
        dropping->n_dropped++;
    return 0;
}

int records_applications_keep (struct records *records, const char *node, const char *const *names,
                               size_t n_names, struct base_error *error)
{
    struct dropping dropping = {.names = names, .n_names = n_names};
    int r = records_applications_reported (records, node, name_take, &dropping, error);

    if (r < 0)
        return r;
    r = 0;
    for (size_t i = 0; r == 0 && i < dropping.n_dropped; i++)
        r = records_application_drop (records, node, dropping.dropped[i], error);
    return r;
}
