/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/metadata.c - a file of signed metadata is fetched part by part from an origin that is not believed */

#include "session_rig.h"

#include "node/metadata.h"

static const struct node_subject_ops subject_ops = {.describe = subject_describe, .desired = subject_desired};

/*  What the origin does. */
static char file[200000]; /* what it serves; text */
static bool answers = true;
static bool forgets;      /* the answer does not repeat the offset */
static unsigned replaces; /* so many first parts are of another file than the parts after them */
static uint64_t claims;   /* the size that it states; 0: the true one */
static size_t part_most;  /* bytes of its parts; 0: as many as allowed */
static bool endless;      /* the file is longer at each request */
static bool lies;         /* the digest is of another file */
static enum wire_status status = WIRE_STATUS_OK;
static unsigned wants, failures;
static char last_role[80];
static uint64_t last_version;

static struct node_metadata metadata;
static unsigned ends;
static enum node_metadata_result result;
static char reason[700];
static struct base_buffer got;

static void part_send (const struct wire_want_metadata *want)
{
    static char data[WIRE_PART_MOST + 1];
    size_t size = strlen (file), most = part_most ? part_most : WIRE_PART_MOST;
    size_t left = want->offset < size ? size - (size_t) want->offset : 0, length = left < most ? left : most;
    struct wire_metadata answer = {.role = want->role,
                                   .version = want->version,
                                   .offset = forgets ? 77 : want->offset,
                                   .status = status,
                                   .size = claims ? claims : size,
                                   .file = base_digest_of (file, size),
                                   .data = data};
    if (endless) {
        answer.size = want->offset + 2 * WIRE_PART_MOST;
        length = WIRE_PART_MOST;
    }
    memcpy (data, file + (endless ? 0 : want->offset), length);
    data[length] = '\0';
    answer.file.bytes[0] ^= lies;
    if (failures) {
        failures--;
        answer.status = WIRE_STATUS_FAILED;
    }
    if (replaces && want->offset == 0 && want->role) {
        replaces--;
        answer.file.bytes[1] ^= 0x55;
    }
    (void) bus_send (control, &node, &wire_metadata_record, &answer);
}

static void on_message (const struct bus_message *message)
{
    if (message->record == &wire_want_metadata_record) {
        const struct wire_want_metadata *want = message->body;
        wants++;
        last_version = want->version;
        (void) snprintf (last_role, sizeof last_role, "%s", want->role);
        if (answers)
            part_send (want);
    }
    bus_loop_stop (loop);
}

static void on_done (void *context, enum node_metadata_result its_result, const struct base_buffer *bytes,
                     const char *its_reason)
{
    cr_expect_eq (context, &ends);
    cr_expect_null (metadata.session, "it has ended: the next one may begin");
    ends++;
    result = its_result;
    base_buffer_deinit (&got);
    (void) base_buffer_append (&got, bytes->data ? (const void *) bytes->data : "", bytes->size);
    (void) snprintf (reason, sizeof reason, "%s", its_reason ? its_reason : "");
    bus_loop_stop (loop);
}

static void setup (void)
{
    session_rig_setup (10000, on_message); /* no request is sent twice because the machine is slow */
    session_make (&subject_ops, 1);
    for (size_t i = 0; i < sizeof file - 1; i++)
        file[i] = (char) ('a' + i * i % 23);
    node_session_open (session);
}

static void teardown (void)
{
    node_metadata_cancel (&metadata);
    base_buffer_deinit (&got);
    session_rig_teardown ();
}

TestSuite (metadata, .init = setup, .fini = teardown);

static void size_is (size_t size)
{
    cr_assert_lt (size, sizeof file);
    file[size] = '\0';
}

static void begin (size_t most)
{
    node_metadata_begin (&metadata, session, "targets", 7, most, on_done, &ends);
}

static void ended (void)
{
    unsigned before = ends;
    while (ends == before)
        cr_assert_eq (bus_loop_run (loop), 0);
}

static void fetched (size_t size, size_t most, unsigned requests)
{
    size_is (size);
    wants = 0;
    begin (most);
    ended ();
    cr_assert_eq (result, NODE_METADATA_HERE, "%s", reason);
    cr_assert_eq (got.size, size);
    cr_expect (size == 0 || memcmp (got.data, file, size) == 0);
    cr_expect_eq (wants, requests, "%u", wants);
}

Test (metadata, a_file_arrives_in_as_many_parts_as_its_size_needs)
{
    fetched (3 * WIRE_PART_MOST + 5, 200000, 4);
    cr_expect_str_eq (last_role, "targets");
    cr_expect_eq (last_version, 7);
}

Test (metadata, a_file_of_whole_parts_has_no_part_more)
{
    fetched (2 * WIRE_PART_MOST, 2 * WIRE_PART_MOST, 2);
}

Test (metadata, a_short_file_is_one_part)
{
    fetched (1, 1, 1);
}

Test (metadata, an_empty_file_is_a_file)
{
    fetched (0, 100, 1);
}

Test (metadata, a_request_without_an_answer_is_repeated)
{
    answers = false;
    config.resend_ms = 20;
    size_is (10);
    begin (100);
    while (wants < 3)
        cr_assert_eq (bus_loop_run (loop), 0);
    cr_expect_eq (ends, 0);
    answers = true;
    ended ();
    cr_expect_eq (result, NODE_METADATA_HERE);
}

Test (metadata, an_origin_that_failed_is_asked_again)
{
    failures = 2;
    config.resend_ms = 20;
    size_is (10);
    begin (100);
    ended ();
    cr_expect_eq (result, NODE_METADATA_HERE);
    cr_expect_geq (wants, 3);
}

Test (metadata, a_file_that_the_origin_does_not_have_is_absent)
{
    status = WIRE_STATUS_NONE;
    begin (100);
    ended ();
    cr_expect_eq (result, NODE_METADATA_ABSENT);
    cr_expect_eq (got.size, 0);
}

Test (metadata, another_status_is_a_failure_with_its_word)
{
    status = WIRE_STATUS_REFUSED;
    begin (100);
    ended ();
    cr_expect_eq (result, NODE_METADATA_FAILED);
    cr_expect (strstr (reason, "refused"), "%s", reason);
}

Test (metadata, a_file_over_the_limit_is_not_fetched)
{
    size_is (2 * WIRE_PART_MOST);
    begin (2 * WIRE_PART_MOST - 1);
    ended ();
    cr_expect_eq (result, NODE_METADATA_TOO_LARGE, "%s", reason);
    cr_expect_eq (wants, 1);
    cr_expect (strstr (reason, "65536"), "%s", reason);
}

Test (metadata, an_endless_file_ends)
{
    endless = true;
    begin (3 * WIRE_PART_MOST);
    ended ();
    cr_expect_eq (result, NODE_METADATA_FAILED, "%s", reason);
    cr_expect_leq (wants, 12);
}

Test (metadata, parts_that_are_shorter_than_they_must_be_end_it)
{
    part_most = 1;
    size_is (1000);
    begin (2000);
    ended ();
    cr_expect_eq (result, NODE_METADATA_FAILED, "%s", reason);
    cr_expect_eq (wants, 1);
}

Test (metadata, a_part_that_is_longer_than_the_file_ends_it)
{
    claims = 10;
    size_is (1000);
    begin (2000);
    ended ();
    cr_expect_eq (result, NODE_METADATA_FAILED, "%s", reason);
}

Test (metadata, bytes_of_another_digest_are_not_taken)
{
    lies = true;
    size_is (1000);
    begin (2000);
    ended ();
    cr_expect_eq (result, NODE_METADATA_FAILED, "%s", reason);
    cr_expect_eq (got.size, 0, "nobody sees them");
}

Test (metadata, a_file_that_is_replaced_meanwhile_begins_again)
{
    replaces = 3;
    size_is (WIRE_PART_MOST + 1);
    begin (200000);
    ended ();
    cr_expect_eq (result, NODE_METADATA_HERE, "%s", reason);
    cr_expect_eq (got.size, WIRE_PART_MOST + 1);
    cr_expect_arr_eq (got.data, file, got.size);
}

Test (metadata, a_file_that_is_replaced_again_and_again_is_given_up)
{
    replaces = 1000;
    size_is (WIRE_PART_MOST + 1);
    begin (200000);
    ended ();
    cr_expect_eq (result, NODE_METADATA_FAILED, "%s", reason);
    cr_expect (strstr (reason, "replaced"), "%s", reason);
}

Test (metadata, an_answer_to_another_request_is_not_taken)
{
    forgets = true;
    config.resend_ms = 20;
    size_is (10);
    begin (100);
    while (wants < 3)
        cr_assert_eq (bus_loop_run (loop), 0);
    cr_expect_eq (ends, 0);
}

Test (metadata, a_cancelled_fetch_gets_no_answer)
{
    size_is (10);
    begin (100);
    node_metadata_cancel (&metadata);
    for (unsigned i = 0; i < 3; i++) {
        begin (100);
        ended ();
    }
    cr_expect_eq (ends, 3);
    node_metadata_cancel (&metadata);
}

Test (metadata, a_session_that_closes_forgets_the_request)
{
    answers = false;
    begin (100);
    while (!wants)
        cr_assert_eq (bus_loop_run (loop), 0);
    session = node_session_free (session);
    cr_expect_null (metadata.part.session);
}
