/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/backup.c - a copy of the broker's records in a file */

#include <errno.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "fake_broker.h"

static struct fake_broker broker;
static noded_client *client;
static char directory[64], path[96];

static bool backup_answer (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    static struct wire_backup made;
    struct wire_backed_up *answer = ret_answer;
    if (!fake_expect (fake, request->record == &wire_backup_records_record, "a request was not for a backup"))
        return false;
    made = (struct wire_backup){.blob = base_digest_of (fake->served.data, fake->served.size),
                                .size = fake->served.size};
    answer->backup = &made;
    return true;
}

static void setup (void)
{
    broker = (struct fake_broker){.answer = backup_answer};
    fake_start (&broker);
    client = fake_client (&broker, 20000);
    (void) snprintf (directory, sizeof directory, "/tmp/noded-backup-XXXXXX");
    cr_assert_not_null (mkdtemp (directory));
    (void) snprintf (path, sizeof path, "%s/copy", directory);
    for (unsigned i = 0; i < 700000; i++) {
        uint8_t byte = (uint8_t) (i * 31 + (i >> 9));
        cr_assert_eq (base_buffer_append (&broker.served, &byte, 1), 0);
    }
}

static size_t files_count (void)
{
    size_t count = 0;
    DIR *listing = opendir (directory);
    cr_assert_not_null (listing);
    for (struct dirent *entry; (entry = readdir (listing));)
        count += entry->d_name[0] != '.';
    closedir (listing);
    return count;
}

static void teardown (void)
{
    noded_client_free (client);
    fake_end (&broker);
    (void) unlink (path);
    cr_expect_eq (rmdir (directory), 0, "files are left in %s", directory);
}

TestSuite (backup, .init = setup, .fini = teardown, .timeout = 60);

static int backup_run (int replace)
{
    noded_backup made;
    int rc = noded_client_backup (client, path, replace, &made);
    cr_expect_eq (made.size, rc == 0 ? broker.served.size : 0);
    return rc;
}

static void expect_copy (void)
{
    struct stat status;
    FILE *file = fopen (path, "re");
    cr_assert_not_null (file);
    base_cleanup (base_free_p) uint8_t *bytes = malloc (broker.served.size + 1);
    cr_assert_eq (fread (bytes, 1, broker.served.size + 1, file), broker.served.size);
    cr_expect_eq (memcmp (bytes, broker.served.data, broker.served.size), 0);
    cr_assert_eq (fstat (fileno (file), &status), 0);
    cr_expect_eq (status.st_mode & 0777, 0600, "only the owner may read it");
    fclose (file);
    cr_expect_eq (files_count (), 1);
}

Test (backup, the_file_holds_the_copy_of_the_broker)
{
    cr_assert_eq (backup_run (0), 0, "%s", noded_client_error (client));
    expect_copy ();
}

Test (backup, an_existing_file_is_kept_unless_it_is_to_be_replaced)
{
    FILE *file = fopen (path, "we");
    cr_assert_not_null (file);
    fputs ("older", file);
    fclose (file);
    cr_expect_eq (backup_run (0), -EEXIST);
    cr_expect_eq (broker.n_requests, 0, "no request was sent");
    cr_assert_eq (backup_run (1), 0, "%s", noded_client_error (client));
    expect_copy ();
}

Test (backup, a_copy_that_does_not_match_its_digest_is_discarded)
{
    broker.corrupt = true;
    cr_expect_eq (backup_run (0), -EIO);
    cr_expect_not_null (strstr (noded_client_error (client), "does not match its digest"));
    cr_expect_eq (files_count (), 0);
}

Test (backup, a_copy_that_is_gone_leaves_no_file)
{
    broker.gone = true;
    cr_expect_eq (backup_run (0), -EIO);
    cr_expect_not_null (strstr (noded_client_error (client), "cannot download the backup"));
    cr_expect_eq (files_count (), 0);
}

Test (backup, a_missing_directory_is_reported)
{
    (void) snprintf (path, sizeof path, "%s/no/copy", directory);
    cr_expect_eq (backup_run (0), -ENOENT);
    cr_expect_not_null (strstr (noded_client_error (client), path));
}
