/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/records/mark.c - the mark, by which older records are noticed */

#include "database.h"

TestSuite (mark, .init = database_make, .fini = database_remove, .timeout = 60);

static unsigned calls;
static struct records_mark last;

static void mark_take (void *context, const struct records_mark *mark)
{
    cr_expect_str_eq (context, "follower");
    cr_expect_eq (records_begin (records, &error), 0, "called within the transaction");
    records_rollback (records);
    last = *mark;
    calls++;
}

static struct records_mark mark_follow (void)
{
    static char follower[] = "follower";
    struct records_mark mark;

    cr_assert_eq (records_mark_follow (records, mark_take, follower, &mark, &error), 0, "%s", error.text);
    return mark;
}

static void node_commit (const char *id)
{
    cr_assert_eq (records_begin (records, &error), 0);
    if (id)
        node_put (id);
    cr_assert_eq (records_commit (records, &error), 0, "%s", error.text);
}

Test (mark, counts_every_transaction_that_changes_something)
{
    struct records_mark started = mark_follow ();

    cr_expect_neq (started.identity, 0);
    node_commit ("a");
    cr_expect_eq (calls, 1);
    cr_expect_eq (last.count, started.count + 1);
    cr_expect_eq (last.identity, started.identity);
    node_commit (NULL);
    cr_expect_eq (calls, 1, "a transaction without a change");
    cr_assert_eq (records_begin (records, &error), 0);
    node_put ("b");
    records_rollback (records);
    cr_expect_eq (calls, 1, "a transaction that was undone");
    node_commit ("b");
    cr_expect_eq (last.count, started.count + 2);
}

Test (mark, is_the_same_when_the_records_are_opened_again)
{
    struct records_mark started = mark_follow (), found;

    node_commit ("a");
    records = records_free (records);
    database_open ();
    cr_assert_eq (records_mark_get (records, &found, &error), 0);
    cr_expect_eq (found.identity, started.identity);
    cr_expect_eq (found.count, last.count);
}

Test (mark, of_other_records_has_another_identity)
{
    struct records_mark first = mark_follow (), second;

    database_remove ();
    database_make ();
    cr_assert_eq (records_mark_get (records, &second, &error), 0);
    cr_expect_eq (second.identity, 0, "none before somebody follows");
    second = mark_follow ();
    cr_expect_neq (second.identity, first.identity);
}

Test (mark, is_not_counted_without_a_follower)
{
    struct records_mark started = mark_follow (), found;

    records_mark_leave (records);
    node_commit ("a");
    cr_expect_eq (calls, 0);
    cr_assert_eq (records_mark_get (records, &found, &error), 0);
    cr_expect_eq (found.count, started.count);
}
