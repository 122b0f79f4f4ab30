/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/trust_key.c - keys in files, and commands that sign */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "client/trust.h"
#include "disk/disk.h"

static char directory[64], error[512];

static void setup (void)
{
    (void) snprintf (directory, sizeof directory, "/tmp/noded-key-XXXXXX");
    cr_assert_not_null (mkdtemp (directory));
    cr_assert_eq (chdir (directory), 0);
}

static void teardown (void)
{
    cr_expect_eq (disk_tree_remove (&disk_system, AT_FDCWD, directory, NULL), 0);
}

TestSuite (trust_key, .init = setup, .fini = teardown, .timeout = 120);

static void file_write (const char *name, const char *text)
{
    FILE *file = fopen (name, "w");
    cr_assert_not_null (file);
    (void) fputs (text, file);
    cr_assert_eq (fclose (file), 0);
}

static void expect_error (const char *piece)
{
    cr_expect_not_null (strstr (error, piece), "%s is not in: %s", piece, error);
}

Test (trust_key, a_key_file_has_mode_0600_and_is_never_overwritten)
{
    noded_public public, again;
    struct stat status;
    (void) umask (0);
    cr_assert_eq (noded_signing_key_make ("key", NULL, 0, &public, error, sizeof error), 0, "%s", error);
    cr_assert_eq (stat ("key", &status), 0);
    cr_expect_eq (status.st_mode & 07777, 0600);
    cr_expect_eq (strlen (public.keyid), 64);
    cr_expect (public.secret && !public.locked);
    cr_expect_eq (noded_signing_key_make ("key", NULL, 0, &again, error, sizeof error), -EEXIST);
    expect_error ("a key is never overwritten");
    cr_assert_eq (noded_public_read ("key", &again, error, sizeof error), 0);
    cr_expect_str_eq (public.keyid, again.keyid);
    noded_public_free (&public);
    noded_public_free (&again);
    cr_assert_eq (symlink ("elsewhere", "link"), 0);
    cr_expect_eq (noded_signing_key_make ("link", NULL, 0, &public, error, sizeof error), -EEXIST,
                  "a link is not followed");
    cr_expect_neq (access ("elsewhere", F_OK), 0);
}

Test (trust_key, a_passphrase_opens_its_key_and_no_other_does)
{
    noded_public public;
    noded_signing_key *key;
    cr_assert_eq (noded_signing_key_make ("key", "correct horse", 13, &public, error, sizeof error), 0, "%s",
                  error);
    cr_expect (public.locked);
    cr_expect_eq (noded_signing_key_open ("key", "wrong", 5, &key, error, sizeof error), NODED_E_PASSPHRASE);
    expect_error ("cannot open the key key: the passphrase is wrong");
    cr_expect_eq (noded_signing_key_open ("key", "", 0, &key, error, sizeof error), NODED_E_PASSPHRASE);
    cr_assert_eq (noded_signing_key_open ("key", "correct horse", 13, &key, error, sizeof error), 0, "%s",
                  error);
    cr_expect_str_eq (noded_signing_key_id (key), public.keyid);
    noded_signing_key_free (key);
    noded_public_free (&public);
}

Test (trust_key, a_public_key_is_read_from_a_key_file_from_json_and_from_pem)
{
    noded_public public, again;
    cr_assert_eq (noded_signing_key_make ("key", NULL, 0, &public, NULL, 0), 0);
    file_write ("json", public.json);
    cr_assert_eq (noded_public_read ("json", &again, error, sizeof error), 0, "%s", error);
    cr_expect_str_eq (again.keyid, public.keyid);
    cr_expect_not (again.secret);
    noded_public_free (&again);
    noded_public_free (&public);
    file_write ("pem", "-----BEGIN PUBLIC KEY-----\n"
                       "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDXgUbxcP90JBn7O4iuNp76vKwGEb\n"
                       "UK54YoT/wii1CIMDzyiZmyvq1M81EgW2f9GhC4LmNY0KfflOTv70yL4jFw==\n"
                       "-----END PUBLIC KEY-----\n");
    cr_assert_eq (noded_public_read ("pem", &again, error, sizeof error), 0, "%s", error);
    cr_expect_str_eq (again.scheme, "ecdsa-sha2-nistp256");
    noded_public_free (&again);
    file_write ("noise", "hello\n");
    cr_expect_eq (noded_public_read ("noise", &again, error, sizeof error), NODED_E_UNTRUSTED);
    expect_error ("noise has no public key: it must be");
    cr_expect_eq (noded_public_read ("missing", &again, error, sizeof error), -ENOENT);
    cr_expect_eq (noded_public_read (".", &again, error, sizeof error), -EINVAL);
}

Test (trust_key, a_damaged_key_file_is_named)
{
    noded_public public;
    noded_signing_key *key;
    char text[1024];
    cr_assert_eq (noded_signing_key_make ("key", NULL, 0, &public, NULL, 0), 0);
    noded_public_free (&public);
    FILE *file = fopen ("key", "r+");
    cr_assert_not_null (file);
    size_t size = fread (text, 1, sizeof text, file);
    text[40] = text[40] == '0' ? '1' : '0';
    rewind (file);
    cr_assert_eq (fwrite (text, 1, size, file), size);
    (void) fclose (file);
    cr_expect_eq (noded_signing_key_open ("key", NULL, 0, &key, error, sizeof error), NODED_E_UNTRUSTED);
    expect_error ("cannot open the key key: the key file is damaged");
}

static noded_metadata *targets_new (void)
{
    struct trust_draft draft;
    noded_metadata *metadata;
    uint64_t now = client_trust_now ();
    cr_assert_eq (trust_draft_targets_new (now, now + 1000, &draft, NULL), 0);
    cr_assert_eq (client_metadata_new ("targets", &draft, &metadata, NULL), 0);
    return metadata;
}

/*  A signer that runs the library itself would be a test of nothing: this one prints what a key signed before. */
static void answer_make (noded_metadata *metadata, noded_signing_key *key,
                         char hex[2 * TRUST_ED25519_SIGNATURE_BYTES + 1])
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {.size = 0};
    uint8_t signature[TRUST_ED25519_SIGNATURE_BYTES];
    cr_assert_eq (trust_draft_canonical (&metadata->draft, &bytes, NULL), 0);
    trust_secret_sign (&key->secret, bytes.data, bytes.size, signature);
    for (size_t i = 0; i < sizeof signature; i++)
        (void) snprintf (hex + 2 * i, 3, "%02x", signature[i]);
    FILE *file = fopen ("expected", "w");
    cr_assert_not_null (file);
    cr_assert_eq (fwrite (bytes.data, 1, bytes.size, file), bytes.size);
    (void) fclose (file);
}

static int sign_with (noded_metadata *metadata, const char *command)
{
    noded_signing_key *signer;
    cr_assert_eq (noded_signing_key_signer (command, "key", &signer, error, sizeof error), 0, "%s", error);
    int r = noded_metadata_sign (metadata, signer, error, sizeof error);
    noded_signing_key_free (signer);
    return r;
}

Test (trust_key, a_command_gets_the_bytes_and_its_signature_is_checked)
{
    noded_public public;
    noded_signing_key *key;
    char hex[2 * TRUST_ED25519_SIGNATURE_BYTES + 1], command[512];
    cr_assert_eq (noded_signing_key_make ("key", NULL, 0, &public, NULL, 0), 0);
    cr_assert_eq (noded_signing_key_open ("key", NULL, 0, &key, NULL, 0), 0);
    noded_metadata *metadata = targets_new ();
    answer_make (metadata, key, hex);
    (void) snprintf (command, sizeof command, "cmp - expected && echo ' %s'", hex);
    cr_expect_eq (sign_with (metadata, command), 0, "%s", error);
    json_t *signatures = json_object_get (metadata->draft.json, "signatures");
    cr_expect_eq (json_array_size (signatures), 1);
    cr_expect_eq (sign_with (metadata, "exit 3"), NODED_E_UNTRUSTED);
    expect_error ("the signer exited with status 3");
    cr_expect_eq (sign_with (metadata, "echo not hex"), NODED_E_UNTRUSTED);
    expect_error ("the signer must print a signature in hexadecimal digits");
    cr_expect_eq (sign_with (metadata, "true"), NODED_E_UNTRUSTED);
    cr_expect_eq (sign_with (metadata, "echo 00ff"), NODED_E_UNTRUSTED);
    expect_error ("this is not a signature of the targets metadata by key");
    cr_expect_eq (sign_with (metadata, "yes 00"), NODED_E_UNTRUSTED, "an endless answer ends");
    expect_error ("the signer printed more than a signature");
    noded_metadata_free (metadata);
    noded_signing_key_free (key);
    noded_public_free (&public);
}

Test (trust_key, a_file_that_is_expired_or_of_another_role_is_not_signed)
{
    noded_public public;
    noded_signing_key *key;
    struct trust_draft draft;
    noded_metadata *metadata;
    cr_assert_eq (noded_signing_key_make ("key", NULL, 0, &public, NULL, 0), 0);
    cr_assert_eq (noded_signing_key_open ("key", NULL, 0, &key, NULL, 0), 0);
    cr_assert_eq (trust_draft_targets_new (1000, 2000, &draft, NULL), 0);
    cr_assert_eq (client_metadata_new ("targets", &draft, &metadata, NULL), 0);
    cr_expect_eq (noded_metadata_sign (metadata, key, error, sizeof error), NODED_E_UNTRUSTED);
    expect_error ("cannot sign targets version 1000: ");
    base_cleanup (base_free_p) char *text = noded_metadata_text (metadata);
    file_write ("targets.json", text);
    noded_metadata *read;
    cr_expect_eq (noded_metadata_read ("targets.json", "root", &read, error, sizeof error),
                  NODED_E_UNTRUSTED);
    expect_error ("this is a file of targets, and not of root");
    cr_expect_eq (noded_metadata_read ("targets.json", "a\nb", &read, error, sizeof error),
                  NODED_E_UNTRUSTED);
    cr_assert_eq (noded_metadata_read ("targets.json", "bob", &read, error, sizeof error), 0, "%s", error);
    cr_expect_str_eq (noded_metadata_role (read), "bob");
    noded_metadata_free (read);
    noded_metadata_free (metadata);
    noded_signing_key_free (key);
    noded_public_free (&public);
}
