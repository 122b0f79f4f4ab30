/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/host_trust.c - a trust root is pinned, shown and checked on a host */

#include "signed_origin.h"

#include <sys/mman.h>

#include "node/host_trust.h"

static char file[200];
static struct base_error error;
static struct node_trust check;
static unsigned ends;

static void setup (void)
{
    signed_setup ();
    (void) snprintf (file, sizeof file, "%s/given.json", directory);
}

static void teardown (void)
{
    node_trust_cancel (&check);
    signed_teardown ();
}

TestSuite (host_trust, .init = setup, .fini = teardown);

static void file_write (const void *data, size_t size)
{
    int fd = open (file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    cr_assert_geq (fd, 0);
    cr_assert_eq (write (fd, data, size), (ssize_t) size);
    close (fd);
}

static void root_write (void)
{
    const struct base_buffer *root = &fleet.repository.files[0].bytes;
    file_write (root->data, root->size);
}

static int file_pin (bool *ret_changed)
{
    bool running = true;
    int r = node_host_trust_pin (&process.root, file, &running, ret_changed, &error);
    cr_expect (r || !running, "no manager runs");
    return r;
}

static void on_done (void *context, const struct node_trust_answer *answer)
{
    (void) context;
    (void) answer;
    ends++;
    bus_loop_stop (process.loop);
}

/*  Lets the node check a release, which stores metadata. */
static void release_check (void)
{
    struct node_trust_question question = {.release = &wanted};
    node_session_open (process.session);
    node_trust_begin (&check, &app, &question, on_done, NULL);
    RUN_UNTIL (ends);
}

/*  What a function prints, in a static buffer. */
static const char *printed (void (*print) (void))
{
    static char text[8192];
    int fd = memfd_create ("printed", MFD_CLOEXEC), before = dup (STDOUT_FILENO);
    (void) fflush (stdout);
    cr_assert_geq (dup2 (fd, STDOUT_FILENO), 0);
    print ();
    (void) fflush (stdout);
    cr_assert_geq (dup2 (before, STDOUT_FILENO), 0);
    close (before);
    ssize_t size = pread (fd, text, sizeof text - 1, 0);
    cr_assert_geq (size, 0);
    text[size] = '\0';
    close (fd);
    return text;
}

static int shown;

static void show (void)
{
    shown = node_host_trust_show (&process.root, &error);
}

static void status (void)
{
    node_host_trust_print (&process.root);
}

static char found[4000];

static void found_keep (void *context, const char *text)
{
    (void) context;
    (void) snprintf (found + strlen (found), sizeof found - strlen (found), "%s\n", text);
}

static bool is_wrong (void)
{
    *found = '\0';
    return node_host_trust_verify (&process.root, found_keep, NULL);
}

#define SAYS(text, words) cr_expect (strstr (text, words), "\"%s\" is not in: %s", words, text)

Test (host_trust, a_root_is_pinned_once)
{
    bool changed = false;
    root_write ();
    cr_assert_eq (file_pin (&changed), 0, "%s", error.text);
    cr_expect (changed);
    cr_expect (root_metadata_is_pinned (&process.root));
    cr_assert_eq (file_pin (&changed), 0, "%s", error.text);
    cr_expect_not (changed);
}

Test (host_trust, what_is_no_signed_root_is_not_pinned)
{
    bool changed;
    base_cleanup (base_buffer_deinit) struct base_buffer broken = {0};
    const struct base_buffer *root = &fleet.repository.files[0].bytes;
    const struct trust_repository_file *targets = trust_repository_find (&fleet.repository, "targets");
    cr_expect_neq (file_pin (&changed), 0, "there is no file");
    SAYS (error.text, file);
    file_write ("{}", 2);
    cr_expect_neq (file_pin (&changed), 0);
    SAYS (error.text, "cannot be pinned");
    file_write (targets->bytes.data, targets->bytes.size);
    cr_expect_neq (file_pin (&changed), 0, "targets are no root");
    cr_assert_eq (base_buffer_append (&broken, root->data, root->size), 0);
    cr_assert_eq (base_buffer_append (&broken, "", 1), 0);
    char *version = strstr ((char *) broken.data, "\"version\":1");
    cr_assert_not_null (version);
    version[10] = '2';
    file_write (broken.data, broken.size - 1);
    cr_expect_neq (file_pin (&changed), 0, "its signature is of other bytes");
    cr_expect_not (root_metadata_is_pinned (&process.root));
    root_write ();
    cr_assert_eq (file_pin (&changed), 0);
    file_write ("{}", 2);
    cr_expect_neq (file_pin (&changed), 0);
    cr_expect_not (is_stored ("timestamp.json"));
    SAYS (printed (show), "version 1");
}

Test (host_trust, without_a_pinned_root_everything_says_so)
{
    SAYS (printed (show), "none: releases are not verified; noded trust pin --root");
    cr_expect_eq (shown, ROOT_E_NONE);
    cr_expect_str_empty (error.text);
    SAYS (printed (status), "none: releases are not verified");
    cr_expect_not (is_wrong ());
}

Test (host_trust, it_shows_keys_versions_counters_and_the_last_refusal)
{
    struct trust_secret key = key_of (KEY_ROOT);
    char keyid[BASE_DIGEST_TEXT];
    bool changed;
    root_write ();
    cr_assert_eq (file_pin (&changed), 0);
    SAYS (printed (show), "no release was checked yet");
    floor_set ("noded", 8);
    release_check ();
    const char *text = printed (show);
    cr_expect_eq (shown, 0);
    SAYS (text, base_digest_format (&key.keyid, keyid));
    SAYS (text, "timestamp  version");
    SAYS (text, "targets    version");
    SAYS (text, "noded accepts release-counters from 8");
    SAYS (text, "a release that was confirmed here has 8");
    text = printed (status);
    SAYS (text, "root version 1, expires");
    SAYS (text, keyid);
    SAYS (text, "unverified");
}

Test (host_trust, expired_metadata_is_shown_as_expired)
{
    bool changed;
    fleet_make (now_s - 3 * DAY);
    root_write ();
    cr_assert_eq (file_pin (&changed), 0);
    struct root_metadata files = stored ();
    const struct trust_repository_file *timestamp = trust_repository_find (&fleet.repository, "timestamp");
    cr_assert_eq (root_metadata_write_role (&files, "timestamp.json", timestamp->bytes.data,
                                            timestamp->bytes.size, NULL),
                  0);
    SAYS (printed (show), "EXPIRED 20");
}

Test (host_trust, a_damaged_file_is_found_by_its_signature)
{
    static const char *const names[] = {"roles/timestamp.json", "roles/snapshot.json"};
    bool changed;
    root_write ();
    cr_assert_eq (file_pin (&changed), 0);
    release_check ();
    cr_expect_not (is_wrong (), "%s", found);
    for (size_t i = 0; i < 2; i++) {
        stored_damage (names[i]);
        cr_expect (is_wrong (), "%s", names[i]);
        SAYS (found, "is damaged");
        SAYS (printed (show), "is fetched again at the next update");
        stored_damage (names[i]);
        cr_expect_not (is_wrong (), "%s", found);
    }
    struct root_metadata files = stored ();
    cr_assert_eq (root_metadata_write_role (&files, "targets.json", "nonsense", 8, NULL), 0);
    cr_expect (is_wrong ());
    SAYS (found, "targets is damaged");
}

Test (host_trust, a_pinned_root_that_is_damaged_is_said_everywhere)
{
    bool changed;
    root_write ();
    cr_assert_eq (file_pin (&changed), 0);
    int fd = openat (process.root.fd, "trust/pinned.json", O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_assert_eq (write (fd, "x", 1), 1);
    close (fd);
    cr_expect (is_wrong ());
    SAYS (found, "pin it again");
    SAYS (printed (status), "pin it again");
    error = (struct base_error){.code = 0};
    (void) printed (show);
    cr_expect_eq (shown, ROOT_E_DAMAGED);
    SAYS (error.text, "pin it again");
    cr_assert_eq (file_pin (&changed), 0, "%s", error.text);
    cr_expect_not (is_wrong (), "%s", found);
}

Test (host_trust, looking_writes_nothing)
{
    bool changed;
    root_write ();
    cr_assert_eq (file_pin (&changed), 0);
    release_check ();
    stored_damage ("roles/timestamp.json");
    process.root.disk = &disk_read_only;
    (void) printed (show);
    (void) printed (status);
    (void) is_wrong ();
    process.root.disk = &disk_system;
    cr_expect (is_wrong (), "nobody mended it");
}
