/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/fixture.h - a root in a scratch directory, and versions in it */

#ifndef TEST_ROOT_FIXTURE_H
#define TEST_ROOT_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>

#include "root/record.h"
#include "test/fault/failing_disk.h"
#include "test/fault/workspaces.h"

#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"

static struct root root;
static struct base_error error;
static char one[ROOT_NAME_SIZE], two[ROOT_NAME_SIZE], three[ROOT_NAME_SIZE]; /* workspaces, oldest first */

/*  An empty root at the path "root". */
static void fixture_begin (void)
{
    scratch_begin ();
    root = workspaces_root (&disk_system);
}

static void fixture_end (void)
{
    root_deinit (&root);
    scratch_end ();
}

/*  Makes the first count of the workspaces. The program of each contains its name: "one", "two", "three". */
static void versions_make (unsigned count)
{
    cr_assert_leq (count, 3);
    if (count > 0)
        workspaces_add (&root, "one", one);
    if (count > 1)
        workspaces_add (&root, "two", two);
    if (count > 2)
        workspaces_add (&root, "three", three);
}

static void stable_put (const char *name)
{
    cr_assert_eq (root_stable_set (&root, name, &error), 0, "%s", error.text);
}

static void previous_put (const char *target)
{
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, target, &error), 0, "%s",
                  error.text);
}

static bool link_is (const char *link, const char *name)
{
    return workspaces_link_is (&root, link, name);
}

/*  Appends a line to the journal. */
static void journal_append (const char *reason)
{
    struct wire_entry entry = {
        .application = "noded", .step = "probing", .outcome = WIRE_OUTCOME_PASSED, .reason = reason};
    cr_assert_eq (root_journal_append (&root, &entry, &error), 0, "%s", error.text);
}

#endif
