/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/metadata.c - the pinned trust root, the metadata received since, and the release-counters */

#include "root/metadata.h"

#include <sys/wait.h>

#include "fixture.h"

#include "root/check.h"

TestSuite (metadata, .init = fixture_begin, .fini = fixture_end);

static const struct base_digest release = {{7}}, other = {{8}};
static struct root_metadata metadata;

static int pin (const char *text)
{
    return root_metadata_pin (&root, text, strlen (text), &error);
}

/*  Opens, and compares the pinned text. */
static void opened (const char *pinned)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    cr_assert_eq (root_metadata_open (&root, &metadata, &buffer, &error), 0, "%s", error.text);
    cr_expect_eq (buffer.size, strlen (pinned));
    cr_expect_arr_eq (buffer.data, pinned, strlen (pinned));
}

static void pinned (const char *text)
{
    cr_assert_eq (pin (text), 0, "%s", error.text);
    opened (text);
}

static int open_again (void)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    return root_metadata_open (&root, &metadata, &buffer, &error);
}

static void role_put (const char *file, const char *text)
{
    cr_assert_eq (root_metadata_write_role (&metadata, file, text, strlen (text), &error), 0, "%s",
                  error.text);
}

/*  Reads a file of a role. The caller frees the text; NULL: there is none. */
static char *role_get (const char *file)
{
    struct base_buffer buffer = {0};
    int r = root_metadata_read_role (&metadata, file, 1000, &buffer);
    cr_assert (r == 0 || r == ROOT_E_NONE, "%d", r);
    return r ? NULL : base_buffer_take_text (&buffer);
}

static uint64_t floor_of (const char *application)
{
    uint64_t counter = 99;
    cr_assert_eq (root_floor_read (&metadata, application, &counter, NULL, &error), 0, "%s", error.text);
    return counter;
}

static char *listing (void)
{
    return scratch_shell ("cd root; find trust -printf '%P %s %i\\n' 2>/dev/null | sort", NULL);
}

Test (metadata, without_a_pin_there_is_none)
{
    cr_expect_not (root_metadata_is_pinned (&root));
    cr_expect_eq (open_again (), ROOT_E_NONE);
    cr_expect (strstr (error.text, "noded trust pin"), "%s", error.text);
}

Test (metadata, what_was_pinned_is_read_as_it_was_pinned)
{
    pinned ("root 1");
    cr_expect (root_metadata_is_pinned (&root));
    cr_expect_not (scratch_exists ("root/.new.trust"));
}

Test (metadata, pinning_the_same_root_again_changes_nothing)
{
    pinned ("root 1");
    role_put ("timestamp.json", "time");
    char *before = listing ();
    pinned ("root 1");
    char *after = listing ();
    cr_expect_str_eq (after, before);
    free (before);
    free (after);
}

Test (metadata, another_root_begins_with_no_files_and_no_counters)
{
    pinned ("root 1");
    struct root_metadata first = metadata;
    role_put ("timestamp.json", "time");
    cr_assert_eq (root_metadata_write_root (&metadata, 2, "two", 3, &error), 0);
    cr_assert_eq (root_floor_note (&metadata, "web", &release, 7, &error), 0);
    cr_assert_eq (root_floor_raise (&metadata, "web", &release, &error), 0);
    pinned ("root 9");
    struct base_buffer buffer = {0};
    cr_expect_null (role_get ("timestamp.json"));
    cr_expect_eq (root_metadata_read_root (&metadata, 2, 1000, &buffer), ROOT_E_NONE);
    cr_expect_eq (floor_of ("web"), 0);
    metadata = first;
    cr_expect_null (role_get ("timestamp.json"), "what belonged to the first root is removed");
}

Test (metadata, a_pinned_root_that_is_lost_or_damaged_counts_as_pinned)
{
    static const char *const harms[] = {
        "rm root/trust/pinned.json", "rm root/trust/pinned.json; mkdir root/trust/pinned.json",
        "rm -r root/trust; touch root/trust", "head -c 600000 /dev/zero >root/trust/pinned.json"};
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        pinned ("root 1");
        free (scratch_shell (harms[i], NULL));
        cr_expect (root_metadata_is_pinned (&root), "%s", harms[i]);
        cr_expect_eq (open_again (), ROOT_E_DAMAGED, "%s", harms[i]);
        cr_expect (strstr (error.text, "noded trust pin"), "%s", error.text);
        free (scratch_shell ("rm -rf root/trust/pinned.json.damaged", NULL));
        free (scratch_shell ("[ ! -d root/trust/pinned.json ] || rmdir root/trust/pinned.json", NULL));
        pinned ("root 1");
    }
}

Test (metadata, a_root_that_is_too_large_is_not_pinned)
{
    static char large[ROOT_METADATA_PINNED_MOST + 1];
    cr_expect_eq (root_metadata_pin (&root, large, sizeof large, &error), -EFBIG);
    cr_expect_not (root_metadata_is_pinned (&root));
}

Test (metadata, roots_and_roles_are_kept_as_they_were_received)
{
    pinned ("root 1");
    struct base_buffer buffer = {0};
    cr_assert_eq (root_metadata_write_root (&metadata, 2, "two", 3, &error), 0, "%s", error.text);
    cr_expect_eq (root_metadata_read_root (&metadata, 2, 3, &buffer), 0);
    cr_expect_eq (buffer.size, 3);
    base_buffer_deinit (&buffer);
    cr_expect_eq (root_metadata_read_root (&metadata, 2, 2, &buffer), ROOT_E_DAMAGED, "longer than allowed");
    cr_expect_eq (root_metadata_read_root (&metadata, 3, 2, &buffer), ROOT_E_NONE);
    role_put ("timestamp.json", "a");
    role_put ("timestamp.json", "b");
    char *text = role_get ("timestamp.json");
    cr_expect_str_eq (text, "b");
    free (text);
    cr_expect_eq (root_metadata_remove_role (&metadata, "timestamp.json", &error), 0);
    cr_expect_null (role_get ("timestamp.json"));
    cr_expect_eq (root_metadata_remove_role (&metadata, "timestamp.json", &error), 0, "it is gone already");
}

Test (metadata, a_delegated_role_takes_the_name_of_nothing_else)
{
    pinned ("root 1");
    cr_assert_eq (root_metadata_write_root (&metadata, 2, "two", 3, &error), 0);
    role_put ("2.json", "x");
    role_put ("floors.json", "x");
    role_put ("..json", "x");
    struct base_buffer buffer = {0};
    cr_expect_eq (root_metadata_read_root (&metadata, 2, 3, &buffer), 0);
    cr_expect_arr_eq (buffer.data, "two", 3);
    base_buffer_deinit (&buffer);
}

Test (metadata, a_name_that_room_trust_does_not_make_is_refused)
{
    static const char *const names[] = {"",        ".json",     "../x.json", "a/b.json", "x",
                                        "x.json.", "\x01.json", "a\\b.json", "a b.json"};
    char longest[ROOT_METADATA_FILE_MOST + 8];
    pinned ("root 1");
    char *before = listing ();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct base_buffer buffer = {0};
        cr_expect_eq (root_metadata_write_role (&metadata, names[i], "x", 1, &error), -EINVAL, "%s",
                      names[i]);
        cr_expect_eq (root_metadata_read_role (&metadata, names[i], 10, &buffer), -EINVAL, "%s", names[i]);
        cr_expect_eq (root_metadata_remove_role (&metadata, names[i], &error), -EINVAL, "%s", names[i]);
    }
    memset (longest, 'a', sizeof longest);
    (void) snprintf (longest + ROOT_METADATA_FILE_MOST - 4, 8, ".json");
    cr_expect_eq (root_metadata_write_role (&metadata, longest, "x", 1, &error), -EINVAL);
    char *after = listing ();
    cr_expect_str_eq (after, before);
    free (before);
    free (after);
}

Test (metadata, files_of_delegated_roles_are_bounded_and_the_others_stay)
{
    pinned ("root 1");
    role_put ("timestamp.json", "t");
    role_put ("snapshot.json", "s");
    role_put ("targets.json", "t");
    for (unsigned i = 0; i < ROOT_METADATA_FILES_MOST + 10; i++) {
        char file[32];
        (void) snprintf (file, sizeof file, "role%u.json", i);
        role_put (file, "r");
    }
    char *count = scratch_shell ("ls root/trust/*/roles | wc -l", NULL);
    cr_expect_leq (strtol (count, NULL, 10), ROOT_METADATA_FILES_MOST + 3, "%s", count);
    free (count);
    char *text = role_get ("timestamp.json");
    cr_expect_not_null (text);
    free (text);
}

Test (metadata, what_is_in_the_way_of_a_file_is_set_aside)
{
    pinned ("root 1");
    role_put ("timestamp.json", "t");
    free (scratch_shell ("cd root/trust/*/roles; rm timestamp.json; mkdir timestamp.json", NULL));
    struct base_buffer buffer = {0};
    cr_expect_eq (root_metadata_read_role (&metadata, "timestamp.json", 10, &buffer), ROOT_E_DAMAGED);
    role_put ("timestamp.json", "u");
    char *text = role_get ("timestamp.json");
    cr_expect_str_eq (text, "u");
    free (text);
    free (scratch_shell ("cd root/trust/*/; rm -r roles; touch roles", NULL));
    role_put ("timestamp.json", "v");
}

Test (metadata, a_floor_rises_when_the_noted_release_is_confirmed)
{
    pinned ("root 1");
    cr_expect_eq (floor_of ("web"), 0);
    cr_assert_eq (root_floor_note (&metadata, "web", &release, 7, &error), 0, "%s", error.text);
    cr_expect_eq (floor_of ("web"), 0, "it is only on trial");
    cr_assert_eq (root_floor_raise (&metadata, "web", &other, &error), 0);
    cr_expect_eq (floor_of ("web"), 0, "another release was confirmed");
    cr_assert_eq (root_floor_raise (&metadata, "web", &release, &error), 0);
    cr_expect_eq (floor_of ("web"), 7);
    cr_expect_eq (floor_of ("noded"), 0);
}

Test (metadata, a_floor_never_falls)
{
    pinned ("root 1");
    cr_assert_eq (root_floor_note (&metadata, "web", &release, 7, &error), 0);
    cr_assert_eq (root_floor_raise (&metadata, "web", &release, &error), 0);
    cr_assert_eq (root_floor_note (&metadata, "web", &other, 5, &error), 0);
    cr_assert_eq (root_floor_raise (&metadata, "web", &other, &error), 0);
    cr_expect_eq (floor_of ("web"), 7);
    cr_assert_eq (root_floor_note (&metadata, "noded", &other, 3, &error), 0);
    cr_assert_eq (root_floor_raise (&metadata, "noded", &other, &error), 0);
    cr_expect_eq (floor_of ("web"), 7, "another application has its own");
    cr_expect_eq (floor_of ("noded"), 3);
}

Test (metadata, damaged_counters_are_said_and_set_aside_at_the_next_note)
{
    pinned ("root 1");
    cr_assert_eq (root_floor_note (&metadata, "web", &release, 7, &error), 0);
    free (scratch_shell ("for f in root/trust/*/floors; do echo nonsense >$f; done", NULL));
    uint64_t counter = 99;
    bool lost = false;
    char *before = listing ();
    cr_assert_eq (root_floor_read (&metadata, "web", &counter, &lost, &error), 0);
    char *after = listing ();
    cr_expect_str_eq (after, before, "looking never writes");
    free (before);
    free (after);
    cr_expect (lost);
    cr_expect_eq (counter, 0);
    cr_assert_eq (root_floor_note (&metadata, "web", &release, 8, &error), 0, "%s", error.text);
    cr_assert_eq (root_floor_raise (&metadata, "web", &release, &error), 0);
    cr_expect_eq (floor_of ("web"), 8);
    cr_expect_eq (root_floor_read (&metadata, "web", &counter, &lost, &error), 0);
    cr_expect_not (lost);
}

Test (metadata, reading_writes_nothing)
{
    pinned ("root 1");
    root.disk = &disk_read_only;
    struct base_buffer buffer = {0};
    struct wire_floors floors;
    struct wire_trust_fault fault;
    cr_expect_eq (open_again (), 0);
    cr_expect_eq (root_metadata_read_role (&metadata, "timestamp.json", 10, &buffer), ROOT_E_NONE);
    cr_expect_eq (root_metadata_read_root (&metadata, 2, 10, &buffer), ROOT_E_NONE);
    cr_expect_eq (floor_of ("web"), 0);
    cr_expect_eq (root_floor_list (&metadata, &floors), ROOT_E_NONE);
    cr_expect_eq (root_fault_read (&metadata, "web", &fault), ROOT_E_NONE);
    cr_expect_eq (root_floor_raise (&metadata, "web", &release, &error), 0, "nothing was noted");
    root.disk = &disk_system;
}

Test (metadata, the_last_fault_is_kept_until_it_is_removed)
{
    static char time[] = "2026-01-01T00:00:00.000000000Z", application[] = "web", reason[] = "expired";
    struct wire_trust_fault fault = {
        .time = time, .application = application, .reason = reason, .release = release};
    pinned ("root 1");
    cr_assert_eq (root_fault_write (&metadata, &fault, &error), 0, "%s", error.text);
    struct wire_trust_fault found;
    cr_assert_eq (root_fault_read (&metadata, "web", &found), 0);
    cr_expect_str_eq (found.reason, "expired");
    wire_trust_fault_deinit (&found);
    cr_expect_eq (root_fault_read (&metadata, "noded", &found), ROOT_E_NONE,
                  "another application has its own");
    cr_expect_eq (root_fault_remove (&metadata, "web"), 0);
    cr_expect_eq (root_fault_read (&metadata, "web", &found), ROOT_E_NONE);
    cr_expect_eq (root_fault_remove (&metadata, "web"), 0);
}

Test (metadata, a_full_disk_gives_up_a_cache_for_the_counters)
{
    pinned ("root 1");
    struct failing_disk failing;
    cr_assert_eq (root_floor_note (&metadata, "web", &release, 7, &error), 0);
    free (scratch_shell ("echo x >root/var/verified", NULL));
    root.disk = failing_init (&failing, 1, ENOSPC);
    failing.only = "write";
    cr_expect_eq (root_floor_raise (&metadata, "web", &release, &error), 0, "%s", error.text);
    root.disk = &disk_system;
    cr_expect_eq (floor_of ("web"), 7);
    cr_expect_not (scratch_exists ("root/var/verified"));
}

/*  Makes a change in a child that is killed before its call n. Returns whether it came through. */
static bool change_cut (int (*change) (const struct root *on), unsigned n)
{
    pid_t pid = fork ();
    if (pid == 0) {
        struct failing_disk failing;
        struct root on = root;
        on.disk = failing_init (&failing, n, 0);
        _exit (change (&on) ? 1 : 0);
    }
    int status;
    cr_assert_eq (waitpid (pid, &status, 0), pid);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) != 1);
    return WEXITSTATUS (status) == 0;
}

static int pin_one (const struct root *on)
{
    return root_metadata_pin (on, "root 1", 6, NULL);
}

static int pin_two (const struct root *on)
{
    return root_metadata_pin (on, "root 2", 6, NULL);
}

Test (metadata, a_first_pin_that_is_killed_anywhere_is_none_or_complete)
{
    bool through = false;
    for (unsigned n = 1; !through; n++) {
        free (scratch_shell ("rm -rf root/trust", NULL));
        through = change_cut (pin_one, n);
        int r = open_again ();
        cr_expect (r == ROOT_E_NONE || r == 0, "call %u: %d", n, r);
        cr_expect_eq (pin_one (&root), 0);
        opened ("root 1");
        cr_expect_not (scratch_exists ("root/.new.trust"), "call %u", n);
    }
}

Test (metadata, a_second_pin_that_is_killed_anywhere_leaves_one_of_the_two_with_its_own_files)
{
    bool through = false;
    for (unsigned n = 1; !through; n++) {
        free (scratch_shell ("rm -rf root/trust", NULL));
        pinned ("root 1");
        role_put ("timestamp.json", "of root 1");
        through = change_cut (pin_two, n);
        cr_assert_eq (open_again (), 0, "call %u: %s", n, error.text);
        struct base_digest one = base_digest_of ("root 1", 6);
        char *text = role_get ("timestamp.json");
        cr_expect_eq (text != NULL, base_digest_equal (&metadata.pinned, &one), "call %u", n);
        free (text);
        cr_expect_eq (pin_two (&root), 0);
        opened ("root 2");
    }
}

static int raise_web (const struct root *on)
{
    struct root_metadata its = {.root = on, .pinned = metadata.pinned};
    return root_floor_raise (&its, "web", &release, NULL);
}

Test (metadata, a_raise_that_is_killed_anywhere_is_completed_by_a_repetition)
{
    bool through = false;
    for (unsigned n = 1; !through; n++) {
        free (scratch_shell ("rm -rf root/trust", NULL));
        pinned ("root 1");
        cr_assert_eq (root_floor_note (&metadata, "web", &release, 7, &error), 0);
        through = change_cut (raise_web, n);
        uint64_t counter = floor_of ("web");
        cr_expect (counter == 0 || counter == 7);
        cr_expect_eq (raise_web (&root), 0);
        cr_expect_eq (floor_of ("web"), 7);
    }
}

Test (metadata, leftovers_of_a_crash_are_tidied)
{
    pinned ("root 1");
    role_put ("timestamp.json", "t");
    versions_make (1);
    stable_put (one);
    free (scratch_shell ("cd root/trust; touch .tmp.a */.tmp.b */roles/.tmp.c; mkdir ../.new.trust", NULL));
    cr_expect_eq (root_tidy (&root, NULL, &error), 0, "%s", error.text);
    char *left = scratch_shell ("cd root; find . -name '.tmp*' -o -name '.new*'", NULL);
    cr_expect_str_empty (left, "%s", left);
    free (left);
    char *text = role_get ("timestamp.json");
    cr_expect_str_eq (text, "t");
    free (text);
}

static char found[2000];
static void found_keep (void *context, const char *text)
{
    (void) context;
    (void) snprintf (found + strlen (found), sizeof found - strlen (found), "%s\n", text);
}

Test (metadata, verify_names_a_lost_trust_root_and_damaged_counters)
{
    pinned ("root 1");
    cr_assert_eq (root_floor_note (&metadata, "web", &release, 7, &error), 0);
    free (scratch_shell ("for f in root/trust/*/floors; do echo nonsense >$f; done", NULL));
    (void) root_check (&root, found_keep, NULL);
    cr_expect (strstr (found, "/floors is damaged"), "%s", found);
    *found = '\0';
    free (scratch_shell ("rm root/trust/pinned.json", NULL));
    (void) root_check (&root, found_keep, NULL);
    cr_expect (strstr (found, "trust/pinned.json cannot be read"), "%s", found);
}
