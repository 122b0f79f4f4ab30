/* SPDX-License-Identifier: MPL-2.0 */
/*  root/floor.c - the least release-counter of each application, and why the last check failed

    A floor rises in two steps, so that it rises exactly with the confirmation, whenever the process ends: the counter of
    a release on trial is noted, and the note counts when the release is confirmed. */

#include "root/metadata.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "root/metadata_file.h"
#include "root/record_file.h"
#include "wire/envelope.h"

enum { FLOORS_MOST = 128 };

static int floors_write (const struct root_metadata *metadata, const struct wire_floors *floors,
                         struct base_error *error)
{
    char path[ROOT_TRUST_PATH_SIZE];
    base_cleanup (base_free_p) char *json = wire_json (&wire_floors_record, floors, WIRE_JSON_PRETTY);
    if (!json)
        return base_error_errno (error, -ENOMEM, "cannot write the release-counters");
    return root_trust_write (metadata, "", root_trust_path (metadata, ROOT_TRUST_FLOORS, path), json,
                             strlen (json), error);
}

/*  Returns 0, ROOT_E_NONE, ROOT_E_DAMAGED or -errno. */
static int floors_load (const struct root_metadata *metadata, struct wire_floors *ret_floors)
{
    char path[ROOT_TRUST_PATH_SIZE];
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = disk_file_read (metadata->root->disk, metadata->root->fd,
                            root_trust_path (metadata, ROOT_TRUST_FLOORS, path), ROOT_RECORD_MOST, &buffer);
    if (r == -ENOENT || r == -ENOTDIR)
        return ROOT_E_NONE;
    if (r == 0)
        r = wire_json_parse (&wire_floors_record, (const char *) buffer.data, buffer.size, ret_floors, NULL);
    return root_record_is_damaged (r) ? ROOT_E_DAMAGED : r;
}

/*  The same for a change: a record that cannot be read is set aside. */
static int floors_take (const struct root_metadata *metadata, struct wire_floors *ret_floors,
                        struct base_error *error)
{
    char path[ROOT_TRUST_PATH_SIZE];
    int r = floors_load (metadata, ret_floors);
    if (r == ROOT_E_DAMAGED)
        root_record_set_aside (metadata->root, root_trust_path (metadata, ROOT_TRUST_FLOORS, path));
    if (r > 0)
        *ret_floors = (struct wire_floors){.n_floors = 0};
    return r < 0 ? base_error_errno (error, r, "cannot read the release-counters") : 0;
}

static struct wire_floor *floor_find (const struct wire_floors *floors, const char *application)
{
    for (size_t i = 0; i < floors->n_floors; i++)
        if (strcmp (floors->floors[i].application, application) == 0)
            return &floors->floors[i];
    return NULL;
}

/*  Returns 0, -ENOMEM or -E2BIG. */
static int floor_add (struct wire_floors *floors, const char *application, struct wire_floor **ret_floor)
{
    if (floors->n_floors == FLOORS_MOST)
        return -E2BIG;
    struct wire_floor *items = realloc (floors->floors, (floors->n_floors + 1) * sizeof *items);
    if (!items)
        return -ENOMEM;
    floors->floors = items;
    items[floors->n_floors] = (struct wire_floor){.application = strdup (application)};
    if (!items[floors->n_floors].application)
        return -ENOMEM;
    *ret_floor = &items[floors->n_floors++];
    return 0;
}

int root_floor_read (const struct root_metadata *metadata, const char *application, uint64_t *ret_counter,
                     bool *ret_lost, struct base_error *error)
{
    base_assert (metadata && application && ret_counter);
    base_cleanup (wire_floors_deinit) struct wire_floors floors = {.n_floors = 0};
    int r = floors_load (metadata, &floors);
    if (r < 0)
        return base_error_errno (error, r, "cannot read the release-counters");
    const struct wire_floor *floor = r ? NULL : floor_find (&floors, application);
    *ret_counter = floor ? floor->counter : 0;
    if (ret_lost)
        *ret_lost = r == ROOT_E_DAMAGED;
    return 0;
}

int root_floor_note (const struct root_metadata *metadata, const char *application,
                     const struct base_digest *release, uint64_t counter, struct base_error *error)
{
    base_assert (metadata && application && release);
    base_assert (counter > 0 && counter <= WIRE_COUNTER_MOST);
    base_cleanup (wire_floors_deinit) struct wire_floors floors = {.n_floors = 0};
    int r = floors_take (metadata, &floors, error);
    if (r < 0)
        return r;
    struct wire_floor *floor = floor_find (&floors, application);
    if (!floor) {
        r = floor_add (&floors, application, &floor);
        if (r < 0)
            return base_error_errno (error, r, "cannot note the release-counter of %s", application);
    }
    if (base_digest_equal (&floor->release, release) && floor->release_counter == counter)
        return 0;
    floor->release = *release;
    floor->release_counter = counter;
    return floors_write (metadata, &floors, error);
}

int root_floor_raise (const struct root_metadata *metadata, const char *application,
                      const struct base_digest *release, struct base_error *error)
{
    base_assert (metadata && application && release);
    base_cleanup (wire_floors_deinit) struct wire_floors floors = {.n_floors = 0};
    int r = floors_load (metadata, &floors);
    if (r < 0)
        return base_error_errno (error, r, "cannot read the release-counters");
    struct wire_floor *floor = r ? NULL : floor_find (&floors, application);
    if (!floor || !base_digest_equal (&floor->release, release) || floor->counter >= floor->release_counter)
        return 0;
    floor->counter = floor->release_counter;
    return floors_write (metadata, &floors, error);
}

int root_floor_list (const struct root_metadata *metadata, struct wire_floors *ret_floors)
{
    base_assert (metadata && ret_floors);
    return floors_load (metadata, ret_floors) == 0 ? 0 : ROOT_E_NONE;
}

/*  the last failure */

static const char *fault_path (const struct root_metadata *metadata, const char *application,
                               char path[ROOT_TRUST_PATH_SIZE])
{
    char name[sizeof ROOT_TRUST_FAULT + 64];
    base_assert (metadata && wire_application_is_valid (application));
    (void) snprintf (name, sizeof name, ROOT_TRUST_FAULT "%s", application);
    return root_trust_path (metadata, name, path);
}

int root_fault_write (const struct root_metadata *metadata, const struct wire_trust_fault *fault,
                      struct base_error *error)
{
    char path[ROOT_TRUST_PATH_SIZE];
    base_assert (metadata && fault && fault->reason);
    base_cleanup (base_free_p) char *json = wire_json (&wire_trust_fault_record, fault, WIRE_JSON_PRETTY);
    if (!json)
        return base_error_errno (error, -ENOMEM, "cannot write a fault");
    return root_trust_write (metadata, "", fault_path (metadata, fault->application, path), json,
                             strlen (json), error);
}

int root_fault_read (const struct root_metadata *metadata, const char *application,
                     struct wire_trust_fault *ret_fault)
{
    char path[ROOT_TRUST_PATH_SIZE];
    base_assert (metadata && ret_fault);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = disk_file_read (metadata->root->disk, metadata->root->fd,
                            fault_path (metadata, application, path), ROOT_RECORD_MOST, &buffer);
    if (r == 0)
        r = wire_json_parse (&wire_trust_fault_record, (const char *) buffer.data, buffer.size, ret_fault,
                             NULL);
    return r == 0 ? 0 : ROOT_E_NONE;
}

int root_fault_remove (const struct root_metadata *metadata, const char *application)
{
    char path[ROOT_TRUST_PATH_SIZE];
    base_assert (metadata);
    const struct root *root = metadata->root;
    int r = disk_unlink (root->disk, root->fd, fault_path (metadata, application, path));
    return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}
