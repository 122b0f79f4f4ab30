/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/words.c - records of the broker, printed as text */

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "ctl/words.h"

static json_t *json_parse (const char *text)
{
    json_error_t error;
    json_t *value = json_loads (text, 0, &error);
    cr_assert_not_null (value, "%s: %s", error.text, text);
    return value;
}

/*  The output of a statement that writes to `out`; on the heap. */
#define PRINTED(statement)                                                                                   \
    (__extension__({                                                                                         \
        char *text_ = NULL;                                                                                  \
        size_t size_ = 0;                                                                                    \
        FILE *out = open_memstream (&text_, &size_);                                                         \
        cr_assert_not_null (out);                                                                            \
        statement;                                                                                           \
        fclose (out);                                                                                        \
        text_;                                                                                               \
    }))

static const char node_text[] =
    "{\"id\":\"web-1\",\"online\":true,\"held\":true,\"application\":\"noded\",\"state\":\"idle\",\"version\":\"1.0.0\","
    "\"release\":\"1111111111112222\",\"previous\":{\"version\":\"0.9.0\",\"release\":\"333333333333444\"},"
    "\"last_error\":{\"transaction\":\"t-2\",\"step\":\"trial\",\"reason\":\"hung\"}}";

Test (words, nodes_are_printed_as_a_table)
{
    base_cleanup (base_free_p) char *list = NULL;
    cr_assert_gt (asprintf (&list, "[%s,{\"id\":\"b\",\"state\":null,\"previous\":null}]", node_text), 0);
    json_t *nodes = json_parse (list);
    base_cleanup (base_free_p) char *text = PRINTED (ctl_nodes_print (out, nodes, 0));
    cr_expect_str_eq (text, "NODE   ONLINE  STATE    VERSION  RELEASE       PREVIOUS  HELD  LAST-ERROR\n"
                            "web-1  yes     idle     1.0.0    111111111111  0.9.0     yes   trial: hung\n"
                            "b      no      unknown  -        -             -         no    -\n");
    json_decref (nodes);
}

Test (words, an_empty_list_of_nodes_is_printed_as_no_nodes)
{
    json_t *nodes = json_parse ("[]");
    base_cleanup (base_free_p) char *text = PRINTED (ctl_nodes_print (out, nodes, 0));
    cr_expect_str_eq (text, "no nodes\n");
    json_decref (nodes);
}

Test (words, the_reports_of_a_node_are_grouped_by_update)
{
    json_t *node = json_parse (node_text);
    json_t *told = json_parse (
        "[{\"time\":\"2026-11-22T15:00:00.000000000Z\",\"transaction\":\"t-1\",\"epoch\":4,\"attempt\":1,"
        "\"step\":\"matching\",\"outcome\":\"started\",\"version\":\"1.0.0\",\"release\":\"1111111111112222\","
        "\"verb\":\"update\",\"ordered\":\"2026-11-22T14:59:59.000000000Z\",\"rollout\":\"r-1\",\"wave\":2},"
        "{\"time\":\"2026-11-22T15:00:01.500000000Z\",\"transaction\":\"t-2\",\"epoch\":5,\"attempt\":1,"
        "\"step\":\"probing\",\"outcome\":\"started\",\"version\":\"2.0.0\",\"release\":\"555555555555666\"},"
        "{\"time\":\"2026-11-22T15:00:02.250000000Z\",\"transaction\":\"t-1\",\"epoch\":4,\"attempt\":2,"
        "\"step\":\"confirmed\",\"outcome\":\"confirmed\"},"
        "{\"time\":\"2026-11-22T15:00:03.000000000Z\",\"transaction\":\"t-2\",\"epoch\":5,\"attempt\":1,"
        "\"step\":\"trial\",\"outcome\":\"went-back\",\"reason\":\"hung\\n\"},"
        "{\"time\":\"2026-11-22T16:00:00.000000000Z\",\"epoch\":6,\"attempt\":1,\"step\":\"hold\",\"outcome\":\"passed\"}]");
    base_cleanup (base_free_p) char *text = PRINTED (ctl_why_print (out, node, told));
    cr_expect_str_eq (
        text,
        "2026-11-22 15:00:00Z  Update to 1.0.0 (111111111111), order 4, t-1, by rollout r-1, wave 2\n"
        "    15:00:00.000  matching   started\n"
        "    15:00:02.250  confirmed  the new version confirmed itself (attempt 2)\n"
        "    took 2.2s\n"
        "\n"
        "2026-11-22 15:00:01Z  Update to 2.0.0 (555555555555), order 5, t-2\n"
        "    15:00:01.500  probing  started\n"
        "    15:00:03.000  trial    failed on trial; the previous version runs again: hung\\x0a\n"
        "    took 1.5s\n"
        "\n"
        "2026-11-22 16:00:00Z  Order to hold, or to end a hold, order 6\n"
        "    16:00:00.000  hold  passed\n"
        "\n"
        "Now: web-1 runs noded 1.0.0 (111111111111) and is idle, held\n"
        "     because the update to another release failed on trial, and was rolled back on 2026-11-22 15:00:03Z"
        " in t-2: hung\\x0a\n"
        "     a revert returns to 0.9.0 (333333333333)\n");
    json_decref (told);
    json_decref (node);
}

Test (words, hostile_reports_do_no_harm)
{
    static const char *const lists[] = {"[]", "[1,null,[],{}]", "[{\"time\":5,\"step\":{},\"epoch\":-1}]",
                                        "{}"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        json_t *told = json_parse (lists[i]);
        base_cleanup (base_free_p) char *text = PRINTED (ctl_why_print (out, told, told));
        base_cleanup (base_free_p) char *nodes = PRINTED (ctl_nodes_print (out, told, 10));
        base_cleanup (base_free_p) char *status = PRINTED (ctl_status_print (out, told));
        base_cleanup (base_free_p) char *quarantine = PRINTED (ctl_quarantine_print (out, told, 10));
        cr_expect (*text && *nodes && *status && *quarantine);
        json_decref (told);
    }
}

Test (words, an_event_is_one_line)
{
    json_t *event = json_parse (
        "{\"event\":\"failed\",\"time\":\"2026-11-22T15:00:00.000000000Z\",\"node\":\"web-1\","
        "\"application\":\"noded\",\"version\":\"1.0.0\",\"step\":\"probing\",\"reason\":\"no\"}");
    base_cleanup (base_free_p) char *line = ctl_event_line (event);
    cr_expect_str_eq (line, "2026-11-22 15:00:00Z  web-1  failed  noded  1.0.0  probing: no");
    json_decref (event);
}

Test (words, every_state_and_outcome_of_the_schema_has_words)
{
    static const char *const states[] = {
#define CHOICES(NAME, name, doc)
#define CHOICE(NAME, VALUE, word, doc) #NAME " " word,
#define END_CHOICES(NAME, name)
#include "schemas/choices.def"
#undef CHOICES
#undef CHOICE
#undef END_CHOICES
    };
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        const char *word = strchr (states[i], ' ') + 1;
        if (strncmp (states[i], "STATE ", 6) == 0)
            cr_expect_str_not_empty (ctl_state_words (word), "%s", word);
        if (strncmp (states[i], "OUTCOME ", 8) == 0)
            cr_expect (ctl_outcome_ends (word) || strcmp (word, "started") == 0 ||
                           strcmp (word, "passed") == 0,
                       "%s", word);
    }
}
