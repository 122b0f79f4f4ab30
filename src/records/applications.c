/* SPDX-License-Identifier: MPL-2.0 */
/*  records/applications.c - which applications of a node are kept */

#include "records/driver.h"

#include <errno.h>

#include "base/assert.h"
#include "base/text.h"
#include "wire/list.h"

void records_application_deinit (struct records_application *application)
{
    wire_application_deinit (&application->reported);
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

/*  The applications of a node that have a state. */
struct reported {
    char names[RECORDS_APPLICATIONS_MOST][RECORDS_ID_SIZE];
    size_t n_names;
};

static int name_take (void *context, const char *name)
{
    struct reported *reported = context;

    if (reported->n_names == RECORDS_APPLICATIONS_MOST)
        return RECORDS_E_STOP;
    if (base_text_copy (reported->names[reported->n_names], RECORDS_ID_SIZE, name) == 0)
        reported->n_names++;
    return 0;
}

int records_applications_keep (struct records *records, const char *node, const char *const *names,
                               size_t n_names, size_t *ret_dropped, struct base_error *error)
{
    struct reported reported = {.n_names = 0};
    size_t dropped = 0;
    int r;

    base_assert (node && (names || n_names == 0) && ret_dropped);
    r = records_applications_reported (records, node, name_take, &reported, error);
    if (r < 0)
        return r;
    r = 0;
    for (size_t i = 0; r == 0 && i < reported.n_names; i++) {
        if (is_among (reported.names[i], names, n_names))
            continue;
        r = records_application_drop (records, node, reported.names[i], error);
        dropped++;
    }
    if (r == 0)
        *ret_dropped = dropped;
    return r;
}

int records_applications_list (struct records *records, const char *node, struct base_digest *ret_list,
                               struct base_error *error)
{
    struct reported reported = {.n_names = 0};
    const char *names[RECORDS_APPLICATIONS_MOST];
    int r;

    base_assert (node && ret_list);
    r = records_applications_reported (records, node, name_take, &reported, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < reported.n_names; i++)
        names[i] = reported.names[i];
    *ret_list = wire_list_digest (names, reported.n_names);
    return 0;
}
