/*  A journal's lines follow each other, and what was done to them afterwards shows. */

#include "root/chain.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "root/check.h"
#include "root/record.h"
#include "test/fault/workspaces.h"

static struct root root;
static struct base_error error;

static void begin (void)
{
    scratch_begin ();
    root = workspaces_root (&disk_system);
}

static void end (void)
{
    root_deinit (&root);
    scratch_end ();
}

TestSuite (chain, .init = begin, .fini = end);

static void append (const char *reason)
{
    struct wire_entry entry = {.application = (char *) "noded",
                               .step = (char *) "probing",
                               .outcome = WIRE_OUTCOME_PASSED,
                               .reason = (char *) reason};
    cr_assert_eq (root_journal_append (&root, &entry, &error), 0, "%s", error.text);
}

static void five (void)
{
    append ("one");
    append ("two: \"before\":\"0000000000000000000000000000000000000000000000000000000000000000\"");
    append ("three\n\xc3\xb6");
    append ("four");
    append ("five");
}

static void shell (const char *command)
{
    free (scratch_shell (command, NULL));
}

static void expect_whole (const struct root_journal_head *told)
{
    error.text[0] = '\0';
    cr_expect_eq (root_journal_check (&root, told, &error), 0, "%s", error.text);
}

static void expect_fault (const struct root_journal_head *told, const char *says)
{
    error.text[0] = '\0';
    cr_expect_eq (root_journal_check (&root, told, &error), ROOT_E_DAMAGED, "nothing was found");
    cr_expect_not_null (strstr (error.text, says), "%s", error.text);
}

static const struct root_journal_head none = {.serial = 0};

Test (chain, lines_follow_each_other_over_both_files)
{
    expect_whole (&none);
    five ();
    expect_whole (&none);
    struct root_journal_head head = root_journal_head (&root);
    cr_expect_eq (head.serial, 5);
    expect_whole (&head);
    shell ("mv root/var/journal root/var/journal.1");
    cr_expect_eq (root_journal_head (&root).serial, 5);
    append ("six");
    cr_expect_eq (root_journal_head (&root).serial, 6);
    expect_whole (&head);
    shell ("rm root/var/journal.1"); /* too old to be kept */
    expect_whole (&head);
}

Test (chain, a_change_in_the_middle_is_found_and_named)
{
    five ();
    shell ("sed -i s/three/THREE/ root/var/journal");
    expect_fault (&none, "line 3 was changed");
    append ("six");
    expect_fault (&none, "line 3 was changed");
}

Test (chain, a_line_that_was_removed_or_put_in_is_found)
{
    five ();
    shell ("cp root/var/journal all; sed -i 3d root/var/journal");
    expect_fault (&none, "line 2 was changed, or lines behind it were removed");
    shell ("cp all root/var/journal; sed -i 2p root/var/journal");
    expect_fault (&none, "line 2 was changed");
}

Test (chain, a_line_without_the_digest_of_the_one_before_fits_nowhere_in_between)
{
    five ();
    shell ("sed -i '4s/,\"before\":\"[0-9a-f]*\"//' root/var/journal");
    expect_fault (&none, "line 3 was changed");
}

Test (chain, a_last_line_that_was_told_shows_its_change)
{
    five ();
    struct root_journal_head head = root_journal_head (&root);
    shell ("sed -i s/five/FIVE/ root/var/journal");
    expect_whole (&none);
    expect_fault (&head, "line 5 of the journal differs from the one that was reported");
    append ("six");
    expect_fault (&head, "line 5 of the journal differs from the one that was reported");
}

Test (chain, what_was_told_and_is_gone_is_said_with_what_is_there)
{
    five ();
    struct root_journal_head head = root_journal_head (&root);
    shell ("cp root/var/journal all; sed -i 4,5d root/var/journal");
    expect_fault (&head, "the last one is line 3; the first is line 1 of 20");
    append ("another four");
    append ("another five");
    expect_fault (&head, "line 5 of the journal differs from the one that was reported");
    shell ("rm root/var/journal");
    expect_fault (&head, "the journal is empty");
    append ("anew");
    expect_fault (&head, "the last one is line 1");
}

Test (chain, what_a_crash_cut_short_is_no_change)
{
    five ();
    struct root_journal_head head = root_journal_head (&root);
    shell ("printf '{\"serial\":6,\"ti' >> root/var/journal");
    expect_whole (&head);
    append ("six");
    cr_expect_eq (root_journal_head (&root).serial, 7);
    expect_whole (&head);
    shell ("printf '{\"serial\":1' >> root/var/journal"); /* of 14 */
    append ("seven");
    cr_expect_eq (root_journal_head (&root).serial, 9);
    expect_whole (&head);
}

Test (chain, lines_of_a_version_that_did_not_link_them_are_taken_as_they_are)
{
    five ();
    shell ("sed -i 's/,\"before\":\"[0-9a-f]*\"}$/}/' root/var/journal");
    append ("six");
    append ("seven");
    expect_whole (&none);
    shell ("sed -i s/four/FOUR/ root/var/journal"); /* that cannot be seen */
    expect_whole (&none);
    shell ("sed -i s/five/FIVE/ root/var/journal");
    expect_fault (&none, "line 5 was changed");
}

static void count (void *context, const char *text)
{
    char *all = context;
    (void) snprintf (all + strlen (all), 1024 - strlen (all), "%s\n", text);
}

Test (chain, a_check_of_the_root_names_the_line)
{
    char found[1024] = "";
    five ();
    (void) root_check (&root, count, found);
    cr_expect_null (strstr (found, "journal"), "%s", found);
    shell ("sed -i s/three/THREE/ root/var/journal");
    (void) root_check (&root, count, found);
    cr_expect_not_null (strstr (found, "var/journal: line 4 does not follow line 3"), "%s", found);
}

Test (chain, the_end_is_found_behind_long_and_damaged_lines)
{
    five ();
    shell ("head -c 100000 /dev/zero | tr '\\000' x >> root/var/journal");
    append ("six");
    cr_expect_eq (root_journal_head (&root).serial, 7);
    expect_whole (&none);
    shell ("head -c 100000 /dev/zero >> root/var/journal");
    cr_expect_eq (root_journal_head (&root).serial, 0, "what is not whole was reported by nobody");
    append ("seven");
    cr_expect_eq (root_journal_head (&root).serial, 9);
}

static size_t mend (void)
{
    size_t bytes = 0;
    cr_expect_eq (root_journal_mend (&root, &bytes, &error), 0, "%s", error.text);
    return bytes;
}

static void expect_nothing_wrong (void)
{
    char found[1024] = "";
    (void) root_check (&root, count, found);
    cr_expect_null (strstr (found, "journal"), "%s", found);
}

/*  After a power cut the file has its length, and the blocks that were not written are NULs. */
Test (chain, an_end_that_was_not_on_the_disk_is_cut_off_once_and_said)
{
    static const char *const ends[] = {
        "head -c 300 /dev/zero >> root/var/journal",
        "printf '{\"serial\":6,\"ti' >> root/var/journal; head -c 300 /dev/zero >> root/var/journal",
        "{ head -c 300 /dev/zero; echo; } >> root/var/journal",
        "printf 'garbage' >> root/var/journal",
        "printf '{\"serial\":6,\"ti' >> root/var/journal",
    };
    five ();
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct root_journal_head head = root_journal_head (&root);
        shell (ends[i]);
        expect_whole (&head);
        expect_nothing_wrong ();
        cr_expect_gt (mend (), 6, "end %zu", i);
        cr_expect_eq (root_journal_head (&root).serial, head.serial + 1);
        expect_whole (&head);
        expect_nothing_wrong ();
        cr_expect_eq (mend (), 0, "once");
        append ("onwards");
        expect_whole (&head);
    }
    shell ("grep -c 'were not on the disk' root/var/journal > count");
    char *text = scratch_read ("count");
    cr_expect_str_eq (text, "5\n");
    free (text);
}

/*  A block in the middle was not written, and one behind it was. */
Test (chain, nuls_in_front_of_lines_that_follow_nothing_are_cut_off_with_them)
{
    five ();
    struct root_journal_head head = root_journal_head (&root);
    append ("six");
    append ("seven");
    append ("eight");
    shell ("perl -e 'local $/; open (my $f, \"+<\", \"root/var/journal\"); my $t = <$f>; my $at = index ($t, "
           "\"six\") - 40; substr ($t, $at, 300) = \"\\0\" x 300; seek ($f, 0, 0); print $f $t'");
    expect_whole (&head);
    cr_expect_gt (mend (), 300);
    cr_expect_eq (root_journal_head (&root).serial, 6);
    expect_whole (&head);
    expect_nothing_wrong ();
}

Test (chain, what_was_reported_does_not_vanish_behind_nuls)
{
    five ();
    struct root_journal_head head = root_journal_head (&root);
    shell ("sed -i 4,5d root/var/journal; head -c 300 /dev/zero >> root/var/journal");
    expect_fault (&head, "the last one is line 3");
    (void) mend ();
    expect_fault (&head, "the last one is line 4");
    append ("five");
    expect_fault (&head, "line 5 of the journal differs from the one that was reported");
}

Test (chain, a_journal_of_nothing_but_nuls_begins_anew_behind_the_one_before)
{
    five ();
    struct root_journal_head head = root_journal_head (&root);
    shell ("mv root/var/journal root/var/journal.1; head -c 300 /dev/zero > root/var/journal");
    expect_whole (&head);
    expect_nothing_wrong ();
    cr_expect_eq (mend (), 300);
    cr_expect_eq (root_journal_head (&root).serial, 6);
    expect_whole (&head);
}

Test (chain, a_word_that_only_a_later_version_knows_is_no_damage)
{
    five ();
    shell ("sed -i '$s/\"outcome\":\"passed\"/\"outcome\":\"adopted\",\"colour\":\"red\"/' root/var/journal");
    expect_nothing_wrong ();
    expect_whole (&none);
    cr_expect_eq (mend (), 0);
    append ("six");
    cr_expect_eq (root_journal_head (&root).serial, 6);
    expect_nothing_wrong ();
}

Test (chain, a_change_is_no_power_cut)
{
    five ();
    shell ("sed -i s/three/THREE/ root/var/journal");
    cr_expect_eq (mend (), 0);
    expect_fault (&none, "line 3 was changed");
    shell ("head -c 300 /dev/zero >> root/var/journal");
    cr_expect_eq (mend (), 0);
    append ("six");
    expect_fault (&none, "line 3 was changed");
}
