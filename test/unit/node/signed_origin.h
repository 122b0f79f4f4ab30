/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/signed_origin.h - the origin of origin.h, which serves signed metadata; and a node that pins its root

    The metadata is made by the repository of room trust, at the time of this host. `alter` makes the origin lie. */

#ifndef TEST_NODE_SIGNED_ORIGIN_H
#define TEST_NODE_SIGNED_ORIGIN_H

#include "origin.h"

#include "base/time.h"
#include "root/metadata.h"
/* root_make is also the name of a function of room root */
#define root_make signed_root_make
#include "test/unit/trust/repository_fixture.h"
#undef root_make

/*  What is served. */
static struct fleet fleet;
static uint64_t now_s; /* the time of this host when the test began */
static bool answers_wants = true;
static unsigned wants, roots_wanted;
/*  Changes an answer, whose bytes are copied to the end of the call. May be NULL. */
static void (*alter) (const struct wire_want_metadata *want, struct wire_metadata *answer,
                      struct base_buffer *bytes);

static const struct trust_repository_file *file_find (const struct trust_repository *repository,
                                                      const char *role, uint64_t version)
{
    const struct trust_repository_file *found = NULL;
    for (size_t i = 0; i < repository->n_files; i++) {
        const struct trust_repository_file *file = &repository->files[i];
        if (strcmp (file->role, role) == 0 && (!version || file->version == version))
            found = file;
    }
    return found;
}

/*  The whole file is one part: files of tests are short. */
static void metadata_answer (struct bus_socket *socket, const struct bus_peer *peer,
                             const struct wire_want_metadata *want)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    const struct trust_repository_file *file = file_find (&fleet.repository, want->role, want->version);
    struct wire_metadata answer = {.role = want->role,
                                   .version = want->version,
                                   .offset = want->offset,
                                   .status = file ? WIRE_STATUS_OK : WIRE_STATUS_NONE};
    wants++;
    roots_wanted += strcmp (want->role, "root") == 0;
    if (!answers_wants)
        return;
    if (file)
        (void) base_buffer_append (&bytes, file->bytes.data, file->bytes.size);
    if (alter)
        alter (want, &answer, &bytes);
    if (!answer.size)
        answer.size = bytes.size;
    if (answer.status == WIRE_STATUS_OK)
        answer.file = base_digest_of (bytes.data, bytes.size);
    (void) base_buffer_append (&bytes, "", 1);
    cr_assert_leq (bytes.size, WIRE_PART_MOST);
    answer.data = answer.status == WIRE_STATUS_OK ? (const char *) bytes.data : NULL;
    (void) bus_send (socket, peer, &wire_metadata_record, &answer);
}

/*  A release of the application, with what is signed about it. */
static void sign_release (struct trust_draft *targets, const char *application,
                          const struct base_digest *release, uint64_t counter, const char *version,
                          uint64_t size)
{
    struct trust_custom custom = custom_of (application, counter);
    struct base_error error = {0};
    cr_assert_eq (base_text_copy (custom.version, sizeof custom.version, version), 0);
    cr_assert_eq (trust_draft_targets_add (targets, &custom, release, size, &error), 0, "%s", error.text);
}

/*  Publishes the targets of the fleet again, with the releases that were added to them. at: the time. */
static void targets_publish (uint64_t at)
{
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, at, {"targets", &fleet.targets}), 0);
}

/*  Renews timestamp and snapshot. */
static void renew (uint64_t at)
{
    cr_assert_eq (publish (&fleet.repository, NULL, 0, at), 0);
}

/*  A repository that is published at that time, with one release: `wanted` of noded, of counter 7, version 2. */
static void fleet_make (uint64_t at)
{
    fleet_deinit (&fleet);
    fleet = (struct fleet){.root = signed_root_make (1, 1)};
    cr_assert_eq (trust_draft_targets_new (at, at + YEAR, &fleet.targets, NULL), 0);
    sign_release (&fleet.targets, "noded", &wanted, 7, "2", match_size);
    draft_sign (&fleet.root, KEY_ROOT, 1);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, at, {"root", &fleet.root}, {"targets", &fleet.targets}), 0);
}

static void pin (void)
{
    const struct base_buffer *root = &fleet.repository.files[0].bytes;
    struct base_error error = {0};
    cr_assert_eq (root_metadata_pin (&process.root, root->data, root->size, &error), 0, "%s", error.text);
}

/*  The files of the pinned root. */
static struct root_metadata stored (void)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    struct root_metadata files;
    struct base_error error = {0};
    cr_assert_eq (root_metadata_open (&process.root, &files, &bytes, &error), 0, "%s", error.text);
    return files;
}

static bool is_stored (const char *file)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    struct root_metadata files = stored ();
    return root_metadata_read_role (&files, file, 100000, &bytes) == 0;
}

static uint64_t floor_now (const char *application)
{
    struct root_metadata files = stored ();
    uint64_t counter = 0;
    cr_assert_eq (root_floor_read (&files, application, &counter, NULL, NULL), 0);
    return counter;
}

static void floor_set (const char *application, uint64_t counter)
{
    static const struct base_digest any = {{99}};
    struct root_metadata files = stored ();
    cr_assert_eq (root_floor_note (&files, application, &any, counter, NULL), 0);
    cr_assert_eq (root_floor_raise (&files, application, &any, NULL), 0);
}

/*  Changes one byte of a file below trust/SET. */
static void stored_damage (const char *name)
{
    struct root_metadata files = stored ();
    char path[300], set[BASE_DIGEST_TEXT], byte;
    (void) snprintf (path, sizeof path, "trust/%s/%s", base_digest_format (&files.pinned, set), name);
    int fd = openat (process.root.fd, path, O_RDWR | O_CLOEXEC);
    cr_assert_geq (fd, 0, "%s", path);
    cr_assert_eq (pread (fd, &byte, 1, 40), 1);
    byte ^= 1;
    cr_assert_eq (pwrite (fd, &byte, 1, 40), 1);
    close (fd);
}

static void on_origin_welcome (void *context, const struct wire_welcome *welcome)
{
    (void) context;
    (void) welcome;
}

static void on_origin_desired (void *context, const struct wire_desired *desired)
{
    node_orders_desired (context, desired);
}

static void on_origin_hello (void *context, struct wire_hello *hello)
{
    (void) context;
    node_trust_describe (&process, hello);
}

static const struct node_session_ops origin_session_ops = {.hello = on_origin_hello,
                                                           .welcome = on_origin_welcome};
static const struct node_subject_ops origin_subject_ops = {.describe = on_describe,
                                                           .desired = on_origin_desired};

/*  The fixture that counts, with such an origin, whose root is not pinned yet. */
static void signed_setup (void)
{
    fixture_setup_counting ();
    now_s = base_time_real_ns () / 1000000000;
    match_size = 100;
    metadata_serve = metadata_answer;
    origin_start (&origin_session_ops, &origin_subject_ops);
    config.resend_ms = 10000; /* no request is sent twice because the machine is slow: they are counted */
    fleet_make (now_s);
}

static void signed_teardown (void)
{
    origin_end ();
    fixture_teardown ();
    fleet_deinit (&fleet);
    free (process.trust_fault);
}

#endif
