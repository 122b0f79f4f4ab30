/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/peer/keys.c - the keys that a content peer admits, and how they are stored */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/socket.h"
#include "disk/disk.h"
#include "peer/keys.h"

#define BROKER "0123456789012345678901234567890123456789"
#define OTHER "9876543210987654321098765432109876543210"

static struct bus_admission *table;
static struct peer_keys keys;
static char directory[64];
static int root = -1;
static struct base_error error;

static void setup (void)
{
    (void) snprintf (directory, sizeof directory, "/tmp/noded-peer-XXXXXX");
    cr_assert_not_null (mkdtemp (directory));
    root = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_geq (root, 0);
    table = bus_admission_new ();
    keys = (struct peer_keys){.admission = table};
}

static void teardown (void)
{
    peer_keys_deinit (&keys);
    table = bus_admission_free (table);
    (void) unlinkat (root, PEER_KEYS_FILE, 0);
    (void) close (root);
    cr_expect_eq (rmdir (directory), 0, "files are left in %s", directory);
}

TestSuite (peer_keys, .init = setup, .fini = teardown, .timeout = 60);

struct user {
    char public_key[41], secret_key[41];
    struct bus_sender sender;
};

static struct user user_make (void)
{
    struct user user = {.sender.kind = BUS_SENDER_KEY};

    cr_assert_eq (bus_keys_make (user.public_key, user.secret_key), 0);
    cr_assert_eq (bus_fingerprint_of (user.public_key, &user.sender.key), 0);
    return user;
}

static int user_put (const struct user *user, enum wire_role role, bool revoked)
{
    struct wire_content_user put = {
        .public_key = user->public_key, .role = role, .name = "alice", .revoked = revoked};

    return peer_keys_put (&keys, &put, &error);
}

static bool is_admitted (const struct user *user)
{
    return bus_admission_admits (table, &user->sender, BUS_CHANNEL_CONTENT);
}

static bool is_permitted (const struct user *user, const struct wire_record *record, const char *reason)
{
    char text[512] = "";
    bool permitted = peer_keys_permit (&keys, &user->sender, record, text, sizeof text);

    if (!permitted)
        cr_expect_not_null (strstr (text, reason), "%s", text);
    return permitted;
}

Test (peer_keys, a_key_is_admitted_to_content_alone_until_it_is_revoked)
{
    struct user user = user_make ();

    cr_expect_not (is_admitted (&user), "without a list nobody is admitted");
    cr_assert_eq (user_put (&user, WIRE_ROLE_NODE, false), 0);
    cr_expect (is_admitted (&user));
    cr_expect_eq (bus_admission_channels (table, &user.sender.key), 1u << BUS_CHANNEL_CONTENT);
    cr_assert_eq (user_put (&user, WIRE_ROLE_NODE, true), 0);
    cr_expect_not (is_admitted (&user));
    cr_expect_eq (keys.n_active, 0);
}

Test (peer_keys, what_a_key_may_send_depends_on_its_role)
{
    struct user node = user_make (), publisher = user_make (), stranger = user_make ();

    cr_assert_eq (user_put (&node, WIRE_ROLE_NODE, false), 0);
    cr_assert_eq (user_put (&publisher, WIRE_ROLE_PUBLISHER, false), 0);
    cr_expect (is_permitted (&node, &wire_get_record, ""));
    cr_expect_not (is_permitted (&node, &wire_put_record, "of alice has the role node; an upload needs"));
    cr_expect (is_permitted (&publisher, &wire_put_record, ""));
    cr_expect_not (is_permitted (&publisher, &wire_get_record, "a download needs"));
    cr_expect_not (is_permitted (&stranger, &wire_get_record, "no key that is known"));
    cr_assert_eq (user_put (&node, WIRE_ROLE_NODE, true), 0);
    cr_expect_not (is_permitted (&node, &wire_get_record, "of alice is revoked"));
    stranger.sender = (struct bus_sender){.kind = BUS_SENDER_LOCAL, .uid = geteuid () + 1};
    cr_expect_not (is_permitted (&stranger, &wire_get_record, "no key"));
    stranger.sender.uid = geteuid ();
    cr_expect (is_permitted (&stranger, &wire_put_record, ""));
}

Test (peer_keys, a_role_that_this_version_does_not_know_permits_nothing)
{
    struct user user = user_make ();

    cr_assert_eq (user_put (&user, WIRE_ROLE_NULL, false), 0);
    cr_expect_not (is_permitted (&user, &wire_get_record, "has the role unknown"));
    cr_expect_not (is_permitted (&user, &wire_put_record, "has the role unknown"));
}

Test (peer_keys, a_new_list_ends_the_keys_that_it_does_not_have_and_no_others)
{
    struct user kept = user_make (), gone = user_make (), added = user_make ();

    cr_assert_eq (user_put (&kept, WIRE_ROLE_NODE, false), 0);
    cr_assert_eq (user_put (&gone, WIRE_ROLE_NODE, false), 0);
    peer_keys_begin (&keys);
    cr_assert_eq (user_put (&kept, WIRE_ROLE_NODE, false), 0);
    cr_assert_eq (user_put (&added, WIRE_ROLE_NODE, false), 0);
    cr_expect (is_admitted (&gone), "the list is not complete yet");
    peer_keys_end (&keys);
    cr_expect (is_admitted (&kept) && is_admitted (&added));
    cr_expect_not (is_admitted (&gone));
    cr_expect_eq (keys.n_active, 2);
}

Test (peer_keys, text_that_is_no_key_is_refused)
{
    struct wire_content_user put = {.public_key = "short", .role = WIRE_ROLE_NODE, .name = "alice"};

    cr_expect_eq (peer_keys_put (&keys, &put, &error), -EBADMSG);
    cr_expect_eq (keys.n_keys, 0);
}

Test (peer_keys, the_active_keys_are_stored_for_the_owner_alone_and_found_again)
{
    enum { MANY = 300 };
    struct user users[MANY], revoked = user_make ();
    struct stat status;

    for (size_t i = 0; i < MANY; i++) {
        users[i] = user_make ();
        cr_assert_eq (user_put (&users[i], i % 2 ? WIRE_ROLE_NODE : WIRE_ROLE_ADMIN, false), 0);
    }
    cr_assert_eq (user_put (&revoked, WIRE_ROLE_NODE, false), 0);
    cr_assert_eq (user_put (&revoked, WIRE_ROLE_NODE, true), 0);
    cr_assert_eq (peer_keys_store (&keys, root, BROKER, &error), 0, "%s", error.text);
    cr_assert_eq (fstatat (root, PEER_KEYS_FILE, &status, 0), 0);
    cr_expect_eq (status.st_mode, S_IFREG | 0600);
    peer_keys_deinit (&keys);
    table = bus_admission_free (table);
    table = bus_admission_new ();
    keys.admission = table;
    cr_assert_eq (peer_keys_load (&keys, root, BROKER, &error), 0, "%s", error.text);
    cr_expect_eq (keys.n_active, MANY);
    for (size_t i = 0; i < MANY; i++) {
        cr_assert (is_admitted (&users[i]));
        cr_assert_eq (is_permitted (&users[i], &wire_put_record, "has the role node"), i % 2 == 0);
    }
    cr_expect_not (is_admitted (&revoked));
}

Test (peer_keys, the_list_of_another_broker_is_not_used)
{
    struct user user = user_make ();

    cr_expect_eq (peer_keys_load (&keys, root, BROKER, &error), -ENOENT);
    cr_assert_eq (user_put (&user, WIRE_ROLE_NODE, false), 0);
    cr_assert_eq (peer_keys_store (&keys, root, OTHER, &error), 0);
    peer_keys_begin (&keys);
    peer_keys_end (&keys);
    cr_expect_eq (peer_keys_load (&keys, root, BROKER, &error), -ENOENT);
    cr_expect_not (is_admitted (&user));
}

Test (peer_keys, of_a_damaged_list_nothing_is_used)
{
    static const char *const tails[] = {"{\n",
                                        "[]\n",
                                        "\n",
                                        "{\"public_key\":\"short\",\"role\":\"node\",\"name\":\"a\"}\n",
                                        "{\"role\":\"node\",\"name\":\"a\"}\n",
                                        "no end"};
    struct user user = user_make ();
    char text[512];

    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        (void) snprintf (text, sizeof text,
                         "keys of the broker " BROKER "\n{\"public_key\":\"%s\",\"role\":\"node\","
                         "\"name\":\"a\"}\n%s",
                         user.public_key, tails[i]);
        cr_assert_eq (disk_file_write (&disk_system, root, PEER_KEYS_FILE, 0600, text, strlen (text), &error),
                      0);
        cr_expect_eq (peer_keys_load (&keys, root, BROKER, &error), -EBADMSG, "%s", tails[i]);
        cr_expect_eq (keys.n_keys, 0, "%s", tails[i]);
    }
    cr_assert_eq (disk_file_write (&disk_system, root, PEER_KEYS_FILE, 0600, "keys\n", 5, &error), 0);
    cr_expect_eq (peer_keys_load (&keys, root, BROKER, &error), -EBADMSG);
}
