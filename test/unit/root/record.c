/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/root/record.c - the records in var/: journal, quarantine, trial, order state */

#include "root/record.h"

#include "fixture.h"

TestSuite (record, .init = fixture_begin, .fini = fixture_end);

static char application[] = "noded", step[] = "probing", transaction[] = "t1", version[] = "1.0.0";

/*  The reasons of the last `most` entries, separated by blanks; checks that serials rise by one. The caller
    frees the text. */
static char *journal_reasons (size_t most, size_t *ret_damaged)
{
    struct wire_entry *entries;
    size_t count;
    struct base_buffer text = {0};
    cr_assert_eq (root_journal_read (&root, most, &entries, &count, ret_damaged, &error), 0, "%s",
                  error.text);
    cr_expect_leq (count, most);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq (base_buffer_printf (&text, "%s%s", i ? " " : "", entries[i].reason), 0);
        cr_expect (i == 0 || entries[i].serial == entries[i - 1].serial + 1);
        cr_expect (root_name_is_valid (entries[i].time));
    }
    root_journal_free (entries, count);
    return base_buffer_take_text (&text);
}

static void expect_reasons (size_t most, const char *wanted, size_t damaged)
{
    size_t found_damaged;
    char *found = journal_reasons (most, &found_damaged);
    cr_expect_str_eq (found, wanted);
    cr_expect_eq (found_damaged, damaged);
    free (found);
}

Test (record, the_journal_returns_the_last_entries_oldest_first)
{
    expect_reasons (10, "", 0);
    journal_append ("a");
    journal_append ("b");
    journal_append ("line\nbreak");
    expect_reasons (2, "b line\nbreak", 0);
    expect_reasons (10, "a b line\nbreak", 0);
}

Test (record, damaged_lines_of_the_journal_are_skipped_and_counted)
{
    journal_append ("a");
    free (scratch_shell ("printf '{\"serial\": 7, nonsense\\n\\377\\n{\"ser\\n' >> root/var/journal", NULL));
    journal_append ("b");
    expect_reasons (10, "a b", 3);
}

Test (record, the_journal_is_rotated_and_serials_continue)
{
    char reason[400];
    memset (reason, 'x', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    struct stat status = {0};
    journal_append ("first");
    char *line = scratch_read ("root/var/journal");
    struct base_buffer text = {0};
    while (text.size < 1024 * 1024 - 200)
        cr_assert_eq (base_buffer_append_text (&text, line), 0);
    scratch_write ("root/var/journal", text.data, text.size, 0644);
    base_buffer_deinit (&text);
    free (line);
    journal_append (reason);
    cr_expect_not (scratch_exists ("root/var/journal.1"));
    journal_append ("behind");
    cr_expect (scratch_exists ("root/var/journal.1"));
    cr_expect_eq (stat ("root/var/journal", &status), 0);
    cr_expect_lt (status.st_size, 1000);
    struct wire_entry *entries;
    size_t count;
    cr_assert_eq (root_journal_read (&root, 2, &entries, &count, NULL, &error), 0);
    cr_expect_eq (count, 2, "entries are read from both files");
    cr_expect_eq (entries[1].serial, entries[0].serial + 1);
    root_journal_free (entries, count);
}

Test (record, a_journal_that_is_a_directory_is_set_aside)
{
    cr_assert_eq (mkdir ("root/var/journal", 0700), 0);
    cr_assert_eq (mkdir ("root/var/journal.damaged", 0700), 0);
    scratch_write_text ("root/var/journal.damaged/older", "");
    journal_append ("a");
    expect_reasons (1, "a", 0);
    char *all = journal_reasons (10, NULL);
    cr_expect_not_null (strstr (all, "set aside as var/journal.damaged"), "%s", all);
    free (all);
}

Test (record, a_missing_var_is_created)
{
    free (scratch_shell ("rm -r root/var", NULL));
    journal_append ("a");
    free (scratch_shell ("rm -r root/var; touch root/var", NULL));
    journal_append ("b");
    expect_reasons (10, "b", 0);
}

Test (record, a_failed_append_leaves_the_journal_unchanged)
{
    struct failing_disk failing;
    struct root full = root;
    struct wire_entry entry = {.application = application, .step = step, .outcome = WIRE_OUTCOME_PASSED};
    journal_append ("a");
    full.disk = failing_init (&failing, 1, ENOSPC);
    failing.only = "write";
    cr_expect_eq (root_journal_append (&full, &entry, &error), -ENOSPC);
    cr_expect_str_eq (error.text, "cannot append to var/journal: No space left on device");
    expect_reasons (10, "a", 0);
}

Test (record, a_hold_is_recorded_on_a_full_disk)
{
    struct failing_disk failing;
    struct root full = root;
    struct wire_order_state order_state = {.epoch = 4, .seen_epoch = 4};
    cr_assert_eq (root_order_state_write (&root, &order_state, &error), 0);
    order_state.held = true;
    full.disk = failing_init (&failing, 1, ENOSPC);
    failing.only = "write";
    cr_expect_eq (root_order_state_write (&full, &order_state, &error), 0, "%s", error.text);
    order_state = (struct wire_order_state){.epoch = 0};
    cr_assert_eq (root_order_state_read (&root, &order_state), 0);
    cr_expect (order_state.held && order_state.epoch == 4);
    wire_order_state_deinit (&order_state);
}

Test (record, a_cache_directory_replaces_files_in_its_way)
{
    struct stat status;
    free (scratch_shell ("rm -r root/var; touch root/var", NULL));
    cr_expect_eq (root_cache_make (&root, "var/blobs", &error), 0, "%s", error.text);
    free (scratch_shell ("rm -r root/var/blobs; touch root/var/blobs", NULL));
    cr_expect_eq (root_cache_make (&root, "var/blobs", &error), 0, "%s", error.text);
    cr_expect (stat ("root/var/blobs", &status) == 0 && S_ISDIR (status.st_mode));
}

static struct wire_failure failure_of (const char *release, const char *time)
{
    static char reason[] = "it hung";
    return (struct wire_failure){.transaction = transaction,
                                 .release = base_digest_of (release, strlen (release)),
                                 .step = step,
                                 .reason = reason,
                                 .time = time};
}

Test (record, a_quarantined_release_is_found_until_it_is_cleared)
{
    struct wire_failure one = failure_of ("one", "2026-01-01T00:00:00.000000000Z"), found, *all;
    struct wire_failure two = failure_of ("two", "2026-01-02T00:00:00.000000000Z");
    size_t count;
    unsigned cleared;
    cr_expect_eq (root_quarantine_find (&root, &one.release, &found), ROOT_E_NONE);
    cr_expect_eq (root_quarantine_list (&root, &all, &count, &error), 0);
    cr_expect_eq (count, 0);
    root_quarantine_free (all, count);
    cr_assert_eq (root_quarantine_add (&root, &one, &error), 0, "%s", error.text);
    cr_assert_eq (root_quarantine_add (&root, &two, &error), 0);
    cr_assert_eq (root_quarantine_add (&root, &two, &error), 0, "adding a release again keeps one record");
    cr_assert_eq (root_quarantine_find (&root, &one.release, &found), 0);
    cr_expect_str_eq (found.reason, "it hung");
    wire_failure_deinit (&found);
    cr_assert_eq (root_quarantine_list (&root, &all, &count, &error), 0);
    cr_expect_eq (count, 2);
    cr_expect (base_digest_equal (&all[0].release, &two.release), "newest first");
    root_quarantine_free (all, count);
    cr_expect_eq (root_quarantine_clear (&root, &one.release, &cleared, &error), 0);
    cr_expect_eq (cleared, 1);
    cr_expect_eq (root_quarantine_clear (&root, &one.release, &cleared, &error), 0);
    cr_expect_eq (cleared, 0);
    cr_expect_eq (root_quarantine_clear (&root, NULL, &cleared, &error), 0);
    cr_expect_eq (cleared, 1);
    cr_expect_eq (root_quarantine_find (&root, &two.release, &found), ROOT_E_NONE);
}

Test (record, the_oldest_record_gives_way_if_too_many_releases_are_quarantined)
{
    enum { MORE = 3 };
    struct wire_failure *all;
    size_t count;
    char time[40];
    struct wire_failure failure = {.transaction = "t", .step = "trial", .reason = "it hung", .time = time};
    for (unsigned i = 0; i < WIRE_QUARANTINE_MOST + MORE; i++) {
        failure.release = (struct base_digest){{(uint8_t) (i % 251 + 1), (uint8_t) (i / 251)}};
        (void) snprintf (time, sizeof time, "2026-01-01T00:%02u:%02u.000000000Z", i / 60, i % 60);
        cr_assert_eq (root_quarantine_add (&root, &failure, &error), 0, "%s", error.text);
    }
    cr_assert_eq (root_quarantine_list (&root, &all, &count, &error), 0);
    cr_expect_eq (count, WIRE_QUARANTINE_MOST);
    cr_expect (base_digest_equal (&all[0].release, &failure.release));
    cr_expect_str_eq (all[count - 1].time, "2026-01-01T00:00:03.000000000Z");
    for (size_t i = 1; i < count; i++)
        cr_expect_lt (strcmp (all[i].time, all[i - 1].time), 0);
    root_quarantine_free (all, count);
    char *kept = scratch_shell ("ls root/var/quarantine | wc -l", NULL);
    cr_expect_eq (strtoul (kept, NULL, 10), WIRE_QUARANTINE_MOST);
    free (kept);
}

Test (record, a_damaged_quarantine_record_is_set_aside)
{
    struct wire_failure one = failure_of ("one", "2026-01-01T00:00:00.000000000Z"), found, *all;
    struct wire_failure two = failure_of ("two", "2026-01-01T00:00:00.000000000Z");
    size_t count;
    cr_assert_eq (root_quarantine_add (&root, &one, &error), 0);
    cr_assert_eq (root_quarantine_add (&root, &two, &error), 0);
    free (scratch_shell (
        "cd root/var/quarantine; set -- *; : > $1; cp $2 ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        NULL));
    cr_assert_eq (root_quarantine_list (&root, &all, &count, &error), 0);
    cr_expect_eq (count, 1, "the empty record and the one with a wrong name are not listed");
    root_quarantine_free (all, count);
    char *aside = scratch_shell ("ls root/var/quarantine | grep -c 'damaged$'", NULL);
    cr_expect_str_eq (aside, "2");
    free (aside);
    (void) found;
}

Test (record, trial_and_order_state_are_read_back)
{
    static char workspace[] = "2026-01-02T00:00:00.000000000Z", previous[] = "2026-01-01T00:00:00.000000000Z";
    struct wire_trial trial = {.transaction = transaction,
                               .epoch = 7,
                               .attempt = 1,
                               .release = base_digest_of ("r", 1),
                               .version = version,
                               .workspace = workspace,
                               .previous = previous};
    struct wire_trial found;
    cr_expect_eq (root_trial_recall (&root, &found), ROOT_E_NONE);
    cr_assert_eq (root_trial_note (&root, &trial, &error), 0, "%s", error.text);
    cr_assert_eq (root_trial_recall (&root, &found), 0);
    cr_expect_eq (found.epoch, 7);
    cr_expect_str_eq (found.workspace, workspace);
    wire_trial_deinit (&found);
    cr_expect_eq (root_trial_forget (&root), 0);
    cr_expect_eq (root_trial_forget (&root), 0);
    cr_expect_eq (root_trial_recall (&root, &found), ROOT_E_NONE);
    struct wire_order_state order_state = {.epoch = 3, .seen_epoch = 4, .held = true}, recalled;
    cr_assert_eq (root_order_state_write (&root, &order_state, &error), 0);
    cr_assert_eq (root_order_state_read (&root, &recalled), 0);
    cr_expect (recalled.epoch == 3 && recalled.seen_epoch == 4 && recalled.held);
    wire_order_state_deinit (&recalled);
}

Test (record, a_corrupt_trial_record_is_set_aside)
{
    struct wire_trial found;
    static const char *const corrupt[] = {"", "{", "[]", "{\"epoch\": -1}", "\xff\xff"};
    for (size_t i = 0; i < sizeof corrupt / sizeof *corrupt; i++) {
        scratch_write_text ("root/var/trial", corrupt[i]);
        cr_expect_eq (root_trial_recall (&root, &found), ROOT_E_NONE);
        cr_expect (scratch_holds ("root/var/trial.damaged", corrupt[i]));
        cr_expect_not (scratch_exists ("root/var/trial"));
    }
    cr_assert_eq (mkdir ("root/var/order-state", 0700), 0);
    struct wire_order_state order_state = {.epoch = 1, .seen_epoch = 1};
    cr_expect_eq (root_order_state_write (&root, &order_state, &error), 0,
                  "a directory in the way is replaced: %s", error.text);
    cr_expect_eq (root_order_state_read (&root, &order_state), 0);
}
