/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/chain.c - the hash chain of the journal: changes are found, damage by a power cut is
    repaired */

#include "root/chain.h"

#include "fixture.h"

#include "root/check.h"

TestSuite (chain, .init = fixture_begin, .fini = fixture_end);

static void journal_append_five (void)
{
    journal_append ("one");
    journal_append ("two: \"before\":\"0000000000000000000000000000000000000000000000000000000000000000\"");
    journal_append ("three\n\xc3\xb6");
    journal_append ("four");
    journal_append ("five");
}

static void shell_run (const char *command)
{
    free (scratch_shell (command, NULL));
}

static void expect_intact (const struct root_journal_head *reported)
{
    error.text[0] = '\0';
    cr_expect_eq (root_journal_check (&root, reported, &error), 0, "%s", error.text);
}

static void expect_fault (const struct root_journal_head *reported, const char *says)
{
    error.text[0] = '\0';
    cr_expect_eq (root_journal_check (&root, reported, &error), ROOT_E_DAMAGED, "no fault was found");
    cr_expect_not_null (strstr (error.text, says), "%s", error.text);
}

static const struct root_journal_head none = {.serial = 0};

Test (chain, the_chain_continues_over_both_files)
{
    expect_intact (&none);
    journal_append_five ();
    expect_intact (&none);
    struct root_journal_head head = root_journal_head (&root);
    cr_expect_eq (head.serial, 5);
    expect_intact (&head);
    shell_run ("mv root/var/journal root/var/journal.1");
    cr_expect_eq (root_journal_head (&root).serial, 5);
    journal_append ("six");
    cr_expect_eq (root_journal_head (&root).serial, 6);
    expect_intact (&head);
    shell_run ("rm root/var/journal.1"); /* as if rotation had removed it */
    expect_intact (&head);
}

Test (chain, a_changed_line_in_the_middle_is_found_and_named)
{
    journal_append_five ();
    shell_run ("sed -i s/three/THREE/ root/var/journal");
    expect_fault (&none, "line 3 was changed");
    journal_append ("six");
    expect_fault (&none, "line 3 was changed");
}

Test (chain, a_removed_or_inserted_line_is_found)
{
    journal_append_five ();
    shell_run ("cp root/var/journal all; sed -i 3d root/var/journal");
    expect_fault (&none, "line 2 was changed, or lines after it were removed");
    shell_run ("cp all root/var/journal; sed -i 2p root/var/journal");
    expect_fault (&none, "line 2 was changed");
}

Test (chain, an_unlinked_line_between_linked_lines_is_a_fault)
{
    journal_append_five ();
    shell_run ("sed -i '4s/,\"before\":\"[0-9a-f]*\"//' root/var/journal");
    expect_fault (&none, "line 3 was changed");
}

Test (chain, a_change_of_a_reported_last_line_is_found)
{
    journal_append_five ();
    struct root_journal_head head = root_journal_head (&root);
    shell_run ("sed -i s/five/FIVE/ root/var/journal");
    expect_intact (&none);
    expect_fault (&head, "line 5 of the journal differs from the one that was reported");
    journal_append ("six");
    expect_fault (&head, "line 5 of the journal differs from the one that was reported");
}

Test (chain, a_missing_reported_line_is_named_with_the_existing_ones)
{
    journal_append_five ();
    struct root_journal_head head = root_journal_head (&root);
    shell_run ("cp root/var/journal all; sed -i 4,5d root/var/journal");
    expect_fault (&head, "the last one is line 3; the first is line 1 of 20");
    journal_append ("another four");
    journal_append ("another five");
    expect_fault (&head, "line 5 of the journal differs from the one that was reported");
    shell_run ("rm root/var/journal");
    expect_fault (&head, "the journal is empty");
    journal_append ("anew");
    expect_fault (&head, "the last one is line 1");
}

Test (chain, a_line_cut_short_by_a_crash_is_not_a_fault)
{
    journal_append_five ();
    struct root_journal_head head = root_journal_head (&root);
    shell_run ("printf '{\"serial\":6,\"ti' >> root/var/journal");
    expect_intact (&head);
    journal_append ("six");
    cr_expect_eq (root_journal_head (&root).serial, 7);
    expect_intact (&head);
    shell_run (
        "printf '{\"serial\":1' >> root/var/journal"); /* a truncated serial, such as the start of 14 */
    journal_append ("seven");
    cr_expect_eq (root_journal_head (&root).serial, 9);
    expect_intact (&head);
}

Test (chain, unlinked_lines_of_an_older_version_are_accepted)
{
    journal_append_five ();
    shell_run ("sed -i 's/,\"before\":\"[0-9a-f]*\"}$/}/' root/var/journal");
    journal_append ("six");
    journal_append ("seven");
    expect_intact (&none);
    shell_run (
        "sed -i s/four/FOUR/ root/var/journal"); /* cannot be detected: line 5 has no digest of line 4 */
    expect_intact (&none);
    shell_run ("sed -i s/five/FIVE/ root/var/journal");
    expect_fault (&none, "line 5 was changed");
}

static void findings_add (void *context, const char *text)
{
    char *all = context;
    (void) snprintf (all + strlen (all), 1024 - strlen (all), "%s\n", text);
}

Test (chain, a_check_of_the_root_names_the_changed_line)
{
    char found[1024] = "";
    journal_append_five ();
    (void) root_check (&root, findings_add, found);
    cr_expect_null (strstr (found, "journal"), "%s", found);
    shell_run ("sed -i s/three/THREE/ root/var/journal");
    (void) root_check (&root, findings_add, found);
    cr_expect_not_null (strstr (found, "var/journal: line 4 does not follow line 3"), "%s", found);
}

Test (chain, the_last_line_is_found_after_long_and_damaged_lines)
{
    journal_append_five ();
    shell_run ("head -c 100000 /dev/zero | tr '\\000' x >> root/var/journal");
    journal_append ("six");
    cr_expect_eq (root_journal_head (&root).serial, 7);
    expect_intact (&none);
    shell_run ("head -c 100000 /dev/zero >> root/var/journal");
    cr_expect_eq (root_journal_head (&root).serial, 0, "an incomplete last line was never reported");
    journal_append ("seven");
    cr_expect_eq (root_journal_head (&root).serial, 9);
}

static size_t journal_repair (void)
{
    size_t bytes = 0;
    cr_expect_eq (root_journal_repair (&root, &bytes, &error), 0, "%s", error.text);
    return bytes;
}

static void expect_no_finding (void)
{
    char found[1024] = "";
    (void) root_check (&root, findings_add, found);
    cr_expect_null (strstr (found, "journal"), "%s", found);
}

/*  After a power cut the file has its full length, and blocks that were not written are NULs. */
Test (chain, an_end_lost_in_a_power_cut_is_removed_once_and_recorded)
{
    static const char *const ends[] = {
        "head -c 300 /dev/zero >> root/var/journal",
        "printf '{\"serial\":6,\"ti' >> root/var/journal; head -c 300 /dev/zero >> root/var/journal",
        "{ head -c 300 /dev/zero; echo; } >> root/var/journal",
        "printf 'garbage' >> root/var/journal",
        "printf '{\"serial\":6,\"ti' >> root/var/journal",
    };
    journal_append_five ();
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct root_journal_head head = root_journal_head (&root);
        shell_run (ends[i]);
        expect_intact (&head);
        expect_no_finding ();
        cr_expect_gt (journal_repair (), 6, "end %zu", i);
        cr_expect_eq (root_journal_head (&root).serial, head.serial + 1);
        expect_intact (&head);
        expect_no_finding ();
        cr_expect_eq (journal_repair (), 0, "the second repair changes nothing");
        journal_append ("onwards");
        expect_intact (&head);
    }
    shell_run ("grep -c 'had not reached the disk' root/var/journal > count");
    char *text = scratch_read ("count");
    cr_expect_str_eq (text, "5\n");
    free (text);
}

/*  A block in the middle was not written, but a later block was. */
Test (chain, nuls_and_the_unlinked_lines_after_them_are_removed)
{
    journal_append_five ();
    struct root_journal_head head = root_journal_head (&root);
    journal_append ("six");
    journal_append ("seven");
    journal_append ("eight");
    shell_run (
        "perl -e 'local $/; open (my $f, \"+<\", \"root/var/journal\"); my $t = <$f>; my $at = index ($t, "
        "\"six\") - 40; substr ($t, $at, 300) = \"\\0\" x 300; seek ($f, 0, 0); print $f $t'");
    expect_intact (&head);
    cr_expect_gt (journal_repair (), 300);
    cr_expect_eq (root_journal_head (&root).serial, 6);
    expect_intact (&head);
    expect_no_finding ();
}

Test (chain, a_missing_reported_line_is_found_despite_nuls)
{
    journal_append_five ();
    struct root_journal_head head = root_journal_head (&root);
    shell_run ("sed -i 4,5d root/var/journal; head -c 300 /dev/zero >> root/var/journal");
    expect_fault (&head, "the last one is line 3");
    (void) journal_repair ();
    expect_fault (&head, "the last one is line 4");
    journal_append ("five");
    expect_fault (&head, "line 5 of the journal differs from the one that was reported");
}

Test (chain, a_journal_of_nuls_continues_the_rotated_one)
{
    journal_append_five ();
    struct root_journal_head head = root_journal_head (&root);
    shell_run ("mv root/var/journal root/var/journal.1; head -c 300 /dev/zero > root/var/journal");
    expect_intact (&head);
    expect_no_finding ();
    cr_expect_eq (journal_repair (), 300);
    cr_expect_eq (root_journal_head (&root).serial, 6);
    expect_intact (&head);
}

Test (chain, words_of_a_later_version_are_not_damage)
{
    journal_append_five ();
    shell_run (
        "sed -i '$s/\"outcome\":\"passed\"/\"outcome\":\"adopted\",\"colour\":\"red\"/' root/var/journal");
    expect_no_finding ();
    expect_intact (&none);
    cr_expect_eq (journal_repair (), 0);
    journal_append ("six");
    cr_expect_eq (root_journal_head (&root).serial, 6);
    expect_no_finding ();
}

Test (chain, a_changed_line_is_not_repaired_as_a_power_cut)
{
    journal_append_five ();
    shell_run ("sed -i s/three/THREE/ root/var/journal");
    cr_expect_eq (journal_repair (), 0);
    expect_fault (&none, "line 3 was changed");
    shell_run ("head -c 300 /dev/zero >> root/var/journal");
    cr_expect_eq (journal_repair (), 0);
    journal_append ("six");
    expect_fault (&none, "line 3 was changed");
}

Test (chain, a_journal_that_is_not_a_file_is_not_reported_as_synced)
{
    free (scratch_shell ("cd root/var; rm -f journal; mkdir journal", NULL));
    errno = ENOENT;
    cr_expect_eq (root_journal_sync (&root), -EIO);
}
