/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/keys.c - a key pair is made here, written once, and only its public half is sent */

#include <errno.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "bus/keys.h"
#include "disk/disk.h"
#include "fake_broker.h"

static struct fake_broker broker;
static noded_client *client;
static char directory[64], path[96];
static char server_public[41], server_secret[41];
static bool is_open, is_silent;
static enum wire_status added_status;
static const char *content_key, *content_address, *content_wanted;

static bool keys_answer (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    static struct wire_broker_state state;
    static struct wire_key key;
    struct wire_key_added *added = ret_answer;
    (void) fake;
    if (request->record == &wire_show_broker_record) {
        state = (struct wire_broker_state){.instance = "i",
                                           .software = "1",
                                           .since = "2026-11-22T15:00:00.000000000Z",
                                           .open = is_open,
                                           .public_key = is_open ? NULL : server_public,
                                           .address = "0.0.0.0:7670",
                                           .content_key = content_key,
                                           .content_address = content_address};
        ((struct wire_shown *) ret_answer)->broker = &state;
        return true;
    }
    if (request->record != &wire_add_key_record)
        return true;
    const struct wire_add_key *add = request->body;
    key = (struct wire_key){.public_key = add->public_key,
                            .role = add->role,
                            .name = add->name,
                            .state = WIRE_KEY_STATE_ACTIVE,
                            .created = "2026-11-22T15:00:00.000000000Z"};
    memset (key.fingerprint.bytes, 7, BASE_DIGEST_BYTES);
    added->status = added_status;
    added->reason = added_status == WIRE_STATUS_OK ? NULL : "not today";
    added->added = added_status == WIRE_STATUS_OK ? &key : NULL;
    return !is_silent;
}

static void setup (void)
{
    broker = (struct fake_broker){.answer = keys_answer};
    added_status = WIRE_STATUS_OK;
    is_open = is_silent = false;
    cr_assert_eq (bus_keys_make (server_public, server_secret), 0);
    fake_start (&broker);
    client = fake_client (&broker, 20000);
    (void) snprintf (directory, sizeof directory, "/tmp/noded-keys-XXXXXX");
    cr_assert_not_null (mkdtemp (directory));
    (void) snprintf (path, sizeof path, "%s/key.zpl", directory);
}

static void teardown (void)
{
    noded_client_free (client);
    fake_end (&broker);
    (void) unlink (path);
    cr_expect_eq (rmdir (directory), 0, "files are left in %s", directory);
}

TestSuite (client_keys, .init = setup, .fini = teardown, .timeout = 60);

static int key_add (enum noded_role role, const char *address)
{
    const noded_new_key wanted = {
        .name = "web-1", .role = role, .path = path, .address = address, .content = content_wanted};
    noded_keys added;
    int r = noded_client_key_add (client, &wanted, &added);
    cr_expect_eq (added.count, r == 0 ? 1 : 0);
    noded_keys_free (&added);
    return r;
}

/*  What the file has at a place, compared. */
static void expect_setting (const char *place, const char *wanted)
{
    struct bus_settings *settings;
    struct base_error error = {.text = ""};
    cr_assert_eq (bus_settings_load (path, &settings, &error), 0, "%s", error.text);
    const char *value = bus_settings_get (settings, place);
    cr_expect (value && wanted ? strcmp (value, wanted) == 0 : value == wanted, "%s: %s", place,
               value ? value : "missing");
    (void) bus_settings_free (settings);
}

/*  The whole file. */
static char *file_text (void)
{
    struct base_buffer buffer = {.size = 0};
    cr_assert_eq (disk_file_read (&disk_system, AT_FDCWD, path, 65536, &buffer), 0);
    return base_buffer_take_text (&buffer);
}

Test (client_keys, the_file_of_an_operator_is_ready_to_use_and_readable_by_its_owner_alone)
{
    struct stat status;
    const struct wire_add_key *sent;
    char host[256] = "", address[300];
    struct bus_settings *settings;
    struct bus_keyring ring;

    cr_assert_eq (key_add (NODED_ROLE_DEPLOYER, NULL), 0, "%s", noded_client_error (client));
    cr_assert_eq (stat (path, &status), 0);
    cr_expect_eq (status.st_mode, S_IFREG | 0600);
    cr_assert_eq (gethostname (host, sizeof host - 1), 0);
    (void) snprintf (address, sizeof address, "%s:7670", host);
    expect_setting ("client/broker", address);
    expect_setting ("curve/server-key", server_public);
    expect_setting ("node/id", NULL);
    sent = FAKE_REQUEST (&broker, 1, add_key);
    expect_setting ("curve/public-key", sent->public_key);
    cr_expect_eq (sent->role, WIRE_ROLE_DEPLOYER);
    cr_assert_eq (bus_settings_load (path, &settings, NULL), 0);
    cr_expect_eq (bus_keyring_read (settings, false, &ring, NULL), 0, "the keys can be used");
    cr_expect (ring.configured);
    bus_keyring_deinit (&ring);
    (void) bus_settings_free (settings);
}

Test (client_keys, the_file_of_a_node_is_a_node_zpl)
{
    cr_assert_eq (key_add (NODED_ROLE_NODE, "broker.example:9000"), 0, "%s", noded_client_error (client));
    expect_setting ("node/id", "web-1");
    expect_setting ("node/broker", "broker.example:9000");
    expect_setting ("client/broker", NULL);
}

Test (client_keys, the_file_of_a_content_peer_is_settings_of_noded_content)
{
    content_key = server_secret;
    content_address = content_wanted = "content.example:9002";
    cr_assert_eq (key_add (NODED_ROLE_CONTENT, "broker.example:9000"), 0, "%s", noded_client_error (client));
    expect_setting ("content/broker", "broker.example:9000");
    expect_setting ("curve/server-key", server_public);
    expect_setting ("curve/content-key", NULL);
    expect_setting ("client/broker", NULL);
    const struct wire_add_key *sent = FAKE_REQUEST (&broker, 1, add_key);
    cr_expect_str_eq (sent->address, "content.example:9002");
}

Test (client_keys, files_of_those_who_use_content_have_the_content_peer)
{
    static const struct {
        enum noded_role role;
        const char *place; /* NULL: it may not use content */
    } cases[] = {{NODED_ROLE_NODE, "node/content"},
                 {NODED_ROLE_PUBLISHER, "client/content"},
                 {NODED_ROLE_ADMIN, "client/content"},
                 {NODED_ROLE_OBSERVER, NULL},
                 {NODED_ROLE_DEPLOYER, NULL}};
    content_key = server_secret; /* any text with the form of a key */
    content_address = "content.example:9002";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq (key_add (cases[i].role, NULL), 0, "%s", noded_client_error (client));
        expect_setting (cases[i].place ? cases[i].place : "client/content",
                        cases[i].place ? content_address : NULL);
        expect_setting ("curve/content-key", cases[i].place ? content_key : NULL);
        cr_assert_eq (unlink (path), 0);
    }
}

Test (client_keys, the_secret_half_is_sent_nowhere)
{
    cr_assert_eq (key_add (NODED_ROLE_ADMIN, NULL), 0);
    struct bus_settings *settings;
    cr_assert_eq (bus_settings_load (path, &settings, NULL), 0);
    const char *secret = bus_settings_get (settings, "curve/secret-key");
    cr_assert (secret && strlen (secret) == 40);
    for (size_t i = 0; i < broker.n_requests; i++) {
        char *json = wire_json (broker.requests[i].record, broker.requests[i].body, 0);
        cr_expect_null (strstr (json, secret));
        free (json);
    }
    (void) bus_settings_free (settings);
}

Test (client_keys, an_existing_file_is_never_replaced)
{
    cr_assert_eq (key_add (NODED_ROLE_ADMIN, NULL), 0);
    char *before = file_text ();
    cr_expect_eq (key_add (NODED_ROLE_ADMIN, NULL), -EEXIST);
    char *after = file_text ();
    cr_expect_str_eq (before, after);
    cr_expect_eq (broker.n_requests, 2, "nothing was sent the second time");
    free (before);
    free (after);
}

Test (client_keys, a_refused_key_leaves_no_file)
{
    added_status = WIRE_STATUS_REFUSED;
    cr_expect_eq (key_add (NODED_ROLE_ADMIN, NULL), -EPERM);
    cr_expect (strstr (noded_client_error (client), "not today"), "%s", noded_client_error (client));
    cr_expect_neq (access (path, F_OK), 0);
}

Test (client_keys, without_an_answer_the_file_stays_because_the_key_may_have_been_added)
{
    noded_client_free (client);
    client = fake_client (&broker, 500);
    is_silent = true;
    cr_expect_eq (key_add (NODED_ROLE_ADMIN, NULL), -ETIMEDOUT);
    cr_expect (strstr (noded_client_error (client), "unknown whether"), "%s", noded_client_error (client));
    cr_expect_eq (access (path, F_OK), 0);
}

Test (client_keys, a_broker_without_keys_gets_none)
{
    is_open = true;
    cr_expect_eq (key_add (NODED_ROLE_ADMIN, NULL), -EPERM);
    cr_expect (strstr (noded_client_error (client), "--insecure"), "%s", noded_client_error (client));
    cr_expect_neq (access (path, F_OK), 0);
    cr_expect_eq (broker.n_requests, 1);
}

Test (client_keys, a_file_that_cannot_be_written_is_noticed_before_the_key_is_added)
{
    (void) snprintf (path, sizeof path, "%s/missing/key.zpl", directory);
    cr_expect_eq (key_add (NODED_ROLE_ADMIN, NULL), -ENOENT);
    cr_expect_eq (broker.n_requests, 1);
}

Test (client_keys, a_revocation_names_a_fingerprint_or_an_owner)
{
    noded_keys revoked;
    cr_expect_eq (noded_client_key_revoke (client, NULL, NULL, &revoked), -EINVAL);
    cr_expect_eq (noded_client_key_revoke (client, "abc", NULL, &revoked), -EINVAL);
    cr_expect_eq (broker.n_requests, 0);
    cr_expect_eq (noded_client_key_revoke (client, NULL, "web-1", &revoked), 0);
    cr_expect_str_eq (FAKE_REQUEST (&broker, 0, revoke_key)->name, "web-1");
    noded_keys_free (&revoked);
}
