/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/document.c - a file and its signatures */

#include "test/unit/trust/fixture.h"

static int document_parse (const char *text)
{
    struct trust_document document = {0};
    struct base_error error = {0};
    int r = trust_document_parse (text, strlen (text), TRUST_DOCUMENT_MOST, &document, &error);
    cr_assert_eq (r != 0, *error.text != 0);
    trust_document_deinit (&document);
    return r;
}

#define WITHOUT_SIG "{\"signed\":{},\"signatures\":[{\"keyid\":\"" ID "\"}]}"
#define ID "00000000000000000000000000000000000000000000000000000000000000aa"

Test (document, a_malformed_file_is_refused)
{
    static const char *const texts[] = {
        "",
        " ",
        "7",
        "[]",
        "{}",
        "{\"signed\":{}}",
        "{\"signatures\":[]}",
        "{\"signed\":[],\"signatures\":[]}",
        "{\"signed\":{},\"signatures\":{}}",
        "{\"signed\":{},\"signatures\":[7]}",
        "{\"signed\":{},\"signatures\":[{\"keyid\":\"00\",\"sig\":\"\"}]}",
        "{\"signed\":{},\"signatures\":[{\"sig\":\"\"}]}",
        "{\"signed\":{},\"signatures\":[]} x",
        "{\"signed\":{},\"signatures\":[]",
        "{\"signed\":{},\"signatures\":[],\"signed\":{}}",
        "{\"signed\":{\"a\":1,\"a\":2},\"signatures\":[]}",
        "{\"signed\":{\"a\":1.0},\"signatures\":[]}",
        "{\"signed\":{\"a\":18446744073709551616},\"signatures\":[]}",
        "{\"signed\":{\"a\":\"\xff\"},\"signatures\":[]}",
        "{\"signed\":{\"a\":\"\\ud800\"},\"signatures\":[]}",
        "{\"signed\":{\"a\\u0000\":1},\"signatures\":[]}",
        "\xef\xbb\xbf{\"signed\":{},\"signatures\":[]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq (document_parse (texts[i]), TRUST_E_FORMAT, "%zu: %s", i, texts[i]);
    cr_assert_eq (document_parse (WITHOUT_SIG), TRUST_E_FORMAT);
    cr_assert_eq (document_parse ("{\"signed\":{},\"signatures\":[]}"), 0);
    cr_assert_eq (document_parse ("{\"signed\":{},\"signatures\":[{\"keyid\":\"" ID "\",\"sig\":\"\"}]}"), 0);
    cr_assert_eq (document_parse ("{\"signed\":{},\"signatures\":[{\"keyid\":\"" ID "\",\"sig\":\"xyz\"}]}"),
                  0);
}

Test (document, an_error_quotes_no_control_characters)
{
    struct trust_document document = {0};
    struct base_error error = {0};
    static const char text[] = "{\"signed\":\x1b[2J\xc3\xa9}";
    cr_assert_eq (trust_document_parse (text, strlen (text), TRUST_DOCUMENT_MOST, &document, &error),
                  TRUST_E_FORMAT);
    for (const char *at = error.text; *at; at++)
        cr_assert (*at >= ' ' && *at <= '~', "%s", error.text);
}

Test (document, brackets_in_strings_are_no_levels)
{
    cr_assert_eq (
        document_parse (
            "{\"signed\":{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[\"},\"signatures\":[]}"),
        0);
}

Test (document, a_file_over_its_limit_is_refused_unread)
{
    struct trust_document document = {0};
    static const char text[] = "{\"signed\":{},\"signatures\":[]}";
    cr_assert_eq (trust_document_parse (text, strlen (text), strlen (text) - 1, &document, NULL),
                  TRUST_E_TOO_LARGE);
    cr_assert_eq (trust_document_parse (text, strlen (text), strlen (text), &document, NULL), 0);
    trust_document_deinit (&document);
}

Test (document, too_many_signatures_are_refused)
{
    for (int count = TRUST_SIGNATURES_MOST; count <= TRUST_SIGNATURES_MOST + 1; count++) {
        json_t *signatures = json_array ();
        for (int i = 0; i < count; i++) {
            char keyid[65];
            (void) snprintf (keyid, sizeof keyid, "%064x", (unsigned) i);
            json_array_append_new (signatures, json_pack ("{s:s,s:s}", "keyid", keyid, "sig", ""));
        }
        json_t *file = json_pack ("{s:o,s:{}}", "signatures", signatures, "signed");
        char *text = json_dumps (file, 0);
        cr_assert_eq (document_parse (text), count > TRUST_SIGNATURES_MOST ? TRUST_E_TOO_LARGE : 0);
        free (text);
        json_decref (file);
    }
}

/*  Counts signatures of a document signed by the keys of signers, for a role of keys. */
static size_t count_signed (const unsigned *signers, const unsigned *keys_of_role, int threshold,
                            int *ret_verified)
{
    json_t *content = json_pack ("{s:i}", "version", 1), *keys_json = json_object ();
    char *text = file_sign (content, signers);
    json_t *role_json = role_of (keys_of_role, threshold);
    struct trust_document document;
    struct trust_keys keys;
    struct trust_role role;
    keys_add (keys_json, keys_of_role);
    cr_assert_eq (trust_document_parse (text, strlen (text), TRUST_DOCUMENT_MOST, &document, NULL), 0);
    cr_assert_eq (trust_keys_read (keys_json, &keys, NULL), 0);
    cr_assert_eq (trust_role_read (role_json, &role, NULL), 0);
    size_t count = trust_document_count (&document, &keys, &role);
    *ret_verified = trust_document_verify (&document, &keys, &role, "it", NULL);
    trust_role_deinit (&role);
    trust_keys_deinit (&keys);
    trust_document_deinit (&document);
    json_decref (role_json);
    json_decref (keys_json);
    json_decref (content);
    free (text);
    return count;
}

Test (document, a_threshold_needs_as_many_keys_of_the_role)
{
    static const struct {
        unsigned signers[6], keys[6];
        int threshold;
        unsigned count;
        int verified;
    } cases[] = {
        {{1, 0}, {1, 0}, 1, 1, 0},
        {{0}, {1, 0}, 1, 0, TRUST_E_THRESHOLD},
        {{2, 0}, {1, 0}, 1, 0, TRUST_E_THRESHOLD},
        {{1, 2, 3, 0}, {1, 0}, 1, 1, 0},
        {{1, 2, 3, 0}, {1, 2, 3, 0}, 3, 3, 0},
        {{1, 3, 0}, {1, 2, 3, 0}, 3, 2, TRUST_E_THRESHOLD},
        {{1, 3, 0}, {1, 2, 3, 0}, 2, 2, 0},
        {{1, 2, 3, 0}, {1, 2, 3, 0}, 4, 3, TRUST_E_THRESHOLD},
        {{4, 5, 1, 0}, {1, 2, 3, 0}, 2, 1, TRUST_E_THRESHOLD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int verified = -1;
        cr_assert_eq (count_signed (cases[i].signers, cases[i].keys, cases[i].threshold, &verified),
                      cases[i].count, "%zu", i);
        cr_assert_eq (verified, cases[i].verified, "%zu", i);
    }
}

Test (document, a_keyid_without_a_key_and_a_wrong_signature_do_not_count)
{
    json_t *content = json_pack ("{s:i}", "version", 1), *keys_json = json_object ();
    json_t *role_json = role_of ((unsigned[]){1, 2, 3, 0}, 2), *signatures = json_array ();
    base_cleanup (signer_deinit) struct signer one = signer_of (1), two = signer_of (2),
                                               three = signer_of (3);
    struct trust_document document;
    struct trust_keys keys;
    struct trust_role role;
    struct base_error error = {0};
    keys_add (keys_json, (unsigned[]){1, 2, 0}); /* not 3 */
    signature_add (signatures, content, &one);
    signature_add (signatures, content, &three);
    json_array_append_new (signatures, json_pack ("{s:s,s:O}", "keyid", two.keyid, "sig",
                                                  json_object_get (json_array_get (signatures, 0), "sig")));
    json_t *file = json_pack ("{s:o,s:o}", "signatures", signatures, "signed", content);
    char *text = json_dumps (file, 0);
    cr_assert_eq (trust_document_parse (text, strlen (text), TRUST_DOCUMENT_MOST, &document, NULL), 0);
    cr_assert_eq (trust_keys_read (keys_json, &keys, NULL), 0);
    cr_assert_eq (trust_role_read (role_json, &role, NULL), 0);
    cr_assert_eq (trust_document_verify (&document, &keys, &role, "version 1 of root", &error),
                  TRUST_E_THRESHOLD);
    cr_assert_str_eq (error.text, "version 1 of root is signed by 1 of its keys, and must be signed by 2");
    /*  A struct made by hand with threshold 0 is refused, too. */
    role.threshold = 0;
    cr_assert_eq (trust_document_verify (&document, &keys, &role, "it", NULL), TRUST_E_THRESHOLD);
    trust_role_deinit (&role);
    trust_keys_deinit (&keys);
    trust_document_deinit (&document);
    json_decref (role_json);
    json_decref (keys_json);
    json_decref (file);
    free (text);
}

Test (document, white_space_and_order_do_not_change_what_is_signed)
{
    json_t *content = json_loads ("{\"b\":[1,2],\"a\":{\"\\u00e9\":\"x\\\\y\"}}", 0, NULL),
           *keys_json = json_object ();
    char *text = file_sign (content, (unsigned[]){1, 0});
    json_t *file = json_loads (text, 0, NULL), *role_json = role_of ((unsigned[]){1, 0}, 1);
    char *other = json_dumps (file, JSON_INDENT (4) | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    struct trust_document document;
    struct trust_keys keys;
    struct trust_role role;
    keys_add (keys_json, (unsigned[]){1, 0});
    cr_assert_eq (trust_document_parse (other, strlen (other), TRUST_DOCUMENT_MOST, &document, NULL), 0);
    cr_assert_eq (trust_keys_read (keys_json, &keys, NULL), 0);
    cr_assert_eq (trust_role_read (role_json, &role, NULL), 0);
    cr_assert_eq (trust_document_verify (&document, &keys, &role, "it", NULL), 0);
    trust_role_deinit (&role);
    trust_keys_deinit (&keys);
    trust_document_deinit (&document);
    json_decref (role_json);
    json_decref (keys_json);
    json_decref (file);
    json_decref (content);
    free (text);
    free (other);
}

Test (document, a_malformed_role_is_refused)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"{}", TRUST_E_FORMAT},
        {"[]", TRUST_E_FORMAT},
        {"{\"keyids\":[]}", TRUST_E_FORMAT},
        {"{\"threshold\":1}", TRUST_E_FORMAT},
        {"{\"keyids\":[],\"threshold\":0}", TRUST_E_FORMAT},
        {"{\"keyids\":[],\"threshold\":-1}", TRUST_E_FORMAT},
        {"{\"keyids\":[],\"threshold\":true}", TRUST_E_FORMAT},
        {"{\"keyids\":[\"00\"],\"threshold\":1}", TRUST_E_FORMAT},
        {"{\"keyids\":[7],\"threshold\":1}", TRUST_E_FORMAT},
        {"{\"keyids\":[\"" ID "\",\"" ID "\"],\"threshold\":1}", TRUST_E_FORMAT},
        {"{\"keyids\":[],\"threshold\":1}", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trust_role role = {0};
        json_t *json = json_loads (cases[i].text, 0, NULL);
        cr_assert_eq (trust_role_read (json, &role, NULL), cases[i].code, "%s", cases[i].text);
        trust_role_deinit (&role);
        json_decref (json);
    }
    struct trust_role role = {0};
    json_t *keyids = json_array (), *json = json_pack ("{s:o,s:i}", "keyids", keyids, "threshold", 1);
    for (int i = 0; i <= TRUST_ROLE_KEYS_MOST; i++) {
        char keyid[65];
        (void) snprintf (keyid, sizeof keyid, "%064x", (unsigned) i);
        json_array_append_new (keyids, json_string (keyid));
    }
    cr_assert_eq (trust_role_read (json, &role, NULL), TRUST_E_TOO_LARGE);
    json_decref (json);
}
